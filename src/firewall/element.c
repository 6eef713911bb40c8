/* SPDX-License-Identifier: GPL-2.0-or-later */
/* element.c - set elements as netlink attributes, both ways. */
#include "firewall/element.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

/* The list of elements is one attribute, whose length has 16 bits. */
#define LIST_MAX (60 * 1024)

static bool has_chain(enum verdict_kind kind)
{
	return kind == VERDICT_JUMP || kind == VERDICT_GOTO;
}

bool fw_verdict_equal(const struct verdict *a, const struct verdict *b)
{
	return a->kind == b->kind &&
	       (!has_chain(a->kind) || !strcmp(a->chain, b->chain));
}

/* ---- writing ----------------------------------------------------------- */

static const int32_t codes[] = {
	[VERDICT_ACCEPT] = NF_ACCEPT,  [VERDICT_DROP] = NF_DROP,
	[VERDICT_RETURN] = NFT_RETURN, [VERDICT_CONTINUE] = NFT_CONTINUE,
	[VERDICT_JUMP] = NFT_JUMP,     [VERDICT_GOTO] = NFT_GOTO,
};

static void put_verdict(struct nlmsghdr *nlh, const struct verdict *verdict)
{
	struct nlattr *data = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_DATA);
	struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_DATA_VERDICT);

	mnl_attr_put_u32(nlh, NFTA_VERDICT_CODE,
			 htonl((uint32_t)codes[verdict->kind]));
	if (has_chain(verdict->kind))
		mnl_attr_put_strz(nlh, NFTA_VERDICT_CHAIN, verdict->chain);
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_nest_end(nlh, data);
}

/* nft marks a range without an end, to tell it from its last address. */
static void put_open_mark(struct nlmsghdr *nlh)
{
	struct nftnl_udata_buf *buf = nftnl_udata_buf_alloc(16);

	if (!buf)
		abort();
	nftnl_udata_put_u32(buf, NFTNL_UDATA_SET_ELEM_FLAGS,
			    NFTNL_SET_ELEM_F_INTERVAL_OPEN);
	mnl_attr_put(nlh, NFTA_SET_ELEM_USERDATA, nftnl_udata_buf_len(buf),
		     nftnl_udata_buf_data(buf));
	nftnl_udata_buf_free(buf);
}

static void open_message(struct fw_element_writer *w)
{
	uint16_t type = w->add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM;
	uint16_t flags = w->add ? NLM_F_CREATE : 0;

	/* Packets fill a dynamic set too: what it has already is no error. */
	if (w->add && !(w->set->flags & SET_DYNAMIC))
		flags |= NLM_F_EXCL;
	w->nlh = fw_batch_message(w->batch, type, flags, &w->object);
	mnl_attr_put_strz(w->nlh, NFTA_SET_ELEM_LIST_TABLE, RULESET_TABLE_NAME);
	mnl_attr_put_strz(w->nlh, NFTA_SET_ELEM_LIST_SET, w->set->name);
	w->list = mnl_attr_nest_start(w->nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
}

static void close_message(struct fw_element_writer *w)
{
	if (!w->nlh)
		return;
	mnl_attr_nest_end(w->nlh, w->list);
	fw_batch_put(w->batch, w->nlh);
	w->nlh = NULL;
}

void fw_element_writer_init(struct fw_element_writer *w, struct fw_batch *batch,
			    enum ruleset_table table,
			    const struct ruleset_set *set, bool add)
{
	*w = (struct fw_element_writer){
		.batch = batch,
		.set = set,
		.object = { FW_ELEMENTS, table, set->name, 0 },
		.add = add,
	};
}

static void put_key(struct fw_element_writer *w, const uint8_t *key,
		    const struct verdict *verdict, bool end, bool open)
{
	struct nlmsghdr *nlh = w->nlh;
	struct nlattr *element = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	struct nlattr *nest;

	if (end)
		mnl_attr_put_u32(nlh, NFTA_SET_ELEM_FLAGS,
				 htonl(NFT_SET_ELEM_INTERVAL_END));
	nest = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_KEY);
	mnl_attr_put(nlh, NFTA_DATA_VALUE, w->set->key_len, key);
	mnl_attr_nest_end(nlh, nest);
	if (verdict && w->add)
		put_verdict(nlh, verdict);
	if (open && w->add)
		put_open_mark(nlh);
	mnl_attr_nest_end(nlh, element);
}

/* @key + 1 as a number in network order; false behind the last. */
static bool next_key(const uint8_t *key, size_t n, uint8_t *ret)
{
	memcpy(ret, key, n);
	while (n > 0) {
		if (++ret[--n])
			return true;
	}
	return false;
}

void fw_element_write(struct fw_element_writer *w, size_t i)
{
	const struct ruleset_set *set = w->set;
	const uint8_t *key = set->keys + i * fw_entry_len(set);
	const struct verdict *verdict =
		set->flags & SET_VMAP ? &set->verdicts[i] : NULL;
	uint8_t behind[FW_KEY_MAX];
	bool ends;

	if (w->nlh &&
	    (char *)mnl_nlmsg_get_payload_tail(w->nlh) - (char *)w->list >
		    LIST_MAX)
		close_message(w);
	if (!w->nlh)
		open_message(w);
	w->batch->elements++;
	if (!(set->flags & SET_INTERVAL)) {
		put_key(w, key, verdict, false, false);
		return;
	}
	ends = next_key(key + set->key_len, set->key_len, behind);
	put_key(w, key, verdict, false, !ends);
	if (ends)
		put_key(w, behind, NULL, true, false);
}

void fw_element_writer_fini(struct fw_element_writer *w)
{
	close_message(w);
}

/* ---- reading ----------------------------------------------------------- */

/* A string attribute that ends within its bounds and fits @to. */
static bool take_name(const struct nlattr *attr, char to[static RULESET_NAME])
{
	if (mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0 ||
	    mnl_attr_get_payload_len(attr) > RULESET_NAME)
		return false;
	memcpy(to, mnl_attr_get_str(attr), mnl_attr_get_payload_len(attr));
	return true;
}

static bool parse_code(int32_t code, struct verdict *verdict)
{
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		if (codes[i] != code)
			continue;
		verdict->kind = (enum verdict_kind)i;
		return true;
	}
	return false;
}

static void parse_verdict(const struct nlattr *nest, struct fw_element *e)
{
	bool code = false, chain = false;
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest)
	{
		if (mnl_attr_get_type(attr) == NFTA_VERDICT_CODE &&
		    mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
			code = parse_code(
				(int32_t)ntohl(mnl_attr_get_u32(attr)),
				&e->verdict);
		else if (mnl_attr_get_type(attr) == NFTA_VERDICT_CHAIN)
			chain = take_name(attr, e->verdict.chain);
	}
	e->has_verdict = code && chain == has_chain(e->verdict.kind);
	if (!e->has_verdict)
		e->odd = true;
}

static void parse_counter(const struct nlattr *nest, struct fw_element *e)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest)
	{
		if (mnl_attr_validate(attr, MNL_TYPE_U64) < 0)
			continue;
		if (mnl_attr_get_type(attr) == NFTA_COUNTER_BYTES)
			e->bytes = be64toh(mnl_attr_get_u64(attr));
		else if (mnl_attr_get_type(attr) == NFTA_COUNTER_PACKETS)
			e->packets = be64toh(mnl_attr_get_u64(attr));
	}
}

/* An expression of an element: only a counter means something to us. */
static void parse_expression(const struct nlattr *nest, struct fw_element *e)
{
	const struct nlattr *attr, *data = NULL;
	bool counter = false;

	mnl_attr_for_each_nested(attr, nest)
	{
		if (mnl_attr_get_type(attr) == NFTA_EXPR_DATA)
			data = attr;
		else if (mnl_attr_get_type(attr) == NFTA_EXPR_NAME)
			counter = mnl_attr_validate(attr,
						    MNL_TYPE_NUL_STRING) == 0 &&
				  !strcmp(mnl_attr_get_str(attr), "counter");
	}
	if (counter && data)
		parse_counter(data, e);
	e->odd = true;
}

static bool is_open_mark(const struct nlattr *attr)
{
	static const uint8_t type_and_len[] = { NFTNL_UDATA_SET_ELEM_FLAGS, 4 };
	uint32_t flags = NFTNL_SET_ELEM_F_INTERVAL_OPEN;
	const uint8_t *mark = mnl_attr_get_payload(attr);

	return mnl_attr_get_payload_len(attr) == 6 &&
	       !memcmp(mark, type_and_len, 2) && !memcmp(mark + 2, &flags, 4);
}

static void parse_data(const struct nlattr *nest, struct fw_element *e,
		       bool key)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest)
	{
		if (mnl_attr_get_type(attr) == NFTA_DATA_VALUE && key) {
			e->key = mnl_attr_get_payload(attr);
			e->key_len = mnl_attr_get_payload_len(attr);
		} else if (mnl_attr_get_type(attr) == NFTA_DATA_VERDICT &&
			   !key) {
			parse_verdict(attr, e);
		} else {
			e->odd = true;
		}
	}
}

static void parse_flags(const struct nlattr *attr, struct fw_element *e)
{
	uint32_t flags;

	if (mnl_attr_validate(attr, MNL_TYPE_U32) < 0) {
		e->odd = true;
		return;
	}
	flags = ntohl(mnl_attr_get_u32(attr));
	e->end = flags & NFT_SET_ELEM_INTERVAL_END;
	if (flags & ~(uint32_t)NFT_SET_ELEM_INTERVAL_END)
		e->odd = true;
}

static void parse_attr(const struct nlattr *attr, struct fw_element *e)
{
	switch (mnl_attr_get_type(attr)) {
	case NFTA_SET_ELEM_KEY:
		parse_data(attr, e, true);
		break;
	case NFTA_SET_ELEM_DATA:
		parse_data(attr, e, false);
		break;
	case NFTA_SET_ELEM_FLAGS:
		parse_flags(attr, e);
		break;
	case NFTA_SET_ELEM_EXPR:
		parse_expression(attr, e);
		break;
	case NFTA_SET_ELEM_USERDATA:
		if (!is_open_mark(attr))
			e->odd = true;
		break;
	case NFTA_SET_ELEM_EXPIRATION:
		if (mnl_attr_validate(attr, MNL_TYPE_U64) == 0)
			e->expires_ms = be64toh(mnl_attr_get_u64(attr));
		e->odd = true;
		break;
	case NFTA_SET_ELEM_PAD:
		break;
	default:
		e->odd = true;
	}
}

static int parse_list(const struct nlattr *list, fw_element_fn fn, void *arg)
{
	const struct nlattr *nest, *attr;
	int r;

	mnl_attr_for_each_nested(nest, list)
	{
		struct fw_element e = { 0 };

		mnl_attr_for_each_nested(attr, nest) parse_attr(attr, &e);
		if (!e.key)
			e.odd = true;
		r = fn(&e, arg);
		if (r < 0)
			return r;
	}
	return 0;
}

int fw_elements_parse(const struct nlmsghdr *nlh, fw_element_fn fn, void *arg)
{
	const struct nlattr *attr;
	int r;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
		return -EBADMSG;
	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) != NFTA_SET_ELEM_LIST_ELEMENTS)
			continue;
		r = parse_list(attr, fn, arg);
		if (r < 0)
			return r;
	}
	return 0;
}
