/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transaction.h - the messages that lead from what is in force to what is
 * wanted. */
#pragma once

#include "firewall/batch.h"
#include "firewall/state.h"

/** How tables are to be: NFT_TABLE_F_* of new ones. */
struct fw_ownership {
	bool own; /* OWNER|PERSIST, where @portid is us */
	uint32_t portid;
};

/**
 * Append to @batch what makes the tables of @state hold @want.
 *
 * @error of FW_ERROR_TEXT bytes names the object at fault.
 * Returns 0 or -errno.
 */
int fw_transaction_build(struct fw_batch *batch, const struct fw_state *state,
			 const struct ruleset *want,
			 const struct fw_ownership *ownership, char *error);

/** Delete a table with all that it holds. */
void fw_transaction_delete_table(struct fw_batch *batch,
				 enum ruleset_table table);

/** A table without content is not made. */
bool fw_part_empty(const struct ruleset_part *part);
