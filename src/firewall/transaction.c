/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transaction.c - the messages that lead from what is in force to what is
 * wanted.
 *
 * The kernel judges each message by what those before it leave. So per table:
 *  1. chains come first, for rules and elements jump to them;
 *  2. the rules of changed and unwanted chains go, which lets go of sets;
 *  3. elements and sets go, which lets go of chains;
 *  4. counters and sets come, with their elements;
 *  5. rules come, of chains new and changed;
 *  6. chains and counters go, for now nothing refers to them.
 */
#include "firewall/transaction.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

#include "firewall/diff.h"
#include "firewall/element.h"
#include "firewall/lower.h"

struct transaction {
	struct fw_batch *batch;
	const struct ruleset *want;
	enum ruleset_table table;
	uint32_t set_id;
	char *error;
};

static int fail(const struct transaction *t, const struct fw_object *object,
		int r)
{
	char name[128];

	fw_object_print(object, name, sizeof(name));
	snprintf(t->error, FW_ERROR_TEXT, "%s: %s", name,
		 r == -E2BIG ? "more than the kernel's 128 expressions"
			     : "not a declaration that the kernel can hold");
	return r;
}

/* ---- tables ------------------------------------------------------------ */

static void put_table(struct fw_batch *batch, enum ruleset_table table,
		      uint16_t type, uint16_t flags, uint32_t table_flags)
{
	struct fw_object object = { FW_TABLE, table, RULESET_TABLE_NAME, 0 };
	_cleanup_(fw_table_freep) struct nftnl_table *nt = nftnl_table_alloc();
	struct nlmsghdr *nlh = fw_batch_message(batch, type, flags, &object);

	if (!nt)
		abort();
	nftnl_table_set_str(nt, NFTNL_TABLE_NAME, RULESET_TABLE_NAME);
	if (type == NFT_MSG_NEWTABLE)
		nftnl_table_set_u32(nt, NFTNL_TABLE_FLAGS, table_flags);
	nftnl_table_nlmsg_build_payload(nlh, nt);
	fw_batch_put(batch, nlh);
}

void fw_transaction_delete_table(struct fw_batch *batch,
				 enum ruleset_table table)
{
	put_table(batch, table, NFT_MSG_DELTABLE, 0, 0);
}

/* ---- chains and rules -------------------------------------------------- */

static void put_chain(struct transaction *t, const struct ruleset_chain *chain,
		      uint16_t flags)
{
	struct fw_object object = { FW_CHAIN, t->table, chain->name, 0 };
	struct nlmsghdr *nlh =
		fw_batch_message(t->batch, NFT_MSG_NEWCHAIN, flags, &object);
	_cleanup_(fw_chain_freep) struct nftnl_chain *nc =
		fw_lower_chain(chain);

	nftnl_chain_nlmsg_build_payload(nlh, nc);
	fw_batch_put(t->batch, nlh);
}

static void delete_chain(struct transaction *t,
			 const struct ruleset_chain *chain)
{
	struct fw_object object = { FW_CHAIN, t->table, chain->name, 0 };
	struct nlmsghdr *nlh =
		fw_batch_message(t->batch, NFT_MSG_DELCHAIN, 0, &object);

	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, RULESET_TABLE_NAME);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, chain->name);
	fw_batch_put(t->batch, nlh);
}

/* A rule without a handle deletes all of its chain. */
static void flush_chain(struct transaction *t,
			const struct ruleset_chain *chain)
{
	struct fw_object object = { FW_RULES, t->table, chain->name, 0 };
	struct nlmsghdr *nlh =
		fw_batch_message(t->batch, NFT_MSG_DELRULE, 0, &object);

	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, RULESET_TABLE_NAME);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, chain->name);
	fw_batch_put(t->batch, nlh);
}

static int put_rules(struct transaction *t, const struct ruleset_chain *chain)
{
	for (size_t i = 0; i < chain->n; i++) {
		struct fw_object object = { FW_RULE, t->table, chain->name, i };
		_cleanup_(fw_rule_freep) struct nftnl_rule *nr = NULL;
		struct nlmsghdr *nlh;
		int r;

		r = fw_lower_rule(t->want, t->table, chain->name,
				  &chain->rules[i], &nr);
		if (r < 0)
			return fail(t, &object, r);
		nlh = fw_batch_message(t->batch, NFT_MSG_NEWRULE,
				       NLM_F_CREATE | NLM_F_APPEND, &object);
		nftnl_rule_nlmsg_build_payload(nlh, nr);
		fw_batch_put(t->batch, nlh);
	}
	return 0;
}

/* ---- sets and counters ------------------------------------------------- */

static int put_set(struct transaction *t, const struct ruleset_set *set)
{
	struct fw_object object = { FW_SET, t->table, set->name, 0 };
	_cleanup_(fw_set_freep) struct nftnl_set *ns = NULL;
	struct nlmsghdr *nlh;
	int r;

	r = fw_lower_set(set, ++t->set_id, &ns);
	if (r < 0)
		return fail(t, &object, r);
	nlh = fw_batch_message(t->batch, NFT_MSG_NEWSET,
			       NLM_F_CREATE | NLM_F_EXCL, &object);
	nftnl_set_nlmsg_build_payload(nlh, ns);
	fw_batch_put(t->batch, nlh);
	return 0;
}

static void delete_set(struct transaction *t, const struct ruleset_set *set)
{
	struct fw_object object = { FW_SET, t->table, set->name, 0 };
	struct nlmsghdr *nlh =
		fw_batch_message(t->batch, NFT_MSG_DELSET, 0, &object);

	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, RULESET_TABLE_NAME);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, set->name);
	fw_batch_put(t->batch, nlh);
}

static void write_entry(size_t i, void *arg)
{
	fw_element_write(arg, i);
}

static void put_elements(struct transaction *t, const struct ruleset_set *set)
{
	struct fw_element_writer w;

	if (set->flags & SET_DYNAMIC)
		return;
	fw_element_writer_init(&w, t->batch, t->table, set, true);
	for (size_t i = 0; i < set->n; i++)
		fw_element_write(&w, i);
	fw_element_writer_fini(&w);
}

static void change_elements(struct transaction *t,
			    const struct fw_set_change *change, bool add)
{
	const struct ruleset_set *set = add ? change->want : change->have;
	struct fw_element_writer w;

	fw_element_writer_init(&w, t->batch, t->table, set, add);
	fw_diff_elements(change, add ? NULL : write_entry,
			 add ? write_entry : NULL, &w);
	fw_element_writer_fini(&w);
}

static void put_counter(struct transaction *t, const char *name)
{
	struct fw_object object = { FW_COUNTER, t->table, name, 0 };
	_cleanup_(fw_obj_freep) struct nftnl_obj *obj = fw_lower_counter(name);
	struct nlmsghdr *nlh = fw_batch_message(
		t->batch, NFT_MSG_NEWOBJ, NLM_F_CREATE | NLM_F_EXCL, &object);

	nftnl_obj_nlmsg_build_payload(nlh, obj);
	fw_batch_put(t->batch, nlh);
}

static void delete_counter(struct transaction *t, const char *name)
{
	struct fw_object object = { FW_COUNTER, t->table, name, 0 };
	struct nlmsghdr *nlh =
		fw_batch_message(t->batch, NFT_MSG_DELOBJ, 0, &object);

	mnl_attr_put_strz(nlh, NFTA_OBJ_TABLE, RULESET_TABLE_NAME);
	mnl_attr_put_strz(nlh, NFTA_OBJ_NAME, name);
	mnl_attr_put_u32(nlh, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
	fw_batch_put(t->batch, nlh);
}

/* ---- the order --------------------------------------------------------- */

/* Steps 1 to 3. */
static void release(struct transaction *t, const struct fw_diff *diff)
{
	vec_foreach(chain, &diff->chains_added)
		put_chain(t, *chain, NLM_F_CREATE | NLM_F_EXCL);
	vec_foreach(chain, &diff->chains_changed) {
		if ((*chain)->hook != HOOK_NONE)
			put_chain(t, *chain, 0);
		flush_chain(t, *chain);
	}
	vec_foreach(chain, &diff->chains_gone)
		flush_chain(t, *chain);
	vec_foreach(change, &diff->sets_changed)
		change_elements(t, change, false);
	vec_foreach(set, &diff->sets_gone)
		delete_set(t, *set);
}

/* Steps 4 to 6. */
static int bring(struct transaction *t, const struct fw_diff *diff)
{
	int r;

	vec_foreach(name, &diff->counters_added)
		put_counter(t, *name);
	vec_foreach(set, &diff->sets_added) {
		r = put_set(t, *set);
		if (r < 0)
			return r;
		put_elements(t, *set);
	}
	vec_foreach(change, &diff->sets_changed)
		change_elements(t, change, true);
	vec_foreach(chain, &diff->chains_added) {
		r = put_rules(t, *chain);
		if (r < 0)
			return r;
	}
	vec_foreach(chain, &diff->chains_changed) {
		r = put_rules(t, *chain);
		if (r < 0)
			return r;
	}
	vec_foreach(chain, &diff->chains_gone)
		delete_chain(t, *chain);
	vec_foreach(name, &diff->counters_gone)
		delete_counter(t, *name);
	return 0;
}

bool fw_part_empty(const struct ruleset_part *part)
{
	return !part->nchains && !part->nsets;
}

/* The kernel cannot give a table that has not PERSIST an owner, nor wake one
 * that is dormant in all of its versions: such a table is made anew. */
static bool must_rebuild(const struct fw_table_state *state,
			 const struct fw_ownership *ownership)
{
	return state->rebuild || (ownership->own && !state->persist);
}

static int build_part(struct transaction *t, const struct fw_table_state *state,
		      const struct ruleset_part *have,
		      const struct fw_ownership *ownership)
{
	static const struct ruleset_part nothing;
	const struct ruleset_part *want = &t->want->parts[t->table];
	uint32_t flags =
		ownership->own ? NFT_TABLE_F_OWNER | NFT_TABLE_F_PERSIST : 0;
	_cleanup_(fw_diff_fini) struct fw_diff diff = { 0 };
	bool rebuild = state->exists && must_rebuild(state, ownership);
	bool adopt = ownership->own && state->owner != ownership->portid;

	if (fw_part_empty(want)) {
		if (state->exists)
			fw_transaction_delete_table(t->batch, t->table);
		return 0;
	}
	if (state->exists && !rebuild) {
		fw_diff_make(have, want, &diff);
		rebuild = diff.rebuild;
	}
	if (rebuild) {
		fw_transaction_delete_table(t->batch, t->table);
		fw_diff_fini(&diff);
	}
	if (!state->exists || rebuild)
		fw_diff_make(&nothing, want, &diff);
	if (!state->exists || rebuild || adopt)
		put_table(t->batch, t->table, NFT_MSG_NEWTABLE, NLM_F_CREATE,
			  flags);
	release(t, &diff);
	return bring(t, &diff);
}

int fw_transaction_build(struct fw_batch *batch, const struct fw_state *state,
			 const struct ruleset *want,
			 const struct fw_ownership *ownership, char *error)
{
	struct transaction t = { .batch = batch, .want = want, .error = error };
	int r;

	for (int table = 0; table < TABLE_COUNT; table++) {
		t.table = (enum ruleset_table)table;
		r = build_part(&t, &state->tables[table],
			       &state->ruleset->parts[table], ownership);
		if (r < 0)
			return r;
	}
	return 0;
}
