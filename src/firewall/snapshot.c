/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snapshot.c - reads our tables from the kernel, as a ruleset.
 *
 * The kernel's objects are not translated back into the IR. Each is compared
 * with the lowered form of the wanted object of its name, and stands in the
 * result as that very object if they are equal; else as one that differs from
 * it for certain. Only the elements of a set are kept as they are, so that a
 * difference of few elements stays one of few elements.
 */
#include "firewall/snapshot.h"

#include <errno.h>
#include <libnftnl/common.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "firewall/element.h"
#include "firewall/lower.h"

/* Dumps that others' changes may spoil before we give up. */
#define ATTEMPTS 32

/* ---- reading ----------------------------------------------------------- */

static int dump(struct fw_netlink *nl, uint16_t type, enum ruleset_table table,
		uint16_t set_attr, const char *set, struct fw_seen *seen)
{
	char buffer[512] = { 0 };
	struct nlmsghdr *request =
		fw_request(nl, buffer, type, NLM_F_DUMP, table);

	/* NFTA_*_TABLE is 1 in each of them; chains know no such filter. */
	if (type != NFT_MSG_GETTABLE && type != NFT_MSG_GETCHAIN)
		mnl_attr_put_strz(request, NFTA_SET_TABLE, RULESET_TABLE_NAME);
	if (set)
		mnl_attr_put_strz(request, set_attr, set);
	return fw_query(nl, request, fw_seen_message, seen);
}

static int dump_elements(struct fw_netlink *nl, enum ruleset_table table,
			 struct fw_seen *seen)
{
	struct fw_seen_set *set, *next;
	int r;

	HASH_ITER(hh, seen->tables[table].sets, set, next) {
		if (set->odd || set->declaration.flags & NFT_SET_EVAL)
			continue;
		r = dump(nl, NFT_MSG_GETSETELEM, table, NFTA_SET_ELEM_LIST_SET,
			 set->name, seen);
		if (r < 0)
			return r;
	}
	return 0;
}

static int dump_table(struct fw_netlink *nl, enum ruleset_table table,
		      struct fw_seen *seen)
{
	static const uint16_t types[] = { NFT_MSG_GETCHAIN, NFT_MSG_GETRULE,
					  NFT_MSG_GETSET, NFT_MSG_GETOBJ };
	int r;

	r = dump(nl, NFT_MSG_GETTABLE, table, 0, NULL, seen);
	if (r < 0 || !seen->tables[table].state.exists)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		r = dump(nl, types[i], table, 0, NULL, seen);
		if (r < 0)
			return r;
	}
	return dump_elements(nl, table, seen);
}

/* -EAGAIN when what was read is of more than one generation. */
static int dump_all(struct fw_netlink *nl, struct fw_seen *seen,
		    uint32_t *ret_generation)
{
	uint32_t before, after;
	int r;

	r = fw_generation(nl, &before);
	for (int t = 0; r == 0 && t < TABLE_COUNT; t++)
		r = dump_table(nl, (enum ruleset_table)t, seen);
	/* A set may be gone by the time its elements are asked for. */
	if (r == -EINTR || r == -ENOENT || r == -ENOBUFS)
		return -EAGAIN;
	if (r < 0)
		return r;
	r = fw_generation(nl, &after);
	if (r < 0)
		return r;
	if (before != after)
		return -EAGAIN;
	*ret_generation = after;
	return 0;
}

int fw_snapshot_read(struct fw_netlink *nl, struct ruleset *want,
		     struct fw_state *ret)
{
	uint32_t generation = 0;
	int r = -EAGAIN;

	for (int i = 0; r == -EAGAIN && i < ATTEMPTS; i++) {
		_cleanup_(fw_seen_fini) struct fw_seen seen = { 0 };

		r = dump_all(nl, &seen, &generation);
		if (r == 0)
			fw_snapshot_conclude(&seen, want, ret);
	}
	if (r == 0)
		ret->generation = generation;
	return r;
}

/* ---- chains ------------------------------------------------------------ */

/* What we would send, in the form of what the kernel reports. */
static int lower_blob(const struct ruleset *want, enum ruleset_table table,
		      const struct ruleset_chain *chain, size_t i,
		      char *scratch, struct fw_blob *ret)
{
	_cleanup_(fw_rule_freep) struct nftnl_rule *nr = NULL;
	struct nlmsghdr *nlh;
	int r;

	r = fw_lower_rule(want, table, chain->name, &chain->rules[i], &nr);
	if (r < 0)
		return r;
	nlh = nftnl_nlmsg_build_hdr(scratch, NFT_MSG_NEWRULE, fw_family(table),
				    0, 0);
	nftnl_rule_nlmsg_build_payload(nlh, nr);
	*ret = fw_rule_blob(nlh);
	return 0;
}

static bool same_rules(const struct fw_seen_chain *chain,
		       const struct ruleset *want, enum ruleset_table table,
		       const struct ruleset_chain *wanted, char *scratch)
{
	if (chain->rules.len != wanted->n)
		return false;
	for (size_t i = 0; i < wanted->n; i++) {
		const struct fw_blob *have = &chain->rules.data[i];
		struct fw_blob blob;
		bool same;

		if (lower_blob(want, table, wanted, i, scratch, &blob) < 0)
			return false;
		same = blob.data && have->data && blob.len == have->len &&
		       !memcmp(blob.data, have->data, blob.len);
		free(blob.data);
		if (!same)
			return false;
	}
	return true;
}

/* A chain that equals none that is wanted: no wanted rule is without any
 * statement. */
static struct ruleset_chain *stand_in_chain(const struct fw_seen_chain *chain)
{
	struct ruleset_chain *c = xnew(struct ruleset_chain);

	c->refs = 1;
	memcpy(c->name, chain->name, sizeof(c->name));
	c->hook = chain->hook;
	c->priority = chain->priority;
	c->policy_drop = chain->policy_drop;
	c->n = 1;
	c->rules = xnew(struct ruleset_rule);
	return c;
}

static struct ruleset_chain *conclude_chain(const struct fw_seen_chain *chain,
					    const struct ruleset *want,
					    enum ruleset_table table,
					    char *scratch)
{
	struct ruleset_chain *wanted =
		ruleset_find_chain(want, table, chain->name);

	/* The comment of a chain cannot be changed, so it does not count. */
	if (wanted && wanted->hook == chain->hook &&
	    (wanted->hook == HOOK_NONE ||
	     (wanted->priority == chain->priority &&
	      wanted->policy_drop == chain->policy_drop)) &&
	    same_rules(chain, want, table, wanted, scratch))
		return ruleset_chain_ref(wanted);
	return stand_in_chain(chain);
}

/* True if the kernel declares the set as we would. */
static bool same_declaration(const struct fw_seen_set *set,
			     const struct ruleset_set *wanted, char *scratch)
{
	_cleanup_(fw_set_freep) struct nftnl_set *ns = NULL;
	struct fw_declaration declaration;
	struct nlmsghdr *nlh;

	if (fw_lower_set(wanted, 0, &ns) < 0)
		return false;
	nlh = nftnl_nlmsg_build_hdr(scratch, NFT_MSG_NEWSET, 0, 0, 0);
	nftnl_set_nlmsg_build_payload(nlh, ns);
	fw_declaration_read(nlh, &declaration);
	return fw_declaration_equal(&set->declaration, &declaration);
}

/* ---- elements of sets -------------------------------------------------- */

/* An element, to be sorted. */
struct item {
	const uint8_t *key;
	size_t len;
	size_t index;
	bool end;
};

/* The end of a range comes before the start of the next at the same key. */
static int compare_item(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int order = memcmp(x->key, y->key, x->len);

	return order ? order : y->end - x->end;
}

static struct item *sort_items(const struct fw_seen_set *set)
{
	struct item *items = xcalloc(set->n + 1, sizeof(*items));

	for (size_t i = 0; i < set->n; i++)
		items[i] = (struct item){ set->keys.data +
						  i * set->declaration.key_len,
					  set->declaration.key_len, i,
					  set->ends.data[i] };
	if (set->n)
		qsort(items, set->n, sizeof(*items), compare_item);
	return items;
}

/* The last key before @behind, as a number in network order. */
static void previous_key(const uint8_t *behind, size_t n, uint8_t *ret)
{
	memcpy(ret, behind, n);
	while (n > 0) {
		if (ret[--n]--)
			return;
	}
}

/* Starts and ends must alternate as we write them. @items are sorted. */
static bool take_ranges(struct ruleset_set *s, const struct item *items,
			size_t n)
{
	uint8_t len = s->key_len;

	for (size_t i = 0; i < n; i++) {
		uint8_t *entry = s->keys + s->n * fw_entry_len(s);
		uint8_t *last = entry + s->key_len;

		if (items[i].end)
			return false;
		memcpy(entry, items[i].key, len);
		if (i + 1 == n)
			memset(last, 0xff, len);
		else if (!items[++i].end)
			return false;
		else
			previous_key(items[i].key, len, last);
		s->n++;
	}
	return true;
}

static bool take_keys(struct ruleset_set *s, const struct item *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (items[i].end)
			return false;
		memcpy(s->keys + i * fw_entry_len(s), items[i].key, s->key_len);
	}
	s->n = n;
	return true;
}

/* Verdicts of the elements that are no ends, in the order of @items. */
static bool take_verdicts(struct ruleset_set *s, const struct fw_seen_set *set,
			  const struct item *items)
{
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++) {
		if (items[i].end)
			continue;
		if (items[i].index >= set->verdicts.len)
			return false;
		s->verdicts[n++] = set->verdicts.data[items[i].index];
	}
	return n == s->n;
}

static bool take_elements(struct ruleset_set *s, const struct fw_seen_set *set)
{
	_cleanup_(freep) struct item *items = sort_items(set);

	s->keys = xcalloc(set->n + 1, fw_entry_len(s));
	if (s->flags & SET_VMAP)
		s->verdicts = xcalloc(set->n + 1, sizeof(*s->verdicts));
	else if (set->verdicts.len)
		return false;
	if (s->flags & SET_INTERVAL ? !take_ranges(s, items, set->n)
				    : !take_keys(s, items, set->n))
		return false;
	return !(s->flags & SET_VMAP) || take_verdicts(s, set, items);
}

/* A set that has the declaration of none. */
static struct ruleset_set *stand_in_set(const struct fw_seen_set *set)
{
	struct ruleset_set *s = xnew(struct ruleset_set);

	s->refs = 1;
	memcpy(s->name, set->name, sizeof(s->name));
	return s;
}

static struct ruleset_set *conclude_set(const struct fw_seen_set *set,
					const struct ruleset *want,
					enum ruleset_table table, char *scratch)
{
	struct ruleset_set *wanted = ruleset_find_set(want, table, set->name);
	_cleanup_(ruleset_set_unrefp) struct ruleset_set *s = NULL;

	if (!wanted || set->odd || !same_declaration(set, wanted, scratch))
		return stand_in_set(set);
	if (wanted->flags & SET_DYNAMIC)
		return ruleset_set_ref(wanted);
	s = xmemdup(wanted, sizeof(*wanted));
	s->refs = 1;
	s->comment = wanted->comment ? xstrdup(wanted->comment) : NULL;
	s->n = 0;
	s->keys = NULL;
	s->verdicts = NULL;
	return take_elements(s, set) ? TAKE_PTR(s) : stand_in_set(set);
}

/* ---- the whole --------------------------------------------------------- */

static int compare_chain(const void *a, const void *b)
{
	return strcmp((*(struct ruleset_chain *const *)a)->name,
		      (*(struct ruleset_chain *const *)b)->name);
}

static int compare_set(const void *a, const void *b)
{
	return strcmp((*(struct ruleset_set *const *)a)->name,
		      (*(struct ruleset_set *const *)b)->name);
}

static int compare_counter(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void conclude_counters(const struct fw_seen_table *table,
			      struct ruleset_part *part)
{
	size_t n = table->counters.len;

	part->counters = xcalloc(n + 1, sizeof(*part->counters));
	for (size_t i = 0; i < n; i++)
		memcpy(part->counters[i], table->counters.data[i].name,
		       RULESET_NAME);
	qsort(part->counters, n, sizeof(*part->counters), compare_counter);
	part->ncounters = n;
}

static void conclude_table(struct fw_seen *seen, enum ruleset_table t,
			   const struct ruleset *want,
			   struct ruleset_part *part)
{
	struct fw_seen_table *table = &seen->tables[t];
	struct fw_seen_chain *chain, *next_chain;
	_cleanup_(freep) char *scratch = xcalloc(1, FW_MESSAGE_ROOM);
	struct fw_seen_set *set, *next_set;

	part->chains = xcalloc(HASH_COUNT(table->chains) + 1U,
			       sizeof(struct ruleset_chain *));
	HASH_ITER(hh, table->chains, chain, next_chain)
		part->chains[part->nchains++] =
			conclude_chain(chain, want, t, scratch);
	part->sets = xcalloc(HASH_COUNT(table->sets) + 1U,
			     sizeof(struct ruleset_set *));
	HASH_ITER(hh, table->sets, set, next_set)
		part->sets[part->nsets++] = conclude_set(set, want, t, scratch);
	qsort(part->chains, part->nchains, sizeof(*part->chains),
	      compare_chain);
	qsort(part->sets, part->nsets, sizeof(*part->sets), compare_set);
	conclude_counters(table, part);
}

void fw_snapshot_conclude(struct fw_seen *seen, struct ruleset *want,
			  struct fw_state *ret)
{
	struct ruleset *have = xnew(struct ruleset);

	have->refs = 1;
	for (int t = 0; t < TABLE_COUNT; t++) {
		conclude_table(seen, (enum ruleset_table)t, want,
			       &have->parts[t]);
		ret->tables[t] = seen->tables[t].state;
	}
	ruleset_unref(ret->ruleset);
	ret->ruleset = have;
}
