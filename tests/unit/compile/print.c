/* SPDX-License-Identifier: GPL-2.0-or-later */
/* print.c - each statement and each kind of set as nft writes it. What nft
 * makes of whole rulesets, golden.c asks nft itself.
 */
#include "compile/print.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "compile/build.h"

/* The rule under way in @b, as text. */
static void check_rule(struct builder *b, const char *expected)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(4096);

	build_rule(b);
	print_rule(&b->rules.data[b->rules.len - 1], &text);
	assert_string_equal(buf_str(&text), expected);
}

static void matches(_unused_ void **state)
{
	static const uint8_t v4[4] = { 192, 0, 2, 1 };
	static const uint8_t v6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 0xa };
	static const uint8_t mask = 0x17, syn = 0x02, multicast[16] = { 0xff };
	static const char lo[16] = "lo";
	static const uint8_t arp[2] = { 8, 6 }, other[2] = { 0x88, 0xcc };
	_cleanup_(builder_fini) struct builder b = { 0 };

	build_match(&b, FIELD_IP_SADDR, v4);
	check_rule(&b, "ip saddr 192.0.2.1\n");
	build_match(&b, FIELD_IP6_DADDR, v6);
	check_rule(&b, "ip6 daddr 2001:db8::1\n");
	build_match(&b, FIELD_ETHER_SADDR, mac);
	check_rule(&b, "ether saddr 02:00:00:00:00:0a\n");
	build_match(&b, FIELD_IIFNAME, lo);
	check_rule(&b, "iifname \"lo\"\n");
	build_match(&b, FIELD_ETHER_TYPE, arp);
	build_match(&b, FIELD_ETHER_TYPE, other);
	check_rule(&b, "ether type arp ether type 0x88cc\n");
	build_family(&b, AF_INET);
	build_family(&b, AF_INET6);
	check_rule(&b, "meta nfproto ipv4 meta nfproto ipv6\n");
	build_match_not_u8(&b, FIELD_L4PROTO, IPPROTO_SCTP);
	build_match_u8(&b, FIELD_SCTP_CHUNK, 1);
	check_rule(&b, "meta l4proto != sctp @th,96,8 1\n");
	build_ct_state(&b, NF_CT_STATE_BIT(IP_CT_ESTABLISHED) |
				   NF_CT_STATE_BIT(IP_CT_RELATED));
	check_rule(&b, "ct state established,related\n");
	build_match_masked(&b, FIELD_TCP_FLAGS, &mask, &syn, true);
	check_rule(&b, "tcp flags & 0x17 != 0x02\n");
	build_match_masked(&b, FIELD_IP6_DADDR, multicast, multicast, false);
	check_rule(&b, "ip6 daddr & ff00:: == ff00::\n");
}

static void statements(_unused_ void **state)
{
	_cleanup_(builder_fini) struct builder b = { 0 };

	build_lookup(&b, "s", true, FIELDS(FIELD_IP_SADDR, FIELD_TH_DPORT));
	check_rule(&b, "ip saddr . th dport != @s\n");
	build_vmap(&b, "m", FIELDS(FIELD_IP_DADDR));
	check_rule(&b, "ip daddr vmap @m\n");
	build_update(&b, "d", true, FIELDS(FIELD_IP_SADDR));
	build_update(&b, "d", false, FIELDS(FIELD_IP_SADDR));
	b.stmts.data[1].update.timeout_ms = 1500;
	b.stmts.data[1].update.counter = false;
	check_rule(&b, "update @d { ip saddr counter } "
		       "add @d { ip saddr timeout 1500ms }\n");
	build_counter(&b, NULL);
	build_counter(&b, "c");
	check_rule(&b, "counter counter name \"c\"\n");
	build_log(&b, RULESET_NFLOG_DENIED, "bulkhead egress invalid", 256);
	check_rule(&b, "log prefix \"bulkhead egress invalid\" group 2748 "
		       "snaplen 256\n");
	build_reject(&b, true);
	build_reject(&b, false);
	check_rule(&b, "reject with tcp reset "
		       "reject with icmpx type admin-prohibited\n");
	build_verdict(&b, VERDICT_JUMP, "x");
	build_verdict(&b, VERDICT_GOTO, "y");
	build_verdict(&b, VERDICT_DROP, NULL);
	check_rule(&b, "jump x goto y drop\n");
}

static void add_set(struct ruleset *r, struct ruleset_set *set)
{
	struct ruleset_part *part = &r->parts[TABLE_INET];

	part->sets =
		xreallocarray(part->sets, part->nsets + 1, sizeof(*part->sets));
	part->sets[part->nsets++] = set;
}

static void sets(_unused_ void **state)
{
	static const enum ruleset_type v4[] = { TYPE_IPV4 };
	static const enum ruleset_type tuple[] = { TYPE_PROTO, TYPE_SERVICE };
	static const uint8_t ranges[] = { 10, 0, 0, 8, 10, 0, 0, 8,
					  10, 0, 0, 1, 10, 0, 0, 3 };
	/* Fields of a tuple are padded to four bytes each. */
	static const uint8_t keys[] = {
		17, 0,	0, 0, 0, 53, 0, 0, 6, 0,  0, 0,
		0,  80, 0, 0, 6, 0,  0, 0, 0, 80, 0, 0
	};
	struct verdict verdicts[] = { VERDICT(VERDICT_RETURN), build_goto("a"),
				      build_goto("b") };
	struct ruleset_set *set = build_set("r", "why", SET_INTERVAL, 1, v4);
	_cleanup_(ruleset_unrefp) struct ruleset *r = xnew(struct ruleset);
	_cleanup_(buf_fini) struct buf text = BUF_INIT(4096);

	r->refs = 1;
	build_set_fill(set, 2, ranges, NULL, false);
	add_set(r, set);
	set = build_set("v", NULL, SET_VMAP, 2, tuple);
	build_set_fill(set, 3, keys, verdicts, false);
	/* Of equal keys the first one counts. */
	assert_int_equal(set->n, 2);
	add_set(r, set);
	set = build_set("w", NULL, SET_DYNAMIC, 1, v4);
	set->timeout_ms = 60000;
	set->size = 16;
	add_set(r, set);
	print_ruleset(r, &text);
	assert_string_equal(buf_str(&text),
			    "table inet bulkhead {\n"
			    "\tset r {\n"
			    "\t\ttype ipv4_addr\n"
			    "\t\tcomment \"why\"\n"
			    "\t\tflags interval\n"
			    "\t\telements = { 10.0.0.1-10.0.0.3,\n"
			    "\t\t\t10.0.0.8 }\n"
			    "\t}\n"
			    "\tmap v {\n"
			    "\t\ttype inet_proto . inet_service : verdict\n"
			    "\t\telements = { tcp . 80 : goto a,\n"
			    "\t\t\tudp . 53 : return }\n"
			    "\t}\n"
			    "\tset w {\n"
			    "\t\ttype ipv4_addr\n"
			    "\t\tsize 16\n"
			    "\t\tflags dynamic,timeout\n"
			    "\t\ttimeout 60s\n"
			    "\t}\n"
			    "}\n");
}

static void chains(_unused_ void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = xnew(struct ruleset);
	struct ruleset_part *part = &r->parts[TABLE_BRIDGE];
	_cleanup_(builder_fini) struct builder b = { 0 };
	_cleanup_(buf_fini) struct buf text = BUF_INIT(4096);

	r->refs = 1;
	part->chains = xcalloc(2, sizeof(*part->chains));
	part->nchains = 2;
	build_rule_verdict(&b, VERDICT_GOTO, "x");
	part->chains[0] = build_base_chain(&b, "pre", HOOK_PREROUTING, -200);
	part->chains[0]->policy_drop = true;
	part->chains[1] = build_chain(&b, "x", "shop/web");
	print_ruleset(r, &text);
	assert_string_equal(
		buf_str(&text),
		"table bridge bulkhead {\n"
		"\tchain pre {\n"
		"\t\ttype filter hook prerouting priority -200; policy drop;\n"
		"\t\tgoto x\n"
		"\t}\n"
		"\tchain x {\n"
		"\t\tcomment \"shop/web\"\n"
		"\t}\n"
		"}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches),
		cmocka_unit_test(statements),
		cmocka_unit_test(sets),
		cmocka_unit_test(chains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
