/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bridge.c - the bridges that are there, by index.
 *
 * A host has tens of them, rarely hundreds: a list is searched faster than a
 * table is kept.
 */
#include "link/bridge.h"

#include <string.h>

void bridge_table_fini(struct bridge_table *t)
{
	vec_fini(&t->list);
}

struct bridge *bridge_by_index(struct bridge_table *t, int index)
{
	vec_foreach(b, &t->list)
		if (b->index == index)
			return b;
	return NULL;
}

struct bridge *bridge_by_name(const struct bridge_table *t, const char *name)
{
	vec_foreach(b, &t->list)
		if (!strcmp(b->name, name))
			return b;
	return NULL;
}

struct bridge *bridge_add(struct bridge_table *t, const struct link_info *link)
{
	struct bridge b = { .index = link->index };

	memcpy(b.name, link->name, sizeof(b.name));
	vec_push(&t->list, b);
	return &t->list.data[t->list.len - 1];
}

void bridge_remove(struct bridge_table *t, struct bridge *b)
{
	vec_remove(&t->list, (size_t)(b - t->list.data));
}
