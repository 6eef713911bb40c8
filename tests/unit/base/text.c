/* SPDX-License-Identifier: GPL-2.0-or-later */
/* text.c - nothing untrusted steers a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <locale.h>

#include <cmocka.h>

#include "base/macro.h"
#include "base/text.h"

static void safe(struct slice in, const char *want)
{
	_cleanup_(buf_fini) struct buf out = BUF_INIT(BUF_UNBOUNDED);

	text_safe(&out, in);
	assert_string_equal(buf_str(&out), want);
}

static void quotes(struct slice in, enum text_quoting how, const char *want)
{
	_cleanup_(buf_fini) struct buf out = BUF_INIT(BUF_UNBOUNDED);

	text_quote(&out, in, how);
	assert_string_equal(buf_str(&out), want);
}

static void test_safe(_unused_ void **state)
{
	safe(SLICE(""), "");
	safe(SLICE("web-1"), "web-1");
	safe(SLICE("h\xc3\xa9llo \xe4\xb8\xad \xf0\x9f\x98\x80"),
	     "h\xc3\xa9llo \xe4\xb8\xad \xf0\x9f\x98\x80");
	safe(SLICE("\x1b]0;title\x07\x1b[2J"), "\\x1b]0;title\\x07\\x1b[2J");
	safe(SLICE("a\nb\rc\td\0e\x7f"), "a\\x0ab\\x0dc\\x09d\\x00e\\x7f");
	/* C1 controls, as code points and as bare bytes: 0x9b is CSI. */
	safe(SLICE("\xc2\x9b"
		   "31m"),
	     "\\u{9b}31m");
	safe(SLICE("\x9b"
		   "31m"),
	     "\\x9b31m");
	/* Direction overrides, zero width, byte order mark, tags. */
	safe(SLICE("\xe2\x80\xae"
		   "cod.exe"),
	     "\\u{202e}cod.exe");
	safe(SLICE("a\xe2\x80\x8b"
		   "b"),
	     "a\\u{200b}b");
	safe(SLICE("\xef\xbb\xbf"), "\\u{feff}");
	safe(SLICE("\xf3\xa0\x81\x81"), "\\u{e0041}");
}

/* Overlong, surrogate, beyond Unicode, cut off. */
static void test_invalid(_unused_ void **state)
{
	safe(SLICE("\xc0\x9b"), "\\xc0\\x9b");
	safe(SLICE("\xe0\x82\x9b"), "\\xe0\\x82\\x9b");
	safe(SLICE("\xed\xa0\x80"), "\\xed\\xa0\\x80");
	safe(SLICE("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
	safe(SLICE("\xff\xfe"), "\\xff\\xfe");
	safe(SLICE("a\xe2\x80"), "a\\xe2\\x80");
	safe(SLICE("\xe2"
		   "ab"),
	     "\\xe2"
	     "ab");
}

static void test_quote(_unused_ void **state)
{
	quotes(SLICE("a\"b\\c/d"), TEXT_JSON, "\"a\\\"b\\\\c/d\"");
	quotes(SLICE("\n\t\x1b\x7f\0"), TEXT_JSON,
	       "\"\\n\\t\\u001b\\u007f\\u0000\"");
	quotes(SLICE("\xe2\x80\xae"), TEXT_JSON, "\"\\u202e\"");
	quotes(SLICE("\xf3\xa0\x81\x81"), TEXT_JSON, "\"\\udb40\\udc41\"");
	quotes(SLICE("\xf3\xa0\x81\x81"), TEXT_YAML, "\"\\U000e0041\"");
	quotes(SLICE("\x9b"), TEXT_JSON, "\"\\ufffd\"");
	quotes(SLICE("\xf0\x9f\x98\x80"), TEXT_JSON, "\"\xf0\x9f\x98\x80\"");
}

static void test_width(_unused_ void **state)
{
	assert_int_equal(text_width(SLICE("")), 0);
	assert_int_equal(text_width(SLICE("web")), 3);
	assert_int_equal(text_width(SLICE("h\xc3\xa9")), 2);
	assert_int_equal(text_width(SLICE("\xe4\xb8\xad")), 2);
	assert_int_equal(text_width(SLICE("e\xcc\x81")), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_safe),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_quote),
		cmocka_unit_test(test_width),
	};

	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
