/* SPDX-License-Identifier: GPL-2.0-or-later */
/* object.h - chains and sets that classes share, alive while one needs them.
 *
 * An object's name is its content's hash, so equal needs meet in one object.
 * It holds references to the objects that it names (a chain its sets, a port
 * map its chains); the last release frees it and lets those go.
 */
#pragma once

#include "base/table.h"
#include "base/vec.h"
#include "compile/ruleset.h"

struct group;
struct named_group;
struct pool;

struct object {
	char name[RULESET_NAME];
	unsigned users;
	/* What it is now: exactly one of the two. */
	struct ruleset_chain *chain;
	struct ruleset_set *set;
	VEC(struct object *) needs;
	/* Called before it is freed: for sets whose content follows the
	 * endpoints. */
	void (*gone)(struct object *o);
	void *owner;
	struct pool *pool;
	UT_hash_handle hh;
};

/** All objects; @changed when one came or went since it was last cleared. */
struct pool {
	struct object *objects;
	bool changed;
};

/** Take @chain into the pool, with one use for the caller. An object of that
 *  name is used instead when there is one; @needs then are released. */
struct object *pool_chain(struct pool *pool, struct ruleset_chain *chain,
			  struct object **needs, size_t n);
struct object *pool_set(struct pool *pool, struct ruleset_set *set,
			struct object **needs, size_t n);

/** One use less; the last frees @o. */
void object_release(struct object *o);
