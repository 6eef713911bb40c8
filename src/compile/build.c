/* SPDX-License-Identifier: GPL-2.0-or-later */
/* build.c - rules, chains and sets, written down statement by statement. */
#include "compile/build.h"

#include <assert.h>
#include <inttypes.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "compile/print.h"

void builder_fini(struct builder *b)
{
	vec_foreach(rule, &b->rules) {
		free(rule->comment);
		free(rule->stmts);
	}
	vec_fini(&b->rules);
	vec_fini(&b->stmts);
}

/* ---- statements -------------------------------------------------------- */

/* Appended zeroed, padding included: rules are compared bytewise. */
static struct stmt *add(struct builder *b, enum stmt_kind kind)
{
	struct stmt *stmt;

	vec_grow(&b->stmts);
	stmt = &b->stmts.data[b->stmts.len++];
	memset(stmt, 0, sizeof(*stmt));
	stmt->kind = kind;
	return stmt;
}

static void set_name(char to[static RULESET_NAME], const char *name)
{
	assert(strlen(name) < RULESET_NAME);
	memcpy(to, name, strlen(name) + 1);
}

void build_match(struct builder *b, enum field field, const void *value)
{
	struct stmt *s = add(b, STMT_MATCH);

	s->match.field = (uint8_t)field;
	memcpy(s->match.value, value, field_info(field)->len);
}

void build_match_u8(struct builder *b, enum field field, uint8_t value)
{
	assert(field_info(field)->len == 1);
	build_match(b, field, &value);
}

void build_match_not_u8(struct builder *b, enum field field, uint8_t value)
{
	build_match_u8(b, field, value);
	b->stmts.data[b->stmts.len - 1].match.negate = true;
}

void build_match_masked(struct builder *b, enum field field, const void *mask,
			const void *value, bool negate)
{
	struct stmt *s = add(b, STMT_MATCH);

	s->match.field = (uint8_t)field;
	s->match.negate = negate;
	s->match.masked = true;
	memcpy(s->match.mask, mask, field_info(field)->len);
	memcpy(s->match.value, value, field_info(field)->len);
}

void build_ct_state(struct builder *b, uint32_t bits)
{
	uint32_t none = 0;

	build_match_masked(b, FIELD_CT_STATE, &bits, &none, true);
}

void build_family(struct builder *b, uint8_t family)
{
	build_match_u8(b, FIELD_NFPROTO,
		       family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
}

void build_lookup(struct builder *b, const char *set, bool negate,
		  struct field_list key)
{
	struct stmt *s = add(b, STMT_LOOKUP);

	s->lookup.key = key;
	s->lookup.negate = negate;
	set_name(s->lookup.set, set);
}

void build_vmap(struct builder *b, const char *map, struct field_list key)
{
	struct stmt *s = add(b, STMT_VMAP);

	s->vmap.key = key;
	set_name(s->vmap.map, map);
}

void build_update(struct builder *b, const char *set, bool refresh,
		  struct field_list key)
{
	struct stmt *s = add(b, STMT_UPDATE);

	s->update.key = key;
	s->update.refresh = refresh;
	s->update.counter = true;
	set_name(s->update.set, set);
}

void build_remember(struct builder *b, const char *set, struct field_list key)
{
	build_update(b, set, true, key);
	b->stmts.data[b->stmts.len - 1].update.counter = false;
}

void build_update_over(struct builder *b, const char *set, uint32_t rate,
		       uint32_t burst, struct field_list key)
{
	struct stmt *s = add(b, STMT_UPDATE);

	s->update.key = key;
	s->update.refresh = true;
	s->update.rate = rate;
	s->update.burst = burst;
	set_name(s->update.set, set);
}

void build_counter(struct builder *b, const char *name)
{
	struct stmt *s = add(b, STMT_COUNTER);

	if (name)
		set_name(s->counter.name, name);
}

void build_log(struct builder *b, uint16_t group, const char *prefix,
	       uint32_t snaplen)
{
	struct stmt *s = add(b, STMT_LOG);

	assert(strlen(prefix) < sizeof(s->log.prefix));
	memcpy(s->log.prefix, prefix, strlen(prefix));
	s->log.snaplen = snaplen;
	s->log.group = group;
}

void build_reject(struct builder *b, bool tcp_reset)
{
	add(b, STMT_REJECT)->reject.tcp_reset = tcp_reset;
}

struct verdict build_goto(const char *chain)
{
	struct verdict v = { .kind = VERDICT_GOTO };

	set_name(v.chain, chain);
	return v;
}

void build_verdict(struct builder *b, enum verdict_kind kind, const char *chain)
{
	struct stmt *s = add(b, STMT_VERDICT);

	s->verdict.kind = kind;
	if (chain)
		set_name(s->verdict.chain, chain);
}

enum field build_addr_field(uint8_t family, bool source)
{
	if (family == AF_INET)
		return source ? FIELD_IP_SADDR : FIELD_IP_DADDR;
	return source ? FIELD_IP6_SADDR : FIELD_IP6_DADDR;
}

/* ---- rules and chains -------------------------------------------------- */

void build_rule(struct builder *b)
{
	vec_push(&b->rules, (struct ruleset_rule){ .n = b->stmts.len,
						   .stmts = b->stmts.data });
	b->stmts.data = NULL;
	b->stmts.len = b->stmts.cap = 0;
}

void build_rule_verdict(struct builder *b, enum verdict_kind kind,
			const char *chain)
{
	build_verdict(b, kind, chain);
	build_rule(b);
}

struct ruleset_chain *build_chain(struct builder *b, const char *name,
				  const char *comment)
{
	struct ruleset_chain *chain = xnew(struct ruleset_chain);

	assert(!b->stmts.len);
	chain->refs = 1;
	set_name(chain->name, name);
	chain->comment = comment ? xstrdup(comment) : NULL;
	chain->n = b->rules.len;
	chain->rules = TAKE_PTR(b->rules.data);
	b->rules.len = b->rules.cap = 0;
	return chain;
}

struct ruleset_chain *build_hashed_chain(struct builder *b, const char *prefix,
					 const char *comment)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);
	char name[RULESET_NAME];

	buf_addf(&text, "%s\n", comment ?: "");
	vec_foreach(rule, &b->rules)
		print_rule(rule, &text);
	build_name(name, prefix, buf_str(&text));
	return build_chain(b, name, comment);
}

struct ruleset_chain *build_base_chain(struct builder *b, const char *name,
				       enum ruleset_hook hook, int priority)
{
	struct ruleset_chain *chain = build_chain(b, name, NULL);

	chain->hook = hook;
	chain->priority = priority;
	return chain;
}

void build_name(char name[static RULESET_NAME], const char *prefix,
		const char *content)
{
	snprintf(name, RULESET_NAME, "%s_%016" PRIx64, prefix,
		 hash_content(content, strlen(content)));
}

/* Elements of a set of tuples. */
#define TUPLES_MAX 65536

/* ---- sets -------------------------------------------------------------- */

struct ruleset_set *build_set(const char *name, const char *comment,
			      unsigned flags, size_t n,
			      const enum ruleset_type *types)
{
	struct ruleset_set *set = xnew(struct ruleset_set);

	assert(n <= FIELDS_MAX);
	set->refs = 1;
	set_name(set->name, name);
	set->comment = comment ? xstrdup(comment) : NULL;
	set->flags = flags;
	set->nfields = (uint8_t)n;
	for (size_t i = 0; i < n; i++) {
		set->types[i] = (uint8_t)types[i];
		set->key_len += (uint8_t)(n > 1 ? build_padded(types[i])
						: type_info(types[i])->len);
	}
	return set;
}

struct ruleset_set *build_tuple_set(const char *name, uint8_t family, size_t n,
				    uint64_t timeout_ms)
{
	enum ruleset_type a = family == AF_INET ? TYPE_IPV4 : TYPE_IPV6;
	enum ruleset_type types[] = { a, a, TYPE_PROTO, TYPE_SERVICE,
				      TYPE_SERVICE };
	struct ruleset_set *set = build_set(name, NULL, SET_DYNAMIC, n, types);

	set->size = TUPLES_MAX;
	set->timeout_ms = timeout_ms;
	return set;
}

static int compare_keys(const void *a, const void *b, void *stride)
{
	return memcmp(a, b, *(const size_t *)stride);
}

struct sort_context {
	const uint8_t *keys;
	size_t stride;
};

/* By key; of equal ones the earlier first, so that it is the one kept. */
static int compare_indices(const void *a, const void *b, void *arg)
{
	const struct sort_context *c = arg;
	size_t i = *(const size_t *)a, j = *(const size_t *)b;
	int r = memcmp(c->keys + i * c->stride, c->keys + j * c->stride,
		       c->stride);

	return r ? r : (i > j) - (i < j);
}

static void fill_sorted(struct ruleset_set *set, size_t n, const uint8_t *keys,
			const struct verdict *verdicts, size_t stride)
{
	set->keys = xcalloc(n, stride);
	if (verdicts)
		set->verdicts = xcalloc(n, sizeof(*verdicts));
	for (size_t i = 0; i < n; i++) {
		uint8_t *to = set->keys + set->n * stride;

		if (set->n && !memcmp(to - stride, keys + i * stride, stride))
			continue;
		memcpy(to, keys + i * stride, stride);
		if (verdicts)
			set->verdicts[set->n] = verdicts[i];
		set->n++;
	}
}

static void fill_map(struct ruleset_set *set, size_t n, const uint8_t *keys,
		     const struct verdict *verdicts, size_t stride)
{
	_cleanup_(freep) size_t *order = xcalloc(n, sizeof(*order));
	_cleanup_(freep) uint8_t *sorted = xcalloc(n, stride);
	_cleanup_(freep) struct verdict *v = xcalloc(n, sizeof(*v));
	struct sort_context context = { keys, stride };

	for (size_t i = 0; i < n; i++)
		order[i] = i;
	qsort_r(order, n, sizeof(*order), compare_indices, &context);
	for (size_t i = 0; i < n; i++) {
		memcpy(sorted + i * stride, keys + order[i] * stride, stride);
		v[i] = verdicts[order[i]];
	}
	fill_sorted(set, n, sorted, v, stride);
}

void build_set_fill(struct ruleset_set *set, size_t n, const void *keys,
		    const struct verdict *verdicts, bool sorted)
{
	size_t stride = set->key_len * (set->flags & SET_INTERVAL ? 2U : 1U);
	_cleanup_(freep) uint8_t *copy = NULL;

	if (!n)
		return;
	if (!sorted && verdicts) {
		fill_map(set, n, keys, verdicts, stride);
		return;
	}
	if (!sorted) {
		copy = xmemdup(keys, n * stride);
		qsort_r(copy, n, stride, compare_keys, &stride);
	}
	fill_sorted(set, n, sorted ? keys : copy, verdicts, stride);
}
