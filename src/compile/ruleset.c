/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ruleset.c - the ruleset IR: tables of fields and types, object lifetimes. */
#include "compile/ruleset.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* Type numbers: enum datatypes of nftables' include/datatype.h; they reach the
 * kernel as opaque bytes and come back to whoever lists the set. */
static const struct type_info types[] = {
	[TYPE_IPV4] = { "ipv4_addr", 7, 4, false },
	[TYPE_IPV6] = { "ipv6_addr", 8, 16, false },
	[TYPE_ETHER] = { "ether_addr", 9, 6, false },
	[TYPE_SERVICE] = { "inet_service", 13, 2, false },
	[TYPE_PROTO] = { "inet_proto", 12, 1, false },
	[TYPE_IFNAME] = { "ifname", 41, 16, true },
	[TYPE_ETHERTYPE] = { "ether_type", 10, 2, false },
	[TYPE_NFPROTO] = { "nf_proto", 2, 1, true },
	[TYPE_CT_STATE] = { "ct_state", 26, 4, true },
	[TYPE_CT_DIR] = { "ct_dir", 27, 1, true },
	[TYPE_CT_STATUS] = { "ct_status", 28, 4, true },
	[TYPE_TCP_FLAGS] = { "tcp_flag", 15, 1, false },
	[TYPE_ICMP] = { "icmp_type", 14, 1, false },
	[TYPE_ICMPV6] = { "icmpv6_type", 29, 1, false },
	[TYPE_FIB_TYPE] = { "fib_addrtype", 38, 4, true },
	[TYPE_PKTTYPE] = { "pkt_type", 31, 1, true },
	[TYPE_ARP_OP] = { "arp_op", 11, 2, false },
	[TYPE_BYTE] = { "integer", 4, 1, false },
};
static_assert(ARRAY_SIZE(types) == TYPE_BYTE + 1, "a type is missing");

static const struct field_info fields[] = {
	[FIELD_IIFNAME] = { "iifname", TYPE_IFNAME, 16 },
	[FIELD_OIFNAME] = { "oifname", TYPE_IFNAME, 16 },
	[FIELD_NFPROTO] = { "meta nfproto", TYPE_NFPROTO, 1 },
	[FIELD_L4PROTO] = { "meta l4proto", TYPE_PROTO, 1 },
	[FIELD_PROTOCOL] = { "meta protocol", TYPE_ETHERTYPE, 2 },
	[FIELD_PKTTYPE] = { "meta pkttype", TYPE_PKTTYPE, 1 },
	[FIELD_IP_SADDR] = { "ip saddr", TYPE_IPV4, 4 },
	[FIELD_IP_DADDR] = { "ip daddr", TYPE_IPV4, 4 },
	[FIELD_IP6_SADDR] = { "ip6 saddr", TYPE_IPV6, 16 },
	[FIELD_IP6_DADDR] = { "ip6 daddr", TYPE_IPV6, 16 },
	[FIELD_IP6_NEXTHDR] = { "ip6 nexthdr", TYPE_PROTO, 1 },
	[FIELD_IP6_NEXTHDR2] = { "@nh,320,8", TYPE_BYTE, 1 },
	[FIELD_IP6_HOPLIMIT] = { "ip6 hoplimit", TYPE_BYTE, 1 },
	[FIELD_TH_SPORT] = { "th sport", TYPE_SERVICE, 2 },
	[FIELD_TH_DPORT] = { "th dport", TYPE_SERVICE, 2 },
	[FIELD_TCP_FLAGS] = { "tcp flags", TYPE_TCP_FLAGS, 1 },
	[FIELD_SCTP_CHUNK] = { "@th,96,8", TYPE_BYTE, 1 },
	[FIELD_ICMP_TYPE] = { "icmp type", TYPE_ICMP, 1 },
	[FIELD_IGMP_TYPE] = { "@th,0,8", TYPE_BYTE, 1 },
	[FIELD_ICMPV6_TYPE] = { "icmpv6 type", TYPE_ICMPV6, 1 },
	[FIELD_CT_STATE] = { "ct state", TYPE_CT_STATE, 4 },
	[FIELD_CT_DIRECTION] = { "ct direction", TYPE_CT_DIR, 1 },
	[FIELD_CT_STATUS] = { "ct status", TYPE_CT_STATUS, 4 },
	[FIELD_CT_ORIG_IP_SADDR] = { "ct original ip saddr", TYPE_IPV4, 4 },
	[FIELD_CT_ORIG_IP6_SADDR] = { "ct original ip6 saddr", TYPE_IPV6, 16 },
	[FIELD_CT_ORIG_IP_DADDR] = { "ct original ip daddr", TYPE_IPV4, 4 },
	[FIELD_CT_ORIG_IP6_DADDR] = { "ct original ip6 daddr", TYPE_IPV6, 16 },
	[FIELD_CT_REPL_IP_SADDR] = { "ct reply ip saddr", TYPE_IPV4, 4 },
	[FIELD_CT_REPL_IP6_SADDR] = { "ct reply ip6 saddr", TYPE_IPV6, 16 },
	[FIELD_FIB_DADDR_TYPE] = { "fib daddr type", TYPE_FIB_TYPE, 4 },
	[FIELD_ETHER_SADDR] = { "ether saddr", TYPE_ETHER, 6 },
	[FIELD_ETHER_DADDR] = { "ether daddr", TYPE_ETHER, 6 },
	[FIELD_ETHER_TYPE] = { "ether type", TYPE_ETHERTYPE, 2 },
	[FIELD_ARP_OP] = { "arp operation", TYPE_ARP_OP, 2 },
	[FIELD_ARP_SADDR_ETHER] = { "arp saddr ether", TYPE_ETHER, 6 },
	[FIELD_ARP_SADDR_IP] = { "arp saddr ip", TYPE_IPV4, 4 },
	[FIELD_ARP_DADDR_IP] = { "arp daddr ip", TYPE_IPV4, 4 },
	[FIELD_ND_TARGET] = { "@th,64,128", TYPE_IPV6, 16 },
	[FIELD_CT_PROTO_DST] = { "ct original proto-dst", TYPE_SERVICE, 2 },
};
static_assert(ARRAY_SIZE(fields) == FIELD_COUNT, "a field is missing");

const struct field_info *field_info(enum field field)
{
	return &fields[field];
}

const struct type_info *type_info(enum ruleset_type type)
{
	return &types[type];
}

/* ---- lifetimes --------------------------------------------------------- */

struct ruleset_chain *ruleset_chain_ref(struct ruleset_chain *c)
{
	c->refs++;
	return c;
}

void ruleset_chain_unref(struct ruleset_chain *c)
{
	if (!c || --c->refs)
		return;
	for (size_t i = 0; i < c->n; i++) {
		free(c->rules[i].comment);
		free(c->rules[i].stmts);
	}
	free(c->rules);
	free(c->comment);
	free(c);
}

struct ruleset_set *ruleset_set_ref(struct ruleset_set *s)
{
	s->refs++;
	return s;
}

void ruleset_set_unref(struct ruleset_set *s)
{
	if (!s || --s->refs)
		return;
	free(s->keys);
	free(s->verdicts);
	free(s->comment);
	free(s);
}

struct ruleset *ruleset_ref(struct ruleset *r)
{
	r->refs++;
	return r;
}

void ruleset_unref(struct ruleset *r)
{
	if (!r || --r->refs)
		return;
	for (int t = 0; t < TABLE_COUNT; t++) {
		struct ruleset_part *part = &r->parts[t];

		for (size_t i = 0; i < part->nchains; i++)
			ruleset_chain_unref(part->chains[i]);
		for (size_t i = 0; i < part->nsets; i++)
			ruleset_set_unref(part->sets[i]);
		free(part->chains);
		free(part->sets);
		free(part->counters);
	}
	free(r);
}

/* ---- look-up and comparison -------------------------------------------- */

/* Both objects begin with refs and name; bsearch needs only the name. */
static int compare_chain(const void *name, const void *chain)
{
	return strcmp(name, (*(struct ruleset_chain *const *)chain)->name);
}

static int compare_set(const void *name, const void *set)
{
	return strcmp(name, (*(struct ruleset_set *const *)set)->name);
}

struct ruleset_chain *ruleset_find_chain(const struct ruleset *r,
					 enum ruleset_table table,
					 const char *name)
{
	const struct ruleset_part *part = &r->parts[table];
	struct ruleset_chain **found =
		part->nchains ? bsearch(name, part->chains, part->nchains,
					sizeof(*part->chains), compare_chain)
			      : NULL;

	return found ? *found : NULL;
}

struct ruleset_set *ruleset_find_set(const struct ruleset *r,
				     enum ruleset_table table, const char *name)
{
	const struct ruleset_part *part = &r->parts[table];
	struct ruleset_set **found =
		part->nsets ? bsearch(name, part->sets, part->nsets,
				      sizeof(*part->sets), compare_set)
			    : NULL;

	return found ? *found : NULL;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* Statements are made zeroed, so their unused bytes are equal too. */
static bool same_rule(const struct ruleset_rule *a,
		      const struct ruleset_rule *b)
{
	return a->n == b->n && same_text(a->comment, b->comment) &&
	       !memcmp(a->stmts, b->stmts, a->n * sizeof(*a->stmts));
}

bool ruleset_chain_equal(const struct ruleset_chain *a,
			 const struct ruleset_chain *b)
{
	if (a == b)
		return true;
	if (strcmp(a->name, b->name) || !same_text(a->comment, b->comment) ||
	    a->hook != b->hook || a->priority != b->priority ||
	    a->policy_drop != b->policy_drop || a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!same_rule(&a->rules[i], &b->rules[i]))
			return false;
	return true;
}

bool ruleset_set_same_type(const struct ruleset_set *a,
			   const struct ruleset_set *b)
{
	return a == b ||
	       (!strcmp(a->name, b->name) &&
		same_text(a->comment, b->comment) && a->flags == b->flags &&
		a->nfields == b->nfields &&
		!memcmp(a->types, b->types, a->nfields) &&
		a->timeout_ms == b->timeout_ms && a->size == b->size &&
		a->counter == b->counter && a->key_len == b->key_len);
}

/* Verdicts are made zeroed, as statements are. */
bool ruleset_set_equal(const struct ruleset_set *a, const struct ruleset_set *b)
{
	size_t stride = a->key_len * (a->flags & SET_INTERVAL ? 2U : 1U);

	if (a == b)
		return true;
	if (a->n != b->n || !ruleset_set_same_type(a, b))
		return false;
	return !a->n ||
	       (!memcmp(a->keys, b->keys, a->n * stride) &&
		(!a->verdicts || !memcmp(a->verdicts, b->verdicts,
					 a->n * sizeof(*a->verdicts))));
}
