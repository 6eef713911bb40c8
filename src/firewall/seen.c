/* SPDX-License-Identifier: GPL-2.0-or-later */
/* seen.c - what a dump says of our tables, message by message.
 *
 * Nothing here decides: what cannot be represented is marked, as a rule that
 * equals none, a set that is odd, or a table to make anew.
 */
#include "firewall/seen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/expr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "firewall/element.h"
#include "firewall/netlink.h"

/* NFTA_*_TABLE and NFTA_TABLE_NAME: the first attribute of all of them. */
#define ATTR_TABLE 1

void fw_seen_init(struct fw_seen *seen)
{
	*seen = (struct fw_seen){ .scratch = xcalloc(1, FW_MESSAGE_ROOM) };
}

static void free_chain(struct fw_seen_chain *chain)
{
	vec_foreach(rule, &chain->rules)
		free(rule->data);
	vec_fini(&chain->rules);
	free(chain);
}

static void free_set(struct fw_seen_set *set)
{
	nftnl_set_free(set->declaration);
	vec_fini(&set->keys);
	vec_fini(&set->ends);
	vec_fini(&set->verdicts);
	free(set);
}

void fw_seen_fini(struct fw_seen *seen)
{
	for (int t = 0; t < TABLE_COUNT; t++) {
		struct fw_seen_table *table = &seen->tables[t];
		struct fw_seen_chain *chain, *next_chain;
		struct fw_seen_set *set, *next_set;

		HASH_ITER(hh, table->chains, chain, next_chain) {
			HASH_DEL(table->chains, chain);
			free_chain(chain);
		}
		HASH_ITER(hh, table->sets, set, next_set) {
			HASH_DEL(table->sets, set);
			free_set(set);
		}
		vec_fini(&table->counters);
	}
	free(seen->scratch);
	*seen = (struct fw_seen){ 0 };
}

/* ---- reading attributes ------------------------------------------------ */

/* A string attribute of the message, or NULL. */
static const char *string_of(const struct nlmsghdr *nlh, uint16_t type)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == type)
			return mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0
				       ? NULL
				       : mnl_attr_get_str(attr);
	}
	return NULL;
}

/* The object's name into @to. A name longer than any of ours can only be
 * removed with its table. */
static bool take_name(struct fw_seen_table *table, const struct nlmsghdr *nlh,
		      uint16_t type, char to[static RULESET_NAME])
{
	const char *name = string_of(nlh, type);

	if (!name || !name[0] || strlen(name) >= RULESET_NAME) {
		table->state.rebuild = true;
		return false;
	}
	memset(to, 0, RULESET_NAME);
	memcpy(to, name, strlen(name));
	return true;
}

/* ---- tables ------------------------------------------------------------ */

static int see_table(struct fw_seen_table *table, const struct nlmsghdr *nlh)
{
	_cleanup_(fw_table_freep) struct nftnl_table *nt = nftnl_table_alloc();
	uint32_t flags;

	if (!nt)
		abort();
	if (nftnl_table_nlmsg_parse(nlh, nt) < 0)
		return -EBADMSG;
	flags = nftnl_table_get_u32(nt, NFTNL_TABLE_FLAGS);
	table->state.exists = true;
	table->state.persist = flags & NFT_TABLE_F_PERSIST;
	table->state.rebuild |= flags & NFT_TABLE_F_DORMANT;
	if (flags & NFT_TABLE_F_OWNER)
		table->state.owner = nftnl_table_get_u32(nt, NFTNL_TABLE_OWNER);
	return 0;
}

/* ---- chains ------------------------------------------------------------ */

static bool see_hook(struct fw_seen_chain *chain, const struct nftnl_chain *nc)
{
	static const enum ruleset_hook hooks[] = {
		[NF_INET_PRE_ROUTING] = HOOK_PREROUTING,
		[NF_INET_LOCAL_IN] = HOOK_INPUT,
		[NF_INET_FORWARD] = HOOK_FORWARD,
		[NF_INET_LOCAL_OUT] = HOOK_OUTPUT,
		[NF_INET_POST_ROUTING] = HOOK_POSTROUTING,
	};
	const char *type = nftnl_chain_get_str(nc, NFTNL_CHAIN_TYPE);
	uint32_t number;

	if (!nftnl_chain_is_set(nc, NFTNL_CHAIN_HOOKNUM))
		return true;
	number = nftnl_chain_get_u32(nc, NFTNL_CHAIN_HOOKNUM);
	if (number >= ARRAY_SIZE(hooks) || !type || strcmp(type, "filter") ||
	    nftnl_chain_is_set(nc, NFTNL_CHAIN_DEV))
		return false;
	chain->hook = hooks[number];
	chain->priority = nftnl_chain_get_s32(nc, NFTNL_CHAIN_PRIO);
	chain->policy_drop = nftnl_chain_get_u32(nc, NFTNL_CHAIN_POLICY) ==
			     NF_DROP;
	return true;
}

static int see_chain(struct fw_seen_table *table, const struct nlmsghdr *nlh)
{
	_cleanup_(fw_chain_freep) struct nftnl_chain *nc = nftnl_chain_alloc();
	struct fw_seen_chain *chain, *known;
	char name[RULESET_NAME];

	if (!nc)
		abort();
	if (nftnl_chain_nlmsg_parse(nlh, nc) < 0)
		return -EBADMSG;
	if (!take_name(table, nlh, NFTA_CHAIN_NAME, name))
		return 0;
	HASH_FIND_STR(table->chains, name, known);
	if (known)
		return -EBADMSG;
	chain = xnew(struct fw_seen_chain);
	memcpy(chain->name, name, sizeof(name));
	if (!see_hook(chain, nc))
		table->state.rebuild = true;
	HASH_ADD_STR(table->chains, name, chain);
	return 0;
}

/* ---- rules ------------------------------------------------------------- */

/* Default what one side may leave out, and drop what counts. */
static void normalise(struct nftnl_expr *e)
{
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);

	if (!strcmp(name, "counter")) {
		nftnl_expr_set_u64(e, NFTNL_EXPR_CTR_PACKETS, 0);
		nftnl_expr_set_u64(e, NFTNL_EXPR_CTR_BYTES, 0);
	} else if (!strcmp(name, "dynset")) {
		if (!nftnl_expr_is_set(e, NFTNL_EXPR_DYNSET_TIMEOUT))
			nftnl_expr_set_u64(e, NFTNL_EXPR_DYNSET_TIMEOUT, 0);
		if (!nftnl_expr_is_set(e, NFTNL_EXPR_DYNSET_FLAGS))
			nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_FLAGS, 0);
	}
}

static int normalise_each(struct nftnl_expr *e, void *arg _unused_)
{
	normalise(e);
	return 0;
}

struct fw_blob fw_rule_blob(struct nftnl_rule *rule, char *scratch)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(scratch);
	struct fw_blob blob;

	nftnl_rule_unset(rule, NFTNL_RULE_HANDLE);
	nftnl_rule_unset(rule, NFTNL_RULE_POSITION);
	nftnl_expr_foreach(rule, normalise_each, NULL);
	nftnl_rule_nlmsg_build_payload(nlh, rule);
	blob.len = mnl_nlmsg_get_payload_len(nlh);
	blob.data = xmemdup(mnl_nlmsg_get_payload(nlh), blob.len);
	/* libmnl leaves the padding of attributes as it finds it. */
	memset(scratch, 0, nlh->nlmsg_len);
	return blob;
}

static int see_rule(struct fw_seen *seen, struct fw_seen_table *table,
		    const struct nlmsghdr *nlh)
{
	_cleanup_(fw_rule_freep) struct nftnl_rule *nr = nftnl_rule_alloc();
	struct fw_seen_chain *chain;
	struct fw_blob blob = { 0 };
	char name[RULESET_NAME];

	if (!nr)
		abort();
	if (!take_name(table, nlh, NFTA_RULE_CHAIN, name))
		return 0;
	HASH_FIND_STR(table->chains, name, chain);
	if (!chain)
		return -EBADMSG;
	if (nftnl_rule_nlmsg_parse(nlh, nr) == 0)
		blob = fw_rule_blob(nr, seen->scratch);
	vec_push(&chain->rules, blob);
	return 0;
}

/* ---- sets and their elements ------------------------------------------- */

static int see_set(struct fw_seen_table *table, const struct nlmsghdr *nlh)
{
	_cleanup_(fw_set_freep) struct nftnl_set *ns = nftnl_set_alloc();
	struct fw_seen_set *set, *known;
	char name[RULESET_NAME];
	uint32_t len;

	if (!ns)
		abort();
	if (!take_name(table, nlh, NFTA_SET_NAME, name))
		return 0;
	HASH_FIND_STR(table->sets, name, known);
	if (known)
		return -EBADMSG;
	set = xnew(struct fw_seen_set);
	memcpy(set->name, name, sizeof(name));
	if (nftnl_set_nlmsg_parse(nlh, ns) < 0)
		set->odd = true;
	len = nftnl_set_get_u32(ns, NFTNL_SET_KEY_LEN);
	if (len == 0 || len > FW_KEY_MAX)
		set->odd = true;
	else
		set->key_len = (uint8_t)len;
	set->declaration = TAKE_PTR(ns);
	HASH_ADD_STR(table->sets, name, set);
	return 0;
}

static int see_element(const struct fw_element *element, void *arg)
{
	struct fw_seen_set *set = arg;

	if (element->odd || element->key_len != set->key_len)
		set->odd = true;
	if (set->odd)
		return 0;
	for (size_t i = 0; i < element->key_len; i++)
		vec_push(&set->keys, element->key[i]);
	vec_push(&set->ends, element->end);
	if (element->has_verdict) {
		/* The end of a range has none: fill up to this element. */
		while (set->verdicts.len < set->n)
			vec_push(&set->verdicts, (struct verdict){ 0 });
		vec_push(&set->verdicts, element->verdict);
	}
	set->n++;
	return 0;
}

static int see_elements(struct fw_seen_table *table, const struct nlmsghdr *nlh)
{
	char name[RULESET_NAME];
	struct fw_seen_set *set;

	if (!take_name(table, nlh, NFTA_SET_ELEM_LIST_SET, name))
		return 0;
	HASH_FIND_STR(table->sets, name, set);
	if (!set)
		return -EBADMSG;
	return fw_elements_parse(nlh, see_element, set);
}

/* ---- counters ---------------------------------------------------------- */

static int see_object(struct fw_seen_table *table, const struct nlmsghdr *nlh)
{
	_cleanup_(fw_obj_freep) struct nftnl_obj *obj = nftnl_obj_alloc();
	struct fw_seen_counter counter;

	if (!obj)
		abort();
	/* An object of another kind, or of one that libnftnl does not know. */
	if (nftnl_obj_nlmsg_parse(nlh, obj) < 0 ||
	    nftnl_obj_get_u32(obj, NFTNL_OBJ_TYPE) != NFT_OBJECT_COUNTER) {
		table->state.rebuild = true;
		return 0;
	}
	if (take_name(table, nlh, NFTA_OBJ_NAME, counter.name))
		vec_push(&table->counters, counter);
	return 0;
}

/* ---- messages ---------------------------------------------------------- */

static struct fw_seen_table *table_of(struct fw_seen *seen,
				      const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	const char *name = string_of(nlh, ATTR_TABLE);

	if (!name || strcmp(name, RULESET_TABLE_NAME))
		return NULL;
	for (int t = 0; t < TABLE_COUNT; t++) {
		if (fw_family((enum ruleset_table)t) == nfg->nfgen_family)
			return &seen->tables[t];
	}
	return NULL;
}

int fw_seen_message(const struct nlmsghdr *nlh, void *arg)
{
	struct fw_seen *seen = arg;
	struct fw_seen_table *table;

	if (nlh->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
		return -EBADMSG;
	table = table_of(seen, nlh);
	if (!table)
		return 0;
	switch (nlh->nlmsg_type & 0xff) {
	case NFT_MSG_NEWTABLE:
		return see_table(table, nlh);
	case NFT_MSG_NEWCHAIN:
		return see_chain(table, nlh);
	case NFT_MSG_NEWRULE:
		return see_rule(seen, table, nlh);
	case NFT_MSG_NEWSET:
		return see_set(table, nlh);
	case NFT_MSG_NEWSETELEM:
		return see_elements(table, nlh);
	case NFT_MSG_NEWOBJ:
		return see_object(table, nlh);
	default:
		return -EBADMSG;
	}
}
