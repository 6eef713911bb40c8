/* SPDX-License-Identifier: GPL-2.0-or-later */
/* group.c - sets whose content follows the endpoints. */
#include "compile/group.h"

#include <string.h>

#include "compile/build.h"

/* Longest comment that nft keeps, with its NUL. */
#define COMMENT_MAX 128

static const uint8_t families[] = { AF_INET, AF_INET6 };

/* ---- sorted keys ------------------------------------------------------- */

static size_t key_position(const struct key_list *list, const uint8_t *key)
{
	size_t low = 0, high = list->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (memcmp(list->keys + mid * list->stride, key, list->stride) <
		    0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void key_insert(struct key_list *list, const uint8_t *key)
{
	size_t at = key_position(list, key);
	uint8_t *place;

	if (list->n == list->cap) {
		list->cap = list->cap ? 2 * list->cap : 16;
		list->keys = xreallocarray(list->keys, list->cap, list->stride);
	}
	place = list->keys + at * list->stride;
	memmove(place + list->stride, place, (list->n - at) * list->stride);
	memcpy(place, key, list->stride);
	list->n++;
}

static void key_remove(struct key_list *list, const uint8_t *key)
{
	size_t at = key_position(list, key);
	uint8_t *place = list->keys + at * list->stride;

	if (at == list->n || memcmp(place, key, list->stride))
		return;
	list->n--;
	memmove(place, place + list->stride, (list->n - at) * list->stride);
}

static void key_change(struct key_list *list, const uint8_t *key, bool add)
{
	if (add)
		key_insert(list, key);
	else
		key_remove(list, key);
}

/* The same set with the present keys; the same object when they are. */
static void renew(struct object *o, const struct key_list *keys)
{
	struct ruleset_set *old = o->set, *set;
	enum ruleset_type types[FIELDS_MAX];

	for (unsigned i = 0; i < old->nfields; i++)
		types[i] = old->types[i];
	set = build_set(old->name, old->comment, old->flags, old->nfields,
			types);
	build_set_fill(set, keys->n, keys->keys, NULL, true);
	if (ruleset_set_equal(old, set)) {
		ruleset_set_unref(set);
		return;
	}
	o->set = set;
	ruleset_set_unref(old);
}

/* ---- groups ------------------------------------------------------------ */

static void group_change(struct group *g, const struct member *m, bool add)
{
	vec_foreach(a, &m->addrs)
		key_change(&g->keys[family_index(a->family)], a->bytes, add);
	g->dirty = true;
}

static void group_fill(struct group *g, struct member *members)
{
	struct member *m, *next;

	HASH_ITER(hh, members, m, next)
		if (ids_intersect(m->matchers.data, m->matchers.len,
				  g->matchers.data, g->matchers.len))
			group_change(g, m, true);
}

/* Its sets come and go together: each holds a use of nothing, and the group
 * goes with the second. */
static void group_gone(struct object *o)
{
	struct group *g = o->owner;

	for (int f = 0; f < 2; f++)
		if (g->objects[f] == o)
			g->objects[f] = NULL;
	if (g->objects[0] || g->objects[1])
		return;
	vec_foreach(id, &g->matchers) {
		struct matcher *m = g->all[*id];

		for (size_t i = 0; i < m->groups.len; i++)
			if (m->groups.data[i] == g) {
				vec_remove(&m->groups, i);
				break;
			}
	}
	vec_fini(&g->matchers);
	free(g->keys[0].keys);
	free(g->keys[1].keys);
	free(g);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In the order of the texts: ids depend on what other policies say. */
static char *group_text(const struct plan *plan, const unsigned *matchers,
			size_t n)
{
	struct buf text = BUF_INIT(BUF_UNBOUNDED);
	VEC(const char *) parts = { 0 };

	for (size_t i = 0; i < n; i++)
		vec_push(&parts, plan->matchers.data[matchers[i]]->text);
	vec_sort(&parts, compare_texts);
	vec_foreach(part, &parts)
		buf_addf(&text, "%s%s", part == parts.data ? "" : ", ", *part);
	vec_fini(&parts);
	return buf_take(&text);
}

static struct object *group_set(struct pool *pool, const char *prefix, int f,
				const char *text)
{
	const enum ruleset_type type[] = { f ? TYPE_IPV6 : TYPE_IPV4 };
	char name[RULESET_NAME], comment[COMMENT_MAX];

	build_name(name, prefix, text);
	snprintf(comment, sizeof(comment), "%s", text);
	return pool_set(pool, build_set(name, comment, 0, 1, type), NULL, 0);
}

void group_use(struct pool *pool, struct plan *plan, struct member *members,
	       const unsigned *matchers, size_t n, struct object *ret[static 2])
{
	static const char *const prefixes[] = { "pods4", "pods6" };
	_cleanup_(freep) char *text = group_text(plan, matchers, n);
	struct group *g = NULL;

	for (int f = 0; f < 2; f++) {
		ret[f] = group_set(pool, prefixes[f], f, text);
		if (ret[f]->owner)
			g = ret[f]->owner;
	}
	if (g)
		return;
	g = xnew(struct group);
	g->all = plan->matchers.data;
	for (int f = 0; f < 2; f++) {
		g->keys[f].stride = addr_size(families[f]);
		g->objects[f] = ret[f];
		ret[f]->owner = g;
		ret[f]->gone = group_gone;
	}
	for (size_t i = 0; i < n; i++) {
		vec_push(&g->matchers, matchers[i]);
		vec_push(&plan->matchers.data[matchers[i]]->groups, g);
	}
	group_fill(g, members);
	g->dirty = true;
}

/* ---- named ports of destinations --------------------------------------- */

static bool item_admits(const struct named_item *item, const struct member *m,
			const struct addr *a)
{
	return item->peers.any || ranges_contain(&item->peers.blocks, a) ||
	       ids_intersect(m->matchers.data, m->matchers.len,
			     item->peers.matchers.data,
			     item->peers.matchers.len);
}

static void named_change(struct named_group *g, const struct member *m,
			 bool add)
{
	vec_foreach(item, &g->items) {
		uint16_t port = endpoint_named_port(m->endpoint, item->port,
						    item->proto);

		if (!port)
			continue;
		vec_foreach(a, &m->addrs) {
			unsigned size = addr_size(a->family);
			uint8_t key[24] = { 0 };

			if (!item_admits(item, m, a))
				continue;
			memcpy(key, a->bytes, size);
			key[size] = item->proto;
			key[size + 4] = (uint8_t)(port >> 8);
			key[size + 5] = (uint8_t)port;
			key_change(&g->keys[family_index(a->family)], key, add);
			g->dirty = true;
		}
	}
}

/* Any endpoint may name a port: these groups are few, so every member is
 * asked, and no matcher leads to them. */
static void named_gone(struct object *o)
{
	struct named_group *g = o->owner;

	for (int f = 0; f < 2; f++)
		if (g->objects[f] == o)
			g->objects[f] = NULL;
	if (g->objects[0] || g->objects[1])
		return;
	for (size_t i = 0; i < g->plan->named_groups.len; i++)
		if (g->plan->named_groups.data[i] == g) {
			vec_remove(&g->plan->named_groups, i);
			break;
		}
	vec_foreach(item, &g->items)
		peers_fini(&item->peers);
	vec_fini(&g->items);
	free(g->keys[0].keys);
	free(g->keys[1].keys);
	free(g);
}

static char *named_text(const struct plan *plan, const struct named_item *items,
			size_t n)
{
	struct buf text = BUF_INIT(BUF_UNBOUNDED);

	for (size_t i = 0; i < n; i++) {
		const struct peers *p = &items[i].peers;
		_cleanup_(freep) char *matchers =
			group_text(plan, p->matchers.data, p->matchers.len);

		buf_addf(&text, "%s%s/%u of %s%s", i ? "; " : "", items[i].port,
			 items[i].proto, p->any ? "any" : "", matchers);
		ranges_print(&p->blocks, &text);
	}
	return buf_take(&text);
}

static struct object *named_set(struct pool *pool, int f, const char *text)
{
	const enum ruleset_type types[] = { f ? TYPE_IPV6 : TYPE_IPV4,
					    TYPE_PROTO, TYPE_SERVICE };
	char name[RULESET_NAME], comment[COMMENT_MAX];

	build_name(name, f ? "named6" : "named4", text);
	snprintf(comment, sizeof(comment), "%s", text);
	return pool_set(pool, build_set(name, comment, 0, 3, types), NULL, 0);
}

static void free_items(struct named_item *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		peers_fini(&items[i].peers);
}

void named_group_use(struct pool *pool, struct plan *plan,
		     struct member *members, struct named_item *items, size_t n,
		     struct object *ret[static 2])
{
	_cleanup_(freep) char *text = named_text(plan, items, n);
	struct named_group *g = NULL;
	struct member *m, *next;

	for (int f = 0; f < 2; f++) {
		ret[f] = named_set(pool, f, text);
		if (ret[f]->owner)
			g = ret[f]->owner;
	}
	if (g) {
		free_items(items, n);
		return;
	}
	g = xnew(struct named_group);
	g->plan = plan;
	for (int f = 0; f < 2; f++) {
		g->keys[f].stride = ret[f]->set->key_len;
		g->objects[f] = ret[f];
		ret[f]->owner = g;
		ret[f]->gone = named_gone;
	}
	for (size_t i = 0; i < n; i++)
		vec_push(&g->items, items[i]);
	vec_push(&plan->named_groups, g);
	HASH_ITER(hh, members, m, next)
		named_change(g, m, true);
	g->dirty = true;
}

/* ---- all of them ------------------------------------------------------- */

/* A group that several of the member's matchers share gets it once: through
 * the first of its own matchers that the member has. */
static bool through_this(const struct group *g, const struct member *m,
			 unsigned id)
{
	size_t i = 0, j = 0;

	while (i < m->matchers.len && j < g->matchers.len) {
		unsigned a = m->matchers.data[i], b = g->matchers.data[j];

		if (a == b)
			return a == id;
		if (a < b)
			i++;
		else
			j++;
	}
	return false;
}

void groups_update(struct plan *plan, const struct member *m, bool add)
{
	vec_foreach(id, &m->matchers)
		vec_foreach(g, &plan->matchers.data[*id]->groups)
			if (through_this(*g, m, *id))
				group_change(*g, m, add);
	vec_foreach(g, &plan->named_groups)
		named_change(*g, m, add);
}

void groups_refresh(struct plan *plan)
{
	vec_foreach(m, &plan->matchers)
		vec_foreach(slot, &(*m)->groups) {
			struct group *g = *slot;

			if (!g->dirty)
				continue;
			for (int f = 0; f < 2; f++)
				if (g->objects[f])
					renew(g->objects[f], &g->keys[f]);
			g->dirty = false;
		}
	vec_foreach(slot, &plan->named_groups) {
		struct named_group *g = *slot;

		if (!g->dirty)
			continue;
		for (int f = 0; f < 2; f++)
			if (g->objects[f])
				renew(g->objects[f], &g->keys[f]);
		g->dirty = false;
	}
}
