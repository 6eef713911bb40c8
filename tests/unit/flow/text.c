/* SPDX-License-Identifier: GPL-2.0-or-later */
/* text.c - whatever a container is called, the line stays UTF-8. */
#include "flow/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define BAD "\xef\xbf\xbd"

static void assert_text(const char *s, size_t max, const char *want)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT(1024);

	flow_text_add(&b, s, max);
	assert_string_equal(buf_str(&b), want);
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
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_text_stays),
		cmocka_unit_test(each_bad_byte_is_replaced),
		cmocka_unit_test(a_cut_falls_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
