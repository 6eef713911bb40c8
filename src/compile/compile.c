/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compile.c - policies and endpoints in, ruleset IR out.
 *
 * A run takes in what changed since the last one (members that came or went,
 * by pointer), lets classes and groups follow, and writes down the ruleset:
 * the skeleton, the pool's objects, and the maps that lead from addresses to
 * classes. New members enter before old ones leave, so that what both need is
 * not made twice.
 */
#include "compile/compile.h"

#include <string.h>

#include "compile/build.h"
#include "compile/compiler.h"
#include "compile/deny.h"
#include "compile/dispatch.h"
#include "compile/guard.h"
#include "compile/skeleton.h"

struct compiler *compiler_new(void)
{
	return xnew(struct compiler);
}

/* ---- members ----------------------------------------------------------- */

static int compare_owned(const void *a, const void *b)
{
	const struct owned_addr *x = a, *y = b;
	int r = addr_compare(&x->addr, &y->addr);

	return r ?: strcmp(x->member->endpoint->id, y->member->endpoint->id);
}

/* Drop the addresses of members that this run has not seen, and put those that
 * entered in their places: all at once, for there may be thousands. */
static void update_addrs(struct compiler *c)
{
	addr_list merged = { 0 };
	size_t k = 0;

	vec_sort(&c->entered, compare_owned);
	merged.cap = c->addrs.len + c->entered.len;
	merged.data = xcalloc(merged.cap, sizeof(*merged.data));
	vec_foreach(a, &c->addrs) {
		if (a->member->epoch != c->epoch)
			continue;
		for (; k < c->entered.len &&
		       compare_owned(&c->entered.data[k], a) < 0;
		     k++)
			merged.data[merged.len++] = c->entered.data[k];
		merged.data[merged.len++] = *a;
	}
	for (; k < c->entered.len; k++)
		merged.data[merged.len++] = c->entered.data[k];
	vec_fini(&c->addrs);
	vec_fini(&c->entered);
	c->addrs = merged;
}

static struct class_context context_of(struct compiler *c)
{
	return (struct class_context){ .plan = c->plan,
				       .pool = &c->pool,
				       .members = c->members,
				       .table = &c->classes };
}

static void member_enter(struct compiler *c, struct endpoint *e)
{
	struct member *m = member_new(c->plan, e);
	struct class_context context;

	m->epoch = c->epoch;
	HASH_ADD_PTR(c->members, endpoint, m);
	HASH_ADD_KEYPTR(by_id, c->by_id, e->id, strlen(e->id), m);
	/* Live groups take it in now; those that its classes make find it
	 * among the members. */
	groups_update(c->plan, m, true);
	context = context_of(c);
	for (int d = DENY_EGRESS; d <= DENY_INGRESS; d++)
		m->classes[d] = class_use(&context, m, d);
	vec_foreach(a, &m->addrs)
		vec_push(&c->entered,
			 (struct owned_addr){
				 *a, m, { m->classes[0], m->classes[1] } });
	vec_foreach(p, &e->published)
		vec_push(&m->proxies,
			 class_proxy(&context, m, p->proto, p->port));
}

static void member_gone(struct compiler *c, struct member *m)
{
	HASH_DEL(c->members, m);
	HASH_DELETE(by_id, c->by_id, m);
	vec_foreach(proxy, &m->proxies)
		object_release(*proxy);
	for (int d = DENY_EGRESS; d <= DENY_INGRESS; d++)
		class_release(m->classes[d]);
	member_free(m);
}

/* With the last use of every group: none of them is kept up to date. */
static void leave_all(struct compiler *c)
{
	struct member *m, *next;

	c->addrs.len = 0;
	HASH_ITER(hh, c->members, m, next)
		member_gone(c, m);
}

static bool compiled(const struct endpoint *e)
{
	return e->state != ENDPOINT_EXITED && e->attachments.len;
}

static void update_members(struct compiler *c, const struct compile_input *in)
{
	struct member *m, *next;

	c->epoch++;
	for (size_t i = 0; i < in->nendpoints; i++) {
		struct endpoint *e = in->endpoints[i];

		if (!compiled(e))
			continue;
		HASH_FIND_PTR(c->members, &e, m);
		if (m)
			m->epoch = c->epoch;
		else
			member_enter(c, e);
	}
	update_addrs(c);
	HASH_ITER(hh, c->members, m, next)
		if (m->epoch != c->epoch) {
			groups_update(c->plan, m, false);
			member_gone(c, m);
		}
	groups_refresh(c->plan);
}

/* ---- the fixed objects ------------------------------------------------- */

static void keep_chain(void *arg, struct ruleset_chain *chain)
{
	struct compiler *c = arg;

	vec_push(&c->fixed_chains, chain);
}

static void keep_set(void *arg, struct ruleset_set *set)
{
	struct compiler *c = arg;

	vec_push(&c->fixed_sets, set);
}

static void drop_skeleton(struct compiler *c)
{
	vec_foreach(chain, &c->fixed_chains)
		ruleset_chain_unref(*chain);
	vec_foreach(set, &c->fixed_sets)
		ruleset_set_unref(*set);
	vec_fini(&c->fixed_chains);
	vec_fini(&c->fixed_sets);
}

static int compare_chains(const void *a, const void *b)
{
	return strcmp((*(struct ruleset_chain *const *)a)->name,
		      (*(struct ruleset_chain *const *)b)->name);
}

static int compare_sets(const void *a, const void *b)
{
	return strcmp((*(struct ruleset_set *const *)a)->name,
		      (*(struct ruleset_set *const *)b)->name);
}

static bool same_options(const struct compile_options *a,
			 const struct compile_options *b)
{
	return a->audit == b->audit && a->allow_unknown == b->allow_unknown &&
	       a->reject == b->reject && a->budget_rate == b->budget_rate &&
	       a->budget_burst == b->budget_burst &&
	       a->dns_names == b->dns_names && a->originals == b->originals;
}

static void update_skeleton(struct compiler *c,
			    const struct compile_options *options)
{
	if (c->fixed_chains.len && same_options(&c->options, options))
		return;
	drop_skeleton(c);
	c->options = *options;
	skeleton_chains(options, keep_chain, c);
	skeleton_sets(options, keep_set, c);
	deny_chains(options, keep_chain, c);
	deny_sets(keep_set, c);
	vec_sort(&c->fixed_chains, compare_chains);
}

static int compare_objects(const void *a, const void *b)
{
	const struct object *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static void update_objects(struct compiler *c)
{
	struct object *o, *next;

	if (!c->pool.changed)
		return;
	c->chains.len = c->sets.len = 0;
	HASH_ITER(hh, c->pool.objects, o, next)
		if (o->chain)
			vec_push(&c->chains, o);
		else
			vec_push(&c->sets, o);
	vec_sort(&c->chains, compare_objects);
	vec_sort(&c->sets, compare_objects);
	c->pool.changed = false;
}

/* ---- the ruleset ------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The pool's objects are sorted already; a few more are put in between. */
static void part_chains(struct compiler *c, struct ruleset_part *part)
{
	size_t n = c->fixed_chains.len, k = 0;
	struct ruleset_chain **fixed = c->fixed_chains.data;

	part->chains = xcalloc(n + c->chains.len, sizeof(*part->chains));
	vec_foreach(o, &c->chains) {
		for (; k < n && strcmp(fixed[k]->name, (*o)->name) < 0; k++)
			part->chains[part->nchains++] =
				ruleset_chain_ref(fixed[k]);
		part->chains[part->nchains++] = ruleset_chain_ref((*o)->chain);
	}
	for (; k < n; k++)
		part->chains[part->nchains++] = ruleset_chain_ref(fixed[k]);
}

static void part_sets(struct compiler *c, struct ruleset_part *part)
{
	set_list few = { 0 };
	size_t k = 0;

	vec_foreach(set, &c->fixed_sets)
		vec_push(&few, *set);
	vec_foreach(set, &c->made)
		vec_push(&few, *set);
	vec_sort(&few, compare_sets);
	part->sets = xcalloc(few.len + c->sets.len, sizeof(*part->sets));
	vec_foreach(o, &c->sets) {
		for (; k < few.len && strcmp(few.data[k]->name, (*o)->name) < 0;
		     k++)
			part->sets[part->nsets++] =
				ruleset_set_ref(few.data[k]);
		part->sets[part->nsets++] = ruleset_set_ref((*o)->set);
	}
	for (; k < few.len; k++)
		part->sets[part->nsets++] = ruleset_set_ref(few.data[k]);
	vec_fini(&few);
}

static void part_counters(const struct compile_options *options,
			  struct ruleset_part *part)
{
	size_t n;
	const char *const *names = compile_counters(&n);

	part->counters = xcalloc(n + 1, sizeof(*part->counters));
	for (size_t i = 0; i < n; i++)
		memcpy(part->counters[i], names[i], strlen(names[i]));
	if (options->dns_names)
		memcpy(part->counters[n++], COMPILE_COUNTER_ANSWERS,
		       sizeof(COMPILE_COUNTER_ANSWERS));
	part->ncounters = n;
	qsort(part->counters, n, sizeof(*part->counters), compare_names);
}

static void count(struct compiler *c, const struct ruleset_part *part)
{
	struct compile_stats *s = &c->stats;
	struct member *m, *next;

	*s = (struct compile_stats){ .chains = part->nchains,
				     .sets = part->nsets,
				     .classes = HASH_COUNT(c->classes),
				     .endpoints = HASH_COUNT(c->members) };
	for (size_t i = 0; i < part->nsets; i++)
		s->elements += part->sets[i]->n;
	HASH_ITER(hh, c->members, m, next) {
		s->isolated_egress += m->classes[DENY_EGRESS] != NULL;
		s->isolated_ingress += m->classes[DENY_INGRESS] != NULL;
	}
}

struct ruleset *compiler_run(struct compiler *c, const struct compile_input *in)
{
	struct ruleset *r = xnew(struct ruleset);
	struct ruleset_part *part = &r->parts[TABLE_INET];

	r->refs = 1;
	if (!c->plan || c->plan->set != in->policies) {
		if (c->plan)
			leave_all(c);
		plan_free(c->plan);
		c->plan = plan_new(in->policies);
	}
	update_members(c, in);
	update_skeleton(c, &in->options);
	update_objects(c);
	dispatch_make(c, in);
	part_chains(c, part);
	part_sets(c, part);
	part_counters(&in->options, part);
	guard_part(in, &r->parts[TABLE_BRIDGE]);
	count(c, part);
	return r;
}

void compiler_free(struct compiler *c)
{
	if (!c)
		return;
	if (c->plan)
		leave_all(c);
	plan_free(c->plan);
	drop_skeleton(c);
	dispatch_drop(c);
	vec_fini(&c->addrs);
	vec_fini(&c->chains);
	vec_fini(&c->sets);
	free(c);
}

/* ---- questions --------------------------------------------------------- */

size_t compiler_isolating(const struct compiler *c, const char *id,
			  bool ingress,
			  void (*add)(void *arg, const struct policy *policy),
			  void *arg)
{
	const struct class *class;
	struct member *m;

	HASH_FIND(by_id, c->by_id, id, strlen(id), m);
	class = m ? m->classes[ingress ? DENY_INGRESS : DENY_EGRESS] : NULL;
	if (!class)
		return 0;
	vec_foreach(policy, &class->policies)
		add(arg, c->plan->policies.data[*policy].policy);
	return class->policies.len;
}

void compiler_stats(const struct compiler *c, struct compile_stats *ret)
{
	*ret = c->stats;
}
