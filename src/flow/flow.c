/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow.c - the denied-flow log: from a logged packet to a line. */
#include "flow/flow.h"

#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "flow/allowed.h"
#include "flow/attribute.h"
#include "flow/connection.h"
#include "flow/count.h"
#include "flow/denied.h"
#include "flow/names.h"
#include "flow/nflog.h"
#include "flow/notice.h"
#include "flow/original.h"
#include "flow/record.h"

/* Bytes of a packet that are worth having: any header chain that is sane. */
#define COPY_RANGE 256
/* What the kernel may hold for us: some 40,000 packets. */
#define RECEIVE_BUFFER (16 << 20)

struct flow_log {
	struct flow_resolver resolver;
	struct flow_origin origin;
	struct flow_ifaces ifaces;
	struct flow_account *account;
	struct flow_denied *denied;
	struct flow_allowed *allowed;	  /* NULL: not recorded */
	struct flow_originals *originals; /* NULL: the kernel tells them */
	struct flow_names *names;	  /* NULL: not recorded */
	const char *names_problem;
	struct flow_counts *counts;
	flow_emit_fn emit;
	void *emit_arg;
	struct flow_nflog *nflog;
	struct buf line;
	size_t packet_head;
	bool audit;
	uint64_t seq;
	struct clock_watch clock;
	uint64_t packets, repeated, undecoded, revoked, records;
	uint64_t recorded, suppressed, lost_packets, lost_events;
	uint64_t lost;	    /* once nothing is read any more */
	uint64_t lost_told; /* logged packets */
};

/* ---- lines ------------------------------------------------------------- */

/* Before what has the new time. */
static void tell_clock(struct flow_log *f)
{
	int64_t step = clock_step(&f->clock);

	if (step)
		notice_clock(f, step);
}

static void write_record(struct flow_log *f, struct flow_record *record)
{
	tell_clock(f);
	record->seq = ++f->seq;
	flow_names_fill(f->names, record);
	flow_counts_add(f->counts, record);
	buf_clear(&f->line);
	/* A record's parts are bounded so that it always fits. */
	if (flow_record_format(record, &f->origin, &f->line) < 0)
		return;
	f->records++;
	f->emit(f->emit_arg, buf_slice(&f->line));
}

void flow_tell(struct flow_log *f, const struct flow_event *e)
{
	tell_clock(f);
	buf_clear(&f->line);
	if (flow_event_format(e, &f->origin, ++f->seq, clock_realtime(),
			      &f->line) == 0)
		f->emit(f->emit_arg, buf_slice(&f->line));
}

void flow_loss_line(struct flow_log *f, const char *where, uint64_t records,
		    struct buf *line)
{
	_cleanup_(freep) char *message =
		xasprintf("%llu records were lost (%s)",
			  (unsigned long long)records, where);
	struct flow_event e = notice_loss(where, records, message);

	flow_event_format(&e, &f->origin, ++f->seq, clock_realtime(), line);
}

/* ---- what the denied flows tell ---------------------------------------- */

static void on_record(void *arg, struct flow_record *record)
{
	struct flow_log *f = arg;

	f->recorded += record->new_packets;
	write_record(f, record);
}

static const struct endpoint *account_owner(struct flow_log *f,
					    const struct flow_suppressed *s)
{
	const struct flow_resolver *r = &f->resolver;
	unsigned ifindex = s->port[0] ? if_nametoindex(s->port) : 0;

	if (ifindex && r->sender)
		return r->sender(r->arg, ifindex, clock_realtime());
	if (addr_is_set(&s->address))
		return r->owner(r->arg, &s->address, clock_realtime());
	return NULL;
}

static void on_suppressed(void *arg, const struct flow_suppressed *s)
{
	struct flow_log *f = arg;

	f->suppressed += s->packets;
	notice_suppressed(f, s, account_owner(f, s));
}

static void on_lost(void *arg, const char *where, uint64_t packets)
{
	struct flow_log *f = arg;

	f->lost_packets += packets;
	notice_lost_packets(f, where, packets);
}

/* Logged packets that we never got: their flows are found by the kernel's
 * counts, without the packet's head. */
static void tell_missed(struct flow_log *f)
{
	uint64_t lost = flow_nflog_lost(f->nflog);

	if (lost <= f->lost_told)
		return;
	notice_lost(f, "nflog", lost - f->lost_told,
		    "logged packets were lost on their way to the agent");
	f->lost_told = lost;
}

static void on_balance(void *arg, uint64_t interval_ns,
		       const struct flow_balance *b)
{
	notice_balance(arg, interval_ns, b);
}

static void on_identify(void *arg, struct flow_record *record)
{
	struct flow_log *f = arg;

	record->audit = f->audit;
	flow_attribute_again(&f->resolver, record);
}

static void on_mark(void *arg)
{
	struct flow_log *f = arg;

	flow_nflog_mark(f->nflog);
}

static bool on_drain(void *arg)
{
	struct flow_log *f = arg;
	bool done = flow_nflog_read(f->nflog);

	if (done)
		tell_missed(f);
	return done;
}

/* ---- from a logged packet to a record ---------------------------------- */

/* What the packet itself tells. */
static void decode(const struct flow_nflog_packet *packet,
		   struct flow_record *record)
{
	struct flow_packet *p = &record->packet;

	flow_packet_decode(packet->ethertype, packet->payload, p);
	if (packet->has_vlan) {
		p->has_vlan = true;
		p->vlan = packet->vlan;
	}
	record->time = packet->time ? packet->time : clock_realtime();
	record->first = record->last = record->time;
	record->packets = record->new_packets = 1;
	record->bytes = record->new_bytes = p->length;
}

static void take_head(const struct flow_log *f,
		      const struct flow_nflog_packet *packet,
		      struct flow_record *record)
{
	size_t n = MIN(packet->payload.len, f->packet_head);

	/* What is neither begins with what its frame's type names. */
	if (!n || (packet->ethertype != ETHERTYPE_IP &&
		   packet->ethertype != ETHERTYPE_IPV6))
		return;
	record->head = xmemdup(packet->payload.ptr, n);
	record->head_len = n;
}

static void record_packet(struct flow_log *f,
			  const struct flow_nflog_packet *packet,
			  struct flow_record *record)
{
	struct flow_key key;

	f->undecoded += !record->packet.complete;
	take_head(f, packet, record);
	if (!flow_key_of(packet, record, record->phys_in, &key))
		write_record(f, record);
	else if (!flow_denied_packet(f->denied, &key, record))
		f->repeated++;
}

static void on_packet(void *arg, const struct flow_nflog_packet *packet)
{
	_cleanup_(flow_record_fini) struct flow_record record = { 0 };
	struct flow_log *f = arg;

	if (!deny_prefix_parse(packet->prefix, &record.direction,
			       &record.reason, &record.audit))
		return;
	f->packets++;
	decode(packet, &record);
	flow_attribute_ends(packet, &f->resolver, &record);
	flow_originals_fill(f->originals, &record);
	flow_attribute_rest(packet, &f->resolver, &f->ifaces, clock_monotonic(),
			    &record);
	record_packet(f, packet, &record);
}

void flow_revoked(struct flow_log *f, const struct flow_revocation *r)
{
	static const struct flow_nflog_packet no_packet;
	_cleanup_(flow_record_fini) struct flow_record record = {
		.time = clock_realtime(),
		.direction = r->direction,
		.reason = DENY_POLICY_REVOKED,
		.id = flow_id_new(),
		.state = FLOW_NEW, /* the only one of it */
		.packet = flow_connection_packet(r->connection),
		.src = { .owner = r->source },
		.dst = { .owner = r->destination },
	};

	record.first = record.last = record.time;
	flow_connection_published(r->connection, &record);
	f->revoked++;
	flow_attribute_rest(&no_packet, &f->resolver, &f->ifaces,
			    clock_monotonic(), &record);
	write_record(f, &record);
}

/* ---- allowed connections ----------------------------------------------- */

static void on_connection(void *arg, struct flow_record *record)
{
	write_record(arg, record);
}

static void on_lost_events(void *arg, uint64_t events)
{
	struct flow_log *f = arg;

	f->lost_events += events;
	notice_lost(
		f, "conntrack", events,
		"begins or ends of allowed connections were lost on their way to the agent");
}

void flow_begin_allowed(struct flow_log *f)
{
	if (f->allowed)
		flow_allowed_begin(f->allowed);
}

void flow_stop_allowed(struct flow_log *f)
{
	flow_allowed_stop(f->allowed);
}

const char *flow_allowed_problem(const struct flow_log *f)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(64);

	if (!f->allowed ||
	    (buf_read_file(&text,
			   "/proc/sys/net/netfilter/nf_conntrack_acct") == 0 &&
	     buf_str(&text)[0] == '1'))
		return NULL;
	return "the kernel does not count what connections carry, so records of allowed flows have no packets and bytes: set net.netfilter.nf_conntrack_acct=1";
}

/* ---- life -------------------------------------------------------------- */

static int open_denied(struct flow_log *f, struct loop *loop,
		       const struct flow_options *options)
{
	struct flow_denied_options o = {
		.interval_ms = options->interval_ms,
		.account = f->account,
		.listener = { .record = on_record,
			      .suppressed = on_suppressed,
			      .lost = on_lost,
			      .balance = on_balance,
			      .identify = on_identify,
			      .mark = on_mark,
			      .drain = on_drain,
			      .arg = f },
	};

	return flow_denied_open(loop, &o, &f->denied);
}

static int open_allowed(struct flow_log *f, struct loop *loop,
			const struct flow_options *options)
{
	struct flow_allowed_options o = {
		.resolver = &f->resolver,
		.listener = { .record = on_connection,
			      .lost = on_lost_events,
			      .arg = f },
		.interval_ms = options->allowed_interval_ms,
		.state_file = options->connections_file,
		.boot_id = f->origin.boot_id,
	};
	int r = flow_allowed_open(loop, &o, &f->allowed);

	if (r >= 0 && flow_allowed_problem(f))
		log_warning("%s", flow_allowed_problem(f));
	return r;
}

static int open_packets(struct flow_log *f, struct loop *loop, uint16_t group)
{
	struct flow_nflog_options o = { .group = group,
					.copy_range = COPY_RANGE,
					.buffer = RECEIVE_BUFFER,
					.fn = on_packet,
					.arg = f };

	return flow_nflog_open(loop, &o, &f->nflog);
}

/* A record without names is better than none. */
static void open_names(struct flow_log *f, struct loop *loop, uint16_t group)
{
	int r = flow_names_open(loop, group, &f->resolver, &f->names);

	if (r == 0)
		return;
	f->names_problem =
		r == -EBUSY
			? "records have no DNS names: another process reads the NFLOG group of name servers' answers"
			: "records have no DNS names: the kernel does not hand over name servers' answers";
	log_warning("%s (%s)", f->names_problem, strerror(-r));
}

const char *flow_names_problem(const struct flow_log *f)
{
	return f->names_problem;
}

void flow_endpoint_gone(struct flow_log *f, const char *id)
{
	flow_names_retire(f->names, id);
}

void flow_dns_stats(const struct flow_log *f, struct flow_names_stats *ret)
{
	flow_names_stats(f->names, ret);
}

int flow_open(struct loop *loop, const struct flow_options *options,
	      struct flow_log **ret)
{
	struct flow_log *f = xnew(struct flow_log);
	int r;

	f->resolver = options->resolver;
	f->origin = flow_origin_here();
	f->account = flow_account_open(options->state_file, f->origin.boot_id);
	f->counts = flow_counts_new();
	f->packet_head = options->packet_head;
	f->audit = options->audit;
	f->line = BUF_INIT(FLOW_LINE_MAX);
	f->emit = options->emit;
	f->emit_arg = options->emit_arg;
	r = open_denied(f, loop, options);
	if (r == 0)
		r = open_packets(f, loop, options->group);
	if (r == 0 && flow_needs_originals(f))
		r = flow_originals_open(loop, &f->originals);
	if (r == 0 && options->answers_group)
		open_names(f, loop, options->answers_group);
	if (r == 0 && options->allowed)
		r = open_allowed(f, loop, options);
	if (r < 0) {
		flow_close(f);
		return r;
	}
	*ret = f;
	return 0;
}

void flow_stop(struct flow_log *f)
{
	if (!f || !f->nflog)
		return;
	flow_stop_allowed(f);
	flow_denied_stop(f->denied);
	f->lost = flow_nflog_lost(f->nflog);
	flow_nflog_close(f->nflog);
	f->nflog = NULL;
}

void flow_close(struct flow_log *f)
{
	if (!f)
		return;
	flow_nflog_close(f->nflog);
	flow_denied_close(f->denied);
	flow_allowed_close(f->allowed);
	flow_names_close(f->names);
	flow_originals_close(f->originals);
	flow_account_close(f->account);
	flow_counts_free(f->counts);
	buf_fini(&f->line);
	free(f);
}

void flow_stats(const struct flow_log *f, struct flow_stats *ret)
{
	*ret = (struct flow_stats){
		.packets = f->packets,
		.revoked = f->revoked,
		.records = f->records,
		.repeated = f->repeated,
		.lost = f->nflog ? flow_nflog_lost(f->nflog) : f->lost,
		.undecoded = f->undecoded,
		.flows = flow_denied_live(f->denied),
		.connections = f->allowed ? flow_allowed_live(f->allowed) : 0,
		.lost_events = f->lost_events,
		.recorded_packets = f->recorded,
		.suppressed_packets = f->suppressed,
		.lost_packets = f->lost_packets,
	};
}

bool flow_needs_originals(const struct flow_log *f)
{
	return !flow_nflog_tells_connections(f->nflog);
}

void flow_handed_over(struct flow_log *f)
{
	flow_account_keep(f->account);
}

void flow_hurry(struct flow_log *f)
{
	flow_denied_hurry(f->denied);
}

void flow_counts(const struct flow_log *f,
		 void (*fn)(void *arg, const struct flow_count *count),
		 void *arg)
{
	flow_counts_each(f->counts, fn, arg);
}
