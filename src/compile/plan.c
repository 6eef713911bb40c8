/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan.c - what policies mean, prepared before any endpoint is known. */
#include "compile/plan.h"

#include <string.h>

#include "base/reason.h"

/* Matchers that an endpoint with label KEY=VALUE may satisfy; the key text is
 * "KEY=VALUE", or "=NAMESPACE" for all of one namespace. */
struct plan_bucket {
	char *text;
	id_list ids;
	UT_hash_handle hh;
};

/* ---- lists of ids ------------------------------------------------------ */

static int compare_ids(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return (x > y) - (x < y);
}

size_t ids_normalise(unsigned *ids, size_t n)
{
	size_t kept = 0;

	if (n > 1)
		qsort(ids, n, sizeof(*ids), compare_ids);
	for (size_t i = 0; i < n; i++)
		if (!kept || ids[kept - 1] != ids[i])
			ids[kept++] = ids[i];
	return kept;
}

bool ids_intersect(const unsigned *a, size_t na, const unsigned *b, size_t nb)
{
	size_t i = 0, j = 0;

	while (i < na && j < nb) {
		if (a[i] == b[j])
			return true;
		if (a[i] < b[j])
			i++;
		else
			j++;
	}
	return false;
}

/* ---- peers ------------------------------------------------------------- */

void peers_add(struct peers *to, const struct peers *from)
{
	to->any |= from->any;
	vec_foreach(id, &from->matchers)
		vec_push(&to->matchers, *id);
	ranges_add_all(&to->blocks, &from->blocks);
}

void peers_normalise(struct peers *p)
{
	p->matchers.len = ids_normalise(p->matchers.data, p->matchers.len);
	ranges_normalise(&p->blocks);
}

void peers_fini(struct peers *p)
{
	vec_fini(&p->matchers);
	ranges_fini(&p->blocks);
}

/* ---- matchers ---------------------------------------------------------- */

static char *matcher_text(const char *namespace,
			  const struct selector *namespaces,
			  const struct selector *pods)
{
	_cleanup_(freep) char *ns = namespaces ? selector_format(namespaces)
					       : NULL;
	_cleanup_(freep) char *labels = pods ? selector_format(pods) : NULL;

	if (namespace)
		return xasprintf("%s/{%s}", namespace, labels ?: "");
	return xasprintf("{%s}/{%s}", ns, labels ?: "");
}

static void index_under(struct plan *p, const char *key, const char *value,
			unsigned id)
{
	_cleanup_(freep) char *text = xasprintf("%s=%s", key, value);
	struct plan_bucket *bucket;

	HASH_FIND_STR(p->buckets, text, bucket);
	if (!bucket) {
		bucket = xnew(struct plan_bucket);
		bucket->text = TAKE_PTR(text);
		HASH_ADD_KEYPTR(hh, p->buckets, bucket->text,
				strlen(bucket->text), bucket);
	}
	vec_push(&bucket->ids, id);
}

/* Under the values of one required label: the requirement with the fewest. */
static void index_matcher(struct plan *p, const struct matcher *m)
{
	const struct requirement *best = NULL;

	for (size_t i = 0; m->pods && i < m->pods->n; i++) {
		const struct requirement *r = &m->pods->requirements[i];

		if (r->op == REQUIRE_IN && (!best || r->n < best->n))
			best = r;
	}
	if (best)
		for (size_t i = 0; i < best->n; i++)
			index_under(p, best->key, best->values[i], m->id);
	else if (m->namespace)
		index_under(p, "", m->namespace, m->id);
	else
		vec_push(&p->unindexed, m->id);
}

static struct matcher *matcher_of(struct plan *p, const char *namespace,
				  const struct selector *namespaces,
				  const struct selector *pods)
{
	_cleanup_(freep) char *text = matcher_text(namespace, namespaces, pods);
	struct matcher *m;

	HASH_FIND_STR(p->by_text, text, m);
	if (m)
		return m;
	m = xnew(struct matcher);
	m->id = (unsigned)p->matchers.len;
	m->text = TAKE_PTR(text);
	m->namespace = namespace;
	m->namespaces = namespaces;
	m->pods = pods;
	vec_push(&p->matchers, m);
	HASH_ADD_KEYPTR(hh, p->by_text, m->text, strlen(m->text), m);
	index_matcher(p, m);
	return m;
}

static void matcher_free(struct matcher *m)
{
	free(m->text);
	vec_fini(&m->subject_of);
	vec_fini(&m->groups);
	free(m);
}

/* ---- policies ---------------------------------------------------------- */

static void plan_peers(struct plan *p, const struct policy *policy,
		       const struct policy_rule *rule, struct peers *to)
{
	to->any = !rule->peers.len;
	vec_foreach(peer, &rule->peers) {
		const struct matcher *m;

		if (peer->cidr.addr.family) {
			ranges_add(&to->blocks, &peer->cidr, peer->except.data,
				   peer->except.len);
			continue;
		}
		m = matcher_of(p, peer->namespaces ? NULL : policy->namespace,
			       peer->namespaces, peer->pods);
		vec_push(&to->matchers, m->id);
	}
	peers_normalise(to);
}

static void plan_rules(struct plan *p, struct plan_policy *to,
		       enum deny_direction direction)
{
	const struct policy *policy = to->policy;
	const struct policy_rule *rules = direction == DENY_INGRESS
						  ? policy->ingress.data
						  : policy->egress.data;
	size_t n = direction == DENY_INGRESS ? policy->ingress.len
					     : policy->egress.len;

	for (size_t i = 0; i < n; i++) {
		struct plan_rule rule = { .rule = &rules[i] };

		plan_peers(p, policy, &rules[i], &rule.peers);
		vec_push(&to->rules[direction], rule);
	}
}

static void plan_policy(struct plan *p, const struct policy *policy)
{
	struct plan_policy planned = { .policy = policy };
	struct matcher *subject =
		matcher_of(p, policy->namespace, NULL, policy->pods);

	vec_push(&subject->subject_of, (unsigned)p->policies.len);
	if (policy->types & POLICY_EGRESS)
		plan_rules(p, &planned, DENY_EGRESS);
	if (policy->types & POLICY_INGRESS)
		plan_rules(p, &planned, DENY_INGRESS);
	vec_push(&p->policies, planned);
}

struct plan *plan_new(struct policy_set *set)
{
	struct plan *p = xnew(struct plan);

	p->set = policy_set_ref(set);
	vec_foreach(policy, &set->policies)
		plan_policy(p, *policy);
	return p;
}

static void free_tables(struct plan *p)
{
	struct plan_bucket *bucket, *next;

	HASH_ITER(hh, p->buckets, bucket, next) {
		HASH_DEL(p->buckets, bucket);
		free(bucket->text);
		vec_fini(&bucket->ids);
		free(bucket);
	}
	HASH_CLEAR(hh, p->by_text);
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	free_tables(p);
	vec_foreach(policy, &p->policies)
		for (int d = 0; d < 2; d++) {
			vec_foreach(rule, &policy->rules[d])
				peers_fini(&rule->peers);
			vec_fini(&policy->rules[d]);
		}
	vec_fini(&p->policies);
	vec_foreach(m, &p->matchers)
		matcher_free(*m);
	vec_fini(&p->matchers);
	vec_fini(&p->unindexed);
	vec_fini(&p->named_groups);
	policy_set_unref(p->set);
	free(p);
}

/* ---- matching ---------------------------------------------------------- */

static bool holds(const struct matcher *m, const char *namespace,
		  const struct label_set *namespace_labels,
		  const struct label_set *labels)
{
	if (m->namespace ? strcmp(m->namespace, namespace) != 0
			 : !selector_matches(m->namespaces, namespace_labels))
		return false;
	return !m->pods || selector_matches(m->pods, labels);
}

static void collect(struct plan *p, const char *key, const char *value,
		    id_list *to)
{
	char stack[512];
	int n = snprintf(stack, sizeof(stack), "%s=%s", key, value);
	struct plan_bucket *bucket;

	/* Longer than any label that a selector can name. */
	if (n < 0 || (size_t)n >= sizeof(stack))
		return;
	HASH_FIND_STR(p->buckets, stack, bucket);
	if (bucket)
		vec_foreach(id, &bucket->ids)
			vec_push(to, *id);
}

void plan_match(struct plan *p, const char *namespace,
		const struct label_set *labels, id_list *ret)
{
	_cleanup_(label_set_unrefp) struct label_set *ns =
		policy_namespace_labels(p->set, namespace);
	id_list candidates = { 0 };

	for (size_t i = 0; i < labels->n; i++)
		collect(p, labels->labels[i].key, labels->labels[i].value,
			&candidates);
	collect(p, "", namespace, &candidates);
	vec_foreach(id, &p->unindexed)
		vec_push(&candidates, *id);
	candidates.len = ids_normalise(candidates.data, candidates.len);
	vec_foreach(id, &candidates)
		if (holds(p->matchers.data[*id], namespace, ns, labels))
			vec_push(ret, *id);
	vec_fini(&candidates);
}
