/* SPDX-License-Identifier: GPL-2.0-or-later */
/* selector_read.c - matchLabels and matchExpressions. */
#include "text.h"

/* A podSelector, which starts at column 17. */
static void check_selector(const char *selector, const char *expected)
{
	_cleanup_(freep) char *spec = xasprintf("{podSelector: %s}", selector);

	check_spec(spec, expected);
}

#define ONE(expression) "{matchExpressions: [" expression "]}"

static void valid(_unused_ void **state)
{
	check_selector("{}", "default/p I ()");
	check_selector("~", "default/p I ()");
	check_selector("{matchLabels: ~, matchExpressions: []}",
		       "default/p I ()");
	check_selector("{matchLabels: {b: '', a.io/x: c}}",
		       "default/p I (a.io/x=c,b=)");
	check_selector(ONE("{key: a, operator: In, values: [y1, x, x]}, "
			   "{key: b, operator: NotIn, values: ['']}, "
			   "{key: c, operator: Exists}, "
			   "{key: d, operator: DoesNotExist, values: []}"),
		       "default/p I (a in (x,y1),b!=,c,!d)");
	/* Both forms of one requirement are one. */
	check_selector("{matchLabels: {a: b}, matchExpressions: "
		       "[{key: a, operator: In, values: [b]}]}",
		       "default/p I (a=b)");
	check_selector("{matchLabels: {bulkhead/image: 'nginx:1.25'}}",
		       "default/p I (bulkhead/image=nginx:1.25)");
}

static void bad_labels(_unused_ void **state)
{
	check_selector("{matchLabels: {app: -x, 'a b': c, n.io/: d}}",
		       "f:4:41: error: spec.podSelector.matchLabels: key \"a "
		       "b\" must have a name of letters, digits, '-', '_' or "
		       "'.', with a letter or digit at both ends\n"
		       "f:4:51: error: spec.podSelector.matchLabels: key "
		       "\"n.io/\" must have a name\n"
		       "f:4:37: error: spec.podSelector.matchLabels[\"app\"]: "
		       "value \"-x\" must be letters, digits, '-', '_' or '.', "
		       "with a letter or digit at both ends, or empty\n");
	check_selector(
		"{matchLabels: {version: 1, debug: yes, x: }}",
		"f:4:41: error: "
		"spec.podSelector.matchLabels[\"version\"]: must be a "
		"string, found integer 1; quote it\n"
		"f:4:51: error: spec.podSelector.matchLabels[\"debug\"]: "
		"must be a string, found boolean yes; quote it\n"
		"f:4:59: error: spec.podSelector.matchLabels[\"x\"]: must "
		"be a string, found null; an empty one is \"\"\n");
	check_selector("{matchLabels: [a]}",
		       "f:4:31: error: spec.podSelector.matchLabels: must be a "
		       "mapping, found list\n");
	/* As kubectl reads it, but said. */
	check_selector("{matchLabels: {on: x}}",
		       "f:4:32: warning: spec.podSelector.matchLabels: the key "
		       "on is read as \"true\"; quote it if text is meant\n"
		       "default/p I (true=x)");
}

static void bad_expressions(_unused_ void **state)
{
#define AT "spec.podSelector.matchExpressions[0]"
	check_selector(ONE("{key: a, operator: In}"),
		       "f:4:37: error: " AT ".values: required when operator "
		       "is In or NotIn\n");
	check_selector(ONE("{key: a, operator: NotIn, values: []}"),
		       "f:4:71: error: " AT ".values: required when operator "
		       "is In or NotIn\n");
	check_selector(ONE("{key: a, operator: Exists, values: [x]}"),
		       "f:4:72: error: " AT ".values: must be absent when "
		       "operator is Exists or DoesNotExist\n");
	check_selector(ONE("{key: a, operator: in, values: [x]}"),
		       "f:4:56: error: " AT ".operator: must be In, NotIn, "
		       "Exists or DoesNotExist\n");
	check_selector(ONE("{}"), "f:4:37: error: " AT ".key: required\n"
				  "f:4:37: error: " AT ".operator: required\n");
	check_selector(ONE("{key: '', operator: In, values: [a/b, 1]}"),
		       "f:4:75: error: " AT ".values[1]: must be a string, "
		       "found integer 1; quote it\n"
		       "f:4:43: error: " AT ".key: key \"\" must have a name\n"
		       "f:4:70: error: " AT ".values: value \"a/b\" must be "
		       "letters, digits, '-', '_' or '.', with a letter or "
		       "digit at both ends, or empty\n");
	check_selector(ONE("{key: a, op: In}"),
		       "f:4:46: error: " AT ": unknown field \"op\"; known "
		       "here: key, operator, values\n"
		       "f:4:37: error: " AT ".operator: required\n");
	check_selector("{matchLabel: {}}",
		       "f:4:18: error: spec.podSelector: unknown field "
		       "\"matchLabel\"; known here: matchLabels, "
		       "matchExpressions\n");
#undef AT
}

static void bounded(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);

	buf_adds(&text, "{matchLabels: {");
	for (int i = 0; i < 257; i++)
		buf_addf(&text, "k%d: v, ", i);
	buf_adds(&text, "}}");
	check_selector(buf_str(&text),
		       "f:4:31: error: spec.podSelector.matchLabels: more than "
		       "256 requirements\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid),
		cmocka_unit_test(bad_labels),
		cmocka_unit_test(bad_expressions),
		cmocka_unit_test(bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
