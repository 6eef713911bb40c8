/* SPDX-License-Identifier: GPL-2.0-or-later */
/* incremental.c - a compiler that has run before gives what a fresh one does,
 * and shares what did not change.
 *
 * BULKHEAD_SEED and BULKHEAD_CASES repeat and extend the random sequences.
 */
#include "compile/compile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "random.h"
#include "world.h"

#define SLOTS 12
#define STEPS 40

static const char networks[] =
	"networks:\n"
	"- {name: a, bridge: br0, subnets: [10.71.0.0/24, \"fd71::/64\"]}\n"
	"- {name: b, bridge: br1, subnets: [10.72.0.0/24, \"fd72::/64\"]}\n";

/* One line of endpoints.yaml; a second attachment and published ports now and
 * then, and now and then an address that another one has too. */
static void random_endpoint(struct rng *rng, unsigned slot, struct buf *to)
{
	unsigned host =
		2 + (rng_chance(rng, 10) ? rng_below(rng, SLOTS) : slot);

	buf_addf(to, "- {name: e%u, namespace: %s, labels: ", slot,
		 random_namespace(rng, &random_vocabulary));
	random_labels(rng, to);
	buf_adds(to, ", ports: \"");
	random_named_ports(rng, &random_vocabulary, to);
	buf_addf(to, "\", bridge: br0, ipv4: 10.71.0.%u", host);
	if (rng_chance(rng, 80))
		buf_addf(to, ", ipv6: \"fd71::%u\"", host);
	if (rng_chance(rng, 50))
		buf_addf(to, ", mac: \"02:00:00:00:00:%02x\"", host);
	if (rng_chance(rng, 20))
		buf_addf(to, ", attachments: [{bridge: br1, ipv4: 10.72.0.%u}]",
			 host);
	if (rng_chance(rng, 30))
		buf_addf(
			to,
			", published: [{host: \"%s\", hostPort: %u, port: 80}]",
			rng_chance(rng, 50) ? "0.0.0.0" : "::",
			8000 + rng_below(rng, 4));
	buf_addf(to, ", state: %s}\n",
		 rng_chance(rng, 90)   ? "running"
		 : rng_chance(rng, 50) ? "created"
				       : "exited");
}

/* The endpoints in force, and the same ones in the order of their slots. */
struct scene {
	struct rng rng;
	struct world world;
	struct endpoint *slots[SLOTS];
};

static void fill_slot(struct scene *s, unsigned slot)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);
	struct world one = { 0 };

	buf_adds(&text, "endpoints:\n");
	random_endpoint(&s->rng, slot, &text);
	world_set_endpoints(&one, buf_str(&text));
	endpoint_unref(s->slots[slot]);
	s->slots[slot] = endpoint_ref(one.endpoints.data[0]);
	world_fini(&one);
}

static void change_endpoints(struct scene *s)
{
	unsigned slot = rng_below(&s->rng, SLOTS);

	if (s->slots[slot] && rng_chance(&s->rng, 40)) {
		endpoint_unref(s->slots[slot]);
		s->slots[slot] = NULL;
	} else {
		fill_slot(s, slot);
	}
}

static void change_policies(struct scene *s)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);

	random_policies(&s->rng, &random_vocabulary, rng_below(&s->rng, 8),
			&text);
	world_set_policies(&s->world, buf_str(&text));
}

static void change(struct scene *s)
{
	for (unsigned n = 1 + rng_below(&s->rng, 3); n; n--)
		if (rng_chance(&s->rng, 80))
			change_endpoints(s);
		else if (rng_chance(&s->rng, 80))
			change_policies(s);
		else if (rng_chance(&s->rng, 50))
			s->world.options.reject = !s->world.options.reject;
		else if (rng_chance(&s->rng, 50))
			s->world.options.dns_names =
				!s->world.options.dns_names;
		else
			s->world.options.originals =
				!s->world.options.originals;
	s->world.endpoints.len = 0;
	for (unsigned i = 0; i < SLOTS; i++)
		if (s->slots[i])
			vec_push(&s->world.endpoints, s->slots[i]);
}

static void scene_fini(struct scene *s)
{
	s->world.endpoints.len = 0; /* borrowed from the slots */
	world_fini(&s->world);
	for (unsigned i = 0; i < SLOTS; i++)
		endpoint_unref(s->slots[i]);
}

static void sequence(uint64_t seed)
{
	_cleanup_(compiler_freep) struct compiler *lasting = compiler_new();
	struct scene s = { .rng = { seed } };

	world_set_endpoints(&s.world, networks);
	change_policies(&s);
	for (unsigned step = 0; step < STEPS; step++) {
		_cleanup_(compiler_freep) struct compiler *fresh =
			compiler_new();
		_cleanup_(freep) char *expected = NULL, *got = NULL;

		change(&s);
		got = world_print(lasting, &s.world);
		expected = world_print(fresh, &s.world);
		if (strcmp(got, expected))
			fail_msg("seed %llu, step %u:\n%s\n---- fresh:\n%s",
				 (unsigned long long)seed, step, got, expected);
	}
	scene_fini(&s);
}

static unsigned long long from_environment(const char *name,
					   unsigned long long missing)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : missing;
}

static void same_as_fresh(_unused_ void **state)
{
	unsigned long long seed = from_environment("BULKHEAD_SEED", 1);
	unsigned long long cases = from_environment("BULKHEAD_CASES", 20);

	for (unsigned long long i = 0; i < cases; i++)
		sequence(seed + i);
}

/* ---- sharing ----------------------------------------------------------- */

static const char policies[] =
	"apiVersion: networking.k8s.io/v1\n"
	"kind: NetworkPolicy\n"
	"metadata: {name: web}\n"
	"spec:\n"
	"  podSelector: {matchLabels: {app: web}}\n"
	"  ingress:\n"
	"  - from: [{podSelector: {matchLabels: {app: api}}}]\n"
	"    ports: [{port: 80}]\n"
	"  - from: [{podSelector: {matchLabels: {app: db}}},\n"
	"           {ipBlock: {cidr: 192.0.2.0/24}}]\n";

static const char endpoints[] =
	"networks: [{name: a, bridge: br0, subnets: [10.71.0.0/24]}]\n"
	"endpoints:\n"
	"- {name: web, labels: {app: web}, bridge: br0, ipv4: 10.71.0.2}\n"
	"- {name: db, labels: {app: db}, bridge: br0, ipv4: 10.71.0.3}\n"
	"- {name: api, labels: {app: api}, bridge: br0, ipv4: 10.71.0.4}\n";

static struct ruleset *run(struct compiler *c, const struct world *w)
{
	struct compile_input in = world_input(w);

	return compiler_run(c, &in);
}

/* Names of the sets and chains of @b that are not @a's own objects. */
static char *changed(const struct ruleset *a, const struct ruleset *b)
{
	struct buf text = BUF_INIT(BUF_UNBOUNDED);

	for (int t = 0; t < TABLE_COUNT; t++) {
		const struct ruleset_part *part = &b->parts[t];

		for (size_t i = 0; i < part->nsets; i++)
			if (ruleset_find_set(a, t, part->sets[i]->name) !=
			    part->sets[i])
				buf_addf(&text, "%.5s ", part->sets[i]->name);
		for (size_t i = 0; i < part->nchains; i++)
			if (ruleset_find_chain(a, t, part->chains[i]->name) !=
			    part->chains[i])
				buf_addf(&text, "%s ", part->chains[i]->name);
	}
	buf_adds(&text, "");
	return buf_take(&text);
}

static void assert_changed(struct compiler *c, const struct world *w,
			   struct ruleset **last, const char *expected)
{
	struct ruleset *now = run(c, w);
	_cleanup_(freep) char *names = changed(*last, now);

	assert_string_equal(names, expected);
	ruleset_unref(*last);
	*last = now;
}

static void unchanged_is_shared(_unused_ void **state)
{
	_cleanup_(compiler_freep) struct compiler *c = compiler_new();
	struct ruleset *last = NULL;
	struct world w = { 0 };
	struct endpoint *api;

	world_set_policies(&w, policies);
	world_set_endpoints(&w, endpoints);
	last = run(c, &w);
	assert_changed(c, &w, &last, "");

	/* An equal endpoint in another object, as when a container's state
	 * changes, changes nothing. */
	api = world_endpoint(&w, "api");
	w.endpoints.data[2] = endpoint_copy(api);
	endpoint_unref(api);
	assert_changed(c, &w, &last, "");

	/* One container less: the dispatch, and the group that it was in. */
	endpoint_unref(w.endpoints.data[--w.endpoints.len]);
	assert_changed(c, &w, &last, "egres home4 ingre pods4 self4 ");
	ruleset_unref(last);
	world_fini(&w);
}

/* Whoever holds a ruleset keeps it whole, whatever the compiler does. */
static void ruleset_outlives(_unused_ void **state)
{
	struct compiler *c = compiler_new();
	struct world w = { 0 };
	struct ruleset *r;

	world_set_policies(&w, policies);
	world_set_endpoints(&w, endpoints);
	r = run(c, &w);
	compiler_free(c);
	world_fini(&w);
	assert_non_null(ruleset_find_set(r, TABLE_INET, "ingress4"));
	assert_int_equal(ruleset_find_set(r, TABLE_INET, "ingress4")->n, 3);
	assert_null(ruleset_find_set(r, TABLE_BRIDGE, "ingress4"));
	assert_null(ruleset_find_chain(r, TABLE_INET, "ingress4"));
	ruleset_unref(r);
}

struct names {
	struct buf text;
};

static void add_name(void *arg, const struct policy *policy)
{
	struct names *names = arg;

	buf_addf(&names->text, "%s/%s ", policy->namespace, policy->name);
}

static void isolating(_unused_ void **state)
{
	_cleanup_(compiler_freep) struct compiler *c = compiler_new();
	struct names names = { BUF_INIT(4096) };
	struct compile_stats stats;
	struct world w = { 0 };

	world_set_policies(&w, policies);
	world_set_endpoints(&w, endpoints);
	ruleset_unref(run(c, &w));
	assert_int_equal(compiler_isolating(c, "web", true, add_name, &names),
			 1);
	assert_string_equal(buf_str(&names.text), "default/web ");
	assert_int_equal(compiler_isolating(c, "web", false, add_name, &names),
			 0);
	assert_int_equal(compiler_isolating(c, "db", true, add_name, &names),
			 0);
	assert_int_equal(compiler_isolating(c, "none", true, add_name, &names),
			 0);
	compiler_stats(c, &stats);
	assert_int_equal(stats.endpoints, 3);
	assert_int_equal(stats.isolated_ingress, 1);
	assert_int_equal(stats.isolated_egress, 0);
	assert_int_equal(stats.classes, 1);
	buf_fini(&names.text);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_as_fresh),
		cmocka_unit_test(unchanged_is_shared),
		cmocka_unit_test(ruleset_outlives),
		cmocka_unit_test(isolating),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
