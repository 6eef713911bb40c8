/* SPDX-License-Identifier: GPL-2.0-or-later */
/* foreign.c - others' base chains that see a packet before ours do.
 *
 * All chains are read; then the rules of those tables that have such a base
 * chain, of which only what a rule does is kept: where it leads, and whether it
 * accepts, untracks or forwards by itself. What a base chain can do is what the
 * chains can that lead on from it.
 */
#include "firewall/foreign.h"

#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "base/alloc.h"
#include "base/table.h"
#include "base/vec.h"

/* Of our base chains, on every hook that they are at. */
#define OUR_PRIORITY (-10)

/* Chains of a namespace: more are not looked at. Docker and kube-proxy make
 * some thousands at most. */
#define CHAINS_MAX 65536

struct chain {
	char *key; /* family, table and name */
	uint32_t family;
	char *table, *name;
	bool early; /* a base chain that comes before ours */
	bool nat;   /* … where an accept means "as it is" */
	uint32_t hook;
	int32_t priority;
	unsigned does; /* 1 << enum firewall_foreign_act */
	const struct chain *visited_from;
	VEC(char *) leads_to; /* names, in its table */
	UT_hash_handle hh;
};

static void chains_fini(struct chain **chains)
{
	struct chain *c, *next;

	HASH_ITER(hh, *chains, c, next) {
		HASH_DEL(*chains, c);
		vec_foreach(name, &c->leads_to)
			free(*name);
		vec_fini(&c->leads_to);
		free(c->key);
		free(c->table);
		free(c->name);
		free(c);
	}
}

/* No name has a newline in it that would make two keys one. */
static char *key_of(uint32_t family, const char *table, const char *name)
{
	return xasprintf("%u\n%s\n%s", family, table, name);
}

static struct chain *find_chain(struct chain *chains, uint32_t family,
				const char *table, const char *name)
{
	_cleanup_(freep) char *key = key_of(family, table, name);
	struct chain *c;

	HASH_FIND_STR(chains, key, c);
	return c;
}

static void chain_freep(struct nftnl_chain **c)
{
	if (*c)
		nftnl_chain_free(*c);
}

static void rule_freep(struct nftnl_rule **r)
{
	if (*r)
		nftnl_rule_free(*r);
}

/* ---- chains ------------------------------------------------------------ */

static bool is_before_ours(uint32_t family, uint32_t hook, int32_t priority)
{
	switch (family) {
	case NFPROTO_NETDEV:
		return true; /* its hooks come before all others */
	case NFPROTO_INET:
	case NFPROTO_IPV4:
	case NFPROTO_IPV6:
	case NFPROTO_BRIDGE:
		break;
	default:
		return false;
	}
	/* Before routing there is no chain of ours in inet: untracking there
	 * is what matters. Of the bridge's hooks ours is at priority too. */
	if (hook == NF_INET_PRE_ROUTING)
		return family != NFPROTO_BRIDGE || priority < OUR_PRIORITY;
	return hook <= NF_INET_LOCAL_OUT && priority < OUR_PRIORITY;
}

static int see_chain(const struct nlmsghdr *nlh, void *arg)
{
	_cleanup_(chain_freep) struct nftnl_chain *nc = nftnl_chain_alloc();
	struct chain **chains = arg, *c;
	const char *type;

	if (!nc || nftnl_chain_nlmsg_parse(nlh, nc) < 0 ||
	    !nftnl_chain_is_set(nc, NFTNL_CHAIN_TABLE) ||
	    !nftnl_chain_is_set(nc, NFTNL_CHAIN_NAME) ||
	    HASH_COUNT(*chains) == CHAINS_MAX)
		return 0;
	if (!strcmp(nftnl_chain_get_str(nc, NFTNL_CHAIN_TABLE),
		    RULESET_TABLE_NAME))
		return 0;
	c = xnew(struct chain);
	c->family = nftnl_chain_get_u32(nc, NFTNL_CHAIN_FAMILY);
	c->table = xstrdup(nftnl_chain_get_str(nc, NFTNL_CHAIN_TABLE));
	c->name = xstrdup(nftnl_chain_get_str(nc, NFTNL_CHAIN_NAME));
	c->key = key_of(c->family, c->table, c->name);
	if (nftnl_chain_is_set(nc, NFTNL_CHAIN_HOOKNUM)) {
		type = nftnl_chain_get_str(nc, NFTNL_CHAIN_TYPE);
		c->hook = nftnl_chain_get_u32(nc, NFTNL_CHAIN_HOOKNUM);
		c->priority = nftnl_chain_get_s32(nc, NFTNL_CHAIN_PRIO);
		c->early = is_before_ours(c->family, c->hook, c->priority);
		c->nat = type && !strcmp(type, "nat");
	}
	HASH_ADD_KEYPTR(hh, *chains, c->key, strlen(c->key), c);
	return 0;
}

/* ---- rules ------------------------------------------------------------- */

static void see_verdict(struct chain *c, const struct nftnl_expr *e)
{
	if (!nftnl_expr_is_set(e, NFTNL_EXPR_IMM_VERDICT))
		return;
	switch ((int)nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_VERDICT)) {
	case NF_ACCEPT:
		c->does |= 1U << FOREIGN_ACCEPTS;
		break;
	case NFT_JUMP:
	case NFT_GOTO:
		if (nftnl_expr_is_set(e, NFTNL_EXPR_IMM_CHAIN))
			vec_push(&c->leads_to,
				 xstrdup(nftnl_expr_get_str(
					 e, NFTNL_EXPR_IMM_CHAIN)));
		break;
	default:
		break;
	}
}

/* iptables-nft writes what nftables has no words for as an xtables target. */
static bool is_target(const struct nftnl_expr *e, const char *name)
{
	const char *target = nftnl_expr_is_set(e, NFTNL_EXPR_TG_NAME)
				     ? nftnl_expr_get_str(e, NFTNL_EXPR_TG_NAME)
				     : "";

	return !strcmp(target, name);
}

static int see_expression(struct nftnl_expr *e, void *arg)
{
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);
	struct chain *c = arg;

	if (!strcmp(name, "immediate"))
		see_verdict(c, e);
	else if (!strcmp(name, "notrack") ||
		 (!strcmp(name, "target") && is_target(e, "NOTRACK")))
		c->does |= 1U << FOREIGN_UNTRACKS;
	else if (!strcmp(name, "fwd"))
		c->does |= 1U << FOREIGN_REDIRECTS;
	return 0;
}

static int see_rule(const struct nlmsghdr *nlh, void *arg)
{
	_cleanup_(rule_freep) struct nftnl_rule *nr = nftnl_rule_alloc();
	struct chain **chains = arg, *c;

	if (!nr || nftnl_rule_nlmsg_parse(nlh, nr) < 0 ||
	    !nftnl_rule_is_set(nr, NFTNL_RULE_TABLE) ||
	    !nftnl_rule_is_set(nr, NFTNL_RULE_CHAIN))
		return 0;
	c = find_chain(*chains, nftnl_rule_get_u32(nr, NFTNL_RULE_FAMILY),
		       nftnl_rule_get_str(nr, NFTNL_RULE_TABLE),
		       nftnl_rule_get_str(nr, NFTNL_RULE_CHAIN));
	if (c)
		nftnl_expr_foreach(nr, see_expression, c);
	return 0;
}

static int read_rules(struct fw_netlink *nl, struct chain **chains,
		      const struct chain *of)
{
	char buffer[512] = { 0 };
	struct nlmsghdr *request =
		fw_request(nl, buffer, NFT_MSG_GETRULE, NLM_F_DUMP, TABLE_INET);
	struct nfgenmsg *head = mnl_nlmsg_get_payload(request);

	head->nfgen_family = (uint8_t)of->family;
	mnl_attr_put_strz(request, NFTA_RULE_TABLE, of->table);
	return fw_query(nl, request, see_rule, chains);
}

/* ---- conclusion -------------------------------------------------------- */

/* What @c does, and all that it leads to, as seen from the base chain @from.
 * The kernel refuses loops, but several ways may lead to one chain. */
static unsigned acts_of(struct chain *chains, struct chain *c,
			const struct chain *from)
{
	unsigned acts = c->does;

	if (c->visited_from == from)
		return 0;
	c->visited_from = from;
	vec_foreach(name, &c->leads_to) {
		struct chain *next =
			find_chain(chains, c->family, c->table, *name);

		if (next)
			acts |= acts_of(chains, next, from);
	}
	return acts;
}

static const char *family_name(uint32_t family)
{
	switch (family) {
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_BRIDGE:
		return "bridge";
	default:
		return "netdev";
	}
}

static const char *hook_name(const struct chain *c)
{
	static const char *const names[] = { "prerouting", "input", "forward",
					     "output" };

	if (c->family == NFPROTO_NETDEV)
		return c->hook ? "egress" : "ingress";
	return names[c->hook];
}

/* An accept before routing says nothing about who may talk to whom. */
static bool matters(const struct chain *c, enum firewall_foreign_act act)
{
	if (act == FOREIGN_ACCEPTS)
		return c->family != NFPROTO_NETDEV && !c->nat &&
		       c->hook != NF_INET_PRE_ROUTING;
	return true;
}

static void conclude(struct chain *chains, struct chain *c,
		     firewall_foreign_fn fn, void *arg)
{
	struct firewall_foreign f = { .family = family_name(c->family),
				      .table = c->table,
				      .chain = c->name,
				      .hook = hook_name(c),
				      .priority = c->priority };
	unsigned acts = acts_of(chains, c, c);

	for (int act = 0; act < FOREIGN_ACTS; act++) {
		f.act = (enum firewall_foreign_act)act;
		if (acts & 1U << act && matters(c, f.act))
			fn(arg, &f);
	}
}

/* The rules of the tables that have an early chain, each table once. */
static int read_tables(struct fw_netlink *nl, struct chain **chains)
{
	struct chain *c, *next, *other;

	HASH_ITER(hh, *chains, c, next) {
		bool first = c->early;
		int r;

		for (other = *chains; other != c && first;
		     other = other->hh.next)
			first = !(other->early && other->family == c->family &&
				  !strcmp(other->table, c->table));
		if (!first)
			continue;
		r = read_rules(nl, chains, c);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

int fw_foreign_read(struct fw_netlink *nl, firewall_foreign_fn fn, void *arg)
{
	_cleanup_(chains_fini) struct chain *chains = NULL;
	char buffer[512] = { 0 };
	struct nlmsghdr *request = fw_request(nl, buffer, NFT_MSG_GETCHAIN,
					      NLM_F_DUMP, TABLE_INET);
	struct nfgenmsg *head = mnl_nlmsg_get_payload(request);
	struct chain *c, *next;
	int r;

	head->nfgen_family = NFPROTO_UNSPEC;
	r = fw_query(nl, request, see_chain, &chains);
	if (r == 0)
		r = read_tables(nl, &chains);
	if (r < 0)
		return r;
	HASH_ITER(hh, chains, c, next)
		if (c->early)
			conclude(chains, c, fn, arg);
	return 0;
}
