/* SPDX-License-Identifier: GPL-2.0-or-later */
/* canon.h - a rule's netlink attributes in a form that can be compared.
 *
 * What we send and what the kernel reports of it differ in the order of
 * attributes, in flags of their types, in defaults that one side leaves out,
 * and in what was counted. The canonical form has none of that. libnftnl is
 * not asked: it ends the process over an attribute that it does not expect.
 */
#pragma once

#include <libmnl/libmnl.h>

#include "base/buf.h"

/**
 * Append the canonical form of an NFT_MSG_NEWRULE message.
 *
 * Returns 0, or -EINVAL for what cannot be a rule of ours.
 */
int fw_canon_rule(const struct nlmsghdr *nlh, struct buf *to);
