/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tamper.c - what others did to our tables is undone, and only that.
 *
 * Plain tables, which anybody may change. Each case changes one thing with
 * nft; the next apply must see it by itself (the generation moved), say how
 * many messages it took, and leave the listing as it was.
 */
#include "host.h"

struct tampering {
	const char *command; /* behind "nft" */
	unsigned objects;    /* of the repair */
	unsigned elements;
};

#define T "inet bulkhead "

static const struct tampering cases[] = {
	/* elements */
	{ "delete element " T "peers '{ 10.0.0.3 }'", 1, 1 },
	{ "add element " T "peers '{ 10.0.0.99 }'", 1, 1 },
	{ "flush set " T "peers", 1, 2 },
	{ "delete element " T "dispatch '{ 10.0.0.2 }'", 1, 1 },
	{ "add element " T "dispatch '{ 10.9.9.9 : accept }'", 1, 1 },
	{ "'delete element " T "dispatch { 10.0.0.2 }; add element " T
	  "dispatch { 10.0.0.2 : accept }'",
	  2, 2 },
	{ "delete element " T "cidrs '{ 10.1.0.0/16 }'", 1, 1 },
	{ "add element " T "cidrs '{ 10.3.0.0/16 }'", 1, 1 },
	{ "'delete element " T "cidrs { 10.1.0.0/16 }; add element " T
	  "cidrs { 10.1.0.0/17 }'",
	  2, 2 },
	/* rules */
	{ "flush chain " T "leaf", 4, 0 },
	{ "add rule " T "leaf accept", 4, 0 },
	{ "insert rule " T "forward accept", 4, 0 },
	{ "add rule " T "class counter comment x", 3, 0 },
	/* more than its elements: the set is declared anew, with the rules
	 * that use it: 3 rules flushed and put, set out, set in, elements */
	{ "add element " T "peers '{ 10.0.0.99 comment \"x\" }'", 7, 2 },
	{ "add element " T "peers '{ * }'", 7, 2 },
	{ "add element " T "dispatch '{ * : accept }'", 7, 2 },
	/* objects that are none of ours */
	{ "add chain " T "foreign", 2, 0 },
	{ "'add chain " T "foreign { type filter hook input priority 0; }; "
	  "add rule " T "foreign drop'",
	  2, 0 },
	{ "add set " T "foreign '{ type mark; flags interval; "
	  "elements = { 1-5 }; }'",
	  1, 0 },
	{ "add counter " T "foreign", 1, 0 },
	{ "'add chain " T "foreign; add rule " T "foreign jump leaf; "
	  "add element " T "dispatch { 10.9.9.9 : jump foreign }'",
	  3, 1 },
	{ "'add set " T "foreign { type mark; }; add rule " T
	  "leaf meta mark @foreign accept'",
	  5, 0 },
	{ "chain " T "forward '{ policy drop; }'", 4, 0 },
	/* what only a new table undoes */
	{ "add quota " T "foreign over 1 mbytes", SMALL_OBJECTS + 1,
	  SMALL_ELEMENTS },
	{ "add chain " T "a_name_longer_than_any_that_we_would_give_it",
	  SMALL_OBJECTS + 1, SMALL_ELEMENTS },
	{ "add chain " T "foreign '{ type nat hook postrouting priority 0; }'",
	  SMALL_OBJECTS + 1, SMALL_ELEMENTS },
	{ "add table " T "'{ flags dormant; }'", SMALL_OBJECTS + 1,
	  SMALL_ELEMENTS },
	/* all of it */
	{ "delete table inet bulkhead", SMALL_OBJECTS, SMALL_ELEMENTS },
	{ "flush ruleset", SMALL_OBJECTS, SMALL_ELEMENTS },
	/* a table that is none of ours */
	{ "add table ip bulkhead", 0, 0 },
};

/* Sorted: what is made anew comes last in the kernel's lists. */
static const char *list_ours(void)
{
	return run_kept("nft list table inet bulkhead | sort");
}

static void check(const struct tampering *t, struct ruleset *r)
{
	_cleanup_(firewall_closep) struct firewall *fw = open_firewall(false);
	_cleanup_(freep) char *command = xasprintf("nft %s", t->command);
	_cleanup_(freep) char *before = NULL;
	struct firewall_result result;

	apply(fw, r);
	before = xstrdup(list_ours());
	run_ok(command);
	result = apply(fw, r);
	if (result.objects != t->objects || result.elements != t->elements)
		fail_msg("%s: repaired with %u messages, %u elements",
			 t->command, result.objects, result.elements);
	assert_int_equal(result.changed, t->objects > 0);
	if (strcmp(list_ours(), before))
		fail_msg("%s: left %s instead of %s", t->command, list_ours(),
			 before);
	assert_in_force(r);
	assert_int_equal(firewall_teardown(fw), 1);
}

static void test_tampering(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = small_ruleset();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check(&cases[i], r);
}

/* The same declaration in other words, and others under our name. */
static void test_other_declarations(void **state)
{
	static const char *const declarations[] = {
		"set peers { type ipv4_addr; comment \"x\"; }",
		"set peers { type ipv4_addr; flags timeout; }",
		"set peers { type ipv4_addr; flags interval; }",
		"set peers { type ipv4_addr; flags constant; }",
		"set peers { type ipv4_addr; size 10; }",
		"set peers { type ipv4_addr; policy memory; }",
		"set peers { type ipv6_addr; }",
		"set peers { type mark; }",
		"set peers { type ipv4_addr . inet_service; }",
		"map peers { type ipv4_addr : verdict; }",
		"map peers { type ipv4_addr : mark; }",
		"map peers { type ipv4_addr : counter; }",
	};
	_cleanup_(ruleset_unrefp) struct ruleset *r = small_ruleset();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(declarations); i++) {
		_cleanup_(firewall_closep) struct firewall *fw =
			open_firewall(false);
		_cleanup_(freep) char *command = xasprintf(
			"nft 'table inet bulkhead { %s; }'", declarations[i]);

		run_ok(command);
		assert_int_equal(apply(fw, r).objects, SMALL_OBJECTS);
		assert_in_force(r);
		assert_int_equal(firewall_teardown(fw), 1);
	}
}

/* A dynamic set's elements are the packet path's, a set's are not. */
static void test_dynamic_content_stays(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = small_ruleset();
	_cleanup_(firewall_closep) struct firewall *fw = open_firewall(false);
	struct ruleset_set *set =
		build_set("seen", NULL, SET_DYNAMIC, TYPES(TYPE_IPV4));

	(void)state;
	set->timeout_ms = 60000;
	set->size = 128;
	add_set(r, TABLE_INET, set);
	apply(fw, r);
	run_ok("nft add element inet bulkhead seen '{ 10.0.0.1 }'");
	assert_false(apply(fw, r).changed);
	assert_in_force(r);
	assert_non_null(strstr(run_kept("nft list set inet bulkhead seen"),
			       "10.0.0.1"));
}

#define TEST(f) cmocka_unit_test_setup(f, enter_namespace)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_tampering),
		TEST(test_other_declarations),
		TEST(test_dynamic_content_stays),
	};

	return cmocka_run_group_tests_name("tamper", tests, NULL, NULL);
}
