/* SPDX-License-Identifier: GPL-2.0-or-later */
/* allowed.c - connections that the policies let through, from conntrack.
 *
 * A table has what is known of those that live. It is filled by the kernel's
 * events, and by dumps: at the start, after events were lost, and at each
 * interval for what live ones have carried. A dump also finds those that are
 * gone unseen.
 */
#include "flow/allowed.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/table.h"
#include "firewall/conntrack.h"
#include "firewall/conntrack_watch.h"
#include "flow/connection.h"
#include "flow/handover.h"

/* Reads of at most 64 events that empty a full socket. */
#define DRAIN_TURNS 1024

/* What names a connection of the kernel's. Compared and hashed as bytes, so
 * zero it first. */
struct key {
	uint32_t id;
	uint16_t zone, icmp_id;
	uint16_t ports[4];
	struct addr addrs[4];
	uint8_t proto;
};

/* A connection that lives. */
struct live {
	struct key key;
	uint64_t hash; /* the key's, the same for every agent */
	/* Its id and when it began are there. */
	struct handover_slot *slot;
	uint64_t answered; /* packets told so far */
	unsigned epoch;	   /* of the last dump that has it */
	struct endpoint *source, *destination; /* references; NULL: nobody's */
	VEC(char *) policies;
	char *src_name, *dst_name; /* as its records have them */
	UT_hash_handle hh;
};

struct flow_allowed {
	struct loop *loop;
	const struct flow_resolver *resolver;
	struct flow_allowed_listener listener;
	struct conntrack_watch *watch;
	struct conntrack *conntrack;
	struct handover *handover;
	struct loop_timer *timer; /* of the updates; NULL: there are none */
	uint64_t interval_ms;
	struct live *table;
	unsigned epoch;
	bool begun, dumping, dump_wanted;
	bool full_told;
};

/* ---- the table --------------------------------------------------------- */

static struct key key_of(const struct conntrack_entry *e)
{
	const struct conntrack_tuple *o = &e->original, *r = &e->reply;
	struct key key;

	memset(&key, 0, sizeof(key));
	key.id = e->id;
	key.zone = e->zone;
	key.icmp_id = e->icmp_id;
	key.ports[0] = o->sport;
	key.ports[1] = o->dport;
	key.ports[2] = r->sport;
	key.ports[3] = r->dport;
	key.addrs[0] = o->src;
	key.addrs[1] = o->dst;
	key.addrs[2] = r->src;
	key.addrs[3] = r->dst;
	key.proto = e->proto;
	return key;
}

static struct live *find(struct flow_allowed *a,
			 const struct conntrack_entry *e)
{
	struct key key = key_of(e);
	struct live *l;

	HASH_FIND(hh, a->table, &key, sizeof(key), l);
	return l;
}

static void live_fini(struct live *l)
{
	vec_foreach(policy, &l->policies)
		free(*policy);
	vec_fini(&l->policies);
	free(l->src_name);
	free(l->dst_name);
	endpoint_unref(l->source);
	endpoint_unref(l->destination);
}

static void forget(struct flow_allowed *a, struct live *l)
{
	HASH_DEL(a->table, l);
	handover_drop(a->handover, l->slot);
	live_fini(l);
	free(l);
}

/* One too many is told like any other, but its end by another id. */
static void remember(struct flow_allowed *a, struct live *l)
{
	struct live *kept;

	if (l->slot) {
		kept = xmemdup(l, sizeof(*l));
		HASH_ADD(hh, a->table, key, sizeof(kept->key), kept);
		return;
	}
	if (!a->full_told)
		log_warning(
			"more than %d allowed connections live at once: of some the log will tell neither the duration nor, if addresses change hands, whose they were when they began, and their end has another flow_id",
			FLOW_ALLOWED_MAX);
	a->full_told = true;
	live_fini(l);
}

/* ---- who and why ------------------------------------------------------- */

/* One that admits by both directions or several rules is named once. */
static void add_policy(void *to, const char *policy)
{
	struct live *l = to;

	vec_foreach(known, &l->policies)
		if (!strcmp(*known, policy))
			return;
	vec_push(&l->policies, xstrdup(policy));
}

/* False when nobody's whom the policies govern. @ret is to be fini'd. */
static bool look_up(struct flow_allowed *a, const struct conntrack_entry *e,
		    struct live *ret)
{
	const struct flow_resolver *r = a->resolver;
	struct flow_connection who = { 0 };

	*ret = (struct live){ .key = key_of(e), .epoch = a->epoch };
	ret->hash = hash_content(&ret->key, sizeof(ret->key)) ?: 1;
	r->connection(r->arg, e, add_policy, ret, &who);
	if (who.source)
		ret->source = endpoint_ref(who.source);
	if (who.destination)
		ret->destination = endpoint_ref(who.destination);
	if (!who.governed)
		live_fini(ret);
	return who.governed;
}

/* ---- records ----------------------------------------------------------- */

/* Totals, and what is new since @told. */
static void set_counts(const struct conntrack_entry *e,
		       const struct handover_slot *told,
		       struct flow_record *record)
{
	record->uncounted = !e->has_counts;
	record->has_reply = e->has_counts;
	record->packets = e->sent.packets;
	record->bytes = e->sent.bytes;
	record->new_packets =
		e->sent.packets - MIN(told->packets, e->sent.packets);
	record->new_bytes = e->sent.bytes - MIN(told->bytes, e->sent.bytes);
	record->packets_reply = e->answered.packets;
	record->bytes_reply = e->answered.bytes;
}

/* By @slot, which is the connection's own or a stand-in. */
static void tell(struct flow_allowed *a, const struct conntrack_entry *e,
		 struct live *l, struct handover_slot *slot,
		 enum flow_state state, uint64_t time)
{
	_cleanup_(flow_record_fini) struct flow_record record = {
		.time = time,
		.allowed = true,
		.no_reason = true,
		.id = slot->id,
		.state = state,
		.packet = flow_connection_packet(e),
		.src = { .owner = l->source },
		.dst = { .owner = l->destination },
		.first = slot->first,
		.last = time,
		.src_name = TAKE_PTR(l->src_name),
		.dst_name = TAKE_PTR(l->dst_name),
	};

	vec_foreach(policy, &l->policies)
		vec_push(&record.policies, xstrdup(*policy));
	flow_connection_published(e, &record);
	set_counts(e, slot, &record);
	if (state == FLOW_END && slot->first) {
		record.has_duration = true;
		record.duration_ns = time - MIN(slot->first, time);
	}
	a->listener.record(a->listener.arg, &record);
	l->src_name = TAKE_PTR(record.src_name);
	l->dst_name = TAKE_PTR(record.dst_name);
	slot->packets = e->sent.packets;
	slot->bytes = e->sent.bytes;
	l->answered = e->answered.packets;
}

/* ---- events ------------------------------------------------------------ */

static void on_begin(struct flow_allowed *a, const struct conntrack_entry *e)
{
	uint64_t now = clock_realtime();
	struct handover_slot stand_in = { .id = flow_id_new() }, *slot;
	struct live l;

	/* Also when a dump was sooner; then it is not told as new. */
	if (find(a, e) || !look_up(a, e, &l))
		return;
	l.slot = handover_add(a->handover, l.hash);
	slot = l.slot ?: &stand_in;
	slot->first = e->start ?: now;
	tell(a, e, &l, slot, FLOW_NEW, slot->first);
	remember(a, &l);
}

static void end_known(struct flow_allowed *a, const struct conntrack_entry *e,
		      struct live *l, uint64_t time)
{
	if (e->start)
		l->slot->first = e->start;
	tell(a, e, l, l->slot, FLOW_END, time);
	forget(a, l);
}

/* Before the first dump has found it, or of one too many. */
static void end_unknown(struct flow_allowed *a, const struct conntrack_entry *e,
			uint64_t time)
{
	struct handover_slot stand_in = { .id = flow_id_new() }, *slot;
	struct live l;

	if (!look_up(a, e, &l))
		return;
	l.slot = handover_take(a->handover, l.hash);
	slot = l.slot ?: &stand_in;
	if (e->start)
		slot->first = e->start;
	tell(a, e, &l, slot, FLOW_END, time);
	handover_drop(a->handover, l.slot);
	live_fini(&l);
}

void flow_allowed_event(struct flow_allowed *a, const struct conntrack_entry *e,
			bool end)
{
	uint64_t time = e->stop ? e->stop : clock_realtime();
	struct live *known;

	if (!end) {
		on_begin(a, e);
		return;
	}
	known = find(a, e);
	if (known)
		end_known(a, e, known, time);
	else
		end_unknown(a, e, time);
}

static void on_event(void *arg, const struct conntrack_entry *e, bool end)
{
	flow_allowed_event(arg, e, end);
}

/* ---- the dump ---------------------------------------------------------- */

/* One that was there before this agent. */
static void adopt(struct flow_allowed *a, const struct conntrack_entry *e)
{
	struct live l;

	if (!look_up(a, e, &l))
		return;
	l.slot = handover_take(a->handover, l.hash)
			 ?: handover_add(a->handover, l.hash);
	if (l.slot && e->start)
		l.slot->first = e->start;
	remember(a, &l);
}

static bool went_on(const struct live *l, const struct conntrack_entry *e)
{
	return e->has_counts && (e->sent.packets != l->slot->packets ||
				 e->answered.packets != l->answered);
}

void flow_allowed_entry(struct flow_allowed *a, const struct conntrack_entry *e)
{
	struct live *known = find(a, e);

	if (!known) {
		adopt(a, e);
		return;
	}
	known->epoch = a->epoch;
	if (went_on(known, e))
		tell(a, e, known, known->slot, FLOW_UPDATE, clock_realtime());
}

static void on_entry(void *arg, const struct conntrack_entry *e)
{
	flow_allowed_entry(arg, e);
}

/* What began before the dump saw it is told as new first. */
static bool is_behind(void *arg)
{
	struct flow_allowed *a = arg;

	return !conntrack_watch_read(a->watch);
}

static void on_slice(_unused_ void *arg)
{
}

static void dump(struct flow_allowed *a);

static void on_dumped(void *arg, int error)
{
	struct flow_allowed *a = arg;
	struct live *l, *next;

	a->dumping = false;
	if (error < 0)
		log_warning(
			"cannot read the kernel's connections: %s; of those that began before, the log may not tell the duration",
			strerror(-error));
	else {
		HASH_ITER(hh, a->table, l, next)
			if (l->epoch != a->epoch)
				forget(a, l);
		handover_sweep(a->handover);
	}
	if (a->dump_wanted)
		dump(a);
}

static void dump(struct flow_allowed *a)
{
	int r;

	a->dump_wanted = a->dumping;
	if (a->dumping)
		return;
	a->epoch++;
	a->dumping = true;
	r = conntrack_dump(a->conntrack);
	if (r < 0)
		on_dumped(a, r);
}

static void on_interval(void *arg)
{
	struct flow_allowed *a = arg;

	/* What a busy kernel is still telling is soon enough. */
	if (!a->dumping)
		dump(a);
}

static void on_lost(void *arg, uint64_t events)
{
	struct flow_allowed *a = arg;

	a->listener.lost(a->listener.arg, events);
	dump(a);
}

/* ---- life -------------------------------------------------------------- */

int flow_allowed_open(struct loop *loop,
		      const struct flow_allowed_options *options,
		      struct flow_allowed **ret)
{
	struct flow_allowed *a = xnew(struct flow_allowed);
	struct conntrack_watcher watcher = { .event = on_event,
					     .lost = on_lost,
					     .arg = a };
	struct conntrack_listener dumped = { .entry = on_entry,
					     .behind = is_behind,
					     .slice = on_slice,
					     .done = on_dumped,
					     .arg = a };
	int r;

	a->loop = loop;
	a->resolver = options->resolver;
	a->listener = options->listener;
	a->interval_ms = options->interval_ms;
	a->handover = handover_open(options->state_file, options->boot_id);
	r = conntrack_watch_open(watcher, &a->watch);
	if (r >= 0)
		r = conntrack_open(loop, dumped, &a->conntrack);
	if (r < 0) {
		flow_allowed_close(a);
		return r;
	}
	*ret = a;
	return 0;
}

/* What waits now: more than the socket holds came later. */
static void drain(struct flow_allowed *a)
{
	for (int i = 0; i < DRAIN_TURNS; i++)
		if (conntrack_watch_read(a->watch))
			return;
}

void flow_allowed_begin(struct flow_allowed *a)
{
	if (a->begun || !a->watch)
		return;
	a->begun = true;
	/* What began since the socket is open is told as new. */
	drain(a);
	conntrack_watch_start(a->watch, a->loop);
	dump(a);
	if (!a->interval_ms)
		return;
	a->timer = loop_timer_new(a->loop, on_interval, a);
	loop_timer_start(a->timer, a->interval_ms, a->interval_ms);
}

void flow_allowed_stop(struct flow_allowed *a)
{
	if (!a)
		return;
	if (a->begun)
		drain(a);
	loop_timer_close(TAKE_PTR(a->timer));
	conntrack_close(TAKE_PTR(a->conntrack));
	conntrack_watch_close(TAKE_PTR(a->watch));
	a->begun = false;
}

void flow_allowed_close(struct flow_allowed *a)
{
	struct live *l, *next;

	if (!a)
		return;
	loop_timer_close(a->timer);
	conntrack_close(a->conntrack);
	conntrack_watch_close(a->watch);
	/* Their slots are for the next agent. */
	HASH_ITER(hh, a->table, l, next) {
		HASH_DEL(a->table, l);
		live_fini(l);
		free(l);
	}
	handover_close(a->handover);
	free(a);
}

size_t flow_allowed_live(const struct flow_allowed *a)
{
	return HASH_COUNT(a->table);
}
