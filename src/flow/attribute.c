/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attribute.c - whose packet it was, and which policies decided. */
#include "flow/attribute.h"

#include <linux/netfilter.h>
#include <net/if.h>

/* Nobody's own address: all that listen share it, or it says "none yet". */
static bool is_nobodys(const struct addr *a)
{
	static const struct addr zero4 = { .family = AF_INET };
	static const struct addr zero6 = { .family = AF_INET6 };

	if (a->family == AF_INET)
		return a->bytes[0] >= 224 || addr_eq(a, &zero4);
	if (a->family == AF_INET6)
		return a->bytes[0] == 0xff || addr_eq(a, &zero6);
	return true;
}

static const struct endpoint *owner_of(const struct flow_resolver *resolver,
				       const struct addr *a, uint64_t time)
{
	if (is_nobodys(a))
		return NULL;
	return resolver->owner(resolver->arg, a, time);
}

/* A spoofed address would blame its rightful owner: ask the wire instead. */
static const struct endpoint *sender_of(const struct flow_nflog_packet *packet,
					const struct flow_resolver *resolver,
					const struct flow_record *record)
{
	unsigned wire = packet->phys_in ? packet->phys_in : packet->in;

	if (record->reason != DENY_SPOOFED)
		return owner_of(resolver, &record->packet.src, record->time);
	if (!resolver->sender || !wire)
		return NULL;
	return resolver->sender(resolver->arg, wire, record->time);
}

/* Judged at the host's own port, for the container behind it. */
static const struct endpoint *published_of(
	const struct flow_nflog_packet *packet,
	const struct flow_resolver *resolver, const struct flow_record *record)
{
	const struct flow_packet *p = &record->packet;

	if (!resolver->published || record->direction != DENY_INGRESS ||
	    packet->out || !(p->has_ports || p->has_dport))
		return NULL;
	return resolver->published(resolver->arg, &p->dst, p->proto, p->dport);
}

static void set_macs(const struct flow_nflog_packet *packet,
		     struct flow_record *record)
{
	record->src.mac = packet->src_mac;
	/* A routed frame was addressed to the router, not to that end. */
	if (packet->phys_out || packet->family == NFPROTO_BRIDGE)
		record->dst.mac = packet->dst_mac;
}

/* Reasons that come from policies; the others hold without any. */
static bool is_policys(enum deny_reason reason)
{
	switch (reason) {
	case DENY_NO_POLICY_ALLOWS:
	case DENY_INVALID:
	case DENY_POLICY_REVOKED:
		return true;
	case DENY_UNKNOWN_ENDPOINT:
	case DENY_SPOOFED:
	case DENY_PROTOCOL:
	case DENY_QUARANTINE:
		return false;
	}
	return false;
}

static void add_policy(void *to, const char *policy)
{
	struct flow_record *record = to;

	vec_push(&record->policies, xstrdup(policy));
}

static void set_policies(const struct flow_resolver *resolver,
			 struct flow_record *record)
{
	bool ingress = record->direction == DENY_INGRESS;
	const struct endpoint *decides = ingress ? record->dst.owner
						 : record->src.owner;

	if (decides && is_policys(record->reason))
		resolver->policies(resolver->arg, decides, ingress, add_policy,
				   record);
}

static void set_interfaces(const struct flow_nflog_packet *packet,
			   struct flow_ifaces *ifaces, uint64_t now,
			   struct flow_record *record)
{
	flow_iface_name(ifaces, packet->in, now, record->in);
	flow_iface_name(ifaces, packet->out, now, record->out);
	flow_iface_name(ifaces, packet->phys_in, now, record->phys_in);
	flow_iface_name(ifaces, packet->phys_out, now, record->phys_out);
}

/* Of a packet from the connection's begin; its answers have it reversed. */
static void set_published(const struct flow_nflog_packet *packet,
			  struct flow_record *record)
{
	const struct conntrack_tuple *t = &packet->original;
	const struct flow_packet *p = &record->packet;

	if (!packet->has_original || !p->has_ports ||
	    !addr_eq(&t->src, &p->src) || t->sport != p->sport ||
	    (addr_eq(&t->dst, &p->dst) && t->dport == p->dport))
		return;
	record->published = t->dst;
	record->published_port = t->dport;
}

void flow_attribute_ends(const struct flow_nflog_packet *packet,
			 const struct flow_resolver *resolver,
			 struct flow_record *record)
{
	record->src.owner = sender_of(packet, resolver, record);
	record->dst.owner =
		owner_of(resolver, &record->packet.dst, record->time);
	if (!record->dst.owner)
		record->dst.owner = published_of(packet, resolver, record);
	set_macs(packet, record);
	set_published(packet, record);
}

void flow_attribute_again(const struct flow_resolver *resolver,
			  struct flow_record *record)
{
	struct flow_packet *p = &record->packet;
	struct flow_nflog_packet packet = {
		.phys_in = record->phys_in[0] ? if_nametoindex(record->phys_in)
					      : 0,
		.in = record->in[0] ? if_nametoindex(record->in) : 0,
		.out = record->out[0] != '\0',
	};
	uint64_t time = record->time;

	record->time = record->last;
	record->src.owner = sender_of(&packet, resolver, record);
	record->dst.owner = owner_of(resolver, &p->dst, record->time);
	if (!record->dst.owner)
		record->dst.owner = published_of(&packet, resolver, record);
	record->time = time;
	set_policies(resolver, record);
}

void flow_attribute_rest(const struct flow_nflog_packet *packet,
			 const struct flow_resolver *resolver,
			 struct flow_ifaces *ifaces, uint64_t now,
			 struct flow_record *record)
{
	set_policies(resolver, record);
	set_interfaces(packet, ifaces, now, record);
}
