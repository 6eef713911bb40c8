/* SPDX-License-Identifier: GPL-2.0-or-later */
/* meta.c - names, namespaces, labels, annotations. */
#include "text.h"

/* A policy with this metadata, which starts at line 2, column 12. */
static void check_meta(const char *meta, const char *expected)
{
	_cleanup_(freep) char *text = xasprintf(
		"{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy,\n"
		" metadata: %s, spec: {}}\n",
		meta);

	check(text, expected);
}

static void names(_unused_ void **state)
{
	check_meta("{name: a}", "default/a I ()");
	check_meta("{name: a.b-c, namespace: shop}", "shop/a.b-c I ()");
	check_meta("{name: a, namespace: ''}", "default/a I ()");
	check_meta("{name: a, namespace: }", "default/a I ()");
	check_meta("{name: Web_1}",
		   "f:2:19: error: metadata.name: \"Web_1\" must be lower-case "
		   "letters, digits, '-' or '.', with a letter or digit at "
		   "both ends and around each '.'\n");
	check_meta("{name: a, namespace: my_shop}",
		   "f:2:33: error: metadata.namespace: \"my_shop\" must be "
		   "lower-case letters, digits or '-', with a letter or digit "
		   "at both ends\n");
	check_meta("{}", "f:2:12: error: metadata.name: required\n");
	check_meta("~", "f:1:1: error: metadata.name: required\n");
	check_meta("{name: ''}", "f:2:12: error: metadata.name: required\n");
	check_meta("{name: 7}", "f:2:19: error: metadata.name: must be a "
				"string, found integer 7; quote it\n");
	check_meta("{generateName: a-}",
		   "f:2:12: error: metadata.name: required; generateName needs "
		   "an API server\n");
}

static void exported(_unused_ void **state)
{
	check_meta("{name: a, uid: x, resourceVersion: '1', generation: 1, "
		   "creationTimestamp: null, selfLink: /x, "
		   "managedFields: [{manager: kubectl}], ownerReferences: [], "
		   "finalizers: [], deletionTimestamp: 2020-01-01T00:00:00Z, "
		   "deletionGracePeriodSeconds: 0}",
		   "default/a I ()");
	check_meta("{name: a, resourceVersion: 1, creationTimestamp: {}}",
		   "f:2:39: error: metadata.resourceVersion: must be a string, "
		   "found integer 1; quote it\n"
		   "f:2:61: error: metadata.creationTimestamp: must be a "
		   "string, found mapping\n");
}

static void labels(_unused_ void **state)
{
	check_meta("{name: a, labels: {app: web}, annotations: "
		   "{X.io/note: 'any text, éven this'}}",
		   "default/a I ()");
	check_meta(
		"{name: a, labels: {app: 'a b'}}",
		"f:2:36: error: metadata.labels[\"app\"]: value \"a b\" must "
		"be letters, digits, '-', '_' or '.', with a letter or digit "
		"at both ends, or empty\n");
	check_meta("{name: a, annotations: {'a b': c, d: 1}}",
		   "f:2:36: error: metadata.annotations: key \"a b\" must have "
		   "a name of letters, digits, '-', '_' or '.', with a letter "
		   "or digit at both ends\n"
		   "f:2:49: error: metadata.annotations[\"d\"]: must be a "
		   "string, found integer 1; quote it\n");
	check_meta("{name: a, label: {}}",
		   "f:2:22: error: metadata: unknown field \"label\"; known "
		   "here: name, namespace, labels, annotations, generateName, "
		   "uid, resourceVersion, generation, creationTimestamp, "
		   "deletionTimestamp, deletionGracePeriodSeconds, selfLink, "
		   "ownerReferences, finalizers, managedFields\n");
}

static void annotations_kept(_unused_ void **state)
{
	_cleanup_(policy_set_unrefp) struct policy_set *set = NULL;
	_cleanup_(diag_fini) struct diag_list diag = { 0 };

	assert_int_equal(
		policy_parse(SLICE("apiVersion: networking.k8s.io/v1\n"
				   "kind: NetworkPolicy\n"
				   "metadata:\n"
				   "  name: a\n"
				   "  annotations: {bulkhead/b: x, a: c}\n"
				   "spec: {}\n"),
			     "f", &diag, &set),
		0);
	assert_string_equal(
		label_set_get(set->policies.data[0]->annotations, "bulkhead/b"),
		"x");
	assert_string_equal(set->policies.data[0]->file, "f");
	assert_int_equal(set->policies.data[0]->line, 1);
}

static void annotations_bounded(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf meta = BUF_INIT(BUF_UNBOUNDED);

	buf_adds(&meta, "{name: a, annotations: {x: '");
	for (int i = 0; i < 256 << 10; i++)
		buf_adds(&meta, "a");
	buf_adds(&meta, "'}}");
	check_meta(buf_str(&meta), "f:2:35: error: metadata.annotations: must "
				   "have at most 262144 bytes in all\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(exported),
		cmocka_unit_test(labels),
		cmocka_unit_test(annotations_kept),
		cmocka_unit_test(annotations_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
