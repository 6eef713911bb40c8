/* SPDX-License-Identifier: GPL-2.0-or-later */
/* label.c - label sets: sorted, unique, shared. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/label.h"

static void empty(_unused_ void **state)
{
	struct label_set *set = label_set_new(NULL, 0);

	assert_int_equal(set->n, 0);
	assert_null(label_set_get(set, "a"));
	assert_null(label_set_get(NULL, "a"));
	label_set_unref(set);
	label_set_unref(NULL);
}

static void sorted_and_copied(_unused_ void **state)
{
	char key[] = "tier";
	struct label labels[] = { { key, "web" }, { "app", "" }, { "b", "2" } };
	struct label_set *set = label_set_new(labels, 3);

	key[0] = 'x';
	assert_int_equal(set->n, 3);
	assert_string_equal(set->labels[0].key, "app");
	assert_string_equal(set->labels[1].key, "b");
	assert_string_equal(set->labels[2].key, "tier");
	assert_string_equal(label_set_get(set, "tier"), "web");
	assert_string_equal(label_set_get(set, "app"), "");
	assert_null(label_set_get(set, "ap"));
	assert_null(label_set_get(set, "tiers"));
	assert_null(label_set_get(set, ""));
	label_set_unref(set);
}

static void the_last_of_equal_keys_counts(_unused_ void **state)
{
	static const struct label labels[] = {
		{ "a", "1" }, { "b", "1" }, { "a", "2" }, { "a", "3" }
	};
	struct label_set *set = label_set_new(labels, 4);

	assert_int_equal(set->n, 2);
	assert_string_equal(label_set_get(set, "a"), "3");
	assert_string_equal(label_set_get(set, "b"), "1");
	label_set_unref(set);
}

static void shared(_unused_ void **state)
{
	static const struct label label = { "a", "1" };
	struct label_set *set = label_set_new(&label, 1);

	assert_ptr_equal(label_set_ref(set), set);
	label_set_unref(set);
	assert_string_equal(label_set_get(set, "a"), "1");
	label_set_unref(set);
}

static void many(_unused_ void **state)
{
	enum { N = 500 };
	static char keys[N][8];
	struct label labels[N];
	struct label_set *set;

	for (int i = 0; i < N; i++) {
		/* 7 and 500 share no factor: every number once, in disorder. */
		snprintf(keys[i], sizeof(keys[i]), "k%03d", i * 7 % N);
		labels[i] = (struct label){ keys[i], keys[i] + 1 };
	}
	set = label_set_new(labels, N);
	assert_int_equal(set->n, N);
	for (int i = 0; i < N; i++) {
		assert_string_equal(label_set_get(set, keys[i]), keys[i] + 1);
		if (i)
			assert_true(strcmp(set->labels[i - 1].key,
					   set->labels[i].key) < 0);
	}
	label_set_unref(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty),
		cmocka_unit_test(sorted_and_copied),
		cmocka_unit_test(the_last_of_equal_keys_counts),
		cmocka_unit_test(shared),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
