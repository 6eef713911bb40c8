/* SPDX-License-Identifier: GPL-2.0-or-later */
/* histogram.c - bounds belong to their buckets, nothing is left out. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/histogram.h"
#include "base/macro.h"

static void bounds_ascend(_unused_ void **state)
{
	assert_int_equal(histogram_bounds[0], 100000);
	assert_int_equal(histogram_bounds[HISTOGRAM_BOUNDS - 1], 10000000000);
	for (size_t i = 1; i < HISTOGRAM_BOUNDS; i++)
		assert_true(histogram_bounds[i] > histogram_bounds[i - 1]);
}

static void a_bound_is_within(_unused_ void **state)
{
	struct histogram h = { 0 };

	for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
		histogram_add(&h, histogram_bounds[i]);
		assert_int_equal(h.counts[i], 1);
		histogram_add(&h, histogram_bounds[i] + 1);
		assert_int_equal(h.counts[i + 1], 1);
		h.counts[i + 1] = 0;
	}
}

static void ends_and_sum(_unused_ void **state)
{
	struct histogram h = { 0 };

	histogram_add(&h, 0);
	histogram_add(&h, UINT64_MAX / 2);
	assert_int_equal(h.counts[0], 1);
	assert_int_equal(h.counts[HISTOGRAM_BOUNDS], 1);
	assert_int_equal(h.sum, UINT64_MAX / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds_ascend),
		cmocka_unit_test(a_bound_is_within),
		cmocka_unit_test(ends_and_sum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
