/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ranges.c - ipBlocks as disjoint address ranges. */
#include "compile/ranges.h"

#include <string.h>

static const uint8_t families[] = { AF_INET, AF_INET6 };

/* @a + 1 or - 1 over @size bytes; false when it wraps around. */
static bool step(uint8_t *a, unsigned size, int by)
{
	while (size--) {
		a[size] = (uint8_t)(a[size] + by);
		if (a[size] != (by > 0 ? 0x00 : 0xff))
			return true;
	}
	return false;
}

static int compare(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return memcmp(x->first, y->first, sizeof(x->first));
}

static struct range range_of(const struct prefix *p)
{
	struct addr first, last;
	struct range r;

	prefix_range(p, &first, &last);
	memcpy(r.first, first.bytes, sizeof(r.first));
	memcpy(r.last, last.bytes, sizeof(r.last));
	return r;
}

static void merge(struct range_list *list, unsigned size)
{
	size_t kept = 0;

	vec_sort(&list->ranges, compare);
	for (size_t i = 0; i < list->ranges.len; i++) {
		struct range next = list->ranges.data[i];
		struct range *last;
		uint8_t after[16];

		if (kept) {
			last = &list->ranges.data[kept - 1];
			memcpy(after, last->last, sizeof(after));
			if (!step(after, size, 1) ||
			    memcmp(next.first, after, sizeof(after)) <= 0) {
				if (memcmp(next.last, last->last, 16) > 0)
					memcpy(last->last, next.last, 16);
				continue;
			}
		}
		list->ranges.data[kept++] = next;
	}
	list->ranges.len = kept;
}

void ranges_add(struct block_ranges *r, const struct prefix *block,
		const struct prefix *except, size_t nexcept)
{
	unsigned size = addr_size(block->addr.family);
	struct range_list *to = &r->family[family_index(block->addr.family)];
	struct range_list holes = { 0 };
	struct range left = range_of(block);
	bool more = true;

	for (size_t i = 0; i < nexcept; i++)
		if (except[i].addr.family == block->addr.family)
			vec_push(&holes.ranges, range_of(&except[i]));
	merge(&holes, size);
	vec_foreach(hole, &holes.ranges) {
		struct range piece = left;

		if (memcmp(hole->last, left.first, 16) < 0)
			continue;
		if (memcmp(hole->first, left.last, 16) > 0)
			break;
		if (memcmp(hole->first, left.first, 16) > 0) {
			memcpy(piece.last, hole->first, 16);
			step(piece.last, size, -1);
			vec_push(&to->ranges, piece);
		}
		memcpy(left.first, hole->last, 16);
		more = step(left.first, size, 1) &&
		       memcmp(left.first, left.last, 16) <= 0;
		if (!more)
			break;
	}
	if (more)
		vec_push(&to->ranges, left);
	vec_fini(&holes.ranges);
}

void ranges_add_all(struct block_ranges *r, const struct block_ranges *other)
{
	for (int f = 0; f < 2; f++)
		vec_foreach(range, &other->family[f].ranges)
			vec_push(&r->family[f].ranges, *range);
}

void ranges_normalise(struct block_ranges *r)
{
	for (int f = 0; f < 2; f++)
		merge(&r->family[f], addr_size(families[f]));
}

bool ranges_contain(const struct block_ranges *r, const struct addr *a)
{
	const struct range_list *list = &r->family[family_index(a->family)];
	size_t low = 0, high = list->ranges.len;

	/* The last range that begins at or before @a. */
	while (low < high) {
		size_t mid = (low + high) / 2;

		if (memcmp(list->ranges.data[mid].first, a->bytes, 16) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low &&
	       memcmp(a->bytes, list->ranges.data[low - 1].last, 16) <= 0;
}

bool ranges_are_all(const struct block_ranges *r, uint8_t family)
{
	const struct range_list *list = &r->family[family_index(family)];
	struct prefix all = { .addr.family = family };
	struct range whole = range_of(&all);

	return list->ranges.len == 1 &&
	       !memcmp(&list->ranges.data[0], &whole, sizeof(whole));
}

void ranges_print(const struct block_ranges *r, struct buf *to)
{
	char text[ADDR_STRLEN];

	for (int f = 0; f < 2; f++)
		vec_foreach(range, &r->family[f].ranges) {
			struct addr a =
				addr_from_bytes(families[f], range->first);

			buf_addf(to, "%s-", addr_format(&a, text));
			a = addr_from_bytes(families[f], range->last);
			buf_addf(to, "%s,", addr_format(&a, text));
		}
}

void ranges_fini(struct block_ranges *r)
{
	vec_fini(&r->family[0].ranges);
	vec_fini(&r->family[1].ranges);
}
