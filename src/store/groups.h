/* SPDX-License-Identifier: GPL-2.0-or-later */
/* groups.h - packed flows counted by numbers: the larger half of a top list.
 *
 * Memory is bounded. Groups that do not fit are left to further passes over the
 * same flows: a pass takes those of one part of the hashes, and is begun again
 * with half of its part when that is still too much.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/pack.h"

#define GROUPS_BY_MAX 8

struct group {
	uint64_t flows, packets, bytes;
	/* One of its flows; all of them show the same. */
	uint32_t src, dst, kind;
	int32_t port;
};

struct groups;

/** Groups by @n numbers, of which @max are held at a time. */
struct groups *groups_new(unsigned n, size_t max);
void groups_free(struct groups *g);
static inline void groups_freep(struct groups **g)
{
	groups_free(*g);
}

/** Begin a pass. Returns false when the last one is done. */
bool groups_next_pass(struct groups *g);

/** True when all groups of the pass had room, now that it is at its end. */
bool groups_fit(const struct groups *g);

/** A flow, and the numbers of its group. */
struct grouped {
	uint32_t numbers[GROUPS_BY_MAX];
	struct pack_cell cell;
};

/**
 * Count up to PACK_CELLS flows into their groups, if the pass is of those.
 *
 * Returns false when there is no room: then the pass is to be ended, and the
 * next is of fewer groups.
 */
bool groups_add(struct groups *g, const struct grouped *flows, size_t n);

/** Call @fn with each group of this pass that may be among the @top largest by
 *  flows, then packets: all that are as large as the last of them. */
void groups_top(struct groups *g, size_t top,
		void (*fn)(void *arg, const struct group *group), void *arg);
