/* SPDX-License-Identifier: GPL-2.0-or-later */
/* packet.c - what the head of a packet tells; pure, for untrusted bytes.
 *
 * A reader that can run short walks over the bytes: every getter fails rather
 * than read past the end, and whoever asks for a field gives up then. Loops
 * (VLAN tags, IPv6 extension headers) have a bound of their own.
 */
#include "flow/packet.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/icmp6.h>
#include <stdio.h>

#include "base/macro.h"
#include "base/protocol.h"

/* As many as the kernel's own bridge code looks through. */
#define TAGS_MAX 2
/* RFC 8200 names six; a chain longer than this hides something. */
#define EXTENSIONS_MAX 8

#define IPPROTO_HIP_   139
#define IPPROTO_SHIM6_ 140

struct reader {
	const uint8_t *begin;
	const uint8_t *at;
	size_t left;
};

static bool skip(struct reader *r, size_t n)
{
	if (n > r->left)
		return false;
	r->at += n;
	r->left -= n;
	return true;
}

static bool get(struct reader *r, void *ret, size_t n)
{
	const uint8_t *at = r->at;

	if (!skip(r, n))
		return false;
	memcpy(ret, at, n);
	return true;
}

static bool get_u8(struct reader *r, uint8_t *ret)
{
	return get(r, ret, 1);
}

static bool get_u16(struct reader *r, uint16_t *ret)
{
	uint16_t be;

	if (!get(r, &be, sizeof(be)))
		return false;
	*ret = ntohs(be);
	return true;
}

static bool get_addr(struct reader *r, uint8_t family, struct addr *ret)
{
	uint8_t bytes[16];

	if (!get(r, bytes, addr_size(family)))
		return false;
	*ret = addr_from_bytes(family, bytes);
	return true;
}

/* What lies behind the packet's own length is padding of the frame. */
static void trim(struct reader *r, size_t len)
{
	r->left = MIN(r->left, len);
}

static bool icmp_has_id(uint8_t proto, uint8_t type)
{
	if (proto == IPPROTO_ICMPV6)
		return type == ICMP6_ECHO_REQUEST || type == ICMP6_ECHO_REPLY;
	return type == ICMP_ECHO || type == ICMP_ECHOREPLY ||
	       type == ICMP_TIMESTAMP || type == ICMP_TIMESTAMPREPLY;
}

static bool decode_icmp(struct reader *r, struct flow_packet *p)
{
	if (!get_u8(r, &p->icmp_type) || !get_u8(r, &p->icmp_code))
		return false;
	p->has_icmp = true;
	if (!icmp_has_id(p->proto, p->icmp_type))
		return true;
	return skip(r, 2) && get_u16(r, &p->echo_id);
}

static bool decode_ports(struct reader *r, struct flow_packet *p)
{
	if (!get_u16(r, &p->sport) || !get_u16(r, &p->dport))
		return false;
	p->has_ports = true;
	if (p->proto != IPPROTO_TCP)
		return true;
	if (!skip(r, 9) || !get_u8(r, &p->tcp_flags))
		return false;
	p->has_tcp_flags = true;
	return true;
}

static bool decode_transport(struct reader *r, struct flow_packet *p)
{
	struct reader peek;

	p->has_proto = true;
	p->transport = (uint16_t)(r->at - r->begin);
	if (p->later_fragment)
		return true;
	peek = *r;
	p->has_head = get_u16(&peek, &p->head);
	switch (p->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		return decode_ports(r, p);
	case IPPROTO_ICMP:
		return p->src.family != AF_INET || decode_icmp(r, p);
	case IPPROTO_ICMPV6:
		return p->src.family != AF_INET6 || decode_icmp(r, p);
	default:
		return true;
	}
}

static bool decode_ipv4(struct reader *r, struct flow_packet *p)
{
	uint8_t first, proto;
	uint16_t length, fragment;
	size_t header;

	if (!get_u8(r, &first) || first >> 4 != 4)
		return false;
	header = 4U * (first & 0xf);
	if (header < 20 || !skip(r, 1) || !get_u16(r, &length))
		return false;
	/* Zero: a segment too large for the field, which the card would cut. */
	if (length && length < header)
		return false;
	if (length) {
		p->length = length;
		trim(r, length - 4U);
	}
	if (!skip(r, 2) || !get_u16(r, &fragment) || !skip(r, 1) ||
	    !get_u8(r, &proto) || !skip(r, 2))
		return false;
	if (!get_addr(r, AF_INET, &p->src) || !get_addr(r, AF_INET, &p->dst))
		return false;
	p->proto = proto;
	p->later_fragment = fragment & 0x1fff;
	if (!skip(r, header - 20)) {
		p->has_proto = true;
		return false;
	}
	return decode_transport(r, p);
}

/* One extension header, whose own type is @p->proto, up to the next one's. */
static bool decode_extension(struct reader *r, struct flow_packet *p)
{
	uint8_t type = p->proto, next, len;
	uint16_t offset;

	if (!get_u8(r, &next) || !get_u8(r, &len))
		return false;
	if (type == IPPROTO_FRAGMENT) {
		if (!get_u16(r, &offset) || !skip(r, 4))
			return false;
		p->later_fragment |= offset >> 3 != 0;
	} else if (type == IPPROTO_AH) {
		if (!skip(r, 4U * (len + 2U) - 2))
			return false;
	} else if (!skip(r, 8U * (len + 1U) - 2)) {
		return false;
	}
	p->proto = next;
	return true;
}

static bool is_extension(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_DSTOPTS:
	case IPPROTO_AH:
	case IPPROTO_MH:
	case IPPROTO_HIP_:
	case IPPROTO_SHIM6_:
		return true;
	default:
		return false;
	}
}

static bool decode_ipv6(struct reader *r, struct flow_packet *p)
{
	uint16_t payload;
	uint8_t first;

	if (!get_u8(r, &first) || first >> 4 != 6)
		return false;
	if (!skip(r, 3) || !get_u16(r, &payload) || !get_u8(r, &p->proto) ||
	    !skip(r, 1))
		return false;
	if (!get_addr(r, AF_INET6, &p->src) || !get_addr(r, AF_INET6, &p->dst))
		return false;
	/* Zero: a jumbogram, or a segment that the card would cut. */
	if (payload) {
		p->length = 40U + payload;
		trim(r, payload);
	}
	for (int i = 0; is_extension(p->proto); i++) {
		/* Behind a later fragment's header is payload, no header. */
		if (p->later_fragment)
			break;
		if (i == EXTENSIONS_MAX || !decode_extension(r, p))
			return false;
	}
	return decode_transport(r, p);
}

static bool decode_arp(struct reader *r, struct flow_packet *p)
{
	uint16_t hardware, protocol, op;
	uint8_t hardware_len, protocol_len;

	if (!get_u16(r, &hardware) || !get_u16(r, &protocol) ||
	    !get_u8(r, &hardware_len) || !get_u8(r, &protocol_len) ||
	    !get_u16(r, &op))
		return false;
	if (protocol != ETHERTYPE_IP || protocol_len != 4)
		return false;
	return skip(r, hardware_len) && get_addr(r, AF_INET, &p->src) &&
	       skip(r, hardware_len) && get_addr(r, AF_INET, &p->dst);
}

static bool is_tag(uint16_t ethertype)
{
	return ethertype == ETHERTYPE_VLAN || ethertype == 0x88a8;
}

/* Past the VLAN tags, as far as there are bytes. */
static bool decode_tags(struct reader *r, struct flow_packet *p)
{
	uint16_t tci;

	for (int i = 0; is_tag(p->ethertype); i++) {
		if (i == TAGS_MAX || !get_u16(r, &tci) ||
		    !get_u16(r, &p->ethertype))
			return false;
		if (!p->has_vlan)
			p->vlan = tci & 0xfff;
		p->has_vlan = true;
	}
	return true;
}

static bool decode(struct reader *r, struct flow_packet *p)
{
	if (!decode_tags(r, p))
		return false;
	switch (p->ethertype) {
	case ETHERTYPE_IP:
		return decode_ipv4(r, p);
	case ETHERTYPE_IPV6:
		return decode_ipv6(r, p);
	case ETHERTYPE_ARP:
		return decode_arp(r, p);
	default:
		return true;
	}
}

void flow_packet_decode(uint16_t ethertype, struct slice bytes,
			struct flow_packet *ret)
{
	const uint8_t *begin = (const uint8_t *)bytes.ptr;
	struct reader r = { begin, begin, bytes.len };
	struct flow_packet p = { .ethertype = ethertype,
				 .length = (uint32_t)bytes.len };

	p.complete = decode(&r, &p);
	*ret = p;
}

const char *flow_packet_proto(const struct flow_packet *p,
			      char text[static FLOW_PROTO_MAX])
{
	if (p->has_proto && protocol_name(p->proto))
		snprintf(text, FLOW_PROTO_MAX, "%s", protocol_name(p->proto));
	else if (p->has_proto)
		snprintf(text, FLOW_PROTO_MAX, "%u", p->proto);
	else if (p->ethertype == ETHERTYPE_ARP)
		snprintf(text, FLOW_PROTO_MAX, "arp");
	else if (p->ethertype == ETHERTYPE_IP)
		snprintf(text, FLOW_PROTO_MAX, "ipv4");
	else if (p->ethertype == ETHERTYPE_IPV6)
		snprintf(text, FLOW_PROTO_MAX, "ipv6");
	else
		snprintf(text, FLOW_PROTO_MAX, "0x%04x", p->ethertype);
	return text;
}
