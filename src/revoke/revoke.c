/* SPDX-License-Identifier: GPL-2.0-or-later */
/* revoke.c - ends connections that the policies do not allow any more.
 *
 * Each change is followed by two sweeps through conntrack's entries. One at
 * once, which finds nearly all. And one after a grace period of the kernel,
 * waited for in a thread: when the change came, a packet that the former rules
 * let through may have been on its way to where conntrack makes its entry.
 *
 * A sweep is conntrack's dump, told on the loop. A change during one counts at
 * once for what is still to come, and the sweeps of its own catch up with the
 * rest: so changes without end cannot keep one from its end.
 */
#include "revoke/revoke.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "revoke/judge.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "compile/skeleton.h"

/* After a sweep that failed, in milliseconds. */
#define RETRY_MS 1000
/* Connections of one sweep that are recorded: some 8 MiB while it lasts. */
#define RECORDS_MAX 65536
/* Records written in one turn of the loop, at some 50 us each. */
#define RECORDS_PER_TURN 32

struct record {
	enum deny_direction direction;
	struct conntrack_entry connection;
	struct endpoint *source, *destination; /* references */
};

struct revoke {
	struct loop *loop;
	struct flow_log *flow;
	struct firewall *firewall;
	struct judge *judge;
	struct conntrack *conntrack;
	struct loop_timer *retry, *writer;
	bool sweeping, settling; /* under way: a sweep; a grace period */
	bool sweep_wanted, settle_wanted; /* … and another from its begin */
	unsigned threads;		  /* that have it; the last one's … */
	bool closed;			  /* … end frees it */
	VEC(struct addr) local;		  /* a thread's */
	int local_error;
	VEC(struct record) records;
	size_t written; /* of @records */
	/* Of this slice: keys for the sets of answers, IPv4 and IPv6. */
	struct buf answers[2];
	uint64_t changed_at, ended;
	struct revoke_stats stats;
};

/* ---- records ----------------------------------------------------------- */

static void forget_records(struct revoke *r)
{
	for (; r->written < r->records.len; r->written++) {
		endpoint_unref(r->records.data[r->written].source);
		endpoint_unref(r->records.data[r->written].destination);
	}
	vec_fini(&r->records);
	r->written = 0;
}

/* A line takes longer than a delete: written behind, a few at a time. */
static void on_write(void *arg)
{
	struct revoke *r = arg;
	size_t end = MIN(r->written + RECORDS_PER_TURN, r->records.len);

	for (; r->written < end; r->written++) {
		struct record *record = &r->records.data[r->written];
		struct flow_revocation revocation = {
			.direction = record->direction,
			.connection = &record->connection,
			.source = record->source,
			.destination = record->destination,
		};

		flow_revoked(r->flow, &revocation);
		endpoint_unref(record->source);
		endpoint_unref(record->destination);
	}
	if (r->written < r->records.len)
		loop_timer_start(r->writer, 1, 0);
	else
		forget_records(r);
}

static void keep_record(struct revoke *r, const struct conntrack_entry *entry,
			const struct judgement *judgement)
{
	struct record record = { .direction = judgement->direction,
				 .connection = *entry };

	/* It is the dump's. */
	record.connection.key = SLICE("");
	if (r->records.len == RECORDS_MAX) {
		r->stats.unrecorded++;
		return;
	}
	if (judgement->source)
		record.source = endpoint_ref(judgement->source);
	if (judgement->destination)
		record.destination = endpoint_ref(judgement->destination);
	vec_push(&r->records, record);
	if (!loop_timer_active(r->writer))
		loop_timer_start(r->writer, 0, 0);
}

/* ---- sweeping ---------------------------------------------------------- */

static void advance(struct revoke *r);

static void failed(struct revoke *r, int error)
{
	if (!r->stats.problem[0])
		log_error(
			"cannot read the kernel's connections: %s; those that a changed policy denies live on until this works%s",
			strerror(-error),
			error == -EINVAL || error == -EPROTONOSUPPORT
				? ": load nf_conntrack_netlink with modprobe"
				: "");
	r->stats.problem = "cannot read the kernel's connections";
	r->sweeping = false;
	loop_timer_start(r->retry, RETRY_MS, 0);
}

static size_t answer_size(bool v6)
{
	return 2 * addr_size(v6 ? AF_INET6 : AF_INET) + 3 * 4;
}

static void add_padded(struct buf *to, const void *bytes, size_t n)
{
	static const uint8_t zero[4];

	buf_add(to, bytes, n);
	buf_add(to, zero, -n & 3);
}

/* As the answers look where the ruleset sees them: NAT undone. */
static void bar_answers(struct revoke *r, const struct conntrack_entry *entry)
{
	const struct addr *from = &entry->reply.src;
	const struct addr *to = &entry->original.src;
	uint16_t sport = htons(entry->reply.sport);
	uint16_t dport = htons(entry->original.sport);
	struct buf *keys = &r->answers[from->family == AF_INET6];

	if (!entry->has_ports)
		return;
	add_padded(keys, from->bytes, addr_size(from->family));
	add_padded(keys, to->bytes, addr_size(to->family));
	add_padded(keys, &entry->proto, sizeof(entry->proto));
	add_padded(keys, &sport, sizeof(sport));
	add_padded(keys, &dport, sizeof(dport));
}

static void on_entry(void *arg, const struct conntrack_entry *entry)
{
	struct revoke *r = arg;
	struct judgement judgement;

	r->stats.entries++;
	judge_connection(r->judge, entry, &judgement);
	if (judgement.allowed)
		return;
	conntrack_delete(r->conntrack, entry);
	bar_answers(r, entry);
	keep_record(r, entry, &judgement);
	r->ended++;
	r->stats.revoked++;
}

/* Before the deletes are sent: no answer may slip in between. */
static void on_slice(void *arg)
{
	static const char *const sets[] = { SET_REVOKED4, SET_REVOKED6 };
	struct revoke *r = arg;
	int error;

	for (int v6 = 0; v6 < 2; v6++) {
		struct buf *keys = &r->answers[v6];
		size_t size = answer_size(v6);

		if (!keys->len)
			continue;
		error = firewall_add(r->firewall, TABLE_INET, sets[v6],
				     keys->data, keys->len / size);
		if (error < 0)
			log_warning(
				"cannot bar the answers of %zu ended connections: %s; those that are not TCP may come back from their servers' ends",
				keys->len / size, strerror(-error));
		buf_clear(keys);
	}
}

static void on_swept(void *arg, int error)
{
	struct revoke *r = arg;

	if (error < 0) {
		failed(r, error);
		return;
	}
	r->stats.sweeps++;
	r->stats.problem = "";
	r->stats.duration_ns = clock_monotonic() - r->changed_at;
	if (r->ended)
		log_info(
			"ended %llu connections that the policies do not allow any more, in %llu us",
			(unsigned long long)r->ended,
			(unsigned long long)r->stats.duration_ns / 1000);
	r->sweeping = false;
	if (revoke_is_idle(r))
		judge_forget_released(r->judge);
	else
		advance(r);
}

static void add_local(void *arg, const struct addr *a)
{
	struct revoke *r = arg;

	vec_push(&r->local, *a);
}

/* In a thread: the kernel's lock on all links may be held for long. */
static void read_local(void *arg)
{
	struct revoke *r = arg;

	r->local.len = 0;
	r->local_error = conntrack_local_addresses(add_local, r);
}

static void revoke_free(struct revoke *r)
{
	vec_fini(&r->local);
	free(r);
}

/* Returns true when it was closed meanwhile: @r may be gone. */
static bool thread_ended(struct revoke *r)
{
	bool closed = r->closed;

	r->threads--;
	if (closed && !r->threads)
		revoke_free(r);
	return closed;
}

static void on_local(void *arg)
{
	struct revoke *r = arg;
	int error;

	if (thread_ended(r))
		return;
	judge_reset_local(r->judge);
	vec_foreach(a, &r->local)
		judge_add_local(r->judge, a);
	error = r->local_error < 0 ? r->local_error
				   : conntrack_dump(r->conntrack);
	if (error < 0)
		failed(r, error);
}

static void sweep(struct revoke *r)
{
	r->ended = 0;
	r->stats.entries = 0;
	r->sweeping = true;
	r->threads++;
	loop_work(r->loop, read_local, on_local, r);
}

/* Where the kernel has no such call, conntrack's own pace must do. */
static void wait_for_grace_period(_unused_ void *arg)
{
	syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

static void on_settled(void *arg)
{
	struct revoke *r = arg;

	if (thread_ended(r))
		return;
	r->settling = false;
	r->sweep_wanted = true;
	advance(r);
}

/* Begin what is wanted and not under way. */
static void advance(struct revoke *r)
{
	if (judge_is_idle(r->judge))
		r->sweep_wanted = r->settle_wanted = false;
	if (r->settle_wanted && !r->settling) {
		r->settle_wanted = false;
		r->settling = true;
		r->threads++;
		loop_work(r->loop, wait_for_grace_period, on_settled, r);
	}
	if (r->sweep_wanted && !r->sweeping) {
		r->sweep_wanted = false;
		sweep(r);
	}
}

static void review(struct revoke *r)
{
	loop_timer_stop(r->retry);
	r->sweep_wanted = r->settle_wanted = true;
	advance(r);
}

static void on_retry(void *arg)
{
	review(arg);
}

void revoke_review(struct revoke *r)
{
	if (revoke_is_idle(r))
		r->changed_at = clock_monotonic();
	review(r);
}

void revoke_committed(struct revoke *r, const struct compile_input *in)
{
	if (judge_update(r->judge, in))
		revoke_review(r);
}

bool revoke_is_idle(const struct revoke *r)
{
	return !r->sweeping && !r->settling && !r->sweep_wanted &&
	       !r->settle_wanted;
}

void revoke_admission(struct revoke *r, const struct conntrack_entry *entry,
		      void (*fn)(void *arg, const struct policy *policy),
		      void *arg, struct admission *ret)
{
	judge_admission(r->judge, entry, fn, arg, ret);
}

void revoke_stats(const struct revoke *r, struct revoke_stats *ret)
{
	*ret = r->stats;
}

/* ---- life -------------------------------------------------------------- */

int revoke_open(struct loop *loop, struct flow_log *flow,
		struct firewall *firewall, struct revoke **ret)
{
	struct revoke *r = xnew(struct revoke);
	struct conntrack_listener listener = {
		.entry = on_entry, .slice = on_slice, .done = on_swept, .arg = r
	};
	int error = conntrack_open(loop, listener, &r->conntrack);

	if (error < 0) {
		free(r);
		return error;
	}
	r->loop = loop;
	r->flow = flow;
	r->firewall = firewall;
	r->judge = judge_new();
	for (int v6 = 0; v6 < 2; v6++)
		r->answers[v6] = BUF_INIT(BUF_UNBOUNDED);
	r->retry = loop_timer_new(loop, on_retry, r);
	r->writer = loop_timer_new(loop, on_write, r);
	r->stats.problem = "";
	*ret = r;
	return 0;
}

void revoke_close(struct revoke *r)
{
	if (!r)
		return;
	while (r->records.len)
		on_write(r);
	loop_timer_close(r->retry);
	loop_timer_close(r->writer);
	conntrack_close(r->conntrack);
	judge_free(r->judge);
	for (int v6 = 0; v6 < 2; v6++)
		buf_fini(&r->answers[v6]);
	r->closed = true;
	if (!r->threads)
		revoke_free(r);
}
