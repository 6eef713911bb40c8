/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store.c - endpoints of this host, as they come, change and go.
 *
 * An address can be claimed by several endpoints for a while: Docker hands a
 * freed address to the next container before it has told that the last one
 * lost it, and independent networks may overlap. The claims on an address are
 * kept in the order in which they were made, and the newest one owns it. On
 * one network an address has one holder only, so there a newer claim takes the
 * address away from the endpoint that still showed it: whatever is told about
 * the old one later (its late `die`) no longer touches the address.
 */
#include "endpoint/store.h"

#include <string.h>

#include "base/clock.h"
#include "endpoint/history.h"
#include "endpoint/state.h"

static struct sealed *find_sealed(const struct endpoint_store *s,
				  const char *id)
{
	struct sealed *sealed;

	HASH_FIND_STR(s->sealed, id, sealed);
	return sealed;
}

static void sealed_free(struct endpoint_store *s, struct sealed *sealed)
{
	HASH_DEL(s->sealed, sealed);
	free(sealed->id);
	free(sealed);
}

struct endpoint_store *endpoint_store_new(void)
{
	struct endpoint_store *s = xnew(struct endpoint_store);

	s->history = endpoint_history_new(ENDPOINT_HISTORY);
	return s;
}

void endpoint_store_free(struct endpoint_store *s)
{
	struct item *item, *next_item;
	struct network_item *network, *next_network;
	struct holder *holder, *next_holder;
	struct sealed *sealed, *next_sealed;

	if (!s)
		return;
	HASH_ITER(hh, s->holders, holder, next_holder) {
		HASH_DEL(s->holders, holder);
		vec_fini(&holder->claims);
		free(holder);
	}
	HASH_ITER(hh, s->sealed, sealed, next_sealed)
		sealed_free(s, sealed);
	HASH_ITER(hh, s->items, item, next_item) {
		HASH_DEL(s->items, item);
		endpoint_unref(item->endpoint);
		free(item);
	}
	HASH_ITER(hh, s->networks, network, next_network) {
		HASH_DEL(s->networks, network);
		network_free(network->network);
		free(network);
	}
	endpoint_history_free(s->history);
	vec_fini(&s->all);
	vec_fini(&s->all_networks);
	free(s);
}

void endpoint_store_observe(struct endpoint_store *s,
			    struct endpoint_observer observer)
{
	s->observer = observer;
}

uint64_t endpoint_store_generation(const struct endpoint_store *s)
{
	return s->generation;
}

static void tell(struct endpoint_store *s, struct endpoint *old,
		 struct endpoint *now)
{
	s->generation++;
	s->all_valid = false;
	if (s->observer.endpoint)
		s->observer.endpoint(s->observer.arg, old, now);
}

/* The endpoint's attachment with address @a, or NULL. */
static struct attachment *attachment_of(const struct endpoint *e,
					const struct addr *a)
{
	if (!e || e->state == ENDPOINT_EXITED)
		return NULL;
	vec_foreach(at, &e->attachments)
		if (addr_eq(&at->v4, a) || addr_eq(&at->v6, a))
			return at;
	return NULL;
}

static void release(struct endpoint_store *s, const struct addr *a,
		    struct endpoint *e)
{
	struct holder *holder = endpoint_store_find_holder(s, a);

	for (size_t i = 0; holder && i < holder->claims.len; i++) {
		struct claim *claim = &holder->claims.data[i];

		if (strcmp(claim->endpoint->id, e->id))
			continue;
		endpoint_history_add(s->history, a, e, claim->since,
				     clock_realtime());
		vec_remove(&holder->claims, i);
		break;
	}
	if (holder && !holder->claims.len) {
		HASH_DEL(s->holders, holder);
		vec_fini(&holder->claims);
		free(holder);
	}
}

/* Let @e claim @a; a claim that it has already is kept, with its place. */
static void claim(struct endpoint_store *s, const struct addr *a,
		  struct endpoint *e)
{
	struct holder *holder = endpoint_store_find_holder(s, a);

	if (!holder) {
		holder = xnew(struct holder);
		holder->addr = *a;
		HASH_ADD(hh, s->holders, addr, sizeof(holder->addr), holder);
	}
	vec_foreach(c, &holder->claims)
		if (!strcmp(c->endpoint->id, e->id)) {
			c->endpoint = e;
			return;
		}
	vec_push(&holder->claims, (struct claim){ e, clock_realtime() });
}

/* Bring the claims of an endpoint from its @old form to its @now form. */
static void move_claims(struct endpoint_store *s, struct endpoint *old,
			struct endpoint *now)
{
	static const struct endpoint none;

	vec_foreach(at, &(now ?: &none)->attachments) {
		if (addr_is_set(&at->v4) && attachment_of(now, &at->v4))
			claim(s, &at->v4, now);
		if (addr_is_set(&at->v6) && attachment_of(now, &at->v6))
			claim(s, &at->v6, now);
	}
	vec_foreach(at, &(old ?: &none)->attachments) {
		if (addr_is_set(&at->v4) && !attachment_of(now, &at->v4))
			release(s, &at->v4, old);
		if (addr_is_set(&at->v6) && !attachment_of(now, &at->v6))
			release(s, &at->v6, old);
	}
}

/* Put @e into @item (new when it has no endpoint yet) and tell. */
static void replace(struct endpoint_store *s, struct item *item,
		    struct endpoint *e)
{
	struct endpoint *old = item->endpoint;

	/* The table's key lies in the endpoint, so it moves along. */
	if (old)
		HASH_DEL(s->items, item);
	item->endpoint = e;
	HASH_ADD_KEYPTR(hh, s->items, e->id, strlen(e->id), item);
	move_claims(s, old, e);
	tell(s, old, e);
	endpoint_unref(old);
}

/* Who else shows @a on the network of @at; NULL when nobody does. */
static struct item *rival_of(const struct endpoint_store *s,
			     const struct endpoint *e,
			     const struct attachment *at, const struct addr *a)
{
	const struct holder *holder = endpoint_store_find_holder(s, a);

	if (!holder || !at->network_id[0])
		return NULL;
	vec_foreach(c, &holder->claims) {
		const struct attachment *theirs;

		if (!strcmp(c->endpoint->id, e->id))
			continue;
		theirs = attachment_of(c->endpoint, a);
		if (theirs && !strcmp(theirs->network_id, at->network_id))
			return endpoint_store_find_item(s, c->endpoint->id);
	}
	return NULL;
}

static void take_from_rivals(struct endpoint_store *s, const struct endpoint *e,
			     const struct attachment *at, const struct addr *a)
{
	struct item *rival;

	if (!addr_is_set(a) || !attachment_of(e, a))
		return;
	while ((rival = rival_of(s, e, at, a))) {
		struct endpoint *loser = endpoint_copy(rival->endpoint);
		struct attachment *lost = attachment_of(loser, a);

		if (addr_eq(&lost->v4, a))
			lost->v4 = (struct addr){ 0 };
		else
			lost->v6 = (struct addr){ 0 };
		replace(s, rival, loser);
	}
}

void endpoint_store_quarantine(struct endpoint_store *s, const char *id,
			       bool on)
{
	struct sealed *sealed = find_sealed(s, id);
	struct item *item = endpoint_store_find_item(s, id);
	struct endpoint *changed;

	if (on == !!sealed)
		return;
	if (on) {
		sealed = xnew(struct sealed);
		sealed->id = xstrdup(id);
		HASH_ADD_KEYPTR(hh, s->sealed, sealed->id, strlen(sealed->id),
				sealed);
	} else {
		sealed_free(s, sealed);
	}
	if (!item)
		return;
	changed = endpoint_copy(item->endpoint);
	changed->quarantined = on;
	replace(s, item, changed);
}

void endpoint_store_put(struct endpoint_store *s, struct endpoint *e)
{
	struct item *item = endpoint_store_find_item(s, e->id);

	e->quarantined = find_sealed(s, e->id);
	if (item && endpoint_equal(item->endpoint, e)) {
		item->stale = false;
		endpoint_unref(e);
		return;
	}
	/* What it had already it does not claim anew: a stale attachment that
	 * is put again takes nothing away. */
	vec_foreach(at, &e->attachments) {
		if (!item || !attachment_of(item->endpoint, &at->v4))
			take_from_rivals(s, e, at, &at->v4);
		if (!item || !attachment_of(item->endpoint, &at->v6))
			take_from_rivals(s, e, at, &at->v6);
	}
	if (!item)
		item = xnew(struct item);
	item->stale = false;
	replace(s, item, e);
}

void endpoint_store_remove(struct endpoint_store *s, const char *id)
{
	struct item *item = endpoint_store_find_item(s, id);
	struct endpoint *old;

	if (!item)
		return;
	old = item->endpoint;
	HASH_DEL(s->items, item);
	free(item);
	move_claims(s, old, NULL);
	tell(s, old, NULL);
	endpoint_unref(old);
}

void endpoint_store_sync_begin(struct endpoint_store *s, const char *runtime)
{
	struct item *item, *next_item;
	struct network_item *network, *next_network;

	HASH_ITER(hh, s->items, item, next_item)
		item->stale = item->stale ||
			      !strcmp(item->endpoint->runtime, runtime);
	HASH_ITER(hh, s->networks, network, next_network)
		network->stale = network->stale ||
				 !strcmp(network->network->runtime, runtime);
}

void endpoint_store_sync_end(struct endpoint_store *s, const char *runtime)
{
	struct item *item, *next_item;
	struct network_item *network, *next_network;

	/* Endpoints first: nobody sees one on a network that is gone. */
	HASH_ITER(hh, s->items, item, next_item)
		if (item->stale && !strcmp(item->endpoint->runtime, runtime))
			endpoint_store_remove(s, item->endpoint->id);
	HASH_ITER(hh, s->networks, network, next_network)
		if (network->stale &&
		    !strcmp(network->network->runtime, runtime))
			endpoint_store_remove_network(s, network->network->id);
}
