/* SPDX-License-Identifier: GPL-2.0-or-later */
/* handover.c - what the next agent gets to know of connections that live. */
#include "flow/handover.h"

#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/table.h"
#include "base/vec.h"
#include "flow/kept.h"
#include "flow/record.h"

#define MAGIC UINT64_C(0x626c6b6868616e31) /* "blkhhan1" */

/* One that was handed over and that nobody has taken yet. */
struct waiting {
	uint64_t key;
	struct handover_slot *slot;
	UT_hash_handle hh;
};

struct handover {
	struct kept kept;
	struct handover_slot *slots; /* HANDOVER_MAX, kept */
	uint32_t unused;	     /* from here on none was ever used */
	VEC(struct handover_slot *) free;
	struct waiting *waiting;
};

/* Of two with one hash the first has it. */
static void await(struct handover *h, struct handover_slot *slot)
{
	struct waiting *w;

	HASH_FIND(hh, h->waiting, &slot->key, sizeof(slot->key), w);
	if (w) {
		handover_drop(h, slot);
		return;
	}
	w = xnew(struct waiting);
	w->key = slot->key;
	w->slot = slot;
	HASH_ADD(hh, h->waiting, key, sizeof(w->key), w);
}

static void inherit(struct handover *h)
{
	for (uint32_t i = 0; i < HANDOVER_MAX; i++)
		if (h->slots[i].key)
			h->unused = i + 1;
	for (uint32_t i = 0; i < h->unused; i++)
		if (h->slots[i].key)
			await(h, &h->slots[i]);
		else
			vec_push(&h->free, &h->slots[i]);
}

struct handover *handover_open(const char *path, const char *boot_id)
{
	struct handover *h = xnew(struct handover);
	int r = kept_open(path, MAGIC, boot_id,
			  HANDOVER_MAX * sizeof(*h->slots), &h->kept);

	if (r < 0)
		log_warning(
			"cannot keep %s: %s; allowed connections that outlive this agent will then be told as other flows",
			path, strerror(-r));
	h->slots = h->kept.memory;
	if (h->kept.inherited)
		inherit(h);
	return h;
}

static void forget(struct handover *h, struct waiting *w)
{
	HASH_DEL(h->waiting, w);
	free(w);
}

struct handover_slot *handover_take(struct handover *h, uint64_t key)
{
	struct handover_slot *slot = NULL;
	struct waiting *w;

	HASH_FIND(hh, h->waiting, &key, sizeof(key), w);
	if (w) {
		slot = w->slot;
		forget(h, w);
	}
	return slot;
}

static struct handover_slot *any_free(struct handover *h)
{
	if (h->free.len)
		return h->free.data[--h->free.len];
	return h->unused < HANDOVER_MAX ? &h->slots[h->unused++] : NULL;
}

struct handover_slot *handover_add(struct handover *h, uint64_t key)
{
	struct handover_slot *slot;

	handover_drop(h, handover_take(h, key));
	slot = any_free(h);
	if (!slot)
		return NULL;
	*slot = (struct handover_slot){ .id = flow_id_new() };
	/* Who finds the key finds the rest. */
	__atomic_store_n(&slot->key, key, __ATOMIC_RELEASE);
	return slot;
}

void handover_drop(struct handover *h, struct handover_slot *slot)
{
	if (!slot)
		return;
	slot->key = 0;
	vec_push(&h->free, slot);
}

void handover_sweep(struct handover *h)
{
	struct waiting *w, *next;

	HASH_ITER(hh, h->waiting, w, next) {
		handover_drop(h, w->slot);
		forget(h, w);
	}
}

void handover_close(struct handover *h)
{
	struct waiting *w, *next;

	if (!h)
		return;
	/* Their slots are for the next one. */
	HASH_ITER(hh, h->waiting, w, next)
		forget(h, w);
	vec_fini(&h->free);
	kept_close(&h->kept);
	free(h);
}
