/* SPDX-License-Identifier: GPL-2.0-or-later */
/* denied.c - denied flows: begun by a logged packet, counted by the kernel.
 *
 * A harvest goes through these phases, each in slices on the loop:
 *
 *   IDLE      nothing is under way; the timer runs while a flow lives
 *   READING   counters first; then the sets, unless each packet of the
 *             counters is accounted for: then no element has news
 *   DRAINING  logged packets that were on their way until then
 *   TELLING   one flow after the other, then the counters again
 *
 * An element that no logged packet has told of (that was lost, or came while
 * no agent ran) is an *orphan*: a flow of which only the key is known. It can
 * only be told for one when the log's packet of it would have come, hence
 * DRAINING.
 *
 * A hash set that packets change while it is dumped may be told with an
 * element twice or without it. So a flow is over only when two harvests have
 * missed it, and its time is up.
 */
#include "flow/denied.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/table.h"
#include "firewall/harvest.h"

/* Flows that are told one by one: some 20 MiB. What is over is counted. */
#define FLOWS_MAX 32768
/* Counters of both tables. */
#define COUNTERS_MAX 32
#define NS_PER_MS    UINT64_C(1000000)
#define TIMEOUT_NS   (COMPILE_DENIED_TIMEOUT_MS * NS_PER_MS)

enum phase { IDLE, READING, DRAINING, TELLING };

struct counts {
	uint64_t packets, bytes;
};

struct flow {
	struct flow_key key;
	struct flow_record *record; /* NULL: nothing is known but the key */
	bool counted_only;	    /* there was no room for it */
	struct counts former;	    /* of elements with this key before … */
	struct counts element;	    /* … this one, as read last */
	struct counts told, start;  /* of both; when the flow id began */
	uint64_t last;		    /* realtime ns of the last packet */
	unsigned harvest;	    /* that saw it last */
	unsigned missed;	    /* harvests since */
	UT_hash_handle hh;
};

struct flow_denied {
	struct flow_account *account;
	struct flow_denied_listener listener;
	struct harvest *harvest;
	struct loop_timer *timer; /* to the next harvest, or slice */
	uint64_t interval_ms;
	enum phase phase;
	struct flow *flows;	  /* hashed by key, in the order they began */
	size_t records;		  /* flows that have one */
	size_t *live;		  /* flows by set */
	struct flow *cursor;	  /* the next one to tell */
	unsigned number;	  /* of the harvest */
	uint64_t balanced;	  /* monotonic ns */
	bool first;		  /* harvest: nothing in it is news */
	bool stale;		  /* hurry: start again when this one is over */
	struct harvest_set *sets; /* being read, and their numbers */
	size_t *numbers;
	size_t nsets;
	uint64_t before; /* counters' sum when the harvest began */
	uint64_t unattributed, unattributed_bytes, unattributed_told;
	uint64_t unattributed_told_bytes;
	struct flow_suppressed overflow; /* of flows only counted */
};

static struct counts total(const struct flow *f)
{
	return (struct counts){ f->former.packets + f->element.packets,
				f->former.bytes + f->element.bytes };
}

/* ---- flows ------------------------------------------------------------- */

static struct flow *find(struct flow_denied *d, const struct flow_key *key)
{
	struct flow *f;

	HASH_FIND(hh, d->flows, key, sizeof(*key), f);
	return f;
}

static struct flow *add(struct flow_denied *d, const struct flow_key *key,
			uint64_t last)
{
	struct flow *f = xnew(struct flow);

	f->key = *key;
	f->last = last;
	f->harvest = d->number;
	d->live[key->set]++;
	HASH_ADD(hh, d->flows, key, sizeof(f->key), f);
	return f;
}

static void drop_record(struct flow_denied *d, struct flow *f)
{
	if (!f->record)
		return;
	endpoint_unref((struct endpoint *)f->record->src.owner);
	endpoint_unref((struct endpoint *)f->record->dst.owner);
	flow_record_fini(f->record);
	free(TAKE_PTR(f->record));
	d->records--;
}

static void forget(struct flow_denied *d, struct flow *f)
{
	if (d->cursor == f)
		d->cursor = f->hh.next;
	d->live[f->key.set]--;
	HASH_DEL(d->flows, f);
	drop_record(d, f);
	free(f);
}

/* Take @record for the flow's, with references to its owners. */
static void keep_record(struct flow_denied *d, struct flow *f,
			struct flow_record *record)
{
	drop_record(d, f);
	f->record = xnew(struct flow_record);
	*f->record = *record;
	*record = (struct flow_record){ 0 };
	if (f->record->src.owner)
		endpoint_ref((struct endpoint *)f->record->src.owner);
	if (f->record->dst.owner)
		endpoint_ref((struct endpoint *)f->record->dst.owner);
	f->record->id = flow_id_new();
	d->records++;
}

/* ---- telling ----------------------------------------------------------- */

static void tell(struct flow_denied *d, struct flow *f, enum flow_state state)
{
	struct flow_record *r = f->record;
	struct counts now = total(f);

	r->state = state;
	r->packets = now.packets - f->start.packets;
	r->bytes = now.bytes - f->start.bytes;
	r->new_packets = now.packets - f->told.packets;
	r->new_bytes = now.bytes - MIN(f->told.bytes, now.bytes);
	r->last = MAX(r->first, f->last);
	flow_account_recorded(d->account, r->new_packets);
	f->told = now;
	d->listener.record(d->listener.arg, r);
	/* Once is enough. */
	free(TAKE_PTR(r->head));
}

static bool same_owner(const struct endpoint *a, const struct endpoint *b)
{
	return a == b || (a && b && !strcmp(a->id, b->id));
}

/* Nothing but the key is known, and what the store tells of its addresses. */
static void tell_unlogged(struct flow_denied *d, struct flow *f)
{
	struct flow_record record = { 0 };

	flow_key_tell(&f->key, &record);
	record.time = clock_realtime();
	record.first = record.last = f->last;
	d->listener.identify(d->listener.arg, &record);
	f->start = f->told;
	keep_record(d, f, &record);
	tell(d, f, FLOW_NEW);
}

/* An address that has a new owner begins a new flow. */
static void tell_update(struct flow_denied *d, struct flow *f)
{
	struct flow_record now = { 0 };
	bool same;

	now.time = clock_realtime();
	now.direction = f->record->direction;
	now.reason = f->record->reason;
	now.no_reason = f->record->no_reason;
	now.packet = f->record->packet;
	now.first = now.last = f->last;
	memcpy(now.in, f->record->in, sizeof(now.in));
	memcpy(now.out, f->record->out, sizeof(now.out));
	memcpy(now.phys_in, f->record->phys_in, sizeof(now.phys_in));
	memcpy(now.phys_out, f->record->phys_out, sizeof(now.phys_out));
	d->listener.identify(d->listener.arg, &now);
	same = same_owner(now.src.owner, f->record->src.owner) &&
	       same_owner(now.dst.owner, f->record->dst.owner);
	if (same) {
		/* Other policies may deny it by now. */
		__typeof__(now.policies) before = f->record->policies;

		f->record->policies = now.policies;
		now.policies = before;
		flow_record_fini(&now);
		f->record->time = clock_realtime();
		tell(d, f, FLOW_UPDATE);
		return;
	}
	now.audit = f->record->audit;
	f->start = f->told;
	keep_record(d, f, &now);
	tell(d, f, FLOW_NEW);
}

static void tell_end(struct flow_denied *d, struct flow *f)
{
	if (!f->record)
		return;
	f->record->time = clock_realtime();
	tell(d, f, FLOW_END);
}

static void tell_suppressed(struct flow_denied *d, struct flow *f,
			    struct counts news)
{
	struct flow_suppressed s = { .tuples = news.packets,
				     .packets = news.packets,
				     .bytes = news.bytes };

	flow_key_account(&f->key, &s.address, s.port);
	flow_account_suppressed(d->account, news.packets);
	d->listener.suppressed(d->listener.arg, &s);
}

static void count_overflow(struct flow_denied *d, struct flow *f,
			   struct counts news)
{
	d->overflow.tuples += !f->counted_only;
	d->overflow.packets += news.packets;
	d->overflow.bytes += news.bytes;
	f->counted_only = true;
	flow_account_suppressed(d->account, news.packets);
}

static void tell_news(struct flow_denied *d, struct flow *f)
{
	enum compile_denied_kind kind = flow_key_set(f->key.set)->kind;
	struct counts now = total(f);
	struct counts news = { now.packets - f->told.packets,
			       now.bytes - MIN(f->told.bytes, now.bytes) };

	if (!news.packets)
		return;
	if (kind != DENIED_TUPLE && kind != DENIED_FRAME)
		tell_suppressed(d, f, news);
	else if (f->counted_only || (!f->record && d->records >= FLOWS_MAX))
		count_overflow(d, f, news);
	else if (f->record)
		tell_update(d, f);
	else
		tell_unlogged(d, f);
	f->told = now;
}

static bool is_over(const struct flow *f, uint64_t now)
{
	return f->missed >= 2 && now > f->last + TIMEOUT_NS;
}

static void visit(struct flow_denied *d, struct flow *f)
{
	tell_news(d, f);
	f->missed = f->harvest == d->number ? 0 : f->missed + 1;
	if (!is_over(f, clock_realtime()))
		return;
	tell_end(d, f);
	forget(d, f);
}

/* ---- counters ---------------------------------------------------------- */

struct sum {
	uint64_t dropped, unattributed, unattributed_bytes;
};

static void add_counter(void *arg, const char *name, uint64_t packets,
			uint64_t bytes)
{
	struct sum *sum = arg;

	if (!strcmp(name, COMPILE_COUNTER_UNATTRIBUTED)) {
		sum->unattributed += packets;
		sum->unattributed_bytes += bytes;
	} else if (strcmp(name, "link_control") &&
		   strcmp(name, COMPILE_COUNTER_ANSWERS)) {
		sum->dropped += packets;
	}
}

static bool read_counters(struct flow_denied *d, struct sum *ret)
{
	struct sum sum = { 0 };

	for (int t = 0; t < TABLE_COUNT; t++)
		if (harvest_counters(d->harvest, (enum ruleset_table)t,
				     add_counter, &sum) < 0)
			return false;
	*ret = sum;
	return true;
}

/* Somebody made the tables, or their counters, anew. */
static void counters_fell(struct flow_denied *d, uint64_t dropped)
{
	flow_account_begin(d->account, dropped);
	d->unattributed_told = d->unattributed_told_bytes = 0;
	d->listener.lost(d->listener.arg, "counters-reset", 0);
}

static void tell_unattributed(struct flow_denied *d)
{
	struct flow_suppressed s = { .table_full = true };

	if (d->unattributed > d->unattributed_told) {
		s.packets = s.tuples = d->unattributed - d->unattributed_told;
		s.bytes = d->unattributed_bytes - d->unattributed_told_bytes;
		flow_account_suppressed(d->account, s.packets);
		d->listener.suppressed(d->listener.arg, &s);
	}
	d->unattributed_told = d->unattributed;
	d->unattributed_told_bytes = d->unattributed_bytes;
	if (d->overflow.packets) {
		d->overflow.table_full = true;
		d->listener.suppressed(d->listener.arg, &d->overflow);
	}
	d->overflow = (struct flow_suppressed){ 0 };
}

/* ---- a harvest --------------------------------------------------------- */

static void on_element(void *arg, size_t set, const struct firewall_element *e)
{
	struct flow_denied *d = arg;
	uint64_t age = COMPILE_DENIED_TIMEOUT_MS -
		       MIN(e->expires_ms, (uint64_t)COMPILE_DENIED_TIMEOUT_MS);
	uint64_t last = clock_realtime() - age * NS_PER_MS;
	struct flow_key key;
	struct flow *f;

	if (!flow_key_from_element(d->numbers[set], e->key, e->key_len, &key))
		return;
	f = find(d, &key);
	if (!f) {
		f = add(d, &key, last);
		if (d->first)
			f->told = f->start =
				(struct counts){ e->packets, e->bytes };
	}
	/* It was gone, and is there again. */
	if (e->packets < f->element.packets) {
		f->former.packets += f->element.packets;
		f->former.bytes += f->element.bytes;
	}
	f->element = (struct counts){ e->packets, e->bytes };
	f->last = MAX(f->last, last);
	f->harvest = d->number;
}

static void pause_until(struct flow_denied *d, uint64_t ms)
{
	if (d->interval_ms)
		loop_timer_start(d->timer, ms, 0);
}

static void balance(struct flow_denied *d)
{
	uint64_t now = clock_monotonic();
	struct sum after = { 0 };
	struct flow_balance b;
	uint64_t missing;

	if (!read_counters(d, &after))
		return;
	if (after.dropped < d->before) {
		counters_fell(d, after.dropped);
		return;
	}
	missing = flow_account_missing(d->account, d->before);
	if (missing) {
		flow_account_lost(d->account, missing);
		d->listener.lost(d->listener.arg,
				 d->first ? "agent-down" : "kernel-table",
				 missing);
	}
	b = flow_account_balance(d->account, d->before, after.dropped);
	if (b.dropped || b.recorded || b.suppressed || b.lost)
		d->listener.balance(d->listener.arg, now - d->balanced, &b);
	d->balanced = now;
}

static void finish(struct flow_denied *d)
{
	tell_unattributed(d);
	balance(d);
	d->first = false;
	d->phase = IDLE;
	if (d->stale)
		pause_until(d, 0);
	else if (d->flows)
		pause_until(d, d->interval_ms);
	d->stale = false;
}

static void tell_some(struct flow_denied *d)
{
	uint64_t begin = clock_monotonic();

	while (d->cursor && clock_monotonic() - begin < LOOP_SLICE_NS) {
		struct flow *f = d->cursor;

		d->cursor = f->hh.next;
		visit(d, f);
	}
	if (d->cursor)
		pause_until(d, 0);
	else
		finish(d);
}

static void begin_telling(struct flow_denied *d)
{
	d->phase = TELLING;
	d->cursor = d->flows;
	tell_some(d);
}

static void go_on(struct flow_denied *d)
{
	if (d->phase == TELLING)
		tell_some(d);
	else if (d->listener.drain(d->listener.arg))
		begin_telling(d);
	else
		pause_until(d, 0);
}

static void on_read(void *arg, int error)
{
	struct flow_denied *d = arg;

	if (error < 0) {
		log_warning("cannot read the kernel's counts: %s",
			    strerror(-error));
		d->phase = IDLE;
		pause_until(d, d->interval_ms);
		return;
	}
	d->listener.mark(d->listener.arg);
	d->phase = DRAINING;
	go_on(d);
}

/* Sets that count flows that live, and all when there may be others. */
static void choose_sets(struct flow_denied *d, bool all)
{
	d->nsets = 0;
	for (size_t i = 0; i < flow_key_sets(); i++) {
		const struct compile_denied *set = flow_key_set(i);

		if (!all && !d->live[i])
			continue;
		d->sets[d->nsets] =
			(struct harvest_set){ set->table, set->set };
		d->numbers[d->nsets++] = i;
	}
}

static bool prepare(struct flow_denied *d)
{
	struct sum sum = { 0 };

	if (!read_counters(d, &sum))
		return false;
	if (d->first && !flow_account_inherited(d->account))
		flow_account_begin(d->account, sum.dropped);
	if (d->first) {
		d->unattributed_told = sum.unattributed;
		d->unattributed_told_bytes = sum.unattributed_bytes;
	}
	if (sum.dropped < d->before ||
	    (d->first && sum.dropped < flow_account_sum(d->account)) ||
	    sum.unattributed < d->unattributed_told)
		counters_fell(d, sum.dropped);
	d->before = sum.dropped;
	d->unattributed = sum.unattributed;
	d->unattributed_bytes = sum.unattributed_bytes;
	d->number++;
	choose_sets(d, sum.dropped != flow_account_sum(d->account) || d->first);
	return true;
}

/* Reading 30,000 elements takes the kernel and us some 100 ms; after a scan
 * of as many ports none of them has anything new. */
static bool has_news(const struct flow_denied *d)
{
	return d->first || d->before != flow_account_sum(d->account);
}

static void start(struct flow_denied *d)
{
	if (!prepare(d)) {
		pause_until(d, d->interval_ms);
		return;
	}
	d->phase = READING;
	if (has_news(d))
		harvest_read(d->harvest, d->sets, d->nsets);
	else
		begin_telling(d);
}

static void on_timer(void *arg)
{
	struct flow_denied *d = arg;

	if (d->phase == IDLE)
		start(d);
	else
		go_on(d);
}

void flow_denied_hurry(struct flow_denied *d)
{
	if (!d->flows)
		return;
	if (d->phase == IDLE)
		pause_until(d, 0);
	else
		d->stale = true;
}

/* ---- logged packets ---------------------------------------------------- */

/* Its element is gone, or it would not have been logged. */
static bool is_stale(const struct flow *f, uint64_t now)
{
	return now > f->last + TIMEOUT_NS;
}

bool flow_denied_packet(struct flow_denied *d, const struct flow_key *key,
			struct flow_record *record)
{
	struct flow *f = find(d, key);

	if (f && is_stale(f, record->time)) {
		tell_end(d, f);
		forget(d, f);
		f = NULL;
	}
	/* Two processors met the tuple at once; its element counts both. */
	if (f && (f->record || f->counted_only || f->told.packets))
		return false;
	if (!f)
		f = add(d, key, record->time);
	if (d->phase == IDLE && !loop_timer_active(d->timer))
		pause_until(d, d->interval_ms);
	f->element.packets = MAX(f->element.packets, (uint64_t)1);
	f->element.bytes = MAX(f->element.bytes, (uint64_t)record->bytes);
	if (d->records >= FLOWS_MAX) {
		tell_news(d, f);
		return true;
	}
	keep_record(d, f, record);
	tell(d, f, FLOW_NEW);
	return true;
}

size_t flow_denied_live(const struct flow_denied *d)
{
	return HASH_COUNT(d->flows);
}

/* ---- life -------------------------------------------------------------- */

int flow_denied_open(struct loop *loop,
		     const struct flow_denied_options *options,
		     struct flow_denied **ret)
{
	struct flow_denied *d = xnew(struct flow_denied);
	struct harvest_listener listener = { on_element, on_read, d };
	size_t n = flow_key_sets();
	int r = harvest_open(loop, listener, &d->harvest);

	if (r < 0) {
		free(d);
		return r;
	}
	d->account = options->account;
	d->listener = options->listener;
	d->interval_ms = options->interval_ms;
	d->timer = loop_timer_new(loop, on_timer, d);
	d->live = xcalloc(n, sizeof(*d->live));
	d->sets = xcalloc(n, sizeof(*d->sets));
	d->numbers = xcalloc(n, sizeof(*d->numbers));
	d->first = true;
	d->balanced = clock_monotonic();
	pause_until(d, 0);
	*ret = d;
	return 0;
}

static void tell_the_rest(struct flow_denied *d)
{
	d->listener.mark(d->listener.arg);
	while (!d->listener.drain(d->listener.arg))
		;
	for (d->cursor = d->flows; d->cursor;) {
		struct flow *f = d->cursor;

		d->cursor = f->hh.next;
		visit(d, f);
	}
	tell_unattributed(d);
	balance(d);
}

void flow_denied_stop(struct flow_denied *d)
{
	if (!d)
		return;
	if (d->interval_ms && prepare(d) &&
	    harvest_read_now(d->harvest, d->sets, d->nsets) == 0)
		tell_the_rest(d);
	loop_timer_stop(d->timer);
}

void flow_denied_close(struct flow_denied *d)
{
	if (!d)
		return;
	while (d->flows)
		forget(d, d->flows);
	loop_timer_close(d->timer);
	harvest_close(d->harvest);
	free(d->live);
	free(d->sets);
	free(d->numbers);
	free(d);
}
