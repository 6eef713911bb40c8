/* SPDX-License-Identifier: GPL-2.0-or-later */
/* key.c - which element of the kernel's sets counts a denied packet. */
#include "flow/key.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

/* A key's fields are padded to this. */
#define PAD 4

size_t flow_key_sets(void)
{
	size_t n, guard;

	compile_denied_sets(&n);
	compile_guard_denied_sets(&guard);
	return n + guard;
}

const struct compile_denied *flow_key_set(size_t i)
{
	size_t n, guard;
	const struct compile_denied *sets = compile_denied_sets(&n);

	return i < n ? &sets[i] : &compile_guard_denied_sets(&guard)[i - n];
}

static bool find_set(enum ruleset_table table, uint8_t family,
		     const struct flow_record *r, bool bare, uint8_t *ret)
{
	for (size_t i = 0; i < flow_key_sets(); i++) {
		const struct compile_denied *d = flow_key_set(i);

		if (d->table != table || d->family != family ||
		    (d->kind != DENIED_TUPLE && d->kind != DENIED_FRAME) ||
		    d->has_reason == bare)
			continue;
		if (bare ||
		    (d->direction == r->direction && d->reason == r->reason)) {
			*ret = (uint8_t)i;
			return true;
		}
	}
	return false;
}

/* ---- from a packet ----------------------------------------------------- */

static void put(struct flow_key *key, const void *bytes, size_t n)
{
	memcpy(key->bytes + key->len, bytes, n);
	key->len = (uint8_t)(key->len + (n + PAD - 1) / PAD * PAD);
}

/* As in the ruleset's set of protocols with ports. */
static bool has_port_protocol(const struct flow_packet *p)
{
	return p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP ||
	       p->proto == IPPROTO_SCTP;
}

static bool tuple_of(const struct flow_record *record, struct flow_key *key)
{
	const struct flow_packet *p = &record->packet;
	bool ports = has_port_protocol(p);
	bool bare = ports ? !p->has_ports : !p->has_head;
	uint16_t last = htons(ports ? p->dport : p->head);

	if (!addr_is_set(&p->src) || !p->has_proto ||
	    !find_set(TABLE_INET, p->src.family, record, bare, &key->set))
		return false;
	put(key, p->src.bytes, addr_size(p->src.family));
	put(key, p->dst.bytes, addr_size(p->dst.family));
	put(key, &p->proto, 1);
	if (!bare)
		put(key, &last, sizeof(last));
	return true;
}

static bool frame_of(const struct flow_nflog_packet *packet,
		     const struct flow_record *record, const char *port,
		     struct flow_key *key)
{
	uint16_t type = htons(packet->has_vlan ? packet->vlan_proto
					       : packet->ethertype);
	char name[IFNAMSIZ] = "";

	if (!port[0] || !find_set(TABLE_BRIDGE, 0, record, false, &key->set))
		return false;
	memcpy(name, port, strnlen(port, IFNAMSIZ - 1));
	put(key, name, sizeof(name));
	put(key, packet->src_mac.bytes, sizeof(packet->src_mac.bytes));
	put(key, &type, sizeof(type));
	return true;
}

bool flow_key_of(const struct flow_nflog_packet *packet,
		 const struct flow_record *record, const char *port,
		 struct flow_key *ret)
{
	struct flow_key key = { 0 };
	bool known = packet->family == NFPROTO_BRIDGE
			     ? frame_of(packet, record, port, &key)
			     : tuple_of(record, &key);

	if (known)
		*ret = key;
	return known;
}

/* ---- from an element --------------------------------------------------- */

static size_t key_len(const struct compile_denied *d)
{
	size_t a = addr_size(d->family);

	switch (d->kind) {
	case DENIED_TUPLE:
		return 2 * a + (d->has_reason ? 2 * PAD : PAD);
	case DENIED_SENDER:
	case DENIED_RECEIVER:
		return a;
	case DENIED_FRAME:
		return IFNAMSIZ + 2 * PAD + PAD;
	case DENIED_PORT:
		return IFNAMSIZ;
	}
	return 0;
}

bool flow_key_from_element(size_t set, const uint8_t *bytes, size_t n,
			   struct flow_key *ret)
{
	struct flow_key key = { .set = (uint8_t)set, .len = (uint8_t)n };

	if (n > sizeof(key.bytes) || n != key_len(flow_key_set(set)))
		return false;
	memcpy(key.bytes, bytes, n);
	*ret = key;
	return true;
}

static void tell_tuple(const struct flow_key *key,
		       const struct compile_denied *d, struct flow_packet *p)
{
	size_t a = addr_size(d->family);
	const uint8_t *proto = key->bytes + 2 * a, *last = proto + PAD;

	p->ethertype = d->family == AF_INET ? ETHERTYPE_IP : ETHERTYPE_IPV6;
	p->src = addr_from_bytes(d->family, key->bytes);
	p->dst = addr_from_bytes(d->family, key->bytes + a);
	p->has_proto = true;
	p->proto = *proto;
	if (!d->has_reason)
		return;
	if (has_port_protocol(p)) {
		p->has_dport = true;
		p->dport = (uint16_t)(last[0] << 8 | last[1]);
		return;
	}
	p->has_icmp = p->proto ==
		      (d->family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	p->icmp_type = last[0];
	p->icmp_code = last[1];
}

void flow_key_tell(const struct flow_key *key, struct flow_record *record)
{
	const struct compile_denied *d = flow_key_set(key->set);
	const uint8_t *type = key->bytes + IFNAMSIZ + 2 * PAD;

	record->no_reason = !d->has_reason;
	record->direction = d->direction;
	record->reason = d->reason;
	if (d->kind == DENIED_TUPLE) {
		tell_tuple(key, d, &record->packet);
		return;
	}
	memcpy(record->phys_in, key->bytes, IFNAMSIZ - 1);
	memcpy(record->src.mac.bytes, key->bytes + IFNAMSIZ, 6);
	record->packet.ethertype = (uint16_t)(type[0] << 8 | type[1]);
}

void flow_key_account(const struct flow_key *key, struct addr *ret_address,
		      char ret_port[static IFNAMSIZ])
{
	const struct compile_denied *d = flow_key_set(key->set);

	ret_port[0] = '\0';
	*ret_address = (struct addr){ 0 };
	if (d->family) {
		*ret_address = addr_from_bytes(d->family, key->bytes);
		return;
	}
	memcpy(ret_port, key->bytes, IFNAMSIZ);
	ret_port[IFNAMSIZ - 1] = '\0';
}
