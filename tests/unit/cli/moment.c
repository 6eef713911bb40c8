/* SPDX-License-Identifier: GPL-2.0-or-later */
/* moment.c - durations and times. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macro.h"
#include "cli/moment.h"

static void lasts(const char *text, uint64_t want)
{
	uint64_t ms = 0;

	assert_int_equal(duration_parse(text, &ms), 0);
	assert_int_equal(ms, want);
}

static void test_duration(_unused_ void **state)
{
	static const char *const wrong[] = { "",
					     "s",
					     "-1s",
					     "1 s",
					     "1.5s",
					     "10x",
					     "+1",
					     "1sec",
					     "0x10",
					     " 1",
					     "ms",
					     "3700d",
					     "99999999999999999999s" };
	uint64_t ms = 7;

	lasts("0", 0);
	lasts("10", 10000);
	lasts("10s", 10000);
	lasts("500ms", 500);
	lasts("2m", 120000);
	lasts("1h", 3600000);
	lasts("7d", 604800000);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(duration_parse(wrong[i], &ms), -EINVAL);
	assert_int_equal(ms, 7);
}

static void is_at(const char *text, uint64_t want)
{
	uint64_t ns = 0;

	assert_int_equal(time_parse(text, &ns), 0);
	assert_int_equal(ns, want);
}

/* Expected values are `date -u -d TEXT +%s`. */
static void test_time(_unused_ void **state)
{
	static const char *const wrong[] = {
		"",
		"2026-01-31",
		"2026-01-31T10:20:30",
		"2026-01-31T10:20:30.Z",
		"2026-01-31T10:20:30Zx",
		"2026-13-31T10:20:30Z",
		"2026-00-31T10:20:30Z",
		"2026-01-31T24:20:30Z",
		"2026-01-31T10:20:30+0100",
		"1969-12-31T23:59:59Z",
		"9999-12-31T23:59:59Z",
		"26-01-31T10:20:30Z",
	};
	uint64_t ns = 7;

	is_at("1970-01-01T00:00:00Z", 0);
	is_at("2026-01-31T10:20:30Z", 1769854830000000000);
	is_at("2026-01-31t10:20:30.5z", 1769854830500000000);
	is_at("2026-01-31 10:20:30.123456789Z", 1769854830123456789);
	is_at("2026-01-31T10:20:30.1234567899Z", 1769854830123456789);
	is_at("2026-01-31T10:20:30+01:30", 1769849430000000000);
	is_at("2026-01-31T10:20:30-01:30", 1769860230000000000);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(time_parse(wrong[i], &ns), -EINVAL);
	assert_int_equal(ns, 7);
}

static void test_moment(_unused_ void **state)
{
	uint64_t ns;

	assert_int_equal(moment_parse("10s", 60000000000, &ns), 0);
	assert_int_equal(ns, 50000000000);
	assert_int_equal(moment_parse("2m", 60000000000, &ns), 0);
	assert_int_equal(ns, 0);
	assert_int_equal(moment_parse("1970-01-01T00:00:01Z", 5, &ns), 0);
	assert_int_equal(ns, 1000000000);
	assert_int_equal(moment_parse("yesterday", 5, &ns), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
