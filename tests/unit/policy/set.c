/* SPDX-License-Identifier: GPL-2.0-or-later */
/* set.c - merging files, order, namespace labels. */
#include "text.h"

#define NP(namespace, name)                                            \
	"---\n"                                                        \
	"{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, "     \
	"metadata: {namespace: " namespace ", name: " name "}, spec: " \
					   "{}}\n"
#define NS(name, team)                                                  \
	"---\n"                                                         \
	"{apiVersion: v1, kind: Namespace, metadata: {name: " name ", " \
	"labels: {team: " team "}}}\n"

static struct policy_set *parse(const char *text, const char *file)
{
	_cleanup_(diag_fini) struct diag_list diag = { 0 };
	struct policy_set *set = NULL;

	assert_int_equal(policy_parse(slice_of(text), file, &diag, &set), 0);
	return set;
}

static void check_set(const struct policy_set *set, const char *expected)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);

	text_set(&text, set);
	assert_string_equal(buf_str(&text), expected);
}

static void twice_in_a_file(_unused_ void **state)
{
	check(NP("x", "a") NP("z", "a") NP("x", "a") NS("ns", "t")
		      NS("ns", "u"),
	      "f:6:1: error: NetworkPolicy x/a is there twice, first at "
	      "f:2:1\n"
	      "f:10:1: error: Namespace ns is there twice, first at f:8:1\n");
}

static void merge(_unused_ void **state)
{
	_cleanup_(policy_set_unrefp) struct policy_set *a =
		parse(NP("x", "b") NP("x", "a") NS("ns", "first"), "a");
	_cleanup_(policy_set_unrefp) struct policy_set *b =
		parse(NP("w", "z") NP("x", "b") NS("ns", "second"), "b");
	_cleanup_(policy_set_unrefp) struct policy_set *all = NULL;
	_cleanup_(diag_fini) struct diag_list diag = { 0 };
	struct policy_set *sets[] = { a, b };
	char line[256];

	all = policy_set_merge(sets, 2, &diag);
	check_set(all, "w/z I (); x/a I (); x/b I (); ns: "
		       "kubernetes.io/metadata.name=ns team=first");
	/* The first one, and itself: objects are shared. */
	assert_ptr_equal(all->policies.data[2], a->policies.data[1]);
	assert_int_equal(diag.errors, 2);
	assert_string_equal(
		diag_format(&diag.entries.data[0], line, sizeof(line)),
		"b:4:1: error: NetworkPolicy x/b is there twice, first at "
		"a:2:1");
	assert_string_equal(
		diag_format(&diag.entries.data[1], line, sizeof(line)),
		"b:6:1: error: Namespace ns is there twice, first at a:6:1");
	/* The sources may go first. */
	policy_set_unref(TAKE_PTR(a));
	policy_set_unref(TAKE_PTR(b));
	check_set(all, "w/z I (); x/a I (); x/b I (); ns: "
		       "kubernetes.io/metadata.name=ns team=first");
}

static void merge_nothing(_unused_ void **state)
{
	_cleanup_(diag_fini) struct diag_list diag = { 0 };
	_cleanup_(policy_set_unrefp) struct policy_set *none =
		policy_set_merge(NULL, 0, &diag);

	check_set(none, "");
}

static void namespace_labels(_unused_ void **state)
{
	_cleanup_(policy_set_unrefp) struct policy_set *set =
		parse(NS("a", "x") NS("b", "y1"), "f");
	_cleanup_(label_set_unrefp) struct label_set *b =
		policy_namespace_labels(set, "b");
	_cleanup_(label_set_unrefp) struct label_set *c =
		policy_namespace_labels(set, "c");
	_cleanup_(label_set_unrefp) struct label_set *none =
		policy_namespace_labels(NULL, "d");

	assert_string_equal(label_set_get(b, "team"), "y1");
	assert_string_equal(label_set_get(b, "kubernetes.io/metadata.name"),
			    "b");
	assert_int_equal(c->n, 1);
	assert_string_equal(label_set_get(c, "kubernetes.io/metadata.name"),
			    "c");
	assert_string_equal(label_set_get(none, "kubernetes.io/metadata.name"),
			    "d");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(twice_in_a_file),
		cmocka_unit_test(merge),
		cmocka_unit_test(merge_nothing),
		cmocka_unit_test(namespace_labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
