/* SPDX-License-Identifier: GPL-2.0-or-later */
/* community.c - Community ID v1: one name for a flow across tools.
 *
 * Base64 of SHA-1 over seed, addresses, protocol and ports, the lower end
 * first, so that both directions have the same ID. ICMP has no ports: a
 * message type and that of its answer stand for them; a message without an
 * answer has type and code, and no order.
 */
#include "flow/community.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <nettle/base64.h>
#include <nettle/sha1.h>

#include "base/macro.h"

struct tuple {
	struct addr src, dst;
	uint16_t sport, dport;
	bool has_ports;
	bool one_way; /* keeps its order */
};

struct answer {
	uint8_t proto, request, reply;
};

static const struct answer answers[] = {
	{ IPPROTO_ICMP, 8, 0 },	      /* echo */
	{ IPPROTO_ICMP, 10, 9 },      /* router solicitation */
	{ IPPROTO_ICMP, 13, 14 },     /* timestamp */
	{ IPPROTO_ICMP, 15, 16 },     /* information */
	{ IPPROTO_ICMP, 17, 18 },     /* address mask */
	{ IPPROTO_ICMPV6, 128, 129 }, /* echo */
	{ IPPROTO_ICMPV6, 130, 131 }, /* multicast listener */
	{ IPPROTO_ICMPV6, 133, 134 }, /* router solicitation */
	{ IPPROTO_ICMPV6, 135, 136 }, /* neighbour solicitation */
	{ IPPROTO_ICMPV6, 139, 140 }, /* node information */
	{ IPPROTO_ICMPV6, 144, 145 }, /* home agent discovery */
};

static void icmp_ports(const struct flow_packet *p, struct tuple *t)
{
	t->has_ports = true;
	t->sport = p->icmp_type;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		if (answers[i].proto != p->proto)
			continue;
		if (answers[i].request == p->icmp_type)
			t->dport = answers[i].reply;
		else if (answers[i].reply == p->icmp_type)
			t->dport = answers[i].request;
		else
			continue;
		return;
	}
	t->dport = p->icmp_code;
	t->one_way = true;
}

/* The protocols to which the specification gives ports. */
static bool wants_ports(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6 ||
	       proto == IPPROTO_TCP || proto == IPPROTO_UDP ||
	       proto == IPPROTO_SCTP;
}

static bool tuple_of(const struct flow_packet *p, struct tuple *ret)
{
	struct tuple t = { .src = p->src, .dst = p->dst };

	if (!p->has_proto || !addr_is_set(&p->src) || !addr_is_set(&p->dst))
		return false;
	if (p->has_icmp) {
		icmp_ports(p, &t);
	} else if (wants_ports(p->proto)) {
		if (!p->has_ports)
			return false;
		t.has_ports = true;
		t.sport = p->sport;
		t.dport = p->dport;
	}
	*ret = t;
	return true;
}

static void put_in_order(struct tuple *t)
{
	struct tuple swapped = { t->dst,   t->src,	 t->dport,
				 t->sport, t->has_ports, false };
	int c = addr_compare(&t->src, &t->dst);

	if (!t->one_way && (c > 0 || (c == 0 && t->sport > t->dport)))
		*t = swapped;
}

static void hash_u16(struct sha1_ctx *sha, uint16_t value)
{
	uint16_t be = htons(value);

	sha1_update(sha, sizeof(be), (const uint8_t *)&be);
}

static void encode(struct sha1_ctx *sha, char ret[static FLOW_COMMUNITY_MAX])
{
	uint8_t digest[SHA1_DIGEST_SIZE];

	sha1_digest(sha, sizeof(digest), digest);
	memcpy(ret, "1:", 2);
	base64_encode_raw(ret + 2, sizeof(digest), digest);
	ret[2 + BASE64_ENCODE_RAW_LENGTH(SHA1_DIGEST_SIZE)] = '\0';
}

bool flow_community_id(const struct flow_packet *p,
		       char ret[static FLOW_COMMUNITY_MAX])
{
	const uint8_t proto[2] = { p->proto, 0 };
	struct sha1_ctx sha;
	struct tuple t;

	ret[0] = '\0';
	if (!tuple_of(p, &t))
		return false;
	put_in_order(&t);
	sha1_init(&sha);
	hash_u16(&sha, 0); /* the seed */
	sha1_update(&sha, addr_size(t.src.family), t.src.bytes);
	sha1_update(&sha, addr_size(t.dst.family), t.dst.bytes);
	sha1_update(&sha, sizeof(proto), proto);
	if (t.has_ports) {
		hash_u16(&sha, t.sport);
		hash_u16(&sha, t.dport);
	}
	encode(&sha, ret);
	return true;
}
