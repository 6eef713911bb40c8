/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tally.c - denied flows, what was counted of each and what was told of it. */
#include "flow/tally.h"

#include <string.h>

#include "base/alloc.h"
#include "base/table.h"

#define TIMEOUT_NS (COMPILE_DENIED_TIMEOUT_MS * UINT64_C(1000000))

struct flow {
	struct flow_key key;
	struct flow_record *record;  /* NULL: nothing is known but the key */
	bool counted_only;	     /* there was no room for it */
	struct tally_counts former;  /* of elements with this key before … */
	struct tally_counts element; /* … this one, as read last */
	struct tally_counts told, start; /* of both; when the flow id began */
	uint64_t last;			 /* realtime ns of the last packet */
	unsigned harvest;		 /* that saw it last */
	unsigned missed;		 /* harvests since */
	UT_hash_handle hh;
};

struct tally {
	struct flow_account *account;
	struct flow_denied_listener listener;
	struct flow *flows;  /* hashed by key, in the order they began */
	size_t records;	     /* flows that have one */
	size_t *live;	     /* flows by set */
	struct flow *cursor; /* the next one to tell */
	unsigned number;     /* of the harvest */
	bool first;	     /* nothing in it is news */
	struct flow_suppressed overflow; /* of flows only counted */
};

static struct tally_counts total(const struct flow *f)
{
	return (struct tally_counts){ f->former.packets + f->element.packets,
				      f->former.bytes + f->element.bytes };
}

/* ---- flows ------------------------------------------------------------- */

static struct flow *find(struct tally *t, const struct flow_key *key)
{
	struct flow *f;

	HASH_FIND(hh, t->flows, key, sizeof(*key), f);
	return f;
}

static struct flow *add(struct tally *t, const struct flow_key *key,
			uint64_t last)
{
	struct flow *f = xnew(struct flow);

	f->key = *key;
	f->last = last;
	f->harvest = t->number;
	t->live[key->set]++;
	HASH_ADD(hh, t->flows, key, sizeof(f->key), f);
	return f;
}

static void drop_record(struct tally *t, struct flow *f)
{
	if (!f->record)
		return;
	endpoint_unref((struct endpoint *)f->record->src.owner);
	endpoint_unref((struct endpoint *)f->record->dst.owner);
	flow_record_fini(f->record);
	free(TAKE_PTR(f->record));
	t->records--;
}

static void forget(struct tally *t, struct flow *f)
{
	if (t->cursor == f)
		t->cursor = f->hh.next;
	t->live[f->key.set]--;
	HASH_DEL(t->flows, f);
	drop_record(t, f);
	free(f);
}

/* Take @record for the flow's, with references to its owners. */
static void keep_record(struct tally *t, struct flow *f,
			struct flow_record *record)
{
	drop_record(t, f);
	f->record = xnew(struct flow_record);
	*f->record = *record;
	*record = (struct flow_record){ 0 };
	if (f->record->src.owner)
		endpoint_ref((struct endpoint *)f->record->src.owner);
	if (f->record->dst.owner)
		endpoint_ref((struct endpoint *)f->record->dst.owner);
	f->record->id = flow_id_new();
	t->records++;
}

/* ---- telling ----------------------------------------------------------- */

static void tell(struct tally *t, struct flow *f, enum flow_state state)
{
	struct flow_record *r = f->record;
	struct tally_counts now = total(f);

	r->state = state;
	r->packets = now.packets - f->start.packets;
	r->bytes = now.bytes - f->start.bytes;
	r->new_packets = now.packets - f->told.packets;
	r->new_bytes = now.bytes - MIN(f->told.bytes, now.bytes);
	r->last = MAX(r->first, f->last);
	flow_account_recorded(t->account, r->new_packets);
	f->told = now;
	t->listener.record(t->listener.arg, r);
	/* Once is enough. */
	free(TAKE_PTR(r->head));
}

static bool same_owner(const struct endpoint *a, const struct endpoint *b)
{
	return a == b || (a && b && !strcmp(a->id, b->id));
}

/* Nothing but the key is known, and what the store tells of its addresses. */
static void tell_unlogged(struct tally *t, struct flow *f, uint64_t now)
{
	struct flow_record record = { 0 };

	flow_key_tell(&f->key, &record);
	record.time = now;
	record.first = record.last = f->last;
	t->listener.identify(t->listener.arg, &record);
	f->start = f->told;
	keep_record(t, f, &record);
	tell(t, f, FLOW_NEW);
}

/* An address that has a new owner begins a new flow. */
static void tell_update(struct tally *t, struct flow *f, uint64_t time)
{
	struct flow_record now = { 0 };
	bool same;

	now.time = time;
	now.direction = f->record->direction;
	now.reason = f->record->reason;
	now.no_reason = f->record->no_reason;
	now.packet = f->record->packet;
	now.first = now.last = f->last;
	memcpy(now.in, f->record->in, sizeof(now.in));
	memcpy(now.out, f->record->out, sizeof(now.out));
	memcpy(now.phys_in, f->record->phys_in, sizeof(now.phys_in));
	memcpy(now.phys_out, f->record->phys_out, sizeof(now.phys_out));
	t->listener.identify(t->listener.arg, &now);
	same = same_owner(now.src.owner, f->record->src.owner) &&
	       same_owner(now.dst.owner, f->record->dst.owner);
	if (same) {
		/* Other policies may deny it by now. */
		__typeof__(now.policies) before = f->record->policies;

		f->record->policies = now.policies;
		now.policies = before;
		flow_record_fini(&now);
		f->record->time = time;
		tell(t, f, FLOW_UPDATE);
		return;
	}
	f->start = f->told;
	keep_record(t, f, &now);
	tell(t, f, FLOW_NEW);
}

static void tell_end(struct tally *t, struct flow *f, uint64_t now)
{
	if (!f->record)
		return;
	f->record->time = now;
	tell(t, f, FLOW_END);
}

static void tell_suppressed(struct tally *t, struct flow *f,
			    struct tally_counts news)
{
	struct flow_suppressed s = { .tuples = news.packets,
				     .packets = news.packets,
				     .bytes = news.bytes };

	flow_key_account(&f->key, &s.address, s.port);
	flow_account_suppressed(t->account, news.packets);
	t->listener.suppressed(t->listener.arg, &s);
}

static void count_overflow(struct tally *t, struct flow *f,
			   struct tally_counts news)
{
	t->overflow.tuples += !f->counted_only;
	t->overflow.packets += news.packets;
	t->overflow.bytes += news.bytes;
	f->counted_only = true;
	flow_account_suppressed(t->account, news.packets);
}

static void tell_news(struct tally *t, struct flow *f, uint64_t time)
{
	enum compile_denied_kind kind = flow_key_set(f->key.set)->kind;
	struct tally_counts now = total(f);
	struct tally_counts news = { now.packets - f->told.packets,
				     now.bytes -
					     MIN(f->told.bytes, now.bytes) };

	if (!news.packets)
		return;
	if (kind != DENIED_TUPLE && kind != DENIED_FRAME)
		tell_suppressed(t, f, news);
	else if (f->counted_only || (!f->record && t->records >= TALLY_MAX))
		count_overflow(t, f, news);
	else if (f->record)
		tell_update(t, f, time);
	else
		tell_unlogged(t, f, time);
	f->told = now;
}

static bool is_over(const struct flow *f, uint64_t now)
{
	return f->missed >= 2 && now > f->last + TIMEOUT_NS;
}

static void visit(struct tally *t, struct flow *f, uint64_t now)
{
	tell_news(t, f, now);
	f->missed = f->harvest == t->number ? 0 : f->missed + 1;
	if (!is_over(f, now))
		return;
	tell_end(t, f, now);
	forget(t, f);
}

/* ---- logged packets ---------------------------------------------------- */

/* Its element is gone, or it would not have been logged. */
static bool is_stale(const struct flow *f, uint64_t now)
{
	return now > f->last + TIMEOUT_NS;
}

bool tally_packet(struct tally *t, const struct flow_key *key,
		  struct flow_record *record)
{
	struct flow *f = find(t, key);

	if (f && is_stale(f, record->time)) {
		tell_end(t, f, record->time);
		forget(t, f);
		f = NULL;
	}
	/* Two processors met the tuple at once; its element counts both. */
	if (f && (f->record || f->counted_only || f->told.packets))
		return false;
	if (!f)
		f = add(t, key, record->time);
	f->element.packets = MAX(f->element.packets, (uint64_t)1);
	f->element.bytes = MAX(f->element.bytes, (uint64_t)record->bytes);
	if (t->records >= TALLY_MAX) {
		tell_news(t, f, record->time);
		return true;
	}
	keep_record(t, f, record);
	tell(t, f, FLOW_NEW);
	return true;
}

/* ---- harvests ---------------------------------------------------------- */

void tally_begin(struct tally *t, bool first)
{
	t->number++;
	t->first = first;
}

void tally_element(struct tally *t, const struct flow_key *key,
		   struct tally_counts counts, uint64_t last)
{
	struct flow *f = find(t, key);

	if (!f) {
		f = add(t, key, last);
		if (t->first)
			f->told = f->start = counts;
	}
	/* It was gone, and is there again. */
	if (counts.packets < f->element.packets) {
		f->former.packets += f->element.packets;
		f->former.bytes += f->element.bytes;
	}
	f->element = counts;
	f->last = MAX(f->last, last);
	f->harvest = t->number;
}

void tally_rewind(struct tally *t)
{
	t->cursor = t->flows;
}

bool tally_tell_next(struct tally *t, uint64_t now)
{
	struct flow *f = t->cursor;

	if (!f)
		return false;
	t->cursor = f->hh.next;
	visit(t, f, now);
	return t->cursor != NULL;
}

void tally_tell_overflow(struct tally *t)
{
	if (t->overflow.packets) {
		t->overflow.table_full = true;
		t->listener.suppressed(t->listener.arg, &t->overflow);
	}
	t->overflow = (struct flow_suppressed){ 0 };
}

size_t tally_len(const struct tally *t)
{
	return HASH_COUNT(t->flows);
}

size_t tally_len_of(const struct tally *t, size_t set)
{
	return t->live[set];
}

/* ---- life -------------------------------------------------------------- */

struct tally *tally_new(struct flow_account *account,
			struct flow_denied_listener listener)
{
	struct tally *t = xnew(struct tally);

	t->account = account;
	t->listener = listener;
	t->live = xcalloc(flow_key_sets(), sizeof(*t->live));
	return t;
}

void tally_free(struct tally *t)
{
	if (!t)
		return;
	while (t->flows)
		forget(t, t->flows);
	free(t->live);
	free(t);
}
