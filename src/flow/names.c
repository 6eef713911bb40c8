/* SPDX-License-Identifier: GPL-2.0-or-later */
/* names.c - DNS names of a flow's ends, from the answers that containers got.
 *
 * Answers and denied packets come by two sockets. A packet to an address that
 * was resolved a moment ago may be read before that answer is, so whoever wants
 * a name has the answers read first, unless that was done since the packet.
 */
#include "flow/names.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "compile/compile.h"
#include "dns/answer.h"
#include "dns/cache.h"
#include "flow/nflog.h"

/* What the ruleset copies at most. */
#define COPY_RANGE 2048
/* Some 400 answers: the kernel lets through no more than that in the time of a
 * slice of the loop's. */
#define RECEIVE_BUFFER (1 << 20)

/* The kernel's times of packets are in microseconds. */
#define TIME_GRAIN_NS 1000

struct flow_names {
	const struct flow_resolver *resolver;
	struct dns_cache *cache;
	struct flow_nflog *nflog;
	uint64_t read; /* all answers until this time (realtime ns) */
	uint64_t answers, malformed;
};

/* ---- answers ----------------------------------------------------------- */

/* Over TCP its length comes first; a segment that begins in the midst of one
 * makes no sense to the reader. */
static struct slice tcp_message(struct slice segment)
{
	struct tcphdr header;
	uint16_t len;
	size_t data;

	if (segment.len < sizeof(header))
		return SLICE("");
	memcpy(&header, segment.ptr, sizeof(header));
	data = 4U * header.doff;
	if (segment.len < data + sizeof(len))
		return SLICE("");
	memcpy(&len, segment.ptr + data, sizeof(len));
	data += sizeof(len);
	return (struct slice){ segment.ptr + data,
			       MIN((size_t)ntohs(len), segment.len - data) };
}

/* The message that @packet carries, as far as it was copied; else nothing. */
static struct slice message_of(const struct flow_nflog_packet *packet,
			       const struct flow_packet *p)
{
	size_t end = MIN(packet->payload.len, (size_t)p->length);
	struct slice rest;

	if (!p->has_ports || p->has_vlan || p->transport > end)
		return SLICE("");
	rest = (struct slice){ packet->payload.ptr + p->transport,
			       end - p->transport };
	if (p->proto == IPPROTO_TCP)
		return tcp_message(rest);
	if (p->proto != IPPROTO_UDP || rest.len < sizeof(struct udphdr))
		return SLICE("");
	return (struct slice){ rest.ptr + sizeof(struct udphdr),
			       rest.len - sizeof(struct udphdr) };
}

struct lesson {
	struct flow_names *names;
	const char *asker;
	uint64_t now;
};

static void learn(void *arg, const char *name, const struct addr *a)
{
	const struct lesson *l = arg;

	if (*name)
		dns_cache_learn(l->names->cache, l->asker, a, name, l->now);
}

static void on_packet(void *arg, const struct flow_nflog_packet *packet)
{
	struct lesson lesson = { .names = arg, .now = clock_monotonic() };
	struct flow_names *n = arg;
	const struct endpoint *asker;
	struct flow_packet p;

	if (!slice_eq_str(packet->prefix, COMPILE_ANSWERS_PREFIX))
		return;
	n->answers++;
	flow_packet_decode(packet->ethertype, packet->payload, &p);
	asker = n->resolver->owner(n->resolver->arg, &p.dst,
				   packet->time ? packet->time
						: clock_realtime());
	if (!asker)
		return;
	lesson.asker = asker->id;
	if (dns_answer_read(message_of(packet, &p), learn, &lesson) < 0)
		n->malformed++;
}

/* ---- names ------------------------------------------------------------- */

static void read_until(struct flow_names *n, uint64_t time)
{
	uint64_t now;

	if (time + TIME_GRAIN_NS < n->read)
		return;
	now = clock_realtime();
	flow_nflog_read(n->nflog);
	n->read = now;
}

/* Of @a, as @asker has it. */
static void fill(struct flow_names *n, const struct endpoint *asker,
		 const struct addr *a, char **name)
{
	const char *known;

	if (*name || !asker || !addr_is_set(a))
		return;
	known = dns_cache_name(n->cache, asker->id, a);
	if (known)
		*name = xstrdup(known);
}

void flow_names_fill(struct flow_names *n, struct flow_record *r)
{
	if (!n)
		return;
	read_until(n, r->last);
	fill(n, r->src.owner, &r->packet.dst, &r->dst_name);
	fill(n, r->dst.owner, &r->packet.src, &r->src_name);
}

/* ---- life -------------------------------------------------------------- */

int flow_names_open(struct loop *loop, uint16_t group,
		    const struct flow_resolver *resolver,
		    struct flow_names **ret)
{
	struct flow_names *n = xnew(struct flow_names);
	struct flow_nflog_options options = { .group = group,
					      .copy_range = COPY_RANGE,
					      .buffer = RECEIVE_BUFFER,
					      .fn = on_packet,
					      .arg = n };
	int r;

	n->resolver = resolver;
	n->cache = dns_cache_new();
	r = flow_nflog_open(loop, &options, &n->nflog);
	if (r < 0) {
		flow_names_close(n);
		return r;
	}
	*ret = n;
	return 0;
}

void flow_names_close(struct flow_names *n)
{
	if (!n)
		return;
	flow_nflog_close(n->nflog);
	dns_cache_free(n->cache);
	free(n);
}

void flow_names_retire(struct flow_names *n, const char *id)
{
	if (n)
		dns_cache_retire(n->cache, id, clock_monotonic());
}

void flow_names_stats(const struct flow_names *n, struct flow_names_stats *ret)
{
	*ret = (struct flow_names_stats){ 0 };
	if (!n)
		return;
	ret->on = true;
	ret->answers = n->answers;
	ret->malformed = n->malformed;
	ret->lost = flow_nflog_lost(n->nflog);
	ret->addresses = dns_cache_len(n->cache);
}
