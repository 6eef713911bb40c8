/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store.c - endpoints and networks of this host, by id and by address.
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
#include "base/table.h"
#include "endpoint/history.h"

struct item {
	struct endpoint *endpoint;
	bool stale; /* a resync runs and has not put it yet */
	UT_hash_handle hh;
};

struct network_item {
	struct network *network;
	bool stale;
	UT_hash_handle hh;
};

struct claim {
	struct endpoint *endpoint; /* borrowed from its item */
	uint64_t since;
};

/* Exists while somebody claims the address. */
struct holder {
	struct addr addr;
	VEC(struct claim) claims; /* oldest first; the last one owns it */
	UT_hash_handle hh;
};

/* An id whose endpoint is quarantined, whether or not there is one. */
struct sealed {
	char *id;
	UT_hash_handle hh;
};

struct endpoint_store {
	struct item *items;
	struct sealed *sealed;
	struct network_item *networks;
	struct holder *holders;
	struct endpoint_history *history;
	struct endpoint_observer observer;
	uint64_t generation;
	/* Sorted arrays for the callers, rebuilt when asked after a change. */
	VEC(struct endpoint *) all;
	VEC(const struct network *) all_networks;
	bool all_valid, all_networks_valid;
};

struct network *network_new(const char *runtime, const char *id,
			    const char *name)
{
	struct network *n = xnew(struct network);

	n->runtime = runtime;
	n->id = xstrdup(id);
	n->name = xstrdup(name);
	n->driver = xstrdup("");
	return n;
}

void network_free(struct network *n)
{
	if (!n)
		return;
	vec_fini(&n->subnets);
	vec_fini(&n->gateways);
	free(n->id);
	free(n->name);
	free(n->driver);
	free(n);
}

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

static struct item *find_item(const struct endpoint_store *s, const char *id)
{
	struct item *item;

	HASH_FIND_STR(s->items, id, item);
	return item;
}

static struct holder *find_holder(const struct endpoint_store *s,
				  const struct addr *a)
{
	struct holder *holder;

	HASH_FIND(hh, s->holders, a, sizeof(*a), holder);
	return holder;
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
	struct holder *holder = find_holder(s, a);

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
	struct holder *holder = find_holder(s, a);

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
	const struct holder *holder = find_holder(s, a);

	if (!holder || !at->network_id[0])
		return NULL;
	vec_foreach(c, &holder->claims) {
		const struct attachment *theirs;

		if (!strcmp(c->endpoint->id, e->id))
			continue;
		theirs = attachment_of(c->endpoint, a);
		if (theirs && !strcmp(theirs->network_id, at->network_id))
			return find_item(s, c->endpoint->id);
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
	struct item *item = find_item(s, id);
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
	struct item *item = find_item(s, e->id);

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
	struct item *item = find_item(s, id);
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

static bool network_equal(const struct network *a, const struct network *b)
{
	if (strcmp(a->id, b->id) || strcmp(a->name, b->name) ||
	    strcmp(a->runtime, b->runtime) || strcmp(a->driver, b->driver) ||
	    strcmp(a->bridge, b->bridge) || a->internal != b->internal ||
	    a->subnets.len != b->subnets.len ||
	    a->gateways.len != b->gateways.len)
		return false;
	for (size_t i = 0; i < a->subnets.len; i++)
		if (prefix_compare(&a->subnets.data[i], &b->subnets.data[i]))
			return false;
	for (size_t i = 0; i < a->gateways.len; i++)
		if (!addr_eq(&a->gateways.data[i], &b->gateways.data[i]))
			return false;
	return true;
}

static struct network_item *find_network(const struct endpoint_store *s,
					 const char *id)
{
	struct network_item *item;

	HASH_FIND_STR(s->networks, id, item);
	return item;
}

static void tell_network(struct endpoint_store *s, const struct network *old,
			 const struct network *now)
{
	s->generation++;
	s->all_networks_valid = false;
	if (s->observer.network)
		s->observer.network(s->observer.arg, old, now);
}

void endpoint_store_put_network(struct endpoint_store *s, struct network *n)
{
	struct network_item *item = find_network(s, n->id);
	struct network *old = item ? item->network : NULL;

	if (item && network_equal(old, n)) {
		item->stale = false;
		network_free(n);
		return;
	}
	if (item)
		HASH_DEL(s->networks, item);
	else
		item = xnew(struct network_item);
	item->network = n;
	item->stale = false;
	HASH_ADD_KEYPTR(hh, s->networks, n->id, strlen(n->id), item);
	tell_network(s, old, n);
	network_free(old);
}

void endpoint_store_remove_network(struct endpoint_store *s, const char *id)
{
	struct network_item *item = find_network(s, id);
	struct network *old;

	if (!item)
		return;
	old = item->network;
	HASH_DEL(s->networks, item);
	free(item);
	tell_network(s, old, NULL);
	network_free(old);
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

struct endpoint *endpoint_store_by_id(const struct endpoint_store *s,
				      const char *id)
{
	const struct item *item = find_item(s, id);

	return item ? item->endpoint : NULL;
}

const struct network *endpoint_store_network(const struct endpoint_store *s,
					     const char *id)
{
	const struct network_item *item = find_network(s, id);

	return item ? item->network : NULL;
}

/* "NAMESPACE/NAME" or "NAME". */
static bool is_named(const struct endpoint *e, const char *text)
{
	size_t n = strlen(e->namespace);

	if (!strcmp(e->name, text))
		return true;
	return !strncmp(e->namespace, text, n) && text[n] == '/' &&
	       !strcmp(e->name, text + n + 1);
}

static bool has_id_prefix(const struct endpoint *e, const char *text)
{
	size_t n = strlen(text);

	return n >= 4 && !strncmp(e->id, text, n);
}

struct endpoint *endpoint_store_find(const struct endpoint_store *s,
				     const char *text, bool *ret_ambiguous)
{
	static bool (*const ways[])(const struct endpoint *, const char *) = {
		is_named,
		has_id_prefix,
	};
	struct endpoint *found = endpoint_store_by_id(s, text);
	const struct item *item;
	bool ambiguous = false;

	for (size_t i = 0; !found && i < ARRAY_SIZE(ways); i++)
		for (item = s->items; item; item = item->hh.next) {
			if (!ways[i](item->endpoint, text))
				continue;
			ambiguous = found != NULL;
			found = item->endpoint;
			if (ambiguous)
				break;
		}
	*ret_ambiguous = ambiguous;
	return ambiguous ? NULL : found;
}

static const struct claim *owning_claim(const struct endpoint_store *s,
					const struct addr *a)
{
	const struct holder *holder = find_holder(s, a);

	return holder ? &holder->claims.data[holder->claims.len - 1] : NULL;
}

struct endpoint *endpoint_store_by_addr(const struct endpoint_store *s,
					const struct addr *a)
{
	const struct claim *owner = owning_claim(s, a);

	return owner ? owner->endpoint : NULL;
}

struct endpoint *endpoint_store_owner_at(const struct endpoint_store *s,
					 const struct addr *a,
					 uint64_t realtime)
{
	const struct claim *owner = owning_claim(s, a);
	struct endpoint *past;

	if (owner && owner->since <= realtime)
		return owner->endpoint;
	past = endpoint_history_find(s->history, a, realtime);
	return past || !owner ? past : owner->endpoint;
}

static int compare_endpoints(const void *a, const void *b)
{
	const struct endpoint *x = *(struct endpoint *const *)a;
	const struct endpoint *y = *(struct endpoint *const *)b;
	int c = strcmp(x->namespace, y->namespace);

	c = c ? c : strcmp(x->name, y->name);
	return c ? c : strcmp(x->id, y->id);
}

static bool is_unspecified(const struct addr *a)
{
	static const uint8_t zero[sizeof(a->bytes)];

	return !memcmp(a->bytes, zero, sizeof(zero));
}

struct endpoint *endpoint_store_published(const struct endpoint_store *s,
					  const struct addr *host,
					  uint8_t proto, uint16_t port)
{
	struct endpoint *any = NULL;
	struct item *item, *next;

	HASH_ITER(hh, s->items, item, next) {
		struct endpoint *e = item->endpoint;

		if (e->state == ENDPOINT_EXITED)
			continue;
		vec_foreach(p, &e->published) {
			if (p->host_port != port || p->proto != proto)
				continue;
			if (addr_eq(&p->host, host))
				return e;
			if (p->host.family == host->family &&
			    is_unspecified(&p->host))
				any = e;
		}
	}
	return any;
}

struct endpoint *const *endpoint_store_all(struct endpoint_store *s,
					   size_t *ret_n)
{
	if (!s->all_valid) {
		s->all.len = 0;
		for (struct item *i = s->items; i; i = i->hh.next)
			vec_push(&s->all, i->endpoint);
		vec_sort(&s->all, compare_endpoints);
		s->all_valid = true;
	}
	*ret_n = s->all.len;
	return s->all.data;
}

static int compare_networks(const void *a, const void *b)
{
	const struct network *x = *(const struct network *const *)a;
	const struct network *y = *(const struct network *const *)b;
	int c = strcmp(x->runtime, y->runtime);

	c = c ? c : strcmp(x->name, y->name);
	return c ? c : strcmp(x->id, y->id);
}

const struct network *const *endpoint_store_networks(struct endpoint_store *s,
						     size_t *ret_n)
{
	if (!s->all_networks_valid) {
		s->all_networks.len = 0;
		for (struct network_item *i = s->networks; i; i = i->hh.next)
			vec_push(&s->all_networks, i->network);
		vec_sort(&s->all_networks, compare_networks);
		s->all_networks_valid = true;
	}
	*ret_n = s->all_networks.len;
	return s->all_networks.data;
}
