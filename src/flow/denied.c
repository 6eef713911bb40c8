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
#include "firewall/harvest.h"
#include "flow/tally.h"

#define NS_PER_MS UINT64_C(1000000)

enum phase { IDLE, READING, DRAINING, TELLING };

struct flow_denied {
	struct flow_account *account;
	struct flow_denied_listener listener;
	struct harvest *harvest;
	struct loop_timer *timer; /* to the next harvest, or slice */
	uint64_t interval_ms;
	enum phase phase;
	struct tally *tally;
	uint64_t balanced;	  /* monotonic ns */
	bool first;		  /* harvest: nothing in it is news */
	bool stale;		  /* hurry: start again when this one is over */
	struct harvest_set *sets; /* being read, and their numbers */
	size_t *numbers;
	size_t nsets;
	uint64_t before; /* counters' sum when the harvest began */
	uint64_t unattributed, unattributed_bytes, unattributed_told;
	uint64_t unattributed_told_bytes;
};

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
	tally_tell_overflow(d->tally);
}

/* ---- a harvest --------------------------------------------------------- */

static void on_element(void *arg, size_t set, const struct firewall_element *e)
{
	struct flow_denied *d = arg;
	uint64_t age = COMPILE_DENIED_TIMEOUT_MS -
		       MIN(e->expires_ms, (uint64_t)COMPILE_DENIED_TIMEOUT_MS);
	uint64_t last = clock_realtime() - age * NS_PER_MS;
	struct flow_key key;

	if (flow_key_from_element(d->numbers[set], e->key, e->key_len, &key))
		tally_element(d->tally, &key,
			      (struct tally_counts){ e->packets, e->bytes },
			      last);
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
	else if (tally_len(d->tally))
		pause_until(d, d->interval_ms);
	d->stale = false;
}

static void tell_some(struct flow_denied *d)
{
	uint64_t begin = clock_monotonic();

	while (tally_tell_next(d->tally, clock_realtime()))
		if (clock_monotonic() - begin >= LOOP_SLICE_NS) {
			pause_until(d, 0);
			return;
		}
	finish(d);
}

static void begin_telling(struct flow_denied *d)
{
	d->phase = TELLING;
	tally_rewind(d->tally);
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

		if (!all && !tally_len_of(d->tally, i))
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
	tally_begin(d->tally, d->first);
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
	if (!tally_len(d->tally))
		return;
	if (d->phase == IDLE)
		pause_until(d, 0);
	else
		d->stale = true;
}

bool flow_denied_packet(struct flow_denied *d, const struct flow_key *key,
			struct flow_record *record)
{
	bool begins = tally_packet(d->tally, key, record);

	if (begins && d->phase == IDLE && !loop_timer_active(d->timer))
		pause_until(d, d->interval_ms);
	return begins;
}

size_t flow_denied_live(const struct flow_denied *d)
{
	return tally_len(d->tally);
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
	d->tally = tally_new(options->account, options->listener);
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
	tally_rewind(d->tally);
	while (tally_tell_next(d->tally, clock_realtime()))
		;
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
	tally_free(d->tally);
	loop_timer_close(d->timer);
	harvest_close(d->harvest);
	free(d->sets);
	free(d->numbers);
	free(d);
}
