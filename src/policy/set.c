/* SPDX-License-Identifier: GPL-2.0-or-later */
/* set.c - sets of policies and namespaces: order, merging, lifetimes. */
#include <string.h>

#include "policy/names.h"
#include "policy/read.h"

#define METADATA_NAME "kubernetes.io/metadata.name"

static void rule_fini(struct policy_rule *rule)
{
	vec_foreach(port, &rule->ports)
		free(port->name);
	vec_foreach(peer, &rule->peers) {
		vec_fini(&peer->except);
		selector_free(peer->namespaces);
		selector_free(peer->pods);
	}
	vec_fini(&rule->ports);
	vec_fini(&rule->peers);
}

void policy_unref(struct policy *p)
{
	if (!p || --p->refs)
		return;
	vec_foreach(rule, &p->ingress)
		rule_fini(rule);
	vec_foreach(rule, &p->egress)
		rule_fini(rule);
	vec_fini(&p->ingress);
	vec_fini(&p->egress);
	selector_free(p->pods);
	label_set_unref(p->annotations);
	free(p->namespace);
	free(p->name);
	free(p->file);
	free(p);
}

static void namespace_unref(struct policy_namespace *ns)
{
	if (--ns->refs)
		return;
	label_set_unref(ns->labels);
	free(ns->name);
	free(ns->file);
	free(ns);
}

struct policy_set *policy_set_new(void)
{
	struct policy_set *set = xnew(struct policy_set);

	set->refs = 1;
	return set;
}

struct policy_set *policy_set_ref(struct policy_set *set)
{
	set->refs++;
	return set;
}

void policy_set_unref(struct policy_set *set)
{
	if (!set || --set->refs)
		return;
	vec_foreach(p, &set->policies)
		policy_unref(*p);
	vec_foreach(ns, &set->namespaces)
		namespace_unref(*ns);
	vec_fini(&set->policies);
	vec_fini(&set->namespaces);
	free(set);
}

/* An object of either kind, with its turn: the first of equal names counts,
 * and qsort() promises no order among equals. */
struct entry {
	void *object;
	const char *namespace, *name;
	const char *file;
	unsigned line, col;
	size_t turn;
};

static int compare_names(const struct entry *x, const struct entry *y)
{
	int c = strcmp(x->namespace, y->namespace);

	return c ? c : strcmp(x->name, y->name);
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int c = compare_names(x, y);

	if (c)
		return c;
	return x->turn < y->turn ? -1 : x->turn > y->turn;
}

static void report_again(struct diag_list *diag, const struct entry *first,
			 const struct entry *again)
{
	struct diag_place at = { again->file, again->line, again->col };
	bool policy = again->namespace[0];

	/* An object without a proper name has been reported for that. */
	if (!name_check_subdomain(slice_of(again->name)) &&
	    !(policy && name_check_label(slice_of(again->namespace))))
		diag_error(diag, at,
			   "%s %s%s%s is there twice, first at %s:%u:%u",
			   policy ? "NetworkPolicy" : "Namespace",
			   again->namespace, policy ? "/" : "", again->name,
			   first->file, first->line, first->col);
}

/* Sort; true for each in @ret_keep that is the first of its name. */
static void order(struct entry *entries, size_t n, struct diag_list *diag,
		  bool *ret_keep)
{
	size_t first = 0;

	if (n > 1)
		qsort(entries, n, sizeof(*entries), compare_entries);
	for (size_t i = 0; i < n; i++) {
		ret_keep[i] = !i || compare_names(&entries[first], &entries[i]);
		if (ret_keep[i])
			first = i;
		else
			report_again(diag, &entries[first], &entries[i]);
	}
}

static void order_policies(struct policy_set *set, struct diag_list *diag)
{
	size_t n = set->policies.len;
	_cleanup_(freep) struct entry *entries = xcalloc(n, sizeof(*entries));
	_cleanup_(freep) bool *keep = xcalloc(n, sizeof(*keep));

	for (size_t i = 0; i < n; i++) {
		struct policy *p = set->policies.data[i];

		entries[i] = (struct entry){ p,	      p->namespace, p->name,
					     p->file, p->line,	    p->col,
					     i };
	}
	order(entries, n, diag, keep);
	set->policies.len = 0;
	for (size_t i = 0; i < n; i++) {
		if (keep[i])
			vec_push(&set->policies, entries[i].object);
		else
			policy_unref(entries[i].object);
	}
}

static void order_namespaces(struct policy_set *set, struct diag_list *diag)
{
	size_t n = set->namespaces.len;
	_cleanup_(freep) struct entry *entries = xcalloc(n, sizeof(*entries));
	_cleanup_(freep) bool *keep = xcalloc(n, sizeof(*keep));

	for (size_t i = 0; i < n; i++) {
		struct policy_namespace *ns = set->namespaces.data[i];

		entries[i] = (struct entry){ ns,       "",	 ns->name,
					     ns->file, ns->line, ns->col,
					     i };
	}
	order(entries, n, diag, keep);
	set->namespaces.len = 0;
	for (size_t i = 0; i < n; i++) {
		if (keep[i])
			vec_push(&set->namespaces, entries[i].object);
		else
			namespace_unref(entries[i].object);
	}
}

void policy_set_order(struct policy_set *set, struct diag_list *diag)
{
	order_policies(set, diag);
	order_namespaces(set, diag);
}

struct policy_set *policy_set_merge(struct policy_set *const *sets, size_t n,
				    struct diag_list *diag)
{
	struct policy_set *all = policy_set_new();

	for (size_t i = 0; i < n; i++) {
		vec_foreach(p, &sets[i]->policies) {
			(*p)->refs++;
			vec_push(&all->policies, *p);
		}
		vec_foreach(ns, &sets[i]->namespaces) {
			(*ns)->refs++;
			vec_push(&all->namespaces, *ns);
		}
	}
	policy_set_order(all, diag);
	return all;
}

static int compare_namespace(const void *key, const void *element)
{
	const struct policy_namespace *const *ns = element;

	return strcmp(key, (*ns)->name);
}

struct label_set *policy_namespace_labels(const struct policy_set *set,
					  const char *name)
{
	struct label own = { METADATA_NAME, name };
	struct policy_namespace **found = NULL;

	if (set && set->namespaces.len)
		found = bsearch(name, set->namespaces.data, set->namespaces.len,
				sizeof(*found), compare_namespace);
	return found ? label_set_ref((*found)->labels) : label_set_new(&own, 1);
}
