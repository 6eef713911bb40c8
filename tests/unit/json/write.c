/* SPDX-License-Identifier: GPL-2.0-or-later */
/* write.c - whatever a text holds, the JSON is whole and says what was meant. */
#include "json/write.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "json/json.h"

#define BAD "\xef\xbf\xbd"

/* @s as the one item of an array. */
static char *written(const char *s, size_t max)
{
	struct buf b = BUF_INIT(BUF_UNBOUNDED);
	struct json_writer w = { .out = &b };

	json_open(&w, NULL, '[');
	json_put_text(&w, NULL, s, max);
	json_close(&w, ']');
	return buf_take(&b);
}

static void assert_text(const char *s, size_t max, const char *want)
{
	_cleanup_(freep) char *text = written(s, max);
	_cleanup_(json_unrefp) struct json_object *o =
		json_parse(slice_of(text));

	assert_non_null(o);
	assert_string_equal(json_item_text(o, 0), want);
}

static void good_text_stays(_unused_ void **state)
{
	assert_text("", 9, "");
	assert_text("web-1", 9, "web-1");
	assert_text("a\tb\x7f", 9, "a\tb\x7f");
	assert_text("Z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x90\xb3", 99,
		    "Z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x90\xb3");
	assert_text("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf", 99,
		    "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf");
}

/* The forms that Unicode's table 3-7 leaves out. */
static void each_bad_byte_is_replaced(_unused_ void **state)
{
	assert_text("a\x80z", 9, "a" BAD "z");
	assert_text("\xff", 9, BAD);
	assert_text("\xc0\xaf", 9, BAD BAD);
	assert_text("\xe0\x80\xaf", 9, BAD BAD BAD);
	assert_text("\xed\xa0\x80", 9, BAD BAD BAD);
	assert_text("\xf0\x80\x80\x80", 9, BAD BAD BAD BAD);
	assert_text("\xf4\x90\x80\x80", 9, BAD BAD BAD BAD);
	assert_text("\xf5", 9, BAD);
	assert_text("\xe2\x82", 9, BAD BAD);
	assert_text("\xe2\x82z", 9, BAD BAD "z");
	assert_true(json_is_text("Z\xc3\xbcrich"));
	assert_false(json_is_text("a\x80z"));
}

static void a_cut_falls_between_characters(_unused_ void **state)
{
	assert_text("abc", 2, "ab");
	assert_text("a\xe2\x82\xac", 3, "a");
	assert_text("a\xe2\x82\xac"
		    "b",
		    4, "a\xe2\x82\xac");
	assert_text("\xff\xff", 1, BAD);
	assert_text("abc", 0, "");
	assert_text("\n\n\n", 2, "\n\n");
}

/* By RFC 8259, section 7. */
static void what_must_be_escaped_is(_unused_ void **state)
{
	char all[128] = "";
	_cleanup_(freep) char *text = NULL;

	for (int c = 1; c < 128; c++)
		all[c - 1] = (char)c;
	assert_text(all, SIZE_MAX, all);
	text = written("\"\\/\b\f\n\r\t\x01\x1f", 99);
	assert_string_equal(text,
			    "[\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\"]");
}

static void members_come_as_they_are_told(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT(BUF_UNBOUNDED);
	struct json_writer w = { .out = &b };

	json_open(&w, NULL, '{');
	json_put_number(&w, "zero", 0);
	json_put_number(&w, "most", UINT64_MAX);
	json_open(&w, "empty", '{');
	json_close(&w, '}');
	json_open(&w, "list", '[');
	json_put_text(&w, NULL, "a", 9);
	json_put_plain(&w, NULL, SLICE("b"));
	json_open(&w, NULL, '[');
	json_close(&w, ']');
	json_close(&w, ']');
	json_put_name(&w, "q\"");
	json_put_flag(&w, NULL, true);
	json_put_flag(&w, "no", false);
	json_close(&w, '}');
	assert_string_equal(
		buf_str(&b),
		"{\"zero\":0,\"most\":18446744073709551615,\"empty\":{},\"list\":[\"a\",\"b\",[]],\"q\\\"\":true,\"no\":false}");
	assert_int_equal(buf_error(&b), 0);
}

static void a_full_buffer_is_told(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT(8);
	struct json_writer w = { .out = &b };

	json_open(&w, NULL, '{');
	json_put_text(&w, "name", "text", 9);
	json_close(&w, '}');
	assert_int_equal(buf_error(&b), -ENOBUFS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_text_stays),
		cmocka_unit_test(each_bad_byte_is_replaced),
		cmocka_unit_test(a_cut_falls_between_characters),
		cmocka_unit_test(what_must_be_escaped_is),
		cmocka_unit_test(members_come_as_they_are_told),
		cmocka_unit_test(a_full_buffer_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
