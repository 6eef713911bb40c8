/* SPDX-License-Identifier: GPL-2.0-or-later */
/* group.h - sets whose content follows the endpoints.
 *
 * A *group* is the addresses of all endpoints that one of its matchers
 * selects: two sets, one a family. A *named group* is egress to named ports:
 * address, protocol and port of each destination, as that endpoint names it.
 *
 * Both keep their keys sorted; an endpoint that comes or goes inserts or
 * removes its own, and the sets are made anew from there when asked for.
 */
#pragma once

#include "compile/member.h"
#include "compile/object.h"

/** Sorted keys of one set; duplicates are kept apart, so that each owner
 *  removes its own. */
struct key_list {
	size_t stride, n, cap;
	uint8_t *keys;
};

struct group {
	struct matcher *const *all; /* the plan's, by id */
	id_list matchers;
	struct key_list keys[2]; /* by family_index() */
	struct object *objects[2];
	bool dirty;
};

/** One "these peers, at their port of this name" of a named group. */
struct named_item {
	struct peers peers;
	const char *port;
	uint8_t proto;
};

struct named_group {
	struct plan *plan;
	VEC(struct named_item) items;
	struct key_list keys[2];
	struct object *objects[2];
	bool dirty;
};

/** Sets of the addresses that @matchers select; one use of both is the
 *  caller's: release each of @ret. */
void group_use(struct pool *pool, struct plan *plan, struct member *members,
	       const unsigned *matchers, size_t n,
	       struct object *ret[static 2]);

/** Takes the content of @items. */
void named_group_use(struct pool *pool, struct plan *plan,
		     struct member *members, struct named_item *items, size_t n,
		     struct object *ret[static 2]);

/** Add @m to, or remove it from, every live group of the plan. */
void groups_update(struct plan *plan, const struct member *m, bool add);

/** Make the sets of groups that changed. */
void groups_refresh(struct plan *plan);
