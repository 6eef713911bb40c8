/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clock.c - time stamps as text. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

static void monotonic(_unused_ void **state)
{
	uint64_t before = clock_monotonic(), after = clock_monotonic();

	assert_true(before <= after);
	assert_true(clock_realtime() > 1700000000ULL * 1000000000U);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text),
		cmocka_unit_test(monotonic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
