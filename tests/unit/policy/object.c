/* SPDX-License-Identifier: GPL-2.0-or-later */
/* object.c - kinds, lists, and what is passed over. */
#include "text.h"

#define NP	   "apiVersion: networking.k8s.io/v1, kind: NetworkPolicy"
#define ITEM(name) "{" NP ", metadata: {name: " name "}, spec: {}}"

static void policies(_unused_ void **state)
{
	check(ITEM("b") "\n---\n" ITEM("a") "\n---\n# nothing\n---\n",
	      "default/a I (); default/b I ()");
	check("", "");
	/* JSON, as exported from a cluster. */
	check("{\n\t\"apiVersion\": \"networking.k8s.io/v1\",\n"
	      "\t\"kind\": \"NetworkPolicy\",\n"
	      "\t\"metadata\": {\"name\": \"a\", \"namespace\": \"x\"},\n"
	      "\t\"spec\": {\"podSelector\": {}},\n\t\"status\": {}\n}\n",
	      "x/a I ()");
	check("{" NP ", metadata: {name: a}}",
	      "f:1:1: warning: no spec: it isolates every pod of its namespace "
	      "for ingress\ndefault/a I ()");
	check("{" NP ", metadata: {name: a}, spec: {}, Spec: {}, status: 1}",
	      "f:1:88: error: unknown field \"Spec\"; known here: apiVersion, "
	      "kind, metadata, spec, status\n"
	      "f:1:106: error: status: must be a mapping, found integer\n");
}

static void lists(_unused_ void **state)
{
	check("{apiVersion: v1, kind: List, metadata: {resourceVersion: ''}, "
	      "items: [" ITEM("a") ", {apiVersion: v1, kind: Namespace, "
				   "metadata: {name: ns}}]}",
	      "default/a I (); ns: kubernetes.io/metadata.name=ns");
	/* Items of a typed list need no kind of their own. */
	check("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicyList, "
	      "items: [{metadata: {name: a}, spec: {}}, " ITEM("b") "]}",
	      "default/a I (); default/b I ()");
	check("{apiVersion: v1, kind: NamespaceList, items: "
	      "[{metadata: {name: ns}}]}",
	      "ns: kubernetes.io/metadata.name=ns");
	check("{apiVersion: v1, kind: List, items: []}", "");
	check("{apiVersion: v1, kind: List}", "");
	check("{apiVersion: v1, kind: List, items: [{metadata: {name: a}}, ~, "
	      "x]}",
	      "f:1:38: error: items[0].apiVersion: required\n"
	      "f:1:38: error: items[0].kind: required\n"
	      "f:1:61: error: items[1]: must not be null; remove the item, or "
	      "write what it is\n"
	      "f:1:64: error: items[2]: must be an object, found string\n");
	check("{apiVersion: v1, kind: List, items: [{" NP
	      ", metadata: {name: a}, spec: {ingress: [{from: [{}]}]}}]}",
	      "f:1:140: error: items[0].spec.ingress[0].from[0]: must have a "
	      "podSelector, a namespaceSelector or an ipBlock\n");
}

static void namespaces(_unused_ void **state)
{
	check("{apiVersion: v1, kind: Namespace, metadata: {name: shop, "
	      "labels: {team: a}}, spec: {finalizers: [kubernetes]}, status: "
	      "{phase: Active}}",
	      "shop: kubernetes.io/metadata.name=shop team=a");
	check("{apiVersion: v1, kind: Namespace, metadata: {name: shop, "
	      "labels: {kubernetes.io/metadata.name: x}}}",
	      "f:1:45: warning: label kubernetes.io/metadata.name is always "
	      "the namespace's name, \"shop\"\n"
	      "shop: kubernetes.io/metadata.name=shop");
	check("{apiVersion: v1, kind: Namespace, metadata: {name: a.b, "
	      "namespace: x}}",
	      "f:1:52: error: metadata.name: \"a.b\" must be lower-case "
	      "letters, digits or '-', with a letter or digit at both ends\n"
	      "f:1:68: error: metadata.namespace: must be absent: a Namespace "
	      "is in none\n");
}

static void passed_over(_unused_ void **state)
{
	check("{apiVersion: v1, kind: ConfigMap}\n---\n"
	      "{apiVersion: apps/v1, kind: Deployment}\n---\n"
	      "{apiVersion: networking.k8s.io/v1, kind: Ingress}\n---\n"
	      "{apiVersion: v1, kind: ServiceList}\n---\n" ITEM("a"),
	      "f:1:24: warning: ignored: kind \"ConfigMap\" of \"v1\" is no "
	      "NetworkPolicy or Namespace\n"
	      "f:3:29: warning: ignored: kind \"Deployment\" of \"apps/v1\" is "
	      "no NetworkPolicy or Namespace\n"
	      "f:5:42: warning: ignored: kind \"Ingress\" of "
	      "\"networking.k8s.io/v1\" is no NetworkPolicy or Namespace\n"
	      "f:7:24: warning: ignored: kind \"ServiceList\" of \"v1\" is no "
	      "NetworkPolicy or Namespace\n"
	      "default/a I ()");
}

static void refused(_unused_ void **state)
{
	check("{apiVersion: extensions/v1beta1, kind: NetworkPolicy}",
	      "f:1:40: error: NetworkPolicy of apiVersion "
	      "\"extensions/v1beta1\" is not supported; use "
	      "networking.k8s.io/v1\n");
	check("{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy}",
	      "f:1:34: error: kind \"CiliumNetworkPolicy\" of apiVersion "
	      "\"cilium.io/v2\" is not supported; policies are NetworkPolicy "
	      "of networking.k8s.io/v1\n");
	check("{apiVersion: networking.k8s.io/v1, kind: NetworkPolcy}",
	      "f:1:42: error: kind \"NetworkPolcy\" of apiVersion "
	      "\"networking.k8s.io/v1\" is not supported; policies are "
	      "NetworkPolicy of networking.k8s.io/v1\n");
	check("{apiVersion: v1, kind: namespace}",
	      "f:1:24: error: kind \"namespace\" of apiVersion \"v1\" is not "
	      "supported; policies are NetworkPolicy of "
	      "networking.k8s.io/v1\n");
}

static void no_object(_unused_ void **state)
{
	check("services:\n  web: {image: nginx}\n",
	      "f:1:1: error: apiVersion: required\n"
	      "f:1:1: error: kind: required\n");
	check("{kind: [NetworkPolicy], apiVersion: ''}",
	      "f:1:37: error: apiVersion: must not be empty\n"
	      "f:1:8: error: kind: must be a string, found list\n");
	check("just text", "f:1:1: error: must be an object, found string\n");
	check("- a\n", "f:1:1: error: must be an object, found list\n");
}

static void all_at_once(_unused_ void **state)
{
	check("{" NP ",\n metadata: {name: a, name: b},\n spec: {foo: 1}}\n"
	      "---\n" ITEM("X") "\n---\n[",
	      "f:2:22: error: duplicate key \"name\", first at line 2, column "
	      "13\n"
	      "f:8:1: error: did not find expected node content while parsing "
	      "a flow node\n"
	      "f:3:9: error: spec: unknown field \"foo\"; known here: "
	      "podSelector, policyTypes, ingress, egress\n"
	      "f:5:74: error: metadata.name: \"X\" must be lower-case letters, "
	      "digits, '-' or '.', with a letter or digit at both ends and "
	      "around each '.'\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policies),    cmocka_unit_test(lists),
		cmocka_unit_test(namespaces),  cmocka_unit_test(passed_over),
		cmocka_unit_test(refused),     cmocka_unit_test(no_object),
		cmocka_unit_test(all_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
