/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge.c - connections against policies, as Kubernetes' semantics say. */
#include "revoke/judge.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "world.h"

#define NETWORKS      \
	"networks:\n" \
	"- {name: front, bridge: br0, subnets: [10.0.0.0/24, \"fd00::/64\"]}\n"
#define ENDPOINTS                                                             \
	"endpoints:\n"                                                        \
	"- {name: web, labels: {app: web}, bridge: br0, ipv4: 10.0.0.2,\n"    \
	"   ipv6: \"fd00::2\", mac: \"02:00:00:00:00:02\", ports: http=80,\n" \
	"   published: [{host: 0.0.0.0, hostPort: 8080, port: 80}]}\n"        \
	"- {name: api, labels: {app: api}, bridge: br0, ipv4: 10.0.0.3,\n"    \
	"   ipv6: \"fd00::3\"}\n"                                             \
	"- {name: db, labels: {app: db}, bridge: br0, ipv4: 10.0.0.4}\n"      \
	"- {name: far, labels: {app: web}, bridge: br9, ipv4: 10.9.0.2}\n"

#define POLICY(spec)                         \
	"apiVersion: networking.k8s.io/v1\n" \
	"kind: NetworkPolicy\n"              \
	"metadata: {name: p}\n"              \
	"spec: {" spec "}\n"
#define NOBODY POLICY("podSelector: {matchLabels: {app: web}}, ingress: []")
#define API_HTTP                                                              \
	POLICY("podSelector: {matchLabels: {app: web}},"                      \
	       "ingress: [{from: [{podSelector: {matchLabels: {app: api}}}]," \
	       "ports: [{port: http}]}]")
#define NO_EGRESS                                        \
	POLICY("podSelector: {matchLabels: {app: api}}," \
	       "policyTypes: [Egress]")
#define HOST_ADDRESS "192.0.2.1"

struct fixture {
	struct world world;
	struct judge *judge;
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);
	struct addr a;

	world_set_endpoints(&f->world, NETWORKS ENDPOINTS);
	world_set_policies(&f->world, "");
	f->judge = judge_new();
	addr_parse(slice_of(HOST_ADDRESS), &a);
	judge_add_local(f->judge, &a);
	addr_parse(slice_of("10.0.0.1"), &a);
	judge_add_local(f->judge, &a);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	judge_free(f->judge);
	world_fini(&f->world);
	free(f);
	return 0;
}

static bool update(struct fixture *f)
{
	struct compile_input in = world_input(&f->world);

	return judge_update(f->judge, &in);
}

static bool policies(struct fixture *f, const char *text)
{
	world_set_policies(&f->world, text);
	return update(f);
}

static bool endpoints(struct fixture *f, const char *text)
{
	world_set_endpoints(&f->world, text);
	return update(f);
}

static struct conntrack_entry plain(uint8_t proto, const char *src,
				    const char *dst, uint16_t port)
{
	struct conntrack_entry e = { .proto = proto,
				     .has_ports = proto != IPPROTO_ICMP };

	assert_int_equal(addr_parse(slice_of(src), &e.original.src), 0);
	assert_int_equal(addr_parse(slice_of(dst), &e.original.dst), 0);
	e.original.sport = e.has_ports ? 40000 : 0;
	e.original.dport = port;
	e.reply = (struct conntrack_tuple){ e.original.dst, e.original.src,
					    e.original.dport,
					    e.original.sport };
	return e;
}

static bool allowed(struct fixture *f, const struct conntrack_entry *e)
{
	struct judgement j;

	judge_connection(f->judge, e, &j);
	return j.allowed;
}

static bool tcp(struct fixture *f, const char *src, const char *dst,
		uint16_t port)
{
	struct conntrack_entry e = plain(IPPROTO_TCP, src, dst, port);

	return allowed(f, &e);
}

/* ---- tests ------------------------------------------------------------- */

static void no_policies(void **state)
{
	struct fixture *f = *state;

	assert_true(update(f));
	assert_true(judge_is_idle(f->judge));
	assert_true(tcp(f, "10.0.0.3", "10.0.0.2", 80));
}

static void ingress(void **state)
{
	struct fixture *f = *state;
	struct conntrack_entry udp =
		plain(IPPROTO_UDP, "10.0.0.3", "10.0.0.2", 80);
	struct conntrack_entry ping =
		plain(IPPROTO_ICMP, "10.0.0.3", "10.0.0.2", 0);

	assert_true(policies(f, API_HTTP));
	assert_false(judge_is_idle(f->judge));
	assert_true(tcp(f, "10.0.0.3", "10.0.0.2", 80));
	assert_true(tcp(f, "fd00::3", "fd00::2", 80));
	assert_false(tcp(f, "10.0.0.3", "10.0.0.2", 81));
	assert_false(tcp(f, "10.0.0.4", "10.0.0.2", 80));
	assert_false(tcp(f, "203.0.113.7", "10.0.0.2", 80));
	/* TCP's port is not UDP's, and a rule with ports admits no ping. */
	assert_false(allowed(f, &udp));
	assert_false(allowed(f, &ping));
	/* The other way nothing isolates. */
	assert_true(tcp(f, "10.0.0.2", "10.0.0.4", 5432));
	/* The address that its MAC makes is its own too. */
	assert_false(tcp(f, "fe80::99", "fe80::ff:fe00:2", 80));
}

static void egress(void **state)
{
	struct fixture *f = *state;
	struct conntrack_entry e =
		plain(IPPROTO_TCP, "10.0.0.3", "10.0.0.2", 80);
	struct judgement j;

	policies(f, NO_EGRESS);
	judge_connection(f->judge, &e, &j);
	assert_false(j.allowed);
	assert_int_equal(j.direction, DENY_EGRESS);
	assert_string_equal(j.source->name, "api");
	assert_string_equal(j.destination->name, "web");
	assert_false(tcp(f, "10.0.0.3", "203.0.113.7", 443));
	assert_false(tcp(f, "10.0.0.3", HOST_ADDRESS, 22));
	assert_true(tcp(f, "10.0.0.2", "10.0.0.3", 80));
}

static void the_host(void **state)
{
	struct fixture *f = *state;

	policies(f, NOBODY);
	assert_true(tcp(f, HOST_ADDRESS, "10.0.0.2", 80));
	assert_true(tcp(f, "10.0.0.1", "10.0.0.2", 80));
	assert_true(tcp(f, "127.0.0.1", "10.0.0.2", 80));
	judge_reset_local(f->judge);
	assert_false(tcp(f, HOST_ADDRESS, "10.0.0.2", 80));
}

static void itself(void **state)
{
	struct fixture *f = *state;

	policies(f, NOBODY);
	assert_true(tcp(f, "10.0.0.2", "10.0.0.2", 80));
}

/* Judged after DNAT and before SNAT. */
static void translated(void **state)
{
	struct fixture *f = *state;
	struct conntrack_entry e =
		plain(IPPROTO_TCP, "203.0.113.7", HOST_ADDRESS, 8080);

	policies(f, API_HTTP);
	addr_parse(slice_of("10.0.0.2"), &e.reply.src);
	e.reply.sport = 80;
	assert_false(allowed(f, &e));
	/* Its own way out is masqueraded: the reply goes to the host. */
	e = plain(IPPROTO_TCP, "10.0.0.3", "203.0.113.7", 443);
	addr_parse(slice_of(HOST_ADDRESS), &e.reply.dst);
	assert_true(allowed(f, &e));
	policies(f, NO_EGRESS);
	assert_false(allowed(f, &e));
}

/* docker-proxy takes the connection on the host. */
static void proxied(void **state)
{
	struct fixture *f = *state;
	struct conntrack_entry udp =
		plain(IPPROTO_UDP, "10.0.0.4", "10.0.0.1", 8080);

	policies(f, API_HTTP);
	assert_true(tcp(f, "10.0.0.3", "10.0.0.1", 8080));
	assert_false(tcp(f, "10.0.0.4", "10.0.0.1", 8080));
	assert_false(tcp(f, "203.0.113.7", HOST_ADDRESS, 8080));
	/* Other ports and protocols of the host are the host's own. */
	assert_true(tcp(f, "10.0.0.4", "10.0.0.1", 80));
	assert_true(allowed(f, &udp));
	/* The host through its own published port. */
	assert_true(tcp(f, "127.0.0.1", "127.0.0.1", 8080));
	assert_true(tcp(f, HOST_ADDRESS, HOST_ADDRESS, 8080));
}

/* Who opened it is not known, so it must be allowed both ways. */
static void picked_up(void **state)
{
	struct fixture *f = *state;
	struct conntrack_entry e =
		plain(IPPROTO_TCP, "10.0.0.2", "10.0.0.4", 40000);

	e.original.sport = e.reply.dport = 80;
	policies(f, NOBODY);
	assert_true(allowed(f, &e));
	e.picked_up = true;
	assert_false(allowed(f, &e));
}

/* Nothing of ours filters a network that is not governed. */
static void not_governed(void **state)
{
	struct fixture *f = *state;

	policies(f, NOBODY);
	assert_true(tcp(f, "203.0.113.7", "10.9.0.2", 80));
}

static void audit(void **state)
{
	struct fixture *f = *state;

	endpoints(f, "options: {audit: true}\n" NETWORKS ENDPOINTS);
	policies(f, NOBODY);
	assert_true(judge_is_idle(f->judge));
}

static void changes(void **state)
{
	struct fixture *f = *state;

	policies(f, API_HTTP);
	assert_false(update(f));
	/* The same, told anew. */
	assert_false(endpoints(f, NETWORKS ENDPOINTS));
	assert_true(tcp(f, "10.0.0.3", "10.0.0.2", 80));
	/* Another label. */
	assert_true(endpoints(
		f, NETWORKS
		"endpoints:\n"
		"- {name: web, labels: {app: web}, bridge: br0, ipv4: 10.0.0.2, ports: http=80}\n"
		"- {name: api, labels: {app: old}, bridge: br0, ipv4: 10.0.0.3}\n"));
	assert_false(tcp(f, "10.0.0.3", "10.0.0.2", 80));
	/* Another number behind the name. */
	assert_true(endpoints(
		f, NETWORKS
		"endpoints:\n"
		"- {name: web, labels: {app: web}, bridge: br0, ipv4: 10.0.0.2, ports: http=81}\n"
		"- {name: api, labels: {app: api}, bridge: br0, ipv4: 10.0.0.3}\n"));
	assert_false(tcp(f, "10.0.0.3", "10.0.0.2", 80));
	assert_true(tcp(f, "10.0.0.3", "10.0.0.2", 81));
	/* The bridge is governed no more. */
	assert_true(endpoints(
		f,
		"networks: []\nendpoints:\n"
		"- {name: web, labels: {app: web}, bridge: br0, ipv4: 10.0.0.2, ports: http=81}\n"
		"- {name: api, labels: {app: api}, bridge: br0, ipv4: 10.0.0.3}\n"));
	assert_true(tcp(f, "10.0.0.3", "10.0.0.2", 80));
}

#define ONLY_WEB       \
	NETWORKS       \
	"endpoints:\n" \
	"- {name: web, labels: {app: web}, bridge: br0, ipv4: 10.0.0.2}\n"

/* What is left of a container dies, whatever policies say; not what its
 * successor begins. */
static void released(void **state)
{
	struct fixture *f = *state;
	struct conntrack_entry e =
		plain(IPPROTO_TCP, "10.0.0.3", "203.0.113.7", 443);
	struct judgement j;

	update(f);
	assert_true(endpoints(f, ONLY_WEB));
	assert_false(judge_is_idle(f->judge));
	judge_connection(f->judge, &e, &j);
	assert_false(j.allowed);
	assert_string_equal(j.source->name, "api");
	assert_false(tcp(f, "10.0.0.2", "10.0.0.3", 80));
	assert_true(tcp(f, "10.0.0.2", "203.0.113.7", 80));
	assert_true(endpoints(
		f, ONLY_WEB
		"- {name: next, labels: {app: x}, bridge: br0, ipv4: 10.0.0.3}\n"));
	assert_true(allowed(f, &e));
	assert_true(endpoints(f, ONLY_WEB));
	assert_false(allowed(f, &e));
	judge_forget_released(f->judge);
	assert_true(allowed(f, &e));
	assert_true(judge_is_idle(f->judge));
}

static void exited(void **state)
{
	struct fixture *f = *state;

	update(f);
	assert_true(endpoints(
		f, ONLY_WEB
		"- {name: api, labels: {app: api}, state: exited, bridge: br0, ipv4: 10.0.0.3}\n"));
	assert_false(tcp(f, "10.0.0.2", "10.0.0.3", 80));
}

/* Overlapping networks: the policies of the isolated one hold for both. */
static void shared_address(void **state)
{
	struct fixture *f = *state;

	endpoints(
		f,
		"networks:\n"
		"- {name: a, bridge: br0, subnets: [10.0.0.0/24]}\n"
		"- {name: b, bridge: br1, subnets: [10.0.0.0/24]}\n"
		"endpoints:\n"
		"- {name: aaa, labels: {app: free}, bridge: br1, ipv4: 10.0.0.2}\n"
		"- {name: web, labels: {app: web}, bridge: br0, ipv4: 10.0.0.2, ports: http=80}\n"
		"- {name: other, labels: {app: other}, bridge: br1, ipv4: 10.0.0.3}\n"
		"- {name: zapi, labels: {app: api}, bridge: br0, ipv4: 10.0.0.3}\n");
	policies(f, API_HTTP);
	assert_true(tcp(f, "10.0.0.3", "10.0.0.2", 80));
	assert_false(tcp(f, "10.0.0.3", "10.0.0.2", 81));
}

/* ---- who admits -------------------------------------------------------- */

#define NAMED(name, spec)                    \
	"---\n"                              \
	"apiVersion: networking.k8s.io/v1\n" \
	"kind: NetworkPolicy\n"              \
	"metadata: {name: " name "}\n"       \
	"spec: {" spec "}\n"
#define FROM_API                                                           \
	NAMED("from-api", "podSelector: {matchLabels: {app: web}},"        \
			  "ingress: [{from: [{podSelector: {matchLabels: " \
			  "{app: api}}}], ports: [{port: http}]}]")
#define FROM_OUTSIDE                                                    \
	NAMED("from-outside", "podSelector: {matchLabels: {app: web}}," \
			      "ingress: [{from: [{ipBlock: "            \
			      "{cidr: 203.0.113.0/24}}]}]")
#define TO_WEB                                                    \
	NAMED("to-web", "podSelector: {matchLabels: {app: api}}," \
			"policyTypes: [Egress], egress: [{to: [{" \
			"podSelector: {matchLabels: {app: web}}}]}]")

static void add_policy(void *arg, const struct policy *policy)
{
	buf_addf(arg, " %s", policy->name);
}

/* "SOURCE DESTINATION POLICY…", where nobody is "-"; "not governed". */
static void assert_admitted(struct fixture *f, const struct conntrack_entry *e,
			    const char *text)
{
	_cleanup_(buf_fini) struct buf policies_of = BUF_INIT(1024);
	_cleanup_(freep) char *got = NULL;
	struct admission a;

	judge_admission(f->judge, e, add_policy, &policies_of, &a);
	got = xasprintf("%s%s %s%s", a.governed ? "" : "not governed: ",
			a.source ? a.source->name : "-",
			a.destination ? a.destination->name : "-",
			buf_str(&policies_of));
	assert_string_equal(got, text);
}

static void assert_tcp(struct fixture *f, const char *src, const char *dst,
		       uint16_t port, const char *text)
{
	struct conntrack_entry e = plain(IPPROTO_TCP, src, dst, port);

	assert_admitted(f, &e, text);
}

static void admitted_by_none(void **state)
{
	struct fixture *f = *state;

	/* Nobody is isolated. */
	update(f);
	assert_tcp(f, "10.0.0.3", "10.0.0.2", 80, "api web");
	assert_tcp(f, "203.0.113.7", "10.0.0.2", 80, "- web");
	assert_tcp(f, "10.0.0.3", "203.0.113.7", 80, "api -");
	/* Isolated, and the host may come in all the same. */
	policies(f, FROM_API);
	assert_tcp(f, HOST_ADDRESS, "10.0.0.2", 80, "- web");
	/* What goes out is not what the policy is about. */
	assert_tcp(f, "10.0.0.2", "203.0.113.7", 80, "web -");
	/* It was let in before the policy came: no policy admits it. */
	assert_tcp(f, "10.0.0.4", "10.0.0.2", 80, "db web");
	assert_tcp(f, "10.0.0.3", "10.0.0.2", 81, "api web");
}

static void admitted_by_those_that_match(void **state)
{
	struct fixture *f = *state;

	policies(f, FROM_API FROM_OUTSIDE TO_WEB);
	assert_tcp(f, "10.0.0.3", "10.0.0.2", 80, "api web to-web from-api");
	assert_tcp(f, "fd00::3", "fd00::2", 80, "api web to-web from-api");
	assert_tcp(f, "203.0.113.7", "10.0.0.2", 81, "- web from-outside");
	/* Only one end's admits it. */
	assert_tcp(f, "10.0.0.3", "10.0.0.2", 81, "api web to-web");
	assert_tcp(f, "10.0.0.3", "10.0.0.4", 80, "api db");
}

/* Whose it is, is told of what nothing governs, too. */
static void not_governed_and_admitted(void **state)
{
	struct fixture *f = *state;

	policies(f, FROM_OUTSIDE);
	assert_tcp(f, "203.0.113.7", "10.9.0.2", 80, "not governed: - far");
	assert_tcp(f, HOST_ADDRESS, "203.0.113.7", 80, "not governed: - -");
	assert_tcp(f, "203.0.113.7", HOST_ADDRESS, 22, "not governed: - -");
}

static void admitted_after_translation(void **state)
{
	struct fixture *f = *state;
	struct conntrack_entry e =
		plain(IPPROTO_TCP, "203.0.113.7", HOST_ADDRESS, 8080);

	policies(f, FROM_API FROM_OUTSIDE);
	addr_parse(slice_of("10.0.0.2"), &e.reply.src);
	e.reply.sport = 80;
	assert_admitted(f, &e, "- web from-outside");
}

/* docker-proxy takes the connection on the host: it is the container's. */
static void admitted_behind_a_proxy(void **state)
{
	struct fixture *f = *state;
	struct conntrack_entry udp =
		plain(IPPROTO_UDP, "10.0.0.3", "10.0.0.1", 8080);

	policies(f, FROM_API FROM_OUTSIDE);
	assert_tcp(f, "10.0.0.3", "10.0.0.1", 8080, "api web from-api");
	assert_tcp(f, "203.0.113.7", HOST_ADDRESS, 8080, "- web from-outside");
	assert_tcp(f, "10.0.0.4", "10.0.0.1", 8080, "db web");
	/* The host's own port, protocol and business. */
	assert_tcp(f, "10.0.0.3", "10.0.0.1", 8081, "api -");
	assert_admitted(f, &udp, "api -");
	assert_tcp(f, HOST_ADDRESS, HOST_ADDRESS, 8080, "not governed: - -");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(no_policies),
		TEST(ingress),
		TEST(egress),
		TEST(the_host),
		TEST(itself),
		TEST(translated),
		TEST(proxied),
		TEST(picked_up),
		TEST(not_governed),
		TEST(audit),
		TEST(changes),
		TEST(released),
		TEST(exited),
		TEST(shared_address),
		TEST(admitted_by_none),
		TEST(admitted_by_those_that_match),
		TEST(not_governed_and_admitted),
		TEST(admitted_after_translation),
		TEST(admitted_behind_a_proxy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
