/* SPDX-License-Identifier: GPL-2.0-or-later */
/* foreign.h - others' base chains that see a packet before ours do.
 *
 * An accept there ends nothing but its own chain: ours are asked all the same
 * (nf_tables evaluates every base chain of a hook, in the order of their
 * priorities). But whoever wrote it may believe otherwise, and what such a
 * chain takes out of connection tracking, or past the hooks, concerns us.
 */
#pragma once

#include "firewall/firewall.h"
#include "firewall/netlink.h"

/** Read the namespace's chains and hand over what firewall_foreign() tells.
 *  Returns 0 or -errno. */
int fw_foreign_read(struct fw_netlink *nl, firewall_foreign_fn fn, void *arg);
