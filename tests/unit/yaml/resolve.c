/* SPDX-License-Identifier: GPL-2.0-or-later */
/* resolve.c - scalars mean what they mean to kubectl. */
#include "dump.h"

static void words(_unused_ void **state)
{
	static const char *const yes[] = { "y",	  "Y",	  "yes",  "Yes",
					   "YES", "true", "True", "TRUE",
					   "on",  "On",	  "ON" };
	static const char *const no[] = { "n",	 "N",	  "no",	   "No",
					  "NO",	 "false", "False", "FALSE",
					  "off", "Off",	  "OFF" };
	static const char *const nulls[] = { "~", "null", "Null", "NULL" };
	static const char *const strings[] = { "yEs",  "tRue", "oN", "nO",
					       "nULL", "none", "T",  "F" };
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		check(yes[i], "true");
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		check(no[i], "false");
	for (size_t i = 0; i < ARRAY_SIZE(nulls); i++)
		check(nulls[i], "null");
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		buf_clear(&text);
		buf_addf(&text, "'%s'", strings[i]);
		check(strings[i], buf_str(&text));
	}
	check("a:", "{a: null}");
	check("- 'y'\n- \"no\"\n- |\n  on\n", "['y', 'no', 'on\n']");
}

static void integers(_unused_ void **state)
{
	check("[0, 1, -1, +7]", "[0, 1, -1, 7]");
	check("[0x1F, 0X1f, -0x10]", "[31, 31, -16]");
	check("[010, 0o10, 0O17, -017]", "[8, 8, 15, -15]");
	check("[0b101, -0b11]", "[5, -3]");
	check("[1_000, 1_, 0x_f]", "[1000, 1, 15]");
	check("[9223372036854775807, -9223372036854775808]",
	      "[9223372036854775807, -9223372036854775808]");
	check("[9223372036854775808]", "[float 9223372036854775808]");
	check("[-9223372036854775809]", "[float -9223372036854775809]");
	check("['80', \"80\"]", "['80', '80']");
	check("[0x, 0xg, 1a, --1, _1, 0o8]",
	      "['0x', '0xg', '1a', '--1', '_1', '0o8']");
}

static void floats(_unused_ void **state)
{
	check("[1.5, -.5, 1., 1e3, 1.5E-3, .5]",
	      "[float 1.5, float -.5, float 1., float 1e3, float 1.5E-3, "
	      "float .5]");
	/* No octal number, but a decimal one with a leading zero. */
	check("[08]", "[float 08]");
	check("[.inf, -.inf, .NaN]", "[float .inf, float -.inf, float .NaN]");
	check("[., 1.2.3, 1e, e1, 10.0.0.1, 1e+]",
	      "['.', '1.2.3', '1e', 'e1', '10.0.0.1', '1e+']");
}

static void stays_a_string(_unused_ void **state)
{
	/* Base 60 and time stamps are strings below kubectl. */
	check("[1:30, 2001-12-14, 2001-12-14t21:59:43.10-05:00]",
	      "['1:30', '2001-12-14', '2001-12-14t21:59:43.10-05:00']");
	check("[10.0.0.0/8, '::1', fd00::/8]",
	      "['10.0.0.0/8', '::1', 'fd00::/8']");
}

static void tags(_unused_ void **state)
{
	check("[!!str 80, !!int '80', !!bool 'yes', !!null '', !!float 1]",
	      "['80', 80, true, null, float 1]");
	check("!!map {a: !!seq [1]}", "{a: [1]}");
	check("!!int x", "f:1:1: error: the value does not fit its tag "
			 "\"tag:yaml.org,2002:int\"");
	check("!%1bx y", "f:1:1: error: tag \"!\\x1bx\" is not "
			 "supported");
	check("a: !!binary aGk=",
	      "f:1:4: error: tag \"tag:yaml.org,2002:binary\" is not supported");
	check("!thing {}", "f:1:1: error: tag \"!thing\" is not supported");
	check("!!seq {}",
	      "f:1:1: error: tag \"tag:yaml.org,2002:seq\" is not supported");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),  cmocka_unit_test(integers),
		cmocka_unit_test(floats), cmocka_unit_test(stays_a_string),
		cmocka_unit_test(tags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
