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

/* UTC unless it says otherwise; what is left out is zero. */
static void test_moment_in_part(_unused_ void **state)
{
	static const struct {
		const char *text;
		uint64_t seconds;
	} times[] = {
		{ "1970-01-02", 86400 },
		{ "1970-01-02T01:02", 90120 },
		{ "1970-01-02 01:02", 90120 },
		{ "1970-01-02 01:02:03", 90123 },
		{ "1970-01-02T01:02:03+01:00", 86523 },
	};
	static const char *const wrong[] = { "1970-01-02T01",	 "1970-01-02T",
					     "1970-01-02+01:00", "1970-01",
					     "1970-01-02Z",	 "1970-1-2" };
	uint64_t ns;

	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		assert_int_equal(moment_parse(times[i].text, 5, &ns), 0);
		assert_int_equal(ns, times[i].seconds * 1000000000);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(moment_parse(wrong[i], 5, &ns), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_moment),
		cmocka_unit_test(test_moment_in_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
