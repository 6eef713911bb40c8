/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scale.c - large rulesets in one transaction, and what changes cost then. */
#include "host.h"

#include <time.h>

#define ENDPOINTS 1000
#define RANGES	  100000

static struct verdict to_class(unsigned i)
{
	struct verdict v = { .kind = VERDICT_GOTO };

	snprintf(v.chain, sizeof(v.chain), "class_%04u", i);
	return v;
}

static void put_be32(uint8_t *to, uint32_t value)
{
	value = htonl(value);
	memcpy(to, &value, sizeof(value));
}

/* Every other /32 of 10/8 and up: none of them can be merged. */
static struct ruleset_set *cidr_set(size_t n, uint32_t moved)
{
	_cleanup_(freep) uint8_t *keys = xcalloc(n, 8);
	struct ruleset_set *set =
		build_set("cidrs", NULL, SET_INTERVAL, TYPES(TYPE_IPV4));

	for (size_t i = 0; i < n; i++) {
		put_be32(keys + 8 * i, 0x0a000000 + 2 * (uint32_t)i);
		put_be32(keys + 8 * i + 4, 0x0a000000 + 2 * (uint32_t)i);
	}
	if (moved)
		put_be32(keys + 8 * (n / 2) + 4, 0x0a000000 + (uint32_t)n + 1);
	build_set_fill(set, n, keys, NULL, true);
	return set;
}

static struct ruleset_set *dispatch_map(const char *name, size_t n)
{
	_cleanup_(freep) uint8_t *keys = xcalloc(n, 4);
	_cleanup_(freep) struct verdict *verdicts =
		xcalloc(n, sizeof(*verdicts));
	struct ruleset_set *set =
		build_set(name, NULL, SET_VMAP, TYPES(TYPE_IPV4));

	for (size_t i = 0; i < n; i++) {
		put_be32(keys + 4 * i, 0x0a000000 + (uint32_t)i);
		verdicts[i] = to_class((unsigned)i % ENDPOINTS);
	}
	build_set_fill(set, n, keys, verdicts, true);
	return set;
}

static struct ruleset_set *peer_set(unsigned i, size_t n)
{
	_cleanup_(freep) uint8_t *keys = xcalloc(n, 4);
	_cleanup_(freep) char *name = xasprintf("peers_%04u", i);
	struct ruleset_set *set = build_set(name, NULL, 0, TYPES(TYPE_IPV4));

	for (size_t j = 0; j < n; j++)
		put_be32(keys + 4 * j, 0x0a000000 + i + (uint32_t)j);
	build_set_fill(set, n, keys, NULL, true);
	return set;
}

static void add_class(struct ruleset *r, unsigned i)
{
	_cleanup_(builder_fini) struct builder b = { 0 };
	struct verdict v = to_class(i);
	_cleanup_(freep) char *peers = xasprintf("peers_%04u", i);
	_cleanup_(freep) char *ports = xasprintf("ports_%04u", i);
	_cleanup_(freep) char *leaf = xasprintf("leaf_%04u", i);
	struct ruleset_set *set =
		build_set(ports, NULL, SET_VMAP, TYPES(TYPE_SERVICE));
	struct verdict to_leaf[8];
	uint8_t keys[16];

	for (unsigned j = 0; j < 8; j++) {
		to_leaf[j] = build_goto(leaf);
		keys[2 * j] = (uint8_t)j;
		keys[2 * j + 1] = 80;
	}
	build_set_fill(set, 8, keys, to_leaf, true);
	add_set(r, TABLE_INET, set);
	add_set(r, TABLE_INET, peer_set(i, 20));
	build_match_u8(&b, FIELD_L4PROTO, IPPROTO_TCP);
	build_vmap(&b, ports, FIELDS(FIELD_TH_DPORT));
	build_rule(&b);
	build_rule_verdict(&b, VERDICT_DROP, NULL);
	add_chain(r, TABLE_INET, build_chain(&b, v.chain, "team/policy"));
	build_family(&b, AF_INET);
	build_lookup(&b, peers, false, FIELDS(FIELD_IP_SADDR));
	build_rule_verdict(&b, VERDICT_ACCEPT, NULL);
	build_counter(&b, "denied");
	build_rule_verdict(&b, VERDICT_DROP, NULL);
	add_chain(r, TABLE_INET, build_chain(&b, leaf, NULL));
}

static struct ruleset_chain *dispatch_chain(void)
{
	_cleanup_(builder_fini) struct builder b = { 0 };

	build_family(&b, AF_INET);
	build_vmap(&b, "dispatch", FIELDS(FIELD_IP_DADDR));
	build_rule(&b);
	return build_base_chain(&b, "forward", HOOK_FORWARD, -10);
}

/* As many classes as endpoints: 1,000 endpoints under 1,000 policies. */
static struct ruleset *large_ruleset(void)
{
	struct ruleset *r = new_ruleset();

	add_counter(r, TABLE_INET, "denied");
	add_set(r, TABLE_INET, dispatch_map("dispatch", ENDPOINTS));
	add_chain(r, TABLE_INET, dispatch_chain());
	for (unsigned i = 0; i < ENDPOINTS; i++)
		add_class(r, i);
	return r;
}

/* The kernel does its part in the sender's time, so the processor time is of
 * both, and does not mind what else the machine does. */
static struct firewall_result timed(const char *what, struct firewall *fw,
				    struct ruleset *r)
{
	struct firewall_result result;
	struct timespec from, to;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	result = apply(fw, r);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	print_message(
		"%-40s %8.2f ms (%8.2f ms cpu) %6u messages %6u elements\n",
		what, (double)result.duration_ns / 1e6,
		(double)(to.tv_sec - from.tv_sec) * 1e3 +
			(double)(to.tv_nsec - from.tv_nsec) / 1e6,
		result.objects, result.elements);
	return result;
}

static void test_large(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = large_ruleset();
	_cleanup_(ruleset_unrefp) struct ruleset *set = copy_ruleset(r);
	_cleanup_(ruleset_unrefp) struct ruleset *map = copy_ruleset(r);
	struct firewall *fw = open_firewall(true);
	struct firewall_result result;

	(void)state;
	replace_set(set, TABLE_INET, peer_set(7, 21));
	replace_set(map, TABLE_INET, dispatch_map("dispatch", ENDPOINTS + 1));
	result = timed("1,000 classes, fresh", fw, r);
	assert_int_equal(result.elements, 29 * ENDPOINTS);
	result = timed("nothing changed", fw, r);
	assert_false(result.changed);
	firewall_forget(fw);
	result = timed("nothing changed, kernel read", fw, r);
	assert_false(result.changed);

	result = timed("one element added to a set", fw, set);
	assert_int_equal(result.objects, 1);
	result = timed("and deleted", fw, r);
	result = timed("one element added to the dispatch map", fw, map);
	assert_int_equal(result.objects, 1);
	result = timed("and deleted", fw, r);
	assert_int_equal(result.objects, 1);
	assert_int_equal(firewall_teardown(fw), 1);
	firewall_close(fw);
}

static void test_ranges(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = new_ruleset();
	_cleanup_(ruleset_unrefp) struct ruleset *next = NULL;
	struct firewall *fw = open_firewall(true);
	struct firewall_result result;

	(void)state;
	add_set(r, TABLE_INET, cidr_set(RANGES, 0));
	next = copy_ruleset(r);
	replace_set(next, TABLE_INET, cidr_set(RANGES, 1));
	result = timed("100,000 ranges, fresh", fw, r);
	assert_int_equal(result.elements, RANGES);
	result = timed("one of them changed", fw, next);
	assert_int_equal(result.elements, 2);
	firewall_forget(fw);
	result = timed("nothing changed, kernel read", fw, next);
	assert_false(result.changed);
	firewall_close(fw);
}

/* One transaction of more than 10,000 objects. */
static void test_objects(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = large_ruleset();
	struct firewall *fw = open_firewall(true);
	struct firewall_result result;

	(void)state;
	for (unsigned i = ENDPOINTS; i < 3 * ENDPOINTS; i++)
		add_class(r, i);
	result = timed("3,000 classes, fresh", fw, r);
	assert_true(result.objects > 10000);
	firewall_forget(fw);
	result = timed("nothing changed, kernel read", fw, r);
	assert_false(result.changed);
	firewall_close(fw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_large, enter_namespace),
		cmocka_unit_test_setup(test_ranges, enter_namespace),
		cmocka_unit_test_setup(test_objects, enter_namespace),
	};

	return cmocka_run_group_tests_name("scale", tests, NULL, NULL);
}
