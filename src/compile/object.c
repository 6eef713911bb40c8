/* SPDX-License-Identifier: GPL-2.0-or-later */
/* object.c - chains and sets that classes share. */
#include "compile/object.h"

#include <string.h>

#include "base/vec.h"

static struct object *find(struct pool *pool, const char *name)
{
	struct object *o;

	HASH_FIND_STR(pool->objects, name, o);
	return o;
}

/* The object called @name with one more use; a new, empty one says so. */
static struct object *intern(struct pool *pool, const char *name, bool *ret_new)
{
	struct object *o = find(pool, name);

	*ret_new = !o;
	if (o) {
		o->users++;
		return o;
	}
	o = xnew(struct object);
	memcpy(o->name, name, strlen(name) + 1);
	o->users = 1;
	o->pool = pool;
	HASH_ADD_STR(pool->objects, name, o);
	pool->changed = true;
	return o;
}

static void take_needs(struct object *o, bool new, struct object **needs,
		       size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (new)
			vec_push(&o->needs, needs[i]);
		else
			object_release(needs[i]);
}

struct object *pool_chain(struct pool *pool, struct ruleset_chain *chain,
			  struct object **needs, size_t n)
{
	bool new;
	struct object *o = intern(pool, chain->name, &new);

	if (new)
		o->chain = chain;
	else
		ruleset_chain_unref(chain);
	take_needs(o, new, needs, n);
	return o;
}

struct object *pool_set(struct pool *pool, struct ruleset_set *set,
			struct object **needs, size_t n)
{
	bool new;
	struct object *o = intern(pool, set->name, &new);

	if (new)
		o->set = set;
	else
		ruleset_set_unref(set);
	take_needs(o, new, needs, n);
	return o;
}

void object_release(struct object *o)
{
	if (!o || --o->users)
		return;
	if (o->gone)
		o->gone(o);
	HASH_DEL(o->pool->objects, o);
	o->pool->changed = true;
	vec_foreach(need, &o->needs)
		object_release(*need);
	vec_fini(&o->needs);
	ruleset_chain_unref(o->chain);
	ruleset_set_unref(o->set);
	free(o);
}
