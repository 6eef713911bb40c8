/* SPDX-License-Identifier: GPL-2.0-or-later */
/* selector.c - what a selector matches, its order and its text. */
#include "text.h"

static void add(struct selector *s, enum requirement_op op, const char *key,
		const char *a, const char *b)
{
	const char *values[] = { a, b };

	selector_add(s, op, key, values, b ? 2 : a ? 1 : 0);
}

static bool matches(enum requirement_op op, const char *key, const char *a,
		    const char *b, const struct label_set *labels)
{
	_cleanup_(selector_freep) struct selector *s = selector_new();

	add(s, op, key, a, b);
	return selector_matches(s, labels);
}

static void operators(_unused_ void **state)
{
	_cleanup_(label_set_unrefp) struct label_set *labels = label_set_new(
		(struct label[]){ { "app", "web" }, { "empty", "" } }, 2);

	assert_true(matches(REQUIRE_IN, "app", "web", NULL, labels));
	assert_true(matches(REQUIRE_IN, "app", "api", "web", labels));
	assert_false(matches(REQUIRE_IN, "app", "api", "db", labels));
	assert_false(matches(REQUIRE_IN, "tier", "web", NULL, labels));
	assert_true(matches(REQUIRE_IN, "empty", "", NULL, labels));
	/* An absent label is no empty one. */
	assert_false(matches(REQUIRE_IN, "tier", "", NULL, labels));
	assert_false(matches(REQUIRE_NOT_IN, "app", "web", "api", labels));
	assert_true(matches(REQUIRE_NOT_IN, "app", "api", NULL, labels));
	assert_true(matches(REQUIRE_NOT_IN, "tier", "web", NULL, labels));
	assert_true(matches(REQUIRE_EXISTS, "app", NULL, NULL, labels));
	assert_true(matches(REQUIRE_EXISTS, "empty", NULL, NULL, labels));
	assert_false(matches(REQUIRE_EXISTS, "tier", NULL, NULL, labels));
	assert_false(matches(REQUIRE_NOT_EXISTS, "app", NULL, NULL, labels));
	assert_true(matches(REQUIRE_NOT_EXISTS, "tier", NULL, NULL, labels));
}

static void all_must_hold(_unused_ void **state)
{
	_cleanup_(selector_freep) struct selector *s = selector_new();
	_cleanup_(label_set_unrefp) struct label_set *none =
		label_set_new(NULL, 0);
	_cleanup_(label_set_unrefp) struct label_set *labels =
		label_set_new((struct label[]){ { "app", "web" } }, 1);

	assert_true(selector_matches(s, none));
	assert_true(selector_matches(s, labels));
	add(s, REQUIRE_IN, "app", "web", NULL);
	assert_true(selector_matches(s, labels));
	assert_false(selector_matches(s, none));
	add(s, REQUIRE_NOT_EXISTS, "app", NULL, NULL);
	assert_false(selector_matches(s, labels));
}

static void equal_content(_unused_ void **state)
{
	_cleanup_(selector_freep) struct selector *a = selector_new();
	_cleanup_(selector_freep) struct selector *b = selector_new();
	_cleanup_(freep) char *first = NULL, *second = NULL;

	add(a, REQUIRE_IN, "tier", "b", "a");
	add(a, REQUIRE_IN, "app", "web", NULL);
	add(a, REQUIRE_NOT_EXISTS, "legacy", NULL, NULL);
	add(b, REQUIRE_NOT_EXISTS, "legacy", NULL, NULL);
	add(b, REQUIRE_IN, "app", "web", "web");
	add(b, REQUIRE_IN, "tier", "a", "b");
	add(b, REQUIRE_IN, "tier", "a", "b");
	first = selector_format(a);
	second = selector_format(b);
	assert_string_equal(first, "app=web,!legacy,tier in (a,b)");
	assert_string_equal(second, first);
}

static void format(_unused_ void **state)
{
	_cleanup_(selector_freep) struct selector *s = selector_new();
	_cleanup_(freep) char *empty = selector_format(s);
	_cleanup_(freep) char *text = NULL;

	assert_string_equal(empty, "");
	add(s, REQUIRE_EXISTS, "a", NULL, NULL);
	add(s, REQUIRE_NOT_IN, "b", "x", NULL);
	add(s, REQUIRE_NOT_IN, "c", "y", "x");
	text = selector_format(s);
	assert_string_equal(text, "a,b!=x,c notin (x,y)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operators),
		cmocka_unit_test(all_must_hold),
		cmocka_unit_test(equal_content),
		cmocka_unit_test(format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
