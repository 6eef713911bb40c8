/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clock.c - time stamps as text. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <time.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/macro.h"

static void text(_unused_ void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000000000Z" },
		{ 1, "1970-01-01T00:00:00.000000001Z" },
		{ 951782400999999999U, "2000-02-29T00:00:00.999999999Z" },
		{ 1795343454123000000U, "2026-11-22T10:30:54.123000000Z" },
		{ UINT64_MAX, "2554-07-21T23:34:33.709551615Z" },
	};
	char out[CLOCK_STRLEN];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(clock_format(cases[i].ns, out),
				    cases[i].text);
}

/* Each day for 500 years, as libc has it. */
static void text_of_each_day(_unused_ void **state)
{
	char out[CLOCK_STRLEN], want[CLOCK_STRLEN];

	for (uint64_t day = 0; day < 213000; day++) {
		time_t seconds = (time_t)(day * 86400 + day % 86400);
		struct tm tm;

		gmtime_r(&seconds, &tm);
		strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S.000000000Z",
			 &tm);
		assert_string_equal(
			clock_format((uint64_t)seconds * 1000000000U, out),
			want);
	}
}

static void monotonic(_unused_ void **state)
{
	uint64_t before = clock_monotonic(), after = clock_monotonic();

	assert_true(before <= after);
	assert_true(clock_realtime() > 1700000000ULL * 1000000000U);
}

/* The clock cannot be set here; what was remembered of it can. */
static void step(_unused_ void **state)
{
	struct clock_watch w = { 0 };
	const int64_t hour = 3600000000000;
	int64_t found;

	assert_int_equal(clock_step(&w), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(clock_step(&w), 0);
	for (int sign = -1; sign <= 1; sign += 2) {
		w.ahead -= sign * hour;
		found = clock_step(&w);
		assert_in_range(sign * found, hour - CLOCK_STEP_MIN,
				hour + CLOCK_STEP_MIN);
		assert_int_equal(clock_step(&w), 0);
	}
	/* Several small ones make a large one. */
	w.ahead -= CLOCK_STEP_MIN / 10 * 6;
	assert_int_equal(clock_step(&w), 0);
	w.ahead -= CLOCK_STEP_MIN / 10 * 6;
	assert_true(clock_step(&w) > CLOCK_STEP_MIN);
}

static void is_at(const char *text, uint64_t want)
{
	uint64_t ns = 0;

	assert_int_equal(clock_parse(text, &ns), 0);
	assert_int_equal(ns, want);
}

/* Expected values are `date -u -d TEXT +%s`. */
static void parse(_unused_ void **state)
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
		assert_int_equal(clock_parse(wrong[i], &ns), -EINVAL);
	assert_int_equal(ns, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text),	     cmocka_unit_test(text_of_each_day),
		cmocka_unit_test(monotonic), cmocka_unit_test(step),
		cmocka_unit_test(parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
