/* SPDX-License-Identifier: GPL-2.0-or-later */
/* seen.c - what a dump says of our tables, message by message.
 *
 * Nothing here decides: what cannot be represented is marked, as a rule that
 * equals none, a set that is odd, or a table to make anew.
 */
#include "firewall/seen.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "firewall/canon.h"
#include "firewall/element.h"
#include "firewall/netlink.h"

/* NFTA_*_TABLE and NFTA_TABLE_NAME: the first attribute of all of them. */
#define ATTR_TABLE 1

static void free_chain(struct fw_seen_chain *chain)
{
	vec_foreach(rule, &chain->rules)
		free(rule->data);
	vec_fini(&chain->rules);
	free(chain);
}

static void free_set(struct fw_seen_set *set)
{
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
	*seen = (struct fw_seen){ 0 };
}

/* ---- reading attributes ------------------------------------------------ */

/* An attribute of the message, or NULL. */
static const struct nlattr *attr_of(const struct nlmsghdr *nlh, uint16_t type)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == type)
			return attr;
	}
	return NULL;
}

static const struct nlattr *attr_in(const struct nlattr *nest, uint16_t type)
{
	const struct nlattr *attr;

	if (!nest)
		return NULL;
	mnl_attr_for_each_nested(attr, nest)
	{
		if (mnl_attr_get_type(attr) == type)
			return attr;
	}
	return NULL;
}

/* A number; 0 when it is missing or has another size. */
static uint32_t u32_of(const struct nlattr *attr)
{
	return attr && mnl_attr_validate(attr, MNL_TYPE_U32) == 0
		       ? ntohl(mnl_attr_get_u32(attr))
		       : 0;
}

static uint64_t u64_of(const struct nlattr *attr)
{
	return attr && mnl_attr_validate(attr, MNL_TYPE_U64) == 0
		       ? be64toh(mnl_attr_get_u64(attr))
		       : 0;
}

/* A string, or NULL. */
static const char *text_of(const struct nlattr *attr)
{
	return attr && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0
		       ? mnl_attr_get_str(attr)
		       : NULL;
}

/* The object's name into @to. A name longer than any of ours can only be
 * removed with its table. */
static bool take_name(struct fw_seen_table *table, const struct nlmsghdr *nlh,
		      uint16_t type, char to[static RULESET_NAME])
{
	const char *name = text_of(attr_of(nlh, type));

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
	uint32_t flags = u32_of(attr_of(nlh, NFTA_TABLE_FLAGS));

	table->state.exists = true;
	table->state.persist = flags & NFT_TABLE_F_PERSIST;
	table->state.rebuild |= flags & NFT_TABLE_F_DORMANT;
	if (flags & NFT_TABLE_F_OWNER)
		table->state.owner = u32_of(attr_of(nlh, NFTA_TABLE_OWNER));
	return 0;
}

/* ---- chains ------------------------------------------------------------ */

static bool see_hook(struct fw_seen_chain *chain, const struct nlmsghdr *nlh)
{
	static const enum ruleset_hook hooks[] = {
		[NF_INET_PRE_ROUTING] = HOOK_PREROUTING,
		[NF_INET_LOCAL_IN] = HOOK_INPUT,
		[NF_INET_FORWARD] = HOOK_FORWARD,
		[NF_INET_LOCAL_OUT] = HOOK_OUTPUT,
		[NF_INET_POST_ROUTING] = HOOK_POSTROUTING,
	};
	const struct nlattr *hook = attr_of(nlh, NFTA_CHAIN_HOOK);
	const char *type = text_of(attr_of(nlh, NFTA_CHAIN_TYPE));
	uint32_t number = u32_of(attr_in(hook, NFTA_HOOK_HOOKNUM));
	uint32_t flags = u32_of(attr_of(nlh, NFTA_CHAIN_FLAGS));

	if (flags & ~(uint32_t)NFT_CHAIN_BASE)
		return false;
	if (!hook)
		return true;
	if (number >= ARRAY_SIZE(hooks) || !type || strcmp(type, "filter") ||
	    attr_in(hook, NFTA_HOOK_DEV) || attr_in(hook, NFTA_HOOK_DEVS))
		return false;
	chain->hook = hooks[number];
	chain->priority = (int)u32_of(attr_in(hook, NFTA_HOOK_PRIORITY));
	chain->policy_drop = u32_of(attr_of(nlh, NFTA_CHAIN_POLICY)) == NF_DROP;
	return true;
}

static int see_chain(struct fw_seen_table *table, const struct nlmsghdr *nlh)
{
	struct fw_seen_chain *chain, *known;
	char name[RULESET_NAME];

	if (!take_name(table, nlh, NFTA_CHAIN_NAME, name))
		return 0;
	HASH_FIND_STR(table->chains, name, known);
	if (known)
		return -EBADMSG;
	chain = xnew(struct fw_seen_chain);
	memcpy(chain->name, name, sizeof(name));
	if (!see_hook(chain, nlh))
		table->state.rebuild = true;
	HASH_ADD_STR(table->chains, name, chain);
	return 0;
}

/* ---- rules ------------------------------------------------------------- */

struct fw_blob fw_rule_blob(const struct nlmsghdr *nlh)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(FW_RECEIVE);
	struct fw_blob blob = { 0 };

	if (fw_canon_rule(nlh, &text) < 0 || buf_error(&text) < 0)
		return blob;
	blob.len = text.len;
	blob.data = buf_take(&text);
	return blob;
}

static int see_rule(struct fw_seen_table *table, const struct nlmsghdr *nlh)
{
	struct fw_seen_chain *chain;
	char name[RULESET_NAME];

	if (!take_name(table, nlh, NFTA_RULE_CHAIN, name))
		return 0;
	HASH_FIND_STR(table->chains, name, chain);
	if (!chain)
		return -EBADMSG;
	vec_push(&chain->rules, fw_rule_blob(nlh));
	return 0;
}

/* ---- sets and their elements ------------------------------------------- */

/* Milliseconds by which a timeout may be rounded to the kernel's ticks. */
#define TICK_MS 10

static void read_userdata(const struct nlattr *attr,
			  struct fw_declaration *declaration)
{
	size_t len = attr ? mnl_attr_get_payload_len(attr) : 0;

	if (len > sizeof(declaration->userdata)) {
		declaration->odd = true;
		return;
	}
	if (len)
		memcpy(declaration->userdata, mnl_attr_get_payload(attr), len);
	declaration->userdata_len = len;
}

void fw_declaration_read(const struct nlmsghdr *nlh, struct fw_declaration *ret)
{
	const struct nlattr *desc = attr_of(nlh, NFTA_SET_DESC);
	const struct nlattr *expression = attr_of(nlh, NFTA_SET_EXPR);
	const char *name;

	*ret = (struct fw_declaration){
		.flags = u32_of(attr_of(nlh, NFTA_SET_FLAGS)),
		.key_type = u32_of(attr_of(nlh, NFTA_SET_KEY_TYPE)),
		.key_len = u32_of(attr_of(nlh, NFTA_SET_KEY_LEN)),
		.data_type = u32_of(attr_of(nlh, NFTA_SET_DATA_TYPE)),
		.obj_type = u32_of(attr_of(nlh, NFTA_SET_OBJ_TYPE)),
		.policy = u32_of(attr_of(nlh, NFTA_SET_POLICY)),
		.size = u32_of(attr_in(desc, NFTA_SET_DESC_SIZE)),
		.timeout_ms = u64_of(attr_of(nlh, NFTA_SET_TIMEOUT)),
	};
	read_userdata(attr_of(nlh, NFTA_SET_USERDATA), ret);
	if (expression) {
		name = text_of(attr_in(expression, NFTA_EXPR_NAME));
		ret->counter = name && !strcmp(name, "counter");
		ret->odd |= !ret->counter;
	}
	if (attr_of(nlh, NFTA_SET_EXPRESSIONS) || ret->key_len == 0 ||
	    ret->key_len > FW_KEY_MAX)
		ret->odd = true;
}

bool fw_declaration_equal(const struct fw_declaration *a,
			  const struct fw_declaration *b)
{
	uint64_t ta = a->timeout_ms, tb = b->timeout_ms;

	return !a->odd && !b->odd && a->flags == b->flags &&
	       a->key_type == b->key_type && a->key_len == b->key_len &&
	       a->data_type == b->data_type && a->obj_type == b->obj_type &&
	       a->policy == b->policy && a->size == b->size &&
	       a->counter == b->counter &&
	       (ta > tb ? ta - tb : tb - ta) <= TICK_MS &&
	       a->userdata_len == b->userdata_len &&
	       !memcmp(a->userdata, b->userdata, a->userdata_len);
}

static int see_set(struct fw_seen_table *table, const struct nlmsghdr *nlh)
{
	struct fw_seen_set *set, *known;
	char name[RULESET_NAME];

	if (!take_name(table, nlh, NFTA_SET_NAME, name))
		return 0;
	HASH_FIND_STR(table->sets, name, known);
	if (known)
		return -EBADMSG;
	set = xnew(struct fw_seen_set);
	memcpy(set->name, name, sizeof(name));
	fw_declaration_read(nlh, &set->declaration);
	set->odd = set->declaration.odd;
	HASH_ADD_STR(table->sets, name, set);
	return 0;
}

static int see_element(const struct fw_element *element, void *arg)
{
	struct fw_seen_set *set = arg;

	if (element->odd || element->key_len != set->declaration.key_len)
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
	struct fw_seen_counter counter;

	/* An object of another kind goes with its table. */
	if (u32_of(attr_of(nlh, NFTA_OBJ_TYPE)) != NFT_OBJECT_COUNTER) {
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
	const char *name = text_of(attr_of(nlh, ATTR_TABLE));

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
		return see_rule(table, nlh);
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
