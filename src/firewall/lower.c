/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lower.c - the ruleset IR as libnftnl objects, such that nft can list them.
 *
 * What the kernel reports back is compared with what is made here, attribute
 * by attribute: so each attribute that the kernel dumps is set, also where its
 * value is the default.
 */
#include "firewall/lower.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/expr.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "firewall/element.h"

/* The kernel's NFT_RULE_MAXEXPRS. */
#define EXPRESSIONS_MAX 128

/* nft's enum byteorder, as found in a set's userdata. */
enum { BYTEORDER_NONE, BYTEORDER_HOST, BYTEORDER_NETWORK };

/* ---- where each field comes from --------------------------------------- */

enum source { FROM_META, FROM_PAYLOAD, FROM_CT, FROM_FIB };

struct load {
	enum source source;
	uint32_t key;	 /* meta or ct key, payload base, fib result */
	uint32_t offset; /* of a payload */
	int direction;	 /* of a ct key; -1: none */
};

#define META(k)                                \
	{                                      \
		FROM_META, NFT_META_##k, 0, -1 \
	}
#define LINK(off)                                            \
	{                                                    \
		FROM_PAYLOAD, NFT_PAYLOAD_LL_HEADER, off, -1 \
	}
#define NETWORK(off)                                              \
	{                                                         \
		FROM_PAYLOAD, NFT_PAYLOAD_NETWORK_HEADER, off, -1 \
	}
#define TRANSPORT(off)                                              \
	{                                                           \
		FROM_PAYLOAD, NFT_PAYLOAD_TRANSPORT_HEADER, off, -1 \
	}
#define CT(k, direction)                          \
	{                                         \
		FROM_CT, NFT_CT_##k, 0, direction \
	}

static const struct load loads[] = {
	[FIELD_IIFNAME] = META(IIFNAME),
	[FIELD_OIFNAME] = META(OIFNAME),
	[FIELD_NFPROTO] = META(NFPROTO),
	[FIELD_L4PROTO] = META(L4PROTO),
	[FIELD_PROTOCOL] = META(PROTOCOL),
	[FIELD_PKTTYPE] = META(PKTTYPE),
	[FIELD_IP_SADDR] = NETWORK(12),
	[FIELD_IP_DADDR] = NETWORK(16),
	[FIELD_IP6_SADDR] = NETWORK(8),
	[FIELD_IP6_DADDR] = NETWORK(24),
	[FIELD_IP6_NEXTHDR] = NETWORK(6),
	[FIELD_IP6_NEXTHDR2] = NETWORK(40),
	[FIELD_IP6_HOPLIMIT] = NETWORK(7),
	[FIELD_TH_SPORT] = TRANSPORT(0),
	[FIELD_TH_DPORT] = TRANSPORT(2),
	[FIELD_TCP_FLAGS] = TRANSPORT(13),
	[FIELD_SCTP_CHUNK] = TRANSPORT(12),
	[FIELD_ICMP_TYPE] = TRANSPORT(0),
	[FIELD_IGMP_TYPE] = TRANSPORT(0),
	[FIELD_ICMPV6_TYPE] = TRANSPORT(0),
	[FIELD_CT_STATE] = CT(STATE, -1),
	[FIELD_CT_DIRECTION] = CT(DIRECTION, -1),
	[FIELD_CT_STATUS] = CT(STATUS, -1),
	[FIELD_CT_ORIG_IP_SADDR] = CT(SRC_IP, IP_CT_DIR_ORIGINAL),
	[FIELD_CT_ORIG_IP6_SADDR] = CT(SRC_IP6, IP_CT_DIR_ORIGINAL),
	[FIELD_CT_ORIG_IP_DADDR] = CT(DST_IP, IP_CT_DIR_ORIGINAL),
	[FIELD_CT_ORIG_IP6_DADDR] = CT(DST_IP6, IP_CT_DIR_ORIGINAL),
	[FIELD_CT_REPL_IP_SADDR] = CT(SRC_IP, IP_CT_DIR_REPLY),
	[FIELD_CT_REPL_IP6_SADDR] = CT(SRC_IP6, IP_CT_DIR_REPLY),
	[FIELD_FIB_DADDR_TYPE] = { FROM_FIB, NFT_FIB_RESULT_ADDRTYPE, 0, -1 },
	[FIELD_ETHER_SADDR] = LINK(6),
	[FIELD_ETHER_DADDR] = LINK(0),
	[FIELD_ETHER_TYPE] = LINK(12),
	[FIELD_ARP_OP] = NETWORK(6),
	[FIELD_ARP_SADDR_ETHER] = NETWORK(8),
	[FIELD_ARP_SADDR_IP] = NETWORK(14),
	[FIELD_ARP_DADDR_IP] = NETWORK(24),
	[FIELD_ND_TARGET] = TRANSPORT(8),
	[FIELD_CT_PROTO_DST] = CT(PROTO_DST, IP_CT_DIR_ORIGINAL),
};
_Static_assert(ARRAY_SIZE(loads) == FIELD_COUNT, "a field is missing");

/* ---- expressions ------------------------------------------------------- */

struct lowering {
	const struct ruleset *ruleset;
	enum ruleset_table table;
	struct nftnl_rule *rule;
	size_t n; /* expressions so far */
};

/* The @word'th 4-byte register, named as the kernel names it in a dump. */
static uint32_t reg(unsigned word)
{
	return word % 4 ? NFT_REG32_00 + word : NFT_REG_1 + word / 4;
}

static struct nftnl_expr *expression(const char *name)
{
	struct nftnl_expr *e = nftnl_expr_alloc(name);

	if (!e)
		abort();
	return e;
}

static struct nftnl_expr *add(struct lowering *l, const char *name)
{
	struct nftnl_expr *e = expression(name);

	nftnl_rule_add_expr(l->rule, e);
	l->n++;
	return e;
}

static void load_payload(struct lowering *l, const struct load *load,
			 uint32_t len, uint32_t to)
{
	struct nftnl_expr *e = add(l, "payload");

	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, to);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, load->key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, load->offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, len);
}

static void load_ct(struct lowering *l, const struct load *load, uint32_t to)
{
	struct nftnl_expr *e = add(l, "ct");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, load->key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, to);
	if (load->direction >= 0)
		nftnl_expr_set_u8(e, NFTNL_EXPR_CT_DIR,
				  (uint8_t)load->direction);
}

static void load_meta(struct lowering *l, const struct load *load, uint32_t to)
{
	struct nftnl_expr *e = add(l, "meta");

	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, load->key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, to);
}

static void load_fib(struct lowering *l, const struct load *load, uint32_t to)
{
	struct nftnl_expr *e = add(l, "fib");

	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_DREG, to);
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_RESULT, load->key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
}

static void load_field(struct lowering *l, enum field field, unsigned word)
{
	const struct load *load = &loads[field];

	switch (load->source) {
	case FROM_META:
		load_meta(l, load, reg(word));
		break;
	case FROM_PAYLOAD:
		load_payload(l, load, field_info(field)->len, reg(word));
		break;
	case FROM_CT:
		load_ct(l, load, reg(word));
		break;
	case FROM_FIB:
		load_fib(l, load, reg(word));
		break;
	}
}

/* The fields of a set's key, side by side in the registers. */
static int load_key(struct lowering *l, const struct field_list *key)
{
	unsigned word = 0;

	if (key->n == 0 || key->n > FIELDS_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < key->n; i++) {
		unsigned words;

		if (key->fields[i] >= FIELD_COUNT)
			return -EINVAL;
		words = (field_info(key->fields[i])->len + 3U) / 4;
		if (word + words > FW_KEY_MAX / 4)
			return -EINVAL;
		load_field(l, key->fields[i], word);
		word += words;
	}
	return 0;
}

static void put_bitwise(struct lowering *l, const uint8_t *mask, uint32_t len)
{
	static const uint8_t zero[16];
	struct nftnl_expr *e = add(l, "bitwise");

	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, len);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, mask, len);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, zero, len);
}

/* Length of a mask of whole leading bytes: a name's prefix, "veth*". */
static uint32_t prefix_len(const uint8_t *mask, uint32_t len)
{
	uint32_t n = 0;

	while (n < len && mask[n] == 0xff)
		n++;
	for (uint32_t i = n; i < len; i++) {
		if (mask[i])
			return 0;
	}
	return n;
}

static int lower_match(struct lowering *l, const struct stmt *stmt)
{
	const struct field_info *info;
	struct nftnl_expr *e;
	uint32_t len, prefix = 0;

	if (stmt->match.field >= FIELD_COUNT)
		return -EINVAL;
	info = field_info(stmt->match.field);
	len = info->len;
	load_field(l, stmt->match.field, 0);
	if (stmt->match.masked && info->type == TYPE_IFNAME)
		prefix = prefix_len(stmt->match.mask, len);
	if (prefix)
		len = prefix;
	else if (stmt->match.masked)
		put_bitwise(l, stmt->match.mask, len);
	e = add(l, "cmp");
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP,
			   stmt->match.negate ? NFT_CMP_NEQ : NFT_CMP_EQ);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, stmt->match.value, len);
	return 0;
}

static int lower_lookup(struct lowering *l, const struct field_list *key,
			const char *set, bool negate, bool verdict)
{
	struct nftnl_expr *e;
	int r;

	r = load_key(l, key);
	if (r < 0)
		return r;
	e = add(l, "lookup");
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, set);
	if (verdict)
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_FLAGS,
			   negate ? NFT_LOOKUP_F_INV : 0);
	return 0;
}

static struct nftnl_expr *counter_expression(void)
{
	struct nftnl_expr *e = expression("counter");

	nftnl_expr_set_u64(e, NFTNL_EXPR_CTR_PACKETS, 0);
	nftnl_expr_set_u64(e, NFTNL_EXPR_CTR_BYTES, 0);
	return e;
}

/* Of nft's "limit rate over RATE/second burst BURST packets". */
static struct nftnl_expr *limit_expression(const struct stmt *stmt)
{
	struct nftnl_expr *e = expression("limit");

	nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_RATE, stmt->update.rate);
	nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_UNIT, 1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_BURST, stmt->update.burst);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_FLAGS, NFT_LIMIT_F_INV);
	return e;
}

static int lower_update(struct lowering *l, const struct stmt *stmt)
{
	const struct ruleset_set *set =
		ruleset_find_set(l->ruleset, l->table, stmt->update.set);
	struct nftnl_expr *e;
	int r;

	if (!set)
		return -EINVAL;
	r = load_key(l, &stmt->update.key);
	if (r < 0)
		return r;
	e = add(l, "dynset");
	nftnl_expr_set_str(e, NFTNL_EXPR_DYNSET_SET_NAME, stmt->update.set);
	nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_SREG_KEY, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_OP,
			   stmt->update.refresh ? NFT_DYNSET_OP_UPDATE
						: NFT_DYNSET_OP_ADD);
	if (stmt->update.timeout_ms)
		nftnl_expr_set_u64(e, NFTNL_EXPR_DYNSET_TIMEOUT,
				   stmt->update.timeout_ms);
	/* A set that counts gives its elements their counters itself; the
	 * kernel then does not report the rule's. */
	if (stmt->update.counter && !set->counter)
		nftnl_expr_add_expr(e, NFTNL_EXPR_DYNSET_EXPRESSIONS,
				    counter_expression());
	if (stmt->update.rate)
		nftnl_expr_add_expr(e, NFTNL_EXPR_DYNSET_EXPRESSIONS,
				    limit_expression(stmt));
	return 0;
}

static int lower_counter(struct lowering *l, const struct stmt *stmt)
{
	struct nftnl_expr *e;

	if (!stmt->counter.name[0]) {
		nftnl_rule_add_expr(l->rule, counter_expression());
		l->n++;
		return 0;
	}
	e = add(l, "objref");
	nftnl_expr_set_u32(e, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
	nftnl_expr_set_str(e, NFTNL_EXPR_OBJREF_IMM_NAME, stmt->counter.name);
	return 0;
}

static int lower_log(struct lowering *l, const struct stmt *stmt)
{
	struct nftnl_expr *e = add(l, "log");

	if (stmt->log.prefix[0])
		nftnl_expr_set_str(e, NFTNL_EXPR_LOG_PREFIX, stmt->log.prefix);
	nftnl_expr_set_u16(e, NFTNL_EXPR_LOG_GROUP, stmt->log.group);
	if (stmt->log.snaplen)
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOG_SNAPLEN,
				   stmt->log.snaplen);
	return 0;
}

static int lower_reject(struct lowering *l, const struct stmt *stmt)
{
	struct nftnl_expr *e = add(l, "reject");

	if (stmt->reject.tcp_reset) {
		nftnl_expr_set_u32(e, NFTNL_EXPR_REJECT_TYPE,
				   NFT_REJECT_TCP_RST);
		return 0;
	}
	nftnl_expr_set_u32(e, NFTNL_EXPR_REJECT_TYPE, NFT_REJECT_ICMPX_UNREACH);
	nftnl_expr_set_u8(e, NFTNL_EXPR_REJECT_CODE,
			  NFT_REJECT_ICMPX_ADMIN_PROHIBITED);
	return 0;
}

static int lower_verdict(struct lowering *l, const struct stmt *stmt)
{
	static const int codes[] = {
		[VERDICT_ACCEPT] = NF_ACCEPT,
		[VERDICT_DROP] = NF_DROP,
		[VERDICT_RETURN] = NFT_RETURN,
		[VERDICT_CONTINUE] = NFT_CONTINUE,
		[VERDICT_JUMP] = NFT_JUMP,
		[VERDICT_GOTO] = NFT_GOTO,
	};
	enum verdict_kind kind = stmt->verdict.kind;
	struct nftnl_expr *e = add(l, "immediate");

	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, (uint32_t)codes[kind]);
	if (kind == VERDICT_JUMP || kind == VERDICT_GOTO)
		nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN,
				   stmt->verdict.chain);
	return 0;
}

static int lower_stmt(struct lowering *l, const struct stmt *stmt)
{
	switch (stmt->kind) {
	case STMT_MATCH:
		return lower_match(l, stmt);
	case STMT_LOOKUP:
		return lower_lookup(l, &stmt->lookup.key, stmt->lookup.set,
				    stmt->lookup.negate, false);
	case STMT_VMAP:
		return lower_lookup(l, &stmt->vmap.key, stmt->vmap.map, false,
				    true);
	case STMT_UPDATE:
		return lower_update(l, stmt);
	case STMT_COUNTER:
		return lower_counter(l, stmt);
	case STMT_LOG:
		return lower_log(l, stmt);
	case STMT_REJECT:
		return lower_reject(l, stmt);
	case STMT_VERDICT:
		return lower_verdict(l, stmt);
	}
	return -EINVAL;
}

/* ---- comments ---------------------------------------------------------- */

static struct nftnl_udata_buf *udata(void)
{
	struct nftnl_udata_buf *buf =
		nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);

	if (!buf)
		abort();
	return buf;
}

/* nft takes 127 bytes between quotes and knows no escapes. A character cut in
 * the middle would make the listing no UTF-8. */
static void put_comment(struct nftnl_udata_buf *buf, uint8_t type,
			const char *comment)
{
	char text[NFTNL_UDATA_COMMENT_MAXLEN];
	size_t n = strnlen(comment, sizeof(text));

	if (n == sizeof(text)) {
		n--;
		while (n > 0 && ((unsigned char)comment[n] & 0xc0) == 0x80)
			n--;
	}
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)comment[i];

		text[i] = c < ' ' || c == '"' || c == 0x7f ? '_' : (char)c;
	}
	text[n] = '\0';
	nftnl_udata_put_strz(buf, type, text);
}

/* ---- objects ----------------------------------------------------------- */

static void set_rule_comment(struct nftnl_rule *rule, const char *comment)
{
	struct nftnl_udata_buf *buf;

	if (!comment || !comment[0])
		return;
	buf = udata();
	put_comment(buf, NFTNL_UDATA_RULE_COMMENT, comment);
	nftnl_rule_set_data(rule, NFTNL_RULE_USERDATA,
			    nftnl_udata_buf_data(buf),
			    nftnl_udata_buf_len(buf));
	nftnl_udata_buf_free(buf);
}

int fw_lower_rule(const struct ruleset *ruleset, enum ruleset_table table,
		  const char *chain, const struct ruleset_rule *rule,
		  struct nftnl_rule **ret)
{
	_cleanup_(fw_rule_freep) struct nftnl_rule *nr = nftnl_rule_alloc();
	struct lowering l = { ruleset, table, nr, 0 };
	int r;

	if (!nr)
		abort();
	nftnl_rule_set_str(nr, NFTNL_RULE_TABLE, RULESET_TABLE_NAME);
	nftnl_rule_set_str(nr, NFTNL_RULE_CHAIN, chain);
	set_rule_comment(nr, rule->comment);
	for (size_t i = 0; i < rule->n; i++) {
		r = lower_stmt(&l, &rule->stmts[i]);
		if (r < 0)
			return r;
		if (l.n > EXPRESSIONS_MAX)
			return -E2BIG;
	}
	*ret = TAKE_PTR(nr);
	return 0;
}

static void set_hook(struct nftnl_chain *nc, const struct ruleset_chain *chain)
{
	static const uint32_t hooks[] = {
		[HOOK_NONE] = 0,
		[HOOK_PREROUTING] = NF_INET_PRE_ROUTING,
		[HOOK_INPUT] = NF_INET_LOCAL_IN,
		[HOOK_FORWARD] = NF_INET_FORWARD,
		[HOOK_OUTPUT] = NF_INET_LOCAL_OUT,
		[HOOK_POSTROUTING] = NF_INET_POST_ROUTING,
	};

	if (chain->hook == HOOK_NONE)
		return;
	nftnl_chain_set_str(nc, NFTNL_CHAIN_TYPE, "filter");
	nftnl_chain_set_u32(nc, NFTNL_CHAIN_HOOKNUM, hooks[chain->hook]);
	nftnl_chain_set_s32(nc, NFTNL_CHAIN_PRIO, chain->priority);
	nftnl_chain_set_u32(nc, NFTNL_CHAIN_POLICY,
			    chain->policy_drop ? NF_DROP : NF_ACCEPT);
}

struct nftnl_chain *fw_lower_chain(const struct ruleset_chain *chain)
{
	struct nftnl_chain *nc = nftnl_chain_alloc();
	struct nftnl_udata_buf *buf;

	if (!nc)
		abort();
	nftnl_chain_set_str(nc, NFTNL_CHAIN_TABLE, RULESET_TABLE_NAME);
	nftnl_chain_set_str(nc, NFTNL_CHAIN_NAME, chain->name);
	set_hook(nc, chain);
	if (chain->comment && chain->comment[0]) {
		buf = udata();
		put_comment(buf, NFTNL_UDATA_CHAIN_COMMENT, chain->comment);
		nftnl_chain_set_data(nc, NFTNL_CHAIN_USERDATA,
				     nftnl_udata_buf_data(buf),
				     nftnl_udata_buf_len(buf));
		nftnl_udata_buf_free(buf);
	}
	return nc;
}

/* How nft is to print the keys and what the comment says. */
static void set_set_userdata(struct nftnl_set *ns,
			     const struct ruleset_set *set)
{
	struct nftnl_udata_buf *buf = udata();
	uint32_t order = BYTEORDER_NONE;

	if (set->nfields == 1)
		order = type_info(set->types[0])->host_order
				? BYTEORDER_HOST
				: BYTEORDER_NETWORK;
	nftnl_udata_put_u32(buf, NFTNL_UDATA_SET_KEYBYTEORDER, order);
	if (set->flags & SET_VMAP)
		nftnl_udata_put_u32(buf, NFTNL_UDATA_SET_DATABYTEORDER,
				    BYTEORDER_NONE);
	if (set->comment && set->comment[0])
		put_comment(buf, NFTNL_UDATA_SET_COMMENT, set->comment);
	nftnl_set_set_data(ns, NFTNL_SET_USERDATA, nftnl_udata_buf_data(buf),
			   nftnl_udata_buf_len(buf));
	nftnl_udata_buf_free(buf);
}

/* nft's number of a concatenation: six bits for each of its types. */
static uint32_t key_type(const struct ruleset_set *set)
{
	uint32_t type = 0;

	for (unsigned i = 0; i < set->nfields; i++)
		type = type << 6 | type_info(set->types[i])->id;
	return type;
}

/* Ranges are of one key whose bytes compare as its numbers do. */
static bool declarable(const struct ruleset_set *set)
{
	unsigned len = 0, pad = set->nfields > 1 ? 3 : 0;

	if (set->nfields == 0 || set->nfields > FIELDS_MAX)
		return false;
	for (unsigned i = 0; i < set->nfields; i++)
		len += (type_info(set->types[i])->len + pad) & ~pad;
	if (len != set->key_len || len > FW_KEY_MAX)
		return false;
	return !(set->flags & SET_INTERVAL) ||
	       (set->nfields == 1 && !type_info(set->types[0])->host_order);
}

static uint32_t set_flags(const struct ruleset_set *set)
{
	uint32_t flags = 0;

	if (set->flags & SET_INTERVAL)
		flags |= NFT_SET_INTERVAL;
	if (set->flags & SET_VMAP)
		flags |= NFT_SET_MAP;
	if (set->flags & SET_DYNAMIC)
		flags |= NFT_SET_EVAL;
	if (set->timeout_ms)
		flags |= NFT_SET_TIMEOUT;
	return flags;
}

int fw_lower_set(const struct ruleset_set *set, uint32_t id,
		 struct nftnl_set **ret)
{
	struct nftnl_set *ns;

	if (!declarable(set))
		return -EINVAL;
	ns = nftnl_set_alloc();
	if (!ns)
		abort();
	nftnl_set_set_str(ns, NFTNL_SET_TABLE, RULESET_TABLE_NAME);
	nftnl_set_set_str(ns, NFTNL_SET_NAME, set->name);
	nftnl_set_set_u32(ns, NFTNL_SET_ID, id);
	nftnl_set_set_u32(ns, NFTNL_SET_FLAGS, set_flags(set));
	nftnl_set_set_u32(ns, NFTNL_SET_KEY_TYPE, key_type(set));
	nftnl_set_set_u32(ns, NFTNL_SET_KEY_LEN, set->key_len);
	if (set->flags & SET_VMAP) {
		nftnl_set_set_u32(ns, NFTNL_SET_DATA_TYPE, NFT_DATA_VERDICT);
		nftnl_set_set_u32(ns, NFTNL_SET_DATA_LEN, 0);
	}
	if (set->timeout_ms)
		nftnl_set_set_u64(ns, NFTNL_SET_TIMEOUT, set->timeout_ms);
	if (set->size)
		nftnl_set_set_u32(ns, NFTNL_SET_DESC_SIZE, set->size);
	if (set->counter)
		nftnl_set_add_expr(ns, counter_expression());
	set_set_userdata(ns, set);

	*ret = ns;
	return 0;
}

struct nftnl_obj *fw_lower_counter(const char *name)
{
	struct nftnl_obj *obj = nftnl_obj_alloc();

	if (!obj)
		abort();
	nftnl_obj_set_str(obj, NFTNL_OBJ_TABLE, RULESET_TABLE_NAME);
	nftnl_obj_set_str(obj, NFTNL_OBJ_NAME, name);
	nftnl_obj_set_u32(obj, NFTNL_OBJ_TYPE, NFT_OBJECT_COUNTER);
	nftnl_obj_set_u64(obj, NFTNL_OBJ_CTR_PKTS, 0);
	nftnl_obj_set_u64(obj, NFTNL_OBJ_CTR_BYTES, 0);
	return obj;
}
