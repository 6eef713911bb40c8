/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json.c - JSON from outside: read within bounds, and looked into. */
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/macro.h"
#include "json/json.h"

static void test_look_ups(_unused_ void **state)
{
	struct json_object *o = json_tokener_parse(
		"{\"t\":\"x\",\"n\":3,\"b\":true,\"z\":null,\"l\":[\"a\",\"b\"]}");
	_cleanup_(buf_fini) struct buf out = BUF_INIT(BUF_UNBOUNDED);

	assert_string_equal(json_text(o, "t"), "x");
	assert_string_equal(json_text(o, "n"), "");
	assert_string_equal(json_text(o, "z"), "");
	assert_string_equal(json_text(NULL, "t"), "");
	assert_int_equal(json_number(o, "n"), 3);
	assert_int_equal(json_number(o, "t"), 0);
	assert_true(json_flag(o, "b"));
	assert_false(json_flag(o, "n"));
	assert_int_equal(json_count(json_at(o, "l")), 2);
	assert_int_equal(json_count(o), 0);
	assert_null(json_item(json_at(o, "l"), 2));
	assert_string_equal(json_item_text(json_at(o, "l"), 1), "b");
	assert_null(json_at(json_at(o, "l"), "t"));
	json_join(&out, json_at(o, "l"));
	assert_string_equal(buf_str(&out), "a, b");
	json_object_put(o);
}

static void test_parse(_unused_ void **state)
{
	static const char *const wrong[] = {
		"",
		"{",
		"{}x",
		"{} {}",
		"nul",
		"null",
		"2\n",
		"2 ",
		"\"a\"",
		"{\"a\":'1'}",
		"{\"a\":\"\xff\"}",
	};
	static const char *const right[] = { "{}", "[]", " {\"a\":2}\r\n" };
	char deep[4 * JSON_DEPTH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_null(json_parse(slice_of(wrong[i])));
	memset(deep, '[', sizeof(deep) / 2);
	memset(deep + sizeof(deep) / 2, ']', sizeof(deep) / 2);
	assert_null(json_parse((struct slice){ deep, sizeof(deep) }));
	for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
		struct json_object *o = json_parse(slice_of(right[i]));

		assert_non_null(o);
		json_object_put(o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_look_ups),
		cmocka_unit_test(test_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
