/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ranges.h - ipBlocks as disjoint address ranges. */
#pragma once

#include "base/addr.h"
#include "base/buf.h"
#include "base/vec.h"

/** Both ends included, in network order; only the family's bytes count. */
struct range {
	uint8_t first[16], last[16];
};

/** One family's; sorted, disjoint and not adjacent once normalised. */
struct range_list {
	VEC(struct range) ranges;
};

/** The ranges of an ipBlock's family lists: [0] IPv4, [1] IPv6. */
struct block_ranges {
	struct range_list family[2];
};

static inline unsigned family_index(uint8_t family)
{
	return family == AF_INET ? 0 : 1;
}

/** Add @block without what @except takes from it. */
void ranges_add(struct block_ranges *r, const struct prefix *block,
		const struct prefix *except, size_t nexcept);
void ranges_add_all(struct block_ranges *r, const struct block_ranges *other);
/** Sort and merge; before anything is asked. */
void ranges_normalise(struct block_ranges *r);
bool ranges_contain(const struct block_ranges *r, const struct addr *a);
/** True when every address of @family is in it. */
bool ranges_are_all(const struct block_ranges *r, uint8_t family);
/** Canonical text, for content names. */
void ranges_print(const struct block_ranges *r, struct buf *to);
void ranges_fini(struct block_ranges *r);
