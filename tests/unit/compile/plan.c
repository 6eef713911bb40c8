/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan.c - questions are asked once, and the index finds all that hold. */
#include "compile/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/reason.h"
#include "random.h"
#include "world.h"

#define NP(name, spec)                                                 \
	"---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n" \
	"metadata: {name: " name "}\nspec: " spec "\n"

static char *texts(const struct plan *p)
{
	struct buf text = BUF_INIT(4096);

	buf_adds(&text, "");
	vec_foreach(m, &p->matchers)
		buf_addf(&text, "%s; ", (*m)->text);
	return buf_take(&text);
}

static void equal_questions_are_one(_unused_ void **state)
{
	_cleanup_(freep) char *got = NULL;
	struct world w = { 0 };
	struct plan *p;

	world_set_policies(
		&w,
		NP("a", "{podSelector: {matchLabels: {app: web}}, ingress: ["
			"{from: [{podSelector: {matchLabels: {app: api}}},"
			"{namespaceSelector: {}}]}]}")
			NP("b",
			   "{podSelector: {matchLabels: {app: web}}, egress: ["
			   "{to: [{podSelector: {matchExpressions: ["
			   "{key: app, operator: In, values: [api]}]}}]}]}")
				NP("c",
				   "{podSelector: {}, ingress: [{from: [{podSelector: {}}, "
				   "{namespaceSelector: {}, podSelector: {}}]}]}"));
	p = plan_new(w.policies);
	got = texts(p);
	/* An absent podSelector and an empty one select the same. */
	assert_string_equal(got, "default/{app=web}; default/{app=api}; "
				 "{}/{}; default/{}; ");
	assert_int_equal(p->matchers.data[0]->subject_of.len, 2);
	plan_free(p);
	world_fini(&w);
}

/* policyTypes decides which rules count at all. */
static void rules_of_a_type_only(_unused_ void **state)
{
	struct world w = { 0 };
	struct plan *p;

	world_set_policies(&w, NP("a", "{podSelector: {}, policyTypes: "
				       "[Egress], ingress: [{}]}"));
	p = plan_new(w.policies);
	assert_int_equal(p->policies.data[0].rules[DENY_INGRESS].len, 0);
	assert_int_equal(p->policies.data[0].rules[DENY_EGRESS].len, 0);
	plan_free(p);
	world_fini(&w);
}

/* Every matcher asked in turn, without any index. */
static void naive(const struct plan *p, const struct endpoint *e, id_list *ret)
{
	_cleanup_(label_set_unrefp) struct label_set *ns =
		policy_namespace_labels(p->set, e->namespace);

	vec_foreach(slot, &p->matchers) {
		const struct matcher *m = *slot;
		bool in = m->namespace ? !strcmp(m->namespace, e->namespace)
				       : selector_matches(m->namespaces, ns);

		if (in && (!m->pods || selector_matches(m->pods, e->labels)))
			vec_push(ret, m->id);
	}
}

static void random_endpoints(struct rng *rng, struct world *w)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);

	buf_adds(&text, "endpoints:\n");
	for (unsigned i = 0; i < 20; i++) {
		buf_addf(&text, "- {name: e%u, namespace: %s, labels: ", i,
			 random_namespace(rng, &random_vocabulary));
		random_labels(rng, &text);
		buf_adds(&text, "}\n");
	}
	world_set_endpoints(w, buf_str(&text));
}

static void index_finds_all(_unused_ void **state)
{
	struct rng rng = { 11 };
	struct world w = { 0 };
	size_t found = 0;

	for (unsigned round = 0; round < 100; round++) {
		_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);
		struct plan *p;

		random_policies(&rng, &random_vocabulary, 20, &text);
		world_set_policies(&w, buf_str(&text));
		random_endpoints(&rng, &w);
		p = plan_new(w.policies);
		vec_foreach(e, &w.endpoints) {
			id_list got = { 0 }, expected = { 0 };

			plan_match(p, (*e)->namespace, (*e)->labels, &got);
			naive(p, *e, &expected);
			assert_int_equal(got.len, expected.len);
			assert_memory_equal(got.data, expected.data,
					    got.len * sizeof(unsigned));
			found += got.len;
			vec_fini(&got);
			vec_fini(&expected);
		}
		plan_free(p);
	}
	assert_true(found > 1000);
	world_fini(&w);
}

/* Keys and values are joined by '=' in the index, and may hold one. */
static void confusable_labels(_unused_ void **state)
{
	static const struct label labels[] = { { "", "default" },
					       { "a=b", "c" } };
	struct label_set *set = label_set_new(labels, ARRAY_SIZE(labels));
	struct world w = { 0 };
	id_list got = { 0 };
	struct plan *p;

	world_set_policies(
		&w, NP("a", "{podSelector: {}}")
			    NP("b", "{podSelector: {matchLabels: {a: b}}}"));
	p = plan_new(w.policies);
	plan_match(p, "other", set, &got);
	assert_int_equal(got.len, 0);
	plan_match(p, "default", set, &got);
	assert_int_equal(got.len, 1);
	vec_fini(&got);
	plan_free(p);
	label_set_unref(set);
	world_fini(&w);
}

static void id_lists(_unused_ void **state)
{
	unsigned ids[] = { 5, 1, 5, 3, 1 };
	static const unsigned sorted[] = { 1, 3, 5 }, other[] = { 2, 4, 5 },
			      none[] = { 0, 2, 4 };

	assert_int_equal(ids_normalise(ids, 5), 3);
	assert_memory_equal(ids, sorted, sizeof(sorted));
	assert_int_equal(ids_normalise(NULL, 0), 0);
	assert_true(ids_intersect(sorted, 3, other, 3));
	assert_false(ids_intersect(sorted, 3, none, 3));
	assert_false(ids_intersect(sorted, 3, NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_questions_are_one),
		cmocka_unit_test(rules_of_a_type_only),
		cmocka_unit_test(index_finds_all),
		cmocka_unit_test(confusable_labels),
		cmocka_unit_test(id_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
