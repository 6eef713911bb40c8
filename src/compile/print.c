/* SPDX-License-Identifier: GPL-2.0-or-later */
/* print.c - the ruleset IR as text that nft reads. */
#include "compile/print.h"

#include <arpa/inet.h>
#include <assert.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"

/* ---- values ------------------------------------------------------------ */

struct symbol {
	uint32_t value;
	const char *name;
};

static const struct symbol ct_states[] = {
	{ NF_CT_STATE_INVALID_BIT, "invalid" },
	{ NF_CT_STATE_BIT(IP_CT_ESTABLISHED), "established" },
	{ NF_CT_STATE_BIT(IP_CT_RELATED), "related" },
	{ NF_CT_STATE_BIT(IP_CT_NEW), "new" },
	{ NF_CT_STATE_UNTRACKED_BIT, "untracked" },
	{ 0, NULL },
};

static const struct symbol ct_statuses[] = {
	{ IPS_SRC_NAT, "snat" },
	{ IPS_DST_NAT, "dnat" },
	{ 0, NULL },
};

static const struct symbol tcp_flags[] = {
	{ 1, "fin" },  { 2, "syn" },  { 4, "rst" }, { 8, "psh" },
	{ 16, "ack" }, { 32, "urg" }, { 0, NULL },
};

static const struct symbol fib_types[] = {
	{ RTN_LOCAL, "local" },
	{ RTN_BROADCAST, "broadcast" },
	{ RTN_MULTICAST, "multicast" },
	{ 0, NULL },
};

static const char *symbol_name(const struct symbol *s, uint32_t value)
{
	for (; s->name; s++)
		if (s->value == value)
			return s->name;
	return NULL;
}

static void print_flags(const struct symbol *s, uint32_t bits, struct buf *to)
{
	const char *separator = "";

	for (; s->name; s++)
		if (bits & s->value) {
			buf_addf(to, "%s%s", separator, s->name);
			separator = ",";
		}
	if (!*separator)
		buf_adds(to, "0x0");
}

static void print_addr(uint8_t family, const uint8_t *bytes, struct buf *to)
{
	struct addr a = addr_from_bytes(family, bytes);
	char text[ADDR_STRLEN];

	buf_adds(to, addr_format(&a, text));
}

static void print_mac(const uint8_t *bytes, struct buf *to)
{
	struct mac mac;
	char text[MAC_STRLEN];

	memcpy(mac.bytes, bytes, sizeof(mac.bytes));
	buf_adds(to, mac_format(&mac, text));
}

static uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static void print_proto(uint8_t proto, struct buf *to)
{
	switch (proto) {
	case IPPROTO_TCP:
		buf_adds(to, "tcp");
		break;
	case IPPROTO_UDP:
		buf_adds(to, "udp");
		break;
	case IPPROTO_SCTP:
		buf_adds(to, "sctp");
		break;
	case IPPROTO_ICMP:
		buf_adds(to, "icmp");
		break;
	case IPPROTO_ICMPV6:
		buf_adds(to, "ipv6-icmp");
		break;
	default:
		buf_addf(to, "%u", proto);
	}
}

static void print_ethertype(uint16_t type, struct buf *to)
{
	static const struct symbol names[] = { { ETH_P_IP, "ip" },
					       { ETH_P_IPV6, "ip6" },
					       { ETH_P_ARP, "arp" },
					       { 0, NULL } };
	const char *name = symbol_name(names, type);

	if (name)
		buf_adds(to, name);
	else
		buf_addf(to, "0x%04x", type);
}

static void print_value(enum ruleset_type type, const uint8_t *v,
			struct buf *to)
{
	switch (type) {
	case TYPE_IPV4:
		print_addr(AF_INET, v, to);
		break;
	case TYPE_IPV6:
		print_addr(AF_INET6, v, to);
		break;
	case TYPE_ETHER:
		print_mac(v, to);
		break;
	case TYPE_SERVICE:
	case TYPE_ARP_OP:
		buf_addf(to, "%u", get_be16(v));
		break;
	case TYPE_PROTO:
		print_proto(v[0], to);
		break;
	case TYPE_IFNAME:
		buf_addf(to, "\"%.16s\"", (const char *)v);
		break;
	case TYPE_ETHERTYPE:
		print_ethertype(get_be16(v), to);
		break;
	case TYPE_NFPROTO:
		buf_adds(to, v[0] == NFPROTO_IPV4 ? "ipv4" : "ipv6");
		break;
	case TYPE_CT_STATE:
		print_flags(ct_states, get_u32(v), to);
		break;
	case TYPE_CT_DIR:
		buf_adds(to, v[0] ? "reply" : "original");
		break;
	case TYPE_CT_STATUS:
		print_flags(ct_statuses, get_u32(v), to);
		break;
	case TYPE_TCP_FLAGS:
		print_flags(tcp_flags, v[0], to);
		break;
	case TYPE_FIB_TYPE:
		buf_adds(to, symbol_name(fib_types, get_u32(v)) ?: "unspec");
		break;
	case TYPE_ICMP:
	case TYPE_ICMPV6:
	case TYPE_PKTTYPE:
	case TYPE_BYTE:
		buf_addf(to, "%u", v[0]);
		break;
	}
}

/* ---- statements -------------------------------------------------------- */

static void print_verdict(const struct verdict *v, struct buf *to)
{
	static const char *const names[] = {
		[VERDICT_ACCEPT] = "accept", [VERDICT_DROP] = "drop",
		[VERDICT_RETURN] = "return", [VERDICT_CONTINUE] = "continue",
		[VERDICT_JUMP] = "jump",     [VERDICT_GOTO] = "goto",
	};
	static_assert(ARRAY_SIZE(names) == VERDICT_GOTO + 1, "a name misses");

	buf_adds(to, names[v->kind]);
	if (v->kind == VERDICT_JUMP || v->kind == VERDICT_GOTO)
		buf_addf(to, " %s", v->chain);
}

static void print_fields(const struct field_list *key, struct buf *to)
{
	for (unsigned i = 0; i < key->n; i++)
		buf_addf(to, "%s%s", i ? " . " : "",
			 field_info(key->fields[i])->name);
}

/* "tcp flags & (a|b) == c", or nft's short form for "any of": "ct state a,b".
 */
static void print_masked(const struct stmt *s, const struct field_info *field,
			 struct buf *to)
{
	static const uint8_t zero[16];

	if (s->match.negate && !memcmp(s->match.value, zero, field->len)) {
		buf_addf(to, "%s ", field->name);
		print_value(field->type, s->match.mask, to);
		return;
	}
	buf_addf(to, "%s & ", field->name);
	if (field->type == TYPE_TCP_FLAGS)
		buf_addf(to, "0x%02x", s->match.mask[0]);
	else
		print_value(field->type, s->match.mask, to);
	buf_adds(to, s->match.negate ? " != " : " == ");
	if (field->type == TYPE_TCP_FLAGS)
		buf_addf(to, "0x%02x", s->match.value[0]);
	else
		print_value(field->type, s->match.value, to);
}

static void print_match(const struct stmt *s, struct buf *to)
{
	const struct field_info *field = field_info(s->match.field);

	if (s->match.masked) {
		print_masked(s, field, to);
		return;
	}
	buf_addf(to, "%s %s", field->name, s->match.negate ? "!= " : "");
	print_value(field->type, s->match.value, to);
}

static void print_update(const struct stmt *s, struct buf *to)
{
	buf_addf(to, "%s @%s { ", s->update.refresh ? "update" : "add",
		 s->update.set);
	print_fields(&s->update.key, to);
	if (s->update.timeout_ms)
		buf_addf(to, " timeout %ums", s->update.timeout_ms);
	if (s->update.rate)
		buf_addf(to, " limit rate over %u/second burst %u packets",
			 s->update.rate, s->update.burst);
	buf_adds(to, s->update.counter ? " counter }" : " }");
}

static void print_log(const struct stmt *s, struct buf *to)
{
	buf_addf(to, "log prefix \"%s\" group %u snaplen %u", s->log.prefix,
		 s->log.group, s->log.snaplen);
}

static void print_stmt(const struct stmt *s, struct buf *to)
{
	switch (s->kind) {
	case STMT_MATCH:
		print_match(s, to);
		break;
	case STMT_LOOKUP:
		print_fields(&s->lookup.key, to);
		buf_addf(to, " %s@%s", s->lookup.negate ? "!= " : "",
			 s->lookup.set);
		break;
	case STMT_VMAP:
		print_fields(&s->vmap.key, to);
		buf_addf(to, " vmap @%s", s->vmap.map);
		break;
	case STMT_UPDATE:
		print_update(s, to);
		break;
	case STMT_COUNTER:
		if (s->counter.name[0])
			buf_addf(to, "counter name \"%s\"", s->counter.name);
		else
			buf_adds(to, "counter");
		break;
	case STMT_LOG:
		print_log(s, to);
		break;
	case STMT_REJECT:
		buf_adds(to,
			 s->reject.tcp_reset
				 ? "reject with tcp reset"
				 : "reject with icmpx type admin-prohibited");
		break;
	case STMT_VERDICT:
		print_verdict(&s->verdict, to);
		break;
	}
}

void print_rule(const struct ruleset_rule *rule, struct buf *to)
{
	for (size_t i = 0; i < rule->n; i++) {
		if (i)
			buf_adds(to, " ");
		print_stmt(&rule->stmts[i], to);
	}
	if (rule->comment)
		buf_addf(to, " comment \"%s\"", rule->comment);
	buf_adds(to, "\n");
}

/* ---- objects ----------------------------------------------------------- */

static void print_key(const struct ruleset_set *set, const uint8_t *key,
		      struct buf *to)
{
	for (unsigned i = 0; i < set->nfields; i++) {
		enum ruleset_type type = set->types[i];

		if (i)
			buf_adds(to, " . ");
		print_value(type, key, to);
		key += (type_info(type)->len + 3U) & ~3U;
	}
}

static void print_elements(const struct ruleset_set *set, struct buf *to)
{
	const uint8_t *key = set->keys;

	buf_adds(to, "\t\telements = {");
	for (size_t i = 0; i < set->n; i++) {
		buf_adds(to, i ? ",\n\t\t\t" : " ");
		print_key(set, key, to);
		if (set->flags & SET_INTERVAL) {
			if (memcmp(key, key + set->key_len, set->key_len)) {
				buf_adds(to, "-");
				print_key(set, key + set->key_len, to);
			}
			key += set->key_len;
		}
		if (set->verdicts) {
			buf_adds(to, " : ");
			print_verdict(&set->verdicts[i], to);
		}
		key += set->key_len;
	}
	buf_adds(to, " }\n");
}

static void print_set(const struct ruleset_set *set, struct buf *to)
{
	bool map = set->flags & SET_VMAP;

	buf_addf(to, "\t%s %s {\n\t\ttype ", map ? "map" : "set", set->name);
	for (unsigned i = 0; i < set->nfields; i++)
		buf_addf(to, "%s%s", i ? " . " : "",
			 type_info(set->types[i])->name);
	buf_adds(to, map ? " : verdict\n" : "\n");
	if (set->comment)
		buf_addf(to, "\t\tcomment \"%s\"\n", set->comment);
	if (set->size)
		buf_addf(to, "\t\tsize %u\n", set->size);
	if (set->flags & SET_INTERVAL)
		buf_adds(to, "\t\tflags interval\n");
	if (set->flags & SET_DYNAMIC)
		buf_adds(to, "\t\tflags dynamic,timeout\n");
	if (set->timeout_ms)
		buf_addf(to, "\t\ttimeout %us\n", set->timeout_ms / 1000);
	if (set->n)
		print_elements(set, to);
	buf_adds(to, "\t}\n");
}

static const char *hook_name(enum ruleset_hook hook)
{
	static const char *const names[] = {
		[HOOK_NONE] = "",	  [HOOK_PREROUTING] = "prerouting",
		[HOOK_INPUT] = "input",	  [HOOK_FORWARD] = "forward",
		[HOOK_OUTPUT] = "output", [HOOK_POSTROUTING] = "postrouting",
	};

	return names[hook];
}

static void print_chain(const struct ruleset_chain *chain, struct buf *to)
{
	buf_addf(to, "\tchain %s {\n", chain->name);
	if (chain->comment)
		buf_addf(to, "\t\tcomment \"%s\"\n", chain->comment);
	if (chain->hook != HOOK_NONE)
		buf_addf(to,
			 "\t\ttype filter hook %s priority %d; policy %s;\n",
			 hook_name(chain->hook), chain->priority,
			 chain->policy_drop ? "drop" : "accept");
	for (size_t i = 0; i < chain->n; i++) {
		buf_adds(to, "\t\t");
		print_rule(&chain->rules[i], to);
	}
	buf_adds(to, "\t}\n");
}

void print_ruleset(const struct ruleset *r, struct buf *to)
{
	static const char *const families[] = {
		[TABLE_INET] = "inet", [TABLE_BRIDGE] = "bridge"
	};

	for (int t = 0; t < TABLE_COUNT; t++) {
		const struct ruleset_part *part = &r->parts[t];

		if (!part->nchains && !part->nsets)
			continue;
		buf_addf(to, "table %s %s {\n", families[t],
			 RULESET_TABLE_NAME);
		for (size_t i = 0; i < part->ncounters; i++)
			buf_addf(to, "\tcounter %s {\n\t}\n",
				 part->counters[i]);
		for (size_t i = 0; i < part->nsets; i++)
			print_set(part->sets[i], to);
		for (size_t i = 0; i < part->nchains; i++)
			print_chain(part->chains[i], to);
		buf_adds(to, "}\n");
	}
}
