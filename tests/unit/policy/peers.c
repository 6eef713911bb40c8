/* SPDX-License-Identifier: GPL-2.0-or-later */
/* peers.c - selectors and ipBlocks of a rule. */
#include "text.h"

/* The peers of one egress rule; the first item starts at column 19. */
static void check_peers(const char *peers, const char *expected)
{
	_cleanup_(freep) char *spec =
		xasprintf("{egress: [{to: [%s]}]}", peers);

	check_spec(spec, expected);
}

#define PEER "spec.egress[0].to[0]"

static void selectors(_unused_ void **state)
{
	check_peers("", "default/p IE () out[|]");
	check_peers("{podSelector: {}}", "default/p IE () out[|pods()]");
	check_peers("{namespaceSelector: {}}", "default/p IE () out[|ns()]");
	/* One item with both, and two items. */
	check_peers("{podSelector: {matchLabels: {a: b}}, "
		    "namespaceSelector: {matchLabels: {c: d}}}",
		    "default/p IE () out[|ns(c=d)pods(a=b)]");
	check_peers("{podSelector: {}}, {namespaceSelector: {}}",
		    "default/p IE () out[|pods(),ns()]");
	check_peers("{podSelector: {}, ipBlock: null}",
		    "default/p IE () out[|pods()]");
}

static void blocks(_unused_ void **state)
{
	check_peers("{ipBlock: {cidr: 10.0.0.0/8}}",
		    "default/p IE () out[|10.0.0.0/8]");
	check_peers(
		"{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8, "
		"192.168.1.1/32]}}",
		"default/p IE () out[|0.0.0.0/0-10.0.0.0/8-192.168.1.1/32]");
	check_peers("{ipBlock: {except: ['fd00:1::/32'], cidr: 'fd00::/8'}}",
		    "default/p IE () out[|fd00::/8-fd00:1::/32]");
	check_peers("{ipBlock: {cidr: '::/0', except: []}}",
		    "default/p IE () out[|::/0]");
	check_peers("{ipBlock: {cidr: '2001:DB8:0:0::/64'}}",
		    "default/p IE () out[|2001:db8::/64]");
}

static void odd_blocks(_unused_ void **state)
{
	check_peers("{ipBlock: {cidr: 10.1.2.3/8}}",
		    "f:4:36: warning: " PEER ".ipBlock.cidr: \"10.1.2.3/8\" "
		    "has bits behind its prefix; read as 10.0.0.0/8\n"
		    "default/p IE () out[|10.0.0.0/8]");
	check_peers("{ipBlock: {cidr: 010.000.0.0/08}}",
		    "f:4:36: warning: " PEER
		    ".ipBlock.cidr: \"010.000.0.0/08\" has leading zeros; read "
		    "as 10.0.0.0/8\ndefault/p IE () out[|10.0.0.0/8]");
	check_peers("{ipBlock: {cidr: '::ffff:10.0.0.0/104'}}",
		    "f:4:36: error: " PEER
		    ".ipBlock.cidr: \"::ffff:10.0.0.0/104\" is IPv4 written as "
		    "IPv6; write the IPv4 CIDR\n");
}

static void bad_cidr(_unused_ void **state)
{
	static const char *const texts[] = {
		"",
		"x",
		"10.0.0.0/33",
		"10.0.0/8",
		"10.0.0.0/",
		"/8",
		"10.0.0.0/-1",
		"10.0.0.0/8 ",
		"256.0.0.0/8",
		"fd00::/129",
		"fd00::%eth0/64",
		"10.0.0.0/8/8",
		"1.2.3.4.5/8",
		"10.0.0.0/255.0.0.0",
		"00000000000000000000000000000000000000000000000000000000000000/8",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_(freep) char *peer =
			xasprintf("{ipBlock: {cidr: '%s'}}", texts[i]);
		_cleanup_(freep) char *expected = xasprintf(
			"f:4:36: error: " PEER ".ipBlock.cidr: \"%s\" is no "
			"CIDR; write it as 10.0.0.0/8 or fd00::/8\n",
			texts[i]);

		check_peers(peer, expected);
	}
	check_peers(
		"{ipBlock: {cidr: 10.0.0.1}}",
		"f:4:36: error: " PEER ".ipBlock.cidr: \"10.0.0.1\" has no "
		"prefix length; write 10.0.0.1/32 for this address alone\n");
	check_peers(
		"{ipBlock: {cidr: 'fd00::1'}}",
		"f:4:36: error: " PEER ".ipBlock.cidr: \"fd00::1\" has no "
		"prefix length; write fd00::1/128 for this address alone\n");
	check_peers("{ipBlock: {}}",
		    "f:4:29: error: " PEER ".ipBlock.cidr: required\n");
	check_peers("{ipBlock: {cidr: 8}}",
		    "f:4:36: error: " PEER ".ipBlock.cidr: must be a string, "
		    "found integer 8; quote it\n");
}

static void bad_except(_unused_ void **state)
{
	static const char *const texts[] = {
		"11.0.0.0/16", /* outside */
		"10.0.0.0/8",  /* all of it */
		"0.0.0.0/0",   /* around it */
		"fd00::/16",   /* another family */
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_(freep) char *peer = xasprintf(
			"{ipBlock: {cidr: 10.0.0.0/8, except: ['%s']}}",
			texts[i]);
		_cleanup_(freep) char *expected = xasprintf(
			"f:4:57: error: " PEER ".ipBlock.except[0]: \"%s\" "
			"must lie within cidr 10.0.0.0/8 and be smaller\n",
			texts[i]);

		check_peers(peer, expected);
	}
	check_peers("{ipBlock: {cidr: 10.0.0.0/8, except: ['', x]}}",
		    "f:4:57: error: " PEER ".ipBlock.except[0]: \"\" is no "
		    "CIDR; write it as 10.0.0.0/8 or fd00::/8\n"
		    "f:4:61: error: " PEER ".ipBlock.except[1]: \"x\" is no "
		    "CIDR; write it as 10.0.0.0/8 or fd00::/8\n");
	/* A bad cidr says nothing of a good except. */
	check_peers("{ipBlock: {cidr: x, except: [10.0.0.0/8]}}",
		    "f:4:36: error: " PEER ".ipBlock.cidr: \"x\" is no CIDR; "
		    "write it as 10.0.0.0/8 or fd00::/8\n");
}

static void bad_peer(_unused_ void **state)
{
	check_peers("{}", "f:4:19: error: " PEER
			  ": must have a podSelector, a namespaceSelector or "
			  "an ipBlock\n");
	check_peers("{podSelector: null}",
		    "f:4:19: error: " PEER
		    ": must have a podSelector, a namespaceSelector or an "
		    "ipBlock\n");
	check_peers("{podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}",
		    "f:4:19: error: " PEER
		    ": must not have an ipBlock beside a selector; make two "
		    "items of them\n");
	check_peers("{podselector: {}}",
		    "f:4:20: error: " PEER
		    ": unknown field \"podselector\"; known here: podSelector, "
		    "namespaceSelector, ipBlock\n"
		    "f:4:19: error: " PEER
		    ": must have a podSelector, a namespaceSelector or an "
		    "ipBlock\n");
	check_peers("~", "f:4:19: error: " PEER ": must not be null; remove "
			 "the item, or write what it is\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(selectors),  cmocka_unit_test(blocks),
		cmocka_unit_test(odd_blocks), cmocka_unit_test(bad_cidr),
		cmocka_unit_test(bad_except), cmocka_unit_test(bad_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
