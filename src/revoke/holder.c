/* SPDX-License-Identifier: GPL-2.0-or-later */
/* holder.c - whose an address is, or was until lately. */
#include "revoke/holder.h"

#include <string.h>

#include "base/alloc.h"
#include "compile/member.h"

static struct holder *find_holder(const struct holders *all,
				  const struct addr *a)
{
	struct holder *h;

	HASH_FIND(hh, all->table, a, sizeof(*a), h);
	return h;
}

static struct holder *need_holder(struct holders *all, const struct addr *a)
{
	struct holder *h = find_holder(all, a);

	if (!h) {
		h = xnew(struct holder);
		h->addr = *a;
		HASH_ADD(hh, all->table, addr, sizeof(h->addr), h);
	}
	return h;
}

static void holder_free(struct holders *all, struct holder *h)
{
	HASH_DEL(all->table, h);
	vec_fini(&h->holdings);
	endpoint_unref(h->former);
	free(h);
}

typedef void (*address_fn)(struct holders *all, struct subject *s,
			   const struct attachment *at, const struct addr *a);

/* Those that the compiler's dispatch maps hold. */
static void each_address(struct holders *all, struct subject *s, address_fn fn)
{
	vec_foreach(at, &s->endpoint->attachments) {
		struct addr link_local = member_link_local(&at->mac);

		if (addr_is_set(&at->v4))
			fn(all, s, at, &at->v4);
		if (addr_is_set(&at->v6))
			fn(all, s, at, &at->v6);
		if (mac_is_set(&at->mac))
			fn(all, s, at, &link_local);
	}
}

static bool is_governed(const struct holders *all, const char *bridge)
{
	vec_foreach(b, &all->bridges)
		if (bridge[0] && !strcmp(*b, bridge))
			return true;
	return false;
}

/* In the order of ids, as the compiler takes those that share an address. */
static void hold(struct holders *all, struct subject *s,
		 const struct attachment *at, const struct addr *a)
{
	struct holder *h = need_holder(all, a);
	struct holding holding = { s, is_governed(all, at->bridge) };
	size_t i;

	vec_foreach(other, &h->holdings)
		if (other->subject == s) {
			other->managed = other->managed || holding.managed;
			return;
		}
	vec_push(&h->holdings, holding);
	for (i = h->holdings.len - 1;
	     i && strcmp(h->holdings.data[i - 1].subject->endpoint->id,
			 s->endpoint->id) > 0;
	     i--)
		h->holdings.data[i] = h->holdings.data[i - 1];
	h->holdings.data[i] = holding;
}

static void release(struct holders *all, struct subject *s,
		    _unused_ const struct attachment *at, const struct addr *a)
{
	struct holder *h = need_holder(all, a);

	if (!h->former)
		h->former = endpoint_ref(s->endpoint);
	all->released = true;
}

void holders_release(struct holders *all, struct subject *s)
{
	each_address(all, s, release);
}

void holders_fill(struct holders *all, const struct subjects *subjects)
{
	struct holder *h, *next_holder;
	struct subject *s, *next;

	HASH_ITER(hh, all->table, h, next_holder)
		h->holdings.len = 0;
	HASH_ITER(hh, subjects->table, s, next)
		each_address(all, s, hold);
	HASH_ITER(hh, all->table, h, next_holder) {
		if (!h->holdings.len && !h->former)
			holder_free(all, h);
	}
}

bool holders_update_bridges(struct holders *all, const struct compile_input *in)
{
	bool changed = all->bridges.len != in->nnetworks;

	for (size_t i = 0; i < in->nnetworks && !changed; i++)
		changed = strcmp(all->bridges.data[i], in->networks[i]->bridge);
	if (!changed)
		return false;
	vec_foreach(bridge, &all->bridges)
		free(*bridge);
	all->bridges.len = 0;
	for (size_t i = 0; i < in->nnetworks; i++)
		vec_push(&all->bridges, xstrdup(in->networks[i]->bridge));
	return true;
}

void holders_forget_released(struct holders *all)
{
	struct holder *h, *next;

	all->released = false;
	HASH_ITER(hh, all->table, h, next) {
		endpoint_unref(TAKE_PTR(h->former));
		if (!h->holdings.len)
			holder_free(all, h);
	}
}

void holders_fini(struct holders *all)
{
	struct holder *h, *next;

	HASH_ITER(hh, all->table, h, next)
		holder_free(all, h);
	vec_foreach(bridge, &all->bridges)
		free(*bridge);
	vec_fini(&all->bridges);
}

const struct holder *holders_find(const struct holders *all,
				  const struct addr *a)
{
	return find_holder(all, a);
}

struct endpoint *holder_first(const struct holder *h)
{
	if (!h)
		return NULL;
	return h->holdings.len ? h->holdings.data[0].subject->endpoint
			       : h->former;
}

bool holder_is_released(const struct holder *h)
{
	return h && h->former && !h->holdings.len;
}
