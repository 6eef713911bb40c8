/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snapshot.h - reads our tables from the kernel, as a ruleset. */
#pragma once

#include "firewall/netlink.h"
#include "firewall/seen.h"
#include "firewall/state.h"

/**
 * Read both tables at one generation of the ruleset.
 *
 * Objects of the kernel that equal those of @want become references to these.
 *
 * Returns 0; -EAGAIN when the ruleset kept changing under us; or -errno.
 */
int fw_snapshot_read(struct fw_netlink *nl, struct ruleset *want,
		     struct fw_state *ret);

/** The same from dump messages taken in already. */
void fw_snapshot_conclude(struct fw_seen *seen, struct ruleset *want,
			  struct fw_state *ret);
