/* SPDX-License-Identifier: GPL-2.0-or-later */
/* evaluate.c - the meaning of NetworkPolicy, case by case; the expected
 * verdicts come from the Kubernetes documentation, not from any code.
 */
#include "compile/evaluate.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "world.h"

/* "out" is an address that no container has; "host" is this host. */
static const char endpoints[] =
	"endpoints:\n"
	"- {name: web, labels: {app: web, tier: front}, bridge: br0,\n"
	"   ipv4: 10.0.0.2, ipv6: \"fd00::2\", ports: \"http=8080,dns=53/udp\"}\n"
	"- {name: api, labels: {app: api}, bridge: br0,\n"
	"   ipv4: 10.0.0.3, ipv6: \"fd00::3\", ports: \"http=80\"}\n"
	"- {name: db, namespace: shop, labels: {app: db}, bridge: br0,\n"
	"   ipv4: 10.0.0.4, ipv6: \"fd00::4\"}\n"
	"- {name: cache, namespace: shop, labels: {app: web}, bridge: br0,\n"
	"   ipv4: 10.0.0.5, ipv6: \"fd00::5\"}\n";

#define NP(name, spec)                                                 \
	"---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n" \
	"metadata: {name: " name "}\nspec: " spec "\n"
#define SHOP                                     \
	"---\napiVersion: v1\nkind: Namespace\n" \
	"metadata: {name: shop, labels: {team: red}}\n"
/* All rules of one ingress or egress policy for app=web in default. */
#define INGRESS(rules) \
	NP("p", "{podSelector: {matchLabels: {app: web}}, ingress: " rules "}")
#define EGRESS(rules)                                                    \
	NP("p", "{podSelector: {matchLabels: {app: web}}, policyTypes: " \
		"[Egress], egress: " rules "}")

struct row {
	const char *policies;
	/* "SOURCE DESTINATION PROTO[/PORT] VERDICT"; the verdict is "yes",
	 * "egress" or "ingress" (who denies), "both", or "self". */
	const char *flows[8];
};

static const struct row rows[] = {
	/* Nobody is isolated. */
	{ "---\n", { "web api tcp/80 yes", "out web udp/1 yes" } },

	/* policyTypes: Ingress always, Egress where it has rules. */
	{ NP("p", "{podSelector: {}}"),
	  { "web api tcp/80 ingress", "web out tcp/80 yes", "web db tcp/80 yes",
	    "out api icmp ingress" } },
	{ NP("p", "{podSelector: {}, egress: [{}]}"),
	  { "web api tcp/80 ingress", "web out tcp/80 yes" } },
	{ NP("p", "{podSelector: {}, egress: [{ports: [{port: 53}]}]}"),
	  { "web out tcp/53 yes", "web out tcp/80 egress",
	    "web api tcp/80 both" } },
	{ NP("p", "{podSelector: {}, egress: []}"),
	  { "web out tcp/80 yes", "out web tcp/80 ingress" } },
	{ NP("p", "{podSelector: {}, policyTypes: [Egress]}"),
	  { "web out tcp/80 egress", "out web tcp/80 yes",
	    "web api tcp/80 egress", "db web tcp/80 yes" } },
	{ NP("p", "{podSelector: {}, policyTypes: [Ingress, Egress]}"),
	  { "web api tcp/80 both", "host web tcp/80 yes",
	    "web host tcp/80 egress", "web web tcp/80 self" } },
	{ NP("p", "{podSelector: {}, policyTypes: [Ingress], "
		  "egress: [{ports: [{port: 53}]}]}"),
	  { "web out tcp/80 yes", "out web tcp/80 ingress" } },

	/* Nothing, everything, anybody. */
	{ INGRESS("[]"), { "api web tcp/80 ingress", "api db tcp/80 yes" } },
	{ INGRESS("[{}]"), { "out web sctp/9 yes", "out web icmp yes" } },
	{ INGRESS("[{from: []}]"), { "out web icmp yes" } },
	{ INGRESS("[{from: null, ports: []}]"), { "out web icmp yes" } },
	{ EGRESS("[{to: [], ports: [{port: 80}]}]"),
	  { "web out tcp/80 yes", "web out tcp/81 egress",
	    "web host tcp/80 yes" } },

	/* A lone podSelector is about the policy's own namespace. */
	{ INGRESS("[{from: [{podSelector: {}}]}]"),
	  { "api web tcp/80 yes", "db web tcp/80 ingress",
	    "cache web tcp/80 ingress", "out web tcp/80 ingress",
	    "host web tcp/80 yes" } },
	/* A lone namespaceSelector is about all of its containers. */
	{ SHOP INGRESS("[{from: [{namespaceSelector: "
		       "{matchLabels: {team: red}}}]}]"),
	  { "db web tcp/80 yes", "cache web udp/80 yes",
	    "api web tcp/80 ingress", "out web tcp/80 ingress" } },
	{ INGRESS("[{from: [{namespaceSelector: {}}]}]"),
	  { "db web tcp/80 yes", "api web tcp/80 yes",
	    "out web tcp/80 ingress" } },
	/* A namespace that no file defines has its name as a label. */
	{ INGRESS("[{from: [{namespaceSelector: {matchLabels: "
		  "{kubernetes.io/metadata.name: shop}}}]}]"),
	  { "db web tcp/80 yes", "api web tcp/80 ingress" } },
	/* Both in one item: AND. */
	{ SHOP INGRESS("[{from: [{namespaceSelector: {matchLabels: "
		       "{team: red}}, podSelector: {matchLabels: "
		       "{app: db}}}]}]"),
	  { "db web tcp/80 yes", "cache web tcp/80 ingress",
	    "api web tcp/80 ingress" } },
	/* Two items: OR. */
	{ SHOP INGRESS("[{from: [{namespaceSelector: {matchLabels: "
		       "{team: red}}}, {podSelector: {matchLabels: "
		       "{app: api}}}]}]"),
	  { "db web tcp/80 yes", "cache web tcp/80 yes",
	    "api web tcp/80 yes" } },
	/* Nobody matches: still isolated. */
	{ INGRESS("[{from: [{podSelector: {matchLabels: {app: none}}}]}]"),
	  { "api web tcp/80 ingress" } },
	/* A missing key satisfies NotIn and DoesNotExist. */
	{ INGRESS("[{from: [{podSelector: {matchExpressions: "
		  "[{key: tier, operator: NotIn, values: [front]}]}}]}]"),
	  { "api web tcp/80 yes" } },
	{ INGRESS("[{from: [{podSelector: {matchExpressions: "
		  "[{key: app, operator: Exists}, "
		  "{key: tier, operator: DoesNotExist}]}}]}]"),
	  { "api web tcp/80 yes" } },

	/* except is a hole in its own block, and no deny. */
	{ INGRESS("[{from: [{ipBlock: {cidr: 192.0.2.0/24, "
		  "except: [192.0.2.0/28]}}]}]"),
	  { "out web tcp/80 ingress", "out6 web tcp/80 ingress",
	    "api web tcp/80 ingress" } },
	{ INGRESS("[{from: [{ipBlock: {cidr: 192.0.2.0/24, "
		  "except: [192.0.2.0/28]}}, "
		  "{ipBlock: {cidr: 192.0.2.10/32}}]}]"),
	  { "out web tcp/80 yes" } },
	{ INGRESS("[{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]"),
	  { "out web tcp/80 yes", "api web icmp yes",
	    "out6 web tcp/80 ingress" } },
	/* ipBlock is about containers' addresses too. */
	{ INGRESS("[{from: [{ipBlock: {cidr: 10.0.0.4/32}}]}]"),
	  { "db web tcp/80 yes", "cache web tcp/80 ingress" } },
	{ EGRESS("[{to: [{ipBlock: {cidr: \"2001:db8::/32\"}}]}]"),
	  { "web out6 tcp/80 yes", "web out tcp/80 egress" } },

	/* Ports: TCP when no protocol is named; a range includes its ends. */
	{ INGRESS("[{ports: [{port: 80, endPort: 90}]}]"),
	  { "api web tcp/79 ingress", "api web tcp/80 yes",
	    "api web tcp/90 yes", "api web tcp/91 ingress",
	    "api web udp/80 ingress", "api web icmp ingress",
	    "api web sctp/80 ingress" } },
	{ INGRESS("[{ports: [{}]}]"),
	  { "api web tcp/1 yes", "api web udp/1 ingress",
	    "api web icmp ingress" } },
	{ INGRESS("[{ports: [{protocol: SCTP, port: 9}]}]"),
	  { "api web sctp/9 yes", "api web sctp/8 ingress",
	    "api web tcp/9 ingress" } },
	{ INGRESS("[{ports: [{protocol: UDP}]}]"),
	  { "api web udp/9 yes", "api web tcp/9 ingress" } },
	/* Peers and ports of one rule: AND; two rules: OR. */
	{ INGRESS("[{from: [{podSelector: {matchLabels: {app: api}}}], "
		  "ports: [{port: 80}]}, "
		  "{from: [{ipBlock: {cidr: 192.0.2.0/24}}], "
		  "ports: [{port: 81}]}]"),
	  { "api web tcp/80 yes", "api web tcp/81 ingress",
	    "out web tcp/81 yes", "out web tcp/80 ingress" } },

	/* A name is the destination's own, and of its protocol. */
	{ INGRESS("[{ports: [{port: http}]}]"),
	  { "api web tcp/8080 yes", "api web tcp/80 ingress",
	    "api web udp/8080 ingress" } },
	{ INGRESS("[{ports: [{port: dns}, {port: http, protocol: UDP}]}]"),
	  { "api web tcp/53 ingress", "api web udp/53 ingress" } },
	{ INGRESS("[{ports: [{port: dns, protocol: UDP}]}]"),
	  { "api web udp/53 yes" } },
	{ EGRESS("[{ports: [{port: http}]}]"),
	  { "web api tcp/80 yes", "web api tcp/8080 egress",
	    "web db tcp/80 egress", "web out tcp/80 egress" } },
	{ EGRESS("[{ports: [{port: http}], to: [{ipBlock: {cidr: "
		 "10.0.0.3/32}}]}]"),
	  { "web api tcp/80 yes", "web out tcp/80 egress" } },

	/* Policies add up; they never take away. */
	{ NP("deny", "{podSelector: {}}")
		  NP("allow",
		     "{podSelector: {matchLabels: {app: web}}, ingress: "
		     "[{from: [{podSelector: {matchLabels: {app: api}}}]}]}"),
	  { "api web tcp/80 yes", "web api tcp/80 ingress",
	    "cache web tcp/80 ingress" } },
	/* Both ends decide. */
	{ EGRESS("[{to: [{podSelector: {matchLabels: {app: api}}}]}]")
		  NP("q", "{podSelector: {matchLabels: {app: api}}}"),
	  { "web api tcp/80 ingress", "web db tcp/80 egress" } },
	/* A policy is about its own namespace's containers. */
	{ NP("p", "{podSelector: {matchLabels: {app: db}}}"),
	  { "web db tcp/80 yes" } },
};

static struct evaluate_end end_of(const struct world *w, const char *name,
				  bool v6)
{
	struct evaluate_end end = { .host = !strcmp(name, "host") };
	const char *text = NULL;

	if (!strcmp(name, "host"))
		text = v6 ? "fd00::1" : "10.0.0.1";
	else if (!strncmp(name, "out", 3))
		text = v6 ? "2001:db8::a" : "192.0.2.10";
	if (text) {
		assert_int_equal(addr_parse(slice_of(text), &end.addr), 0);
		return end;
	}
	end.endpoint = world_endpoint(w, name);
	end.addr = v6 ? end.endpoint->attachments.data[0].v6
		      : end.endpoint->attachments.data[0].v4;
	return end;
}

static uint8_t proto_of(const char *name, bool v6)
{
	return !strcmp(name, "tcp")    ? IPPROTO_TCP
	       : !strcmp(name, "udp")  ? IPPROTO_UDP
	       : !strcmp(name, "sctp") ? IPPROTO_SCTP
	       : v6		       ? IPPROTO_ICMPV6
				       : IPPROTO_ICMP;
}

static const char *verdict_text(const struct evaluate_verdict *v)
{
	if (v->self)
		return "self";
	assert_int_equal(v->allowed, v->egress.allowed && v->ingress.allowed);
	if (v->allowed)
		return "yes";
	if (!v->egress.allowed && !v->ingress.allowed)
		return "both";
	return v->egress.allowed ? "ingress" : "egress";
}

static void check_flow(const struct world *w, const char *policies,
		       const char *flow, bool v6)
{
	char source[16], destination[16], proto[16], expected[16];
	struct evaluate_flow f;
	struct evaluate_verdict v;
	char *port;

	assert_int_equal(sscanf(flow, "%15s %15s %15s %15s", source,
				destination, proto, expected),
			 4);
	/* Addresses of one family only are asked in that one. */
	if (strstr(source, "out6") || strstr(destination, "out6"))
		v6 = true;
	else if (strstr(policies, "cidr"))
		v6 = false;
	port = strchr(proto, '/');
	if (port)
		*port++ = 0;
	f = (struct evaluate_flow){
		.source = end_of(w, source, v6),
		.destination = end_of(w, destination, v6),
		.proto = proto_of(proto, v6),
		.port = port ? (uint16_t)atoi(port) : 0,
	};
	evaluate(w->policies, &f, &v);
	if (strcmp(verdict_text(&v), expected))
		fail_msg("%s (%s): %s\n%s", flow, v6 ? "IPv6" : "IPv4",
			 verdict_text(&v), policies);
	evaluate_verdict_fini(&v);
}

static void semantics(_unused_ void **state)
{
	struct world w = { 0 };

	world_set_endpoints(&w, endpoints);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		world_set_policies(&w, rows[i].policies);
		for (size_t k = 0; k < ARRAY_SIZE(rows[i].flows); k++)
			if (rows[i].flows[k]) {
				check_flow(&w, rows[i].policies,
					   rows[i].flows[k], false);
				check_flow(&w, rows[i].policies,
					   rows[i].flows[k], true);
			}
	}
	world_fini(&w);
}

/* Who isolates, who admits, and by which rule: `explain` says so. */
static void names_the_deciders(_unused_ void **state)
{
	struct world w = { 0 };
	struct evaluate_verdict v;
	struct evaluate_flow f;

	world_set_endpoints(&w, endpoints);
	world_set_policies(
		&w,
		NP("deny", "{podSelector: {}}") NP(
			"web",
			"{podSelector: {matchLabels: {app: web}}, ingress: "
			"[{ports: [{port: 81}]}, {ports: [{port: 80}]}, {}]}"));
	f = (struct evaluate_flow){ .source = end_of(&w, "api", false),
				    .destination = end_of(&w, "web", false),
				    .proto = IPPROTO_TCP,
				    .port = 80 };
	evaluate(w.policies, &f, &v);
	assert_true(v.allowed);
	assert_false(v.egress.isolated);
	assert_true(v.ingress.isolated);
	assert_int_equal(v.ingress.isolating.len, 2);
	assert_int_equal(v.ingress.admitting.len, 1);
	assert_string_equal(v.ingress.admitting.data[0]->name, "web");
	assert_int_equal(v.ingress.rules.data[0], 1);
	evaluate_verdict_fini(&v);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(semantics),
		cmocka_unit_test(names_the_deciders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
