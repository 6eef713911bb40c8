/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state.h - what is in force, as far as we know. */
#pragma once

#include "compile/ruleset.h"

struct fw_table_state {
	bool exists;
	/* It holds what we neither want nor can name (a chain of another
	 * type, an object of another kind), so it is made anew. */
	bool rebuild;
	bool persist;	/* has NFT_TABLE_F_PERSIST */
	uint32_t owner; /* netlink port; 0: none */
};

struct fw_state {
	/* NULL: not known. Objects that the kernel has exactly as wanted are
	 * the wanted ruleset's own; the rest stand for what is there. */
	struct ruleset *ruleset;
	struct fw_table_state tables[TABLE_COUNT];
	uint32_t generation; /* for which this is sure; 0: for any */
};

static inline void fw_state_fini(struct fw_state *state)
{
	ruleset_unref(state->ruleset);
	*state = (struct fw_state){ 0 };
}
