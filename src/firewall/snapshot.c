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
#include <libnftnl/expr.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "firewall/element.h"

/* Dumps that others' changes may spoil before we give up. */
#define ATTEMPTS 32

/* Milliseconds by which a timeout may be rounded to the kernel's ticks. */
#define TICK_MS 10

/* ---- reading ----------------------------------------------------------- */

static int dump(struct fw_netlink *nl, uint16_t type, enum ruleset_table table,
		uint16_t set_attr, const char *set, struct fw_seen *seen)
{
	char buffer[512];
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
		uint32_t flags =
			nftnl_set_get_u32(set->declaration, NFTNL_SET_FLAGS);

		if (set->odd || flags & NFT_SET_EVAL)
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
		_cleanup_(fw_seen_fini) struct fw_seen seen;

		fw_seen_init(&seen);
		r = dump_all(nl, &seen, &generation);
		if (r == 0)
			fw_snapshot_conclude(&seen, want, ret);
	}
	if (r == 0)
		ret->generation = generation;
	return r;
}

/* ---- chains ------------------------------------------------------------ */

static bool same_rules(struct fw_seen *seen, struct fw_seen_chain *chain,
		       const struct ruleset *want, enum ruleset_table table,
		       const struct ruleset_chain *wanted)
{
	if (chain->rules.len != wanted->n)
		return false;
	for (size_t i = 0; i < wanted->n; i++) {
		struct fw_blob *have = &chain->rules.data[i];
		_cleanup_(fw_rule_freep) struct nftnl_rule *nr = NULL;
		struct fw_blob blob;
		bool same;

		if (fw_lower_rule(want, table, wanted->name, &wanted->rules[i],
				  &nr) < 0)
			return false;
		blob = fw_rule_blob(nr, seen->scratch);
		same = blob.len == have->len &&
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

static struct ruleset_chain *conclude_chain(struct fw_seen *seen,
					    struct fw_seen_chain *chain,
					    const struct ruleset *want,
					    enum ruleset_table table)
{
	struct ruleset_chain *wanted =
		ruleset_find_chain(want, table, chain->name);

	/* The comment of a chain cannot be changed, so it does not count. */
	if (wanted && wanted->hook == chain->hook &&
	    (wanted->hook == HOOK_NONE ||
	     (wanted->priority == chain->priority &&
	      wanted->policy_drop == chain->policy_drop)) &&
	    same_rules(seen, chain, want, table, wanted))
		return ruleset_chain_ref(wanted);
	return stand_in_chain(chain);
}

/* ---- declarations of sets ---------------------------------------------- */

static bool same_timeout(const struct nftnl_set *a, const struct nftnl_set *b)
{
	uint64_t ta = nftnl_set_get_u64(a, NFTNL_SET_TIMEOUT);
	uint64_t tb = nftnl_set_get_u64(b, NFTNL_SET_TIMEOUT);

	return (ta > tb ? ta - tb : tb - ta) <= TICK_MS;
}

static bool same_userdata(const struct nftnl_set *a, const struct nftnl_set *b)
{
	uint32_t na = 0, nb = 0;
	const void *da = nftnl_set_get_data(a, NFTNL_SET_USERDATA, &na);
	const void *db = nftnl_set_get_data(b, NFTNL_SET_USERDATA, &nb);

	return da && db && na == nb && !memcmp(da, db, na);
}

static int count_counter(struct nftnl_expr *e, void *arg)
{
	int *n = arg;

	if (strcmp(nftnl_expr_get_str(e, NFTNL_EXPR_NAME), "counter"))
		return -1;
	++*n;
	return 0;
}

/* How many counters each element gets; -1 for other expressions. */
static int counters_of(const struct nftnl_set *set)
{
	int n = 0;

	return nftnl_set_expr_foreach(set, count_counter, &n) < 0 ? -1 : n;
}

static bool same_declaration(const struct nftnl_set *a,
			     const struct nftnl_set *b)
{
	static const uint16_t numbers[] = {
		NFTNL_SET_FLAGS,     NFTNL_SET_KEY_TYPE, NFTNL_SET_KEY_LEN,
		NFTNL_SET_DATA_TYPE, NFTNL_SET_OBJ_TYPE, NFTNL_SET_DESC_SIZE,
		NFTNL_SET_POLICY,
	};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (nftnl_set_get_u32(a, numbers[i]) !=
		    nftnl_set_get_u32(b, numbers[i]))
			return false;
	}
	return same_timeout(a, b) && same_userdata(a, b) &&
	       counters_of(a) == counters_of(b);
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
		items[i] = (struct item){ set->keys.data + i * set->key_len,
					  set->key_len, i, set->ends.data[i] };
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
					enum ruleset_table table)
{
	struct ruleset_set *wanted = ruleset_find_set(want, table, set->name);
	_cleanup_(fw_set_freep) struct nftnl_set *ns = NULL;
	_cleanup_(ruleset_set_unrefp) struct ruleset_set *s = NULL;

	if (!wanted || set->odd || fw_lower_set(wanted, 0, &ns) < 0 ||
	    !same_declaration(set->declaration, ns))
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
	struct fw_seen_set *set, *next_set;

	part->chains = xcalloc(HASH_COUNT(table->chains) + 1U,
			       sizeof(struct ruleset_chain *));
	HASH_ITER(hh, table->chains, chain, next_chain)
		part->chains[part->nchains++] =
			conclude_chain(seen, chain, want, t);
	part->sets = xcalloc(HASH_COUNT(table->sets) + 1U,
			     sizeof(struct ruleset_set *));
	HASH_ITER(hh, table->sets, set, next_set)
		part->sets[part->nsets++] = conclude_set(set, want, t);
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
