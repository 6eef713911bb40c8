/* SPDX-License-Identifier: GPL-2.0-or-later */
/* diff.h - what differs between the ruleset in force and the one wanted. */
#pragma once

#include "base/vec.h"
#include "compile/ruleset.h"

typedef VEC(const struct ruleset_chain *) fw_chain_vec;
typedef VEC(const struct ruleset_set *) fw_set_vec;
typedef VEC(const char *) fw_name_vec;

struct fw_set_change {
	const struct ruleset_set *have, *want;
};

/** Differences of one table. Everything is borrowed from the rulesets. */
struct fw_diff {
	/* A base chain moved to another hook or priority, which the kernel
	 * cannot change: only a table made anew can hold it. */
	bool rebuild;
	fw_chain_vec chains_added, chains_gone;
	/* All rules replaced. The kernel's chain stays, so that what jumps to
	 * it need not change. */
	fw_chain_vec chains_changed;
	/* A set whose declaration changed is in both of these. */
	fw_set_vec sets_added, sets_gone;
	VEC(struct fw_set_change) sets_changed; /* in their elements */
	fw_name_vec counters_added, counters_gone;
};

/** Compare @have with @want into @diff, zeroed before. */
void fw_diff_make(const struct ruleset_part *have,
		  const struct ruleset_part *want, struct fw_diff *diff);
void fw_diff_fini(struct fw_diff *diff);

/** An entry that is only in @have, or there with another verdict (@gone), or
 *  only in @want, or there with another verdict. */
typedef void (*fw_entry_fn)(size_t i, void *arg);

/** Call @gone for entries of @have, @added for those of @want that differ;
 *  either may be NULL. Both sets have the same declaration. */
void fw_diff_elements(const struct fw_set_change *change, fw_entry_fn gone,
		      fw_entry_fn added, void *arg);
