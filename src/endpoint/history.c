/* SPDX-License-Identifier: GPL-2.0-or-later */
/* history.c - who held an address before.
 *
 * A ring of fixed size holds the past owners in the order in which they left;
 * the past owners of one address are chained besides, newest first. The slot
 * that the ring reuses next is the oldest of all, so also the last one of its
 * chain: unlinking it never needs a walk.
 */
#include "endpoint/history.h"

#include "base/table.h"

struct past {
	struct endpoint *owner; /* NULL: slot not used yet */
	uint64_t from, until;
	struct past *newer, *older; /* of the same address */
	struct chain *chain;
};

struct chain {
	struct addr addr;
	struct past *newest;
	UT_hash_handle hh;
};

struct endpoint_history {
	size_t max, next;
	struct past *ring;
	struct chain *chains;
};

struct endpoint_history *endpoint_history_new(size_t max)
{
	struct endpoint_history *h = xnew(struct endpoint_history);

	h->max = max;
	h->ring = xcalloc(max, sizeof(*h->ring));
	return h;
}

static void forget(struct endpoint_history *h, struct past *p)
{
	struct chain *chain = p->chain;

	if (!p->owner)
		return;
	if (p->newer)
		p->newer->older = NULL;
	else
		chain->newest = NULL;
	if (!chain->newest) {
		HASH_DEL(h->chains, chain);
		free(chain);
	}
	endpoint_unref(p->owner);
	*p = (struct past){ 0 };
}

void endpoint_history_free(struct endpoint_history *h)
{
	if (!h)
		return;
	/* Oldest first, as forget() wants it. */
	for (size_t i = 0; i < h->max; i++)
		forget(h, &h->ring[(h->next + i) % h->max]);
	free(h->ring);
	free(h);
}

static struct chain *find_chain(const struct endpoint_history *h,
				const struct addr *a)
{
	struct chain *chain;

	HASH_FIND(hh, h->chains, a, sizeof(*a), chain);
	return chain;
}

void endpoint_history_add(struct endpoint_history *h, const struct addr *a,
			  struct endpoint *owner, uint64_t from, uint64_t until)
{
	struct past *p = &h->ring[h->next];
	struct chain *chain;

	forget(h, p);
	h->next = (h->next + 1) % h->max;
	chain = find_chain(h, a);
	if (!chain) {
		chain = xnew(struct chain);
		chain->addr = *a;
		HASH_ADD(hh, h->chains, addr, sizeof(chain->addr), chain);
	}
	*p = (struct past){
		.owner = endpoint_ref(owner),
		.from = from,
		.until = until,
		.older = chain->newest,
		.chain = chain,
	};
	if (p->older)
		p->older->newer = p;
	chain->newest = p;
}

struct endpoint *endpoint_history_find(const struct endpoint_history *h,
				       const struct addr *a, uint64_t when)
{
	const struct chain *chain = find_chain(h, a);
	struct endpoint *owner = NULL;

	if (!chain)
		return NULL;
	for (const struct past *p = chain->newest; p; p = p->older) {
		owner = p->owner;
		if (p->from <= when)
			break;
	}
	return owner;
}
