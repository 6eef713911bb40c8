/* SPDX-License-Identifier: GPL-2.0-or-later */
/* groups.c - every group once, with what belongs to it, however few of them have
 * room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macro.h"
#include "store/groups.h"

enum { A = 7, B = 5, CELLS = 1000 };

/* By two numbers, i modulo A and i modulo B: A * B groups. */
static bool add_all(struct groups *g)
{
	for (unsigned i = 0; i < CELLS; i++) {
		const struct grouped flow = {
			.numbers = { i % A, i % B },
			.cell = { .packets = i,
				  .bytes = 2 * (int64_t)i,
				  .src = i % A,
				  .dst = i % B },
		};

		if (!groups_add(g, &flow, 1))
			return false;
	}
	return true;
}

struct seen {
	unsigned times[A][B];
	uint64_t flows, packets, bytes;
};

static void see(void *arg, const struct group *g)
{
	struct seen *seen = arg;

	seen->times[g->src][g->dst]++;
	seen->flows += g->flows;
	seen->packets += g->packets;
	seen->bytes += g->bytes;
}

static void test_passes(_unused_ void **state)
{
	static const size_t rooms[] = { 1, 3, 10, A * B - 1, A * B, 1000 };

	for (size_t i = 0; i < ARRAY_SIZE(rooms); i++) {
		_cleanup_(groups_freep) struct groups *g =
			groups_new(2, rooms[i]);
		struct seen seen = { 0 };
		unsigned passes = 0;

		while (groups_next_pass(g)) {
			bool all = add_all(g);

			assert_int_equal(all, groups_fit(g));
			if (all)
				groups_top(g, SIZE_MAX, see, &seen);
			passes++;
		}
		assert_true(rooms[i] < A * B ? passes > A * B / rooms[i]
					     : passes == 1);
		for (unsigned a = 0; a < A; a++)
			for (unsigned b = 0; b < B; b++)
				assert_int_equal(seen.times[a][b], 1);
		assert_int_equal(seen.flows, CELLS);
		assert_int_equal(seen.packets, CELLS * (CELLS - 1) / 2);
		assert_int_equal(seen.bytes, CELLS * (CELLS - 1));
	}
}

static void count_one(void *arg, _unused_ const struct group *g)
{
	unsigned *n = arg;

	++*n;
}

/* The first of them, and all that are as large as the last of those. */
static void test_top(_unused_ void **state)
{
	/* Group n has so many flows. */
	static const unsigned sizes[] = { 5, 1, 3, 3, 9, 3, 2 };
	static const unsigned want[] = { 0, 1, 2, 5, 5, 5, 6, 7, 7 };
	_cleanup_(groups_freep) struct groups *g = groups_new(1, 100);

	assert_true(groups_next_pass(g));
	for (uint32_t i = 0; i < ARRAY_SIZE(sizes); i++)
		for (unsigned k = 0; k < sizes[i]; k++) {
			const struct grouped flow = { .numbers = { i } };

			assert_true(groups_add(g, &flow, 1));
		}
	for (size_t top = 1; top < ARRAY_SIZE(want); top++) {
		unsigned n = 0;

		groups_top(g, top, count_one, &n);
		assert_int_equal(n, want[top]);
	}
	assert_false(groups_next_pass(g));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passes),
		cmocka_unit_test(test_top),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
