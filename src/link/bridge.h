/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bridge.h - the bridges that are there, by index; inside this stage only. */
#pragma once

#include <net/if.h>
#include <stdbool.h>

#include "base/vec.h"
#include "link/rtnl.h"

struct bridge {
	int index;
	char name[IFNAMSIZ];
	bool filter4, filter6, learns_unseen; /* as in link_info */
	/* Managed, and its switches were on: off from now on is a change that
	 * somebody made. */
	bool guarded;
	/* LINK_FILTER_MISSING was told; once is enough. */
	bool missing;
	/* Not seen yet by the dump that is under way. */
	bool stale;
};

struct bridge_table {
	VEC(struct bridge) list;
};

void bridge_table_fini(struct bridge_table *t);

struct bridge *bridge_by_index(struct bridge_table *t, int index);
struct bridge *bridge_by_name(const struct bridge_table *t, const char *name);

/** The bridge is valid until the next add or remove. */
struct bridge *bridge_add(struct bridge_table *t, const struct link_info *link);
void bridge_remove(struct bridge_table *t, struct bridge *b);

/** True when both of its switches are on, and what they do not show us teaches
 *  it nothing. */
static inline bool bridge_filtered(const struct bridge *b)
{
	return b->filter4 && b->filter6 && !b->learns_unseen;
}
