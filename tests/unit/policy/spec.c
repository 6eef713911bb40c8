/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spec.c - rules, policy types and their defaults. */
#include "text.h"

static void types(_unused_ void **state)
{
	/* Absent or empty: Ingress, and Egress only if egress has rules. */
	check_spec("{}", "default/p I ()");
	check_spec("{policyTypes: []}", "default/p I ()");
	check_spec("{policyTypes: ~}", "default/p I ()");
	check_spec("{egress: []}", "default/p I ()");
	check_spec("{egress: ~}", "default/p I ()");
	check_spec("{egress: [{}]}", "default/p IE () out[|]");
	check_spec("{ingress: [{}]}", "default/p I () in[|]");
	/* Written ones count alone. */
	check_spec("{policyTypes: [Ingress]}", "default/p I ()");
	check_spec("{policyTypes: [Egress]}", "default/p E ()");
	check_spec("{policyTypes: [Egress, Ingress]}", "default/p IE ()");
	check_spec("{policyTypes: [Egress, Egress]}", "default/p E ()");
}

static void bad_types(_unused_ void **state)
{
	check_spec("{policyTypes: [ingress, Egres]}",
		   "f:4:18: error: spec.policyTypes[0]: must be Ingress or "
		   "Egress, found \"ingress\"\n"
		   "f:4:27: error: spec.policyTypes[1]: must be Ingress or "
		   "Egress, found \"Egres\"\n");
	check_spec("{policyTypes: [Ingress, Egress, Ingress]}",
		   "f:4:17: error: spec.policyTypes: must have at most two "
		   "items\n");
	check_spec("{policyTypes: Ingress}",
		   "f:4:17: error: spec.policyTypes: must be a list, found "
		   "string\n");
}

static void rules(_unused_ void **state)
{
	check_spec("{ingress: [{from: [], ports: ~}, {from: "
		   "[{podSelector: {}}], ports: [{port: 1}]}]}",
		   "default/p I () in[|] in[tcp/1|pods()]");
	check_spec("{ingress: [{to: []}], egress: [{from: []}]}",
		   "f:4:15: error: spec.ingress[0]: unknown field \"to\"; "
		   "known here: ports, from\n"
		   "f:4:35: error: spec.egress[0]: unknown field \"from\"; "
		   "known here: ports, to\n");
	/* An empty item would allow everything. */
	check_spec("{ingress: [~]}",
		   "f:4:14: error: spec.ingress[0]: must not be null; remove "
		   "the item, or write what it is\n");
	check_spec("{ingress: {}}",
		   "f:4:13: error: spec.ingress: must be a list, found "
		   "mapping\n");
	check_spec("[]", "f:4:3: error: spec: must be a mapping, found list\n");
	check_spec("{podselector: {}}",
		   "f:4:4: error: spec: unknown field \"podselector\"; known "
		   "here: podSelector, policyTypes, ingress, egress\n");
}

static void unused_rules(_unused_ void **state)
{
	check_spec("{policyTypes: [Egress], ingress: [{}]}",
		   "f:4:36: warning: spec.ingress: has no effect, as "
		   "policyTypes does not name Ingress\n"
		   "default/p E () in[|]");
	check_spec("{policyTypes: [Ingress], egress: [{}]}",
		   "f:4:36: warning: spec.egress: has no effect, as "
		   "policyTypes does not name Egress\n"
		   "default/p I () out[|]");
	check_spec("{policyTypes: [Egress], ingress: []}", "default/p E ()");
}

static void anchors(_unused_ void **state)
{
	check_spec("{ingress: [&a {ports: [{port: 80}]}, *a], "
		   "egress: [{<<: {to: [{podSelector: {}}]}}]}",
		   "default/p IE () in[tcp/80|] in[tcp/80|] out[|pods()]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types),   cmocka_unit_test(bad_types),
		cmocka_unit_test(rules),   cmocka_unit_test(unused_rules),
		cmocka_unit_test(anchors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
