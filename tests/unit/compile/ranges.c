/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ranges.c - blocks, exceptions and their unions, also against every address
 * of a small world.
 */
#include "compile/ranges.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "random.h"

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(slice_of(text), &p), 0);
	return p;
}

/* "10.0.0.0/24 10.0.0.1/32": the first one without the others. */
static void add(struct block_ranges *r, const char *text)
{
	_cleanup_(freep) char *copy = xstrdup(text);
	char *rest = copy;
	struct prefix block = prefix(strsep(&rest, " "));
	struct prefix except[8];
	size_t n = 0;

	while (rest)
		except[n++] = prefix(strsep(&rest, " "));
	ranges_add(r, &block, except, n);
}

static void check(const char *expected, const char *first, const char *second)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(4096);
	struct block_ranges r = { 0 };

	add(&r, first);
	if (second)
		add(&r, second);
	ranges_normalise(&r);
	ranges_print(&r, &text);
	assert_string_equal(buf_str(&text), expected);
	ranges_fini(&r);
}

static void blocks(_unused_ void **state)
{
	check("10.0.0.0-10.0.0.255,", "10.0.0.0/24", NULL);
	check("10.0.0.7-10.0.0.7,", "10.0.0.7/32", NULL);
	check("0.0.0.0-255.255.255.255,", "0.0.0.0/0", NULL);
	check("::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,", "::/0", NULL);
	check("fd00::-fd00::ffff:ffff:ffff:ffff,", "fd00::/64", NULL);
}

static void unions(_unused_ void **state)
{
	check("10.0.0.0-10.0.1.255,", "10.0.1.0/24", "10.0.0.0/24");
	check("10.0.0.0-10.0.0.255,", "10.0.0.0/24", "10.0.0.16/28");
	check("10.0.0.0-10.0.0.255,10.0.2.0-10.0.2.255,", "10.0.2.0/24",
	      "10.0.0.0/24");
	check("128.0.0.0-255.255.255.255,", "128.0.0.0/1",
	      "255.255.255.255/32");
	check("0.0.0.0-255.255.255.255,", "128.0.0.0/1", "0.0.0.0/1");
	/* Families do not meet. */
	check("10.0.0.0-10.0.0.255,::10.0.0.0-::10.0.0.255,", "10.0.0.0/24",
	      "::a00:0/120");
}

static void exceptions(_unused_ void **state)
{
	check("10.0.0.1-10.0.0.255,", "10.0.0.0/24 10.0.0.0/32", NULL);
	check("10.0.0.0-10.0.0.254,", "10.0.0.0/24 10.0.0.255/32", NULL);
	check("10.0.0.0-10.0.0.63,10.0.0.128-10.0.0.255,",
	      "10.0.0.0/24 10.0.0.64/26", NULL);
	check("", "10.0.0.0/24 10.0.0.0/25 10.0.0.128/25", NULL);
	check("", "10.0.0.0/24 10.0.0.0/24", NULL);
	check("0.0.0.0-9.255.255.255,11.0.0.0-255.255.255.255,",
	      "0.0.0.0/0 10.0.0.0/8", NULL);
	check("0.0.0.0-127.255.255.255,", "0.0.0.0/0 128.0.0.0/1", NULL);
	check("8000::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,", "::/0 ::/1",
	      NULL);
	/* Overlapping ones, in any order. */
	check("10.0.0.0-10.0.0.127,10.0.0.192-10.0.0.255,",
	      "10.0.0.0/24 10.0.0.160/28 10.0.0.128/26 10.0.0.130/32", NULL);
	/* A hole of one block is no hole of another. */
	check("10.0.0.0-10.0.0.255,", "10.0.0.0/24 10.0.0.64/26",
	      "10.0.0.0/24 10.0.0.128/25");
}

static bool contains(const struct block_ranges *r, const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(slice_of(text), &a), 0);
	return ranges_contain(r, &a);
}

static void questions(_unused_ void **state)
{
	struct block_ranges r = { 0 };

	assert_false(contains(&r, "10.0.0.1"));
	assert_false(ranges_are_all(&r, AF_INET));
	add(&r, "10.0.0.0/24 10.0.0.64/26");
	add(&r, "::/0");
	ranges_normalise(&r);
	assert_true(contains(&r, "10.0.0.0"));
	assert_true(contains(&r, "10.0.0.63"));
	assert_false(contains(&r, "10.0.0.64"));
	assert_false(contains(&r, "10.0.0.127"));
	assert_true(contains(&r, "10.0.0.128"));
	assert_true(contains(&r, "10.0.0.255"));
	assert_false(contains(&r, "10.0.1.0"));
	assert_false(contains(&r, "9.255.255.255"));
	assert_true(contains(&r, "::"));
	assert_true(contains(&r, "::ffff:10.0.1.0"));
	assert_false(ranges_are_all(&r, AF_INET));
	assert_true(ranges_are_all(&r, AF_INET6));
	ranges_fini(&r);
}

/* A block of 10.0.0.0/24, and whether it holds an address of that net. */
static struct prefix random_prefix(struct rng *rng)
{
	struct prefix p = { { AF_INET, { 10 } }, 0 };

	p.len = (uint8_t)(24 + rng_below(rng, 9));
	p.addr.bytes[3] = (uint8_t)(rng_below(rng, 256) & 0xff << (32 - p.len));
	return p;
}

/* One block after another, address by address. */
static void same_as_naive(_unused_ void **state)
{
	struct rng rng = { 7 };

	for (unsigned round = 0; round < 300; round++) {
		struct block_ranges r = { 0 };
		bool expected[256] = { false };

		for (unsigned n = rng_below(&rng, 5); n; n--) {
			struct prefix block = random_prefix(&rng), except[4];
			size_t nexcept = rng_below(&rng, 5);

			for (size_t i = 0; i < nexcept; i++)
				except[i] = random_prefix(&rng);
			ranges_add(&r, &block, except, nexcept);
			for (unsigned a = 0; a < 256; a++) {
				struct addr addr = { AF_INET, { 10, 0, 0 } };
				bool in;

				addr.bytes[3] = (uint8_t)a;
				in = prefix_contains(&block, &addr);
				for (size_t i = 0; i < nexcept; i++)
					in = in && !prefix_contains(&except[i],
								    &addr);
				expected[a] = expected[a] || in;
			}
		}
		ranges_normalise(&r);
		for (unsigned a = 0; a < 256; a++) {
			struct addr addr = { AF_INET,
					     { 10, 0, 0, (uint8_t)a } };

			assert_int_equal(ranges_contain(&r, &addr),
					 expected[a]);
		}
		ranges_fini(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks),	 cmocka_unit_test(unions),
		cmocka_unit_test(exceptions),	 cmocka_unit_test(questions),
		cmocka_unit_test(same_as_naive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
