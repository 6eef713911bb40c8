/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow.c - the denied-flow log: from a logged packet to a line. */
#include "flow/flow.h"

#include <net/ethernet.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "flow/attribute.h"
#include "flow/nflog.h"
#include "flow/record.h"
#include "flow/repeat.h"

/* Attempts that a repeat is recognised of: some 2 MiB. */
#define REPEATS_MAX 16384

struct flow_log {
	struct flow_resolver resolver;
	struct flow_origin origin;
	struct flow_ifaces ifaces;
	struct flow_repeats *repeats;
	flow_emit_fn emit;
	void *emit_arg;
	struct flow_nflog *nflog;
	struct buf line;
	uint64_t seq;
	uint64_t packets, repeated, undecoded, revoked, records;
	uint64_t lost; /* once nothing is read any more */
};

static void write_record(struct flow_log *f, const struct flow_record *record)
{
	buf_clear(&f->line);
	/* A record's parts are bounded so that it always fits. */
	if (flow_record_format(record, &f->origin, &f->line) < 0)
		return;
	f->records++;
	f->emit(f->emit_arg, buf_slice(&f->line));
}

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
	record->packets = 1;
	record->bytes = p->length;
}

static void on_packet(void *arg, const struct flow_nflog_packet *packet)
{
	_cleanup_(flow_record_fini) struct flow_record record = { 0 };
	struct flow_log *f = arg;
	uint64_t now = clock_monotonic();

	if (!deny_prefix_parse(packet->prefix, &record.direction,
			       &record.reason, &record.audit))
		return;
	f->packets++;
	decode(packet, &record);
	flow_attribute_ends(packet, &f->resolver, &record);
	if (flow_repeats_seen(f->repeats, &record, now)) {
		f->repeated++;
		return;
	}
	f->undecoded += !record.packet.complete;
	record.seq = ++f->seq;
	flow_attribute_rest(packet, &f->resolver, &f->ifaces, now, &record);
	write_record(f, &record);
}

void flow_revoked(struct flow_log *f, const struct flow_revocation *r)
{
	static const struct flow_nflog_packet no_packet;
	_cleanup_(flow_record_fini) struct flow_record record = {
		.time = clock_realtime(),
		.direction = r->direction,
		.reason = DENY_POLICY_REVOKED,
		.packet = { .ethertype = r->src.family == AF_INET
						 ? ETHERTYPE_IP
						 : ETHERTYPE_IPV6,
			    .has_proto = true,
			    .has_ports = r->has_ports,
			    .complete = true,
			    .proto = r->proto,
			    .src = r->src,
			    .dst = r->dst,
			    .sport = r->sport,
			    .dport = r->dport },
		.src = { .owner = r->source },
		.dst = { .owner = r->destination },
	};

	record.first = record.last = record.time;
	record.seq = ++f->seq;
	f->revoked++;
	flow_attribute_rest(&no_packet, &f->resolver, &f->ifaces,
			    clock_monotonic(), &record);
	write_record(f, &record);
}

void flow_loss_line(struct flow_log *f, const char *where, uint64_t records,
		    struct buf *line)
{
	flow_record_format_loss(&f->origin, ++f->seq, clock_realtime(), where,
				records, line);
}

int flow_open(struct loop *loop, const struct flow_options *options,
	      struct flow_log **ret)
{
	struct flow_log *f = xnew(struct flow_log);
	int r;

	f->resolver = options->resolver;
	f->origin = flow_origin_here();
	f->repeats = flow_repeats_new(REPEATS_MAX);
	f->line = BUF_INIT(FLOW_LINE_MAX);
	f->emit = options->emit;
	f->emit_arg = options->emit_arg;
	r = flow_nflog_open(loop, options->group, on_packet, f, &f->nflog);
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
	f->lost = flow_nflog_lost(f->nflog);
	flow_nflog_close(f->nflog);
	f->nflog = NULL;
}

void flow_close(struct flow_log *f)
{
	if (!f)
		return;
	flow_nflog_close(f->nflog);
	flow_repeats_free(f->repeats);
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
	};
}
