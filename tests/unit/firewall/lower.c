/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lower.c - each field and statement is taken by the kernel and listed by nft
 * as nft itself would have loaded it. */
#include "host.h"

#include <linux/netfilter/nf_conntrack_common.h>

#define SCRATCH "/tmp/bulkhead-test-lower.nft"

/* Nothing follows them: the listing shows each rule by itself. */
static void match(struct builder *b, enum field field, const void *value)
{
	build_match(b, field, value);
	build_counter(b, NULL);
	build_rule(b);
}

static void every_inet_field(struct builder *b)
{
	uint32_t local = 2;

	match(b, FIELD_IIFNAME, "eth0\0\0\0\0\0\0\0\0\0\0\0");
	match(b, FIELD_OIFNAME, "eth0\0\0\0\0\0\0\0\0\0\0\0");
	match(b, FIELD_NFPROTO, "\x02");
	match(b, FIELD_L4PROTO, "\x06");
	match(b, FIELD_PROTOCOL, "\x08\0");
	match(b, FIELD_PKTTYPE, "\x02");
	match(b, FIELD_FIB_DADDR_TYPE, &local);
	match(b, FIELD_CT_DIRECTION, "\x01");
	build_family(b, AF_INET);
	match(b, FIELD_IP_SADDR, "\x0a\0\0\x01");
	build_family(b, AF_INET);
	match(b, FIELD_IP_DADDR, "\x0a\0\0\x01");
	build_family(b, AF_INET6);
	match(b, FIELD_IP6_SADDR, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01");
	build_family(b, AF_INET6);
	match(b, FIELD_IP6_DADDR, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01");
	build_family(b, AF_INET6);
	match(b, FIELD_IP6_NEXTHDR, "\x2c");
	build_family(b, AF_INET6);
	match(b, FIELD_IP6_NEXTHDR2, "\x3c");
	build_family(b, AF_INET6);
	match(b, FIELD_IP6_HOPLIMIT, "\xff");
	build_match_u8(b, FIELD_L4PROTO, IPPROTO_TCP);
	match(b, FIELD_TH_SPORT, "\0\x50");
	build_match_u8(b, FIELD_L4PROTO, IPPROTO_UDP);
	match(b, FIELD_TH_DPORT, "\0\x35");
	build_match_u8(b, FIELD_L4PROTO, IPPROTO_TCP);
	build_match_masked(b, FIELD_TCP_FLAGS, "\x17", "\x02", true);
	build_rule_verdict(b, VERDICT_DROP, NULL);
	build_match_u8(b, FIELD_L4PROTO, IPPROTO_SCTP);
	match(b, FIELD_SCTP_CHUNK, "\x01");
	build_match_u8(b, FIELD_L4PROTO, IPPROTO_ICMP);
	match(b, FIELD_ICMP_TYPE, "\x08");
	build_match_u8(b, FIELD_L4PROTO, IPPROTO_ICMPV6);
	match(b, FIELD_ICMPV6_TYPE, "\x80");
	build_ct_state(b, NF_CT_STATE_BIT(IP_CT_ESTABLISHED) |
				  NF_CT_STATE_BIT(IP_CT_RELATED));
	build_rule_verdict(b, VERDICT_ACCEPT, NULL);
	match(b, FIELD_CT_ORIG_IP_SADDR, "\x0a\0\0\x01");
	match(b, FIELD_CT_ORIG_IP_DADDR, "\x0a\0\0\x01");
	match(b, FIELD_CT_ORIG_IP6_DADDR,
	      "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01");
	build_match_masked(b, FIELD_CT_STATUS, "\x20\0\0", "\0\0\0", true);
	build_rule_verdict(b, VERDICT_CONTINUE, NULL);
	match(b, FIELD_CT_REPL_IP_SADDR, "\x0a\0\0\x01");
	match(b, FIELD_CT_ORIG_IP6_SADDR,
	      "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01");
	match(b, FIELD_CT_REPL_IP6_SADDR,
	      "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01");
	/* nft reads the port only behind a protocol that has ports. */
	build_match_u8(b, FIELD_L4PROTO, IPPROTO_TCP);
	match(b, FIELD_CT_PROTO_DST, "\x1f\x90");
}

static void every_bridge_field(struct builder *b)
{
	match(b, FIELD_ETHER_SADDR, "\x02\0\0\0\0\x01");
	match(b, FIELD_ETHER_DADDR, "\x02\0\0\0\0\x01");
	match(b, FIELD_ETHER_TYPE, "\x81\0");
	build_match(b, FIELD_ETHER_TYPE, "\x08\x06");
	match(b, FIELD_ARP_OP, "\0\x01");
	build_match(b, FIELD_ETHER_TYPE, "\x08\x06");
	match(b, FIELD_ARP_SADDR_ETHER, "\x02\0\0\0\0\x01");
	build_match(b, FIELD_ETHER_TYPE, "\x08\x06");
	match(b, FIELD_ARP_SADDR_IP, "\x0a\0\0\x01");
	build_match(b, FIELD_ETHER_TYPE, "\x08\x06");
	match(b, FIELD_ARP_DADDR_IP, "\x0a\0\0\x01");
}

static void every_statement(struct builder *b)
{
	build_family(b, AF_INET);
	build_lookup(b, "cidr4", false, FIELDS(FIELD_IP_SADDR));
	build_rule_verdict(b, VERDICT_ACCEPT, NULL);
	b->rules.data[b->rules.len - 1].comment = xstrdup("team/allow");
	build_family(b, AF_INET);
	build_lookup(b, "peers", true,
		     FIELDS(FIELD_IP_SADDR, FIELD_L4PROTO, FIELD_TH_DPORT));
	build_rule_verdict(b, VERDICT_RETURN, NULL);
	build_match_u8(b, FIELD_L4PROTO, IPPROTO_TCP);
	build_vmap(b, "ports", FIELDS(FIELD_TH_DPORT));
	build_rule(b);
	build_family(b, AF_INET);
	build_vmap(b, "bind", FIELDS(FIELD_IIFNAME, FIELD_IP_SADDR));
	build_rule(b);
	build_family(b, AF_INET);
	build_update(b, "denied", true,
		     FIELDS(FIELD_IP_SADDR, FIELD_IP_DADDR, FIELD_L4PROTO,
			    FIELD_TH_DPORT));
	build_rule(b);
	build_family(b, AF_INET);
	build_update(b, "logged", false, FIELDS(FIELD_IP_SADDR));
	b->stmts.data[b->stmts.len - 1].update.timeout_ms = 5000;
	build_log(b, RULESET_NFLOG_DENIED, "bh:deny", 128);
	build_rule(b);
	build_counter(b, "denied_total");
	build_match_u8(b, FIELD_L4PROTO, IPPROTO_TCP);
	build_reject(b, true);
	build_rule(b);
	build_reject(b, false);
	build_rule(b);
	build_rule_verdict(b, VERDICT_JUMP, "leaf");
	build_rule_verdict(b, VERDICT_CONTINUE, NULL);
	build_rule_verdict(b, VERDICT_GOTO, "leaf");
}

static struct ruleset_set *dynamic(const char *name, bool counter,
				   uint32_t timeout, size_t n,
				   const enum ruleset_type *types)
{
	struct ruleset_set *set = build_set(name, NULL, SET_DYNAMIC, n, types);

	set->size = 1024;
	set->timeout_ms = timeout;
	set->counter = counter;
	return set;
}

static struct ruleset_set *filled(struct ruleset_set *set, size_t n,
				  const void *keys, const struct verdict *v)
{
	build_set_fill(set, n, keys, v, false);
	return set;
}

static void every_set(struct ruleset *r)
{
	add_set(r, TABLE_INET,
		filled(build_set("cidr4", "team/allow", SET_INTERVAL,
				 TYPES(TYPE_IPV4)),
		       4,
		       "\0\0\0\0\0\xff\xff\xff"
		       "\x0a\0\0\0\x0a\xff\xff\xff"
		       "\x0b\0\0\0\x0b\0\0\0"
		       "\xff\xff\xff\0\xff\xff\xff\xff",
		       NULL));
	add_set(r, TABLE_INET,
		filled(build_set("cidr6", NULL, SET_INTERVAL, TYPES(TYPE_IPV6)),
		       1,
		       "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
		       "\xfd\xff\xff\xff\xff\xff\xff\xff"
		       "\xff\xff\xff\xff\xff\xff\xff\xff",
		       NULL));
	add_set(r, TABLE_INET,
		filled(build_set("last", NULL, SET_INTERVAL, TYPES(TYPE_IPV4)),
		       1, "\xff\xff\xff\xff\xff\xff\xff\xff", NULL));
	add_set(r, TABLE_INET,
		filled(build_set("peers", NULL, 0,
				 TYPES(TYPE_IPV4, TYPE_PROTO, TYPE_SERVICE)),
		       2,
		       "\x0a\0\0\x01\x06\0\0\0\0\x50\0\0"
		       "\x0a\0\0\x02\x11\0\0\0\0\x35\0\0",
		       NULL));
	add_set(r, TABLE_INET,
		filled(build_set("ports", NULL, SET_VMAP | SET_INTERVAL,
				 TYPES(TYPE_SERVICE)),
		       3, "\0\x50\0\x50\0\x51\0\x5a\xff\0\xff\xff",
		       (struct verdict[]){ jump_to("leaf"),
					   VERDICT(VERDICT_ACCEPT),
					   build_goto("leaf") }));
	add_set(r, TABLE_INET,
		filled(build_set("bind", NULL, SET_VMAP,
				 TYPES(TYPE_IFNAME, TYPE_IPV4)),
		       2,
		       "veth1\0\0\0\0\0\0\0\0\0\0\0\x0a\0\0\x01"
		       "veth2\0\0\0\0\0\0\0\0\0\0\0\x0a\0\0\x02",
		       (struct verdict[]){ VERDICT(VERDICT_RETURN),
					   VERDICT(VERDICT_DROP) }));
	add_set(r, TABLE_INET,
		filled(build_set("macs", NULL, 0, TYPES(TYPE_ETHER)), 1,
		       "\x02\0\0\0\0\x01", NULL));
	add_set(r, TABLE_INET,
		filled(build_set("names", NULL, 0, TYPES(TYPE_IFNAME)), 1,
		       "docker0\0\0\0\0\0\0\0\0", NULL));
	add_set(r, TABLE_INET,
		dynamic("denied", false, 60000,
			TYPES(TYPE_IPV4, TYPE_IPV4, TYPE_PROTO, TYPE_SERVICE)));
	add_set(r, TABLE_INET,
		dynamic("logged", false, 10000, TYPES(TYPE_IPV4)));
}

static struct ruleset *everything(void)
{
	_cleanup_(builder_fini) struct builder b = { 0 };
	struct ruleset *r = new_ruleset();

	build_rule_verdict(&b, VERDICT_DROP, NULL);
	add_chain(r, TABLE_INET, build_chain(&b, "leaf", "team/allow, team/b"));
	every_inet_field(&b);
	add_chain(r, TABLE_INET, build_chain(&b, "fields", NULL));
	every_statement(&b);
	add_chain(r, TABLE_INET,
		  build_base_chain(&b, "forward", HOOK_FORWARD, -10));
	build_rule_verdict(&b, VERDICT_ACCEPT, NULL);
	add_chain(r, TABLE_INET,
		  build_base_chain(&b, "input", HOOK_INPUT, -10));
	ruleset_find_chain(r, TABLE_INET, "input")->policy_drop = true;
	every_bridge_field(&b);
	add_chain(r, TABLE_BRIDGE,
		  build_base_chain(&b, "prerouting", HOOK_PREROUTING, -300));
	add_counter(r, TABLE_INET, "denied_total");
	every_set(r);
	return r;
}

/* What the IR's printer has no words for, or nft cannot read back. */
static void unprintable(struct ruleset *r)
{
	_cleanup_(builder_fini) struct builder b = { 0 };

	build_match_masked(&b, FIELD_OIFNAME,
			   "\xff\xff\xff\xff\0\0\0\0\0\0\0\0\0\0\0",
			   "veth\0\0\0\0\0\0\0\0\0\0\0", true);
	build_rule_verdict(&b, VERDICT_ACCEPT, NULL);
	build_match_u8(&b, FIELD_L4PROTO, IPPROTO_ICMPV6);
	match(&b, FIELD_ND_TARGET, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01");
	build_match_u8(&b, FIELD_L4PROTO, IPPROTO_ICMPV6);
	build_lookup(&b, "cidr6", false, FIELDS(FIELD_ND_TARGET));
	build_rule_verdict(&b, VERDICT_RETURN, NULL);
	build_update(&b, "counting", true,
		     FIELDS(FIELD_L4PROTO, FIELD_CT_DIRECTION));
	build_rule(&b);
	add_chain(r, TABLE_INET, build_chain(&b, "unprintable", NULL));
	add_set(r, TABLE_INET,
		dynamic("counting", true, 0, TYPES(TYPE_PROTO, TYPE_CT_DIR)));
}

/* The expected listing was read line by line against nft's manual; new lines
 * are to be, too. */
static void test_listing(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = everything();
	_cleanup_(firewall_closep) struct firewall *fw = open_firewall(false);
	_cleanup_(freep) char *list = NULL;
	_cleanup_(freep) char *want = run("cat " TEST_DATA "/everything.nft");

	(void)state;
	unprintable(r);
	assert_true(apply(fw, r).changed);
	list = run("nft -s list ruleset");
	if (getenv("UPDATE_GOLDEN"))
		write_file(TEST_DATA "/everything.nft", list);
	else
		assert_string_equal(list, want);
}

/* nft reads what it listed and lists it again alike. (Of its own JSON that is
 * not true: it puts elements before the chains that they jump to.) */
static void test_round_trip(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = everything();
	_cleanup_(firewall_closep) struct firewall *fw = open_firewall(false);
	_cleanup_(freep) char *text = NULL;

	(void)state;
	apply(fw, r);
	text = run("nft -s list ruleset >" SCRATCH " && "
		   "unshare -n sh -c 'nft -f " SCRATCH " && "
		   "nft -s list ruleset' | diff " SCRATCH " -; "
		   "rm -f " SCRATCH "; nft -j list ruleset >/dev/null");
	assert_string_equal(text, "");
}

/* The IR's own text means the same to nft as what we send. */
static void test_same_as_printed(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = everything();
	_cleanup_(firewall_closep) struct firewall *fw = open_firewall(false);
	_cleanup_(buf_fini) struct buf printed = BUF_INIT(BUF_UNBOUNDED);
	_cleanup_(freep) char *list = NULL, *other = NULL;

	(void)state;
	print_ruleset(r, &printed);
	write_file(SCRATCH, buf_str(&printed));
	apply(fw, r);
	list = run("nft -s list ruleset");
	other = run("unshare -n sh -c 'nft -f " SCRATCH "; "
		    "nft -s list ruleset'");
	unlink(SCRATCH);
	assert_string_equal(list, other);
}

/* The kernel reports each object back such that it is seen to be the same. */
static void test_unchanged_is_seen(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = everything();
	_cleanup_(firewall_closep) struct firewall *fw = open_firewall(false);
	struct firewall_result result;

	(void)state;
	unprintable(r);
	assert_true(apply(fw, r).changed);
	firewall_forget(fw);
	result = apply(fw, r);
	assert_false(result.changed);
	assert_int_equal(result.objects, 0);
}

static void test_long_comment(void **state)
{
	_cleanup_(builder_fini) struct builder b = { 0 };
	_cleanup_(ruleset_unrefp) struct ruleset *r = new_ruleset();
	_cleanup_(firewall_closep) struct firewall *fw = open_firewall(false);
	_cleanup_(freep) char *text = NULL;
	char comment[300];

	(void)state;
	/* The 127th byte is the first of two; nft has no way to quote a
	 * quotation mark. */
	memset(comment, 'a', sizeof(comment));
	comment[7] = '"';
	memcpy(comment + 126, "\xc3\xa4", 3);
	build_rule_verdict(&b, VERDICT_ACCEPT, NULL);
	b.rules.data[0].comment = xstrdup(comment);
	add_chain(r, TABLE_INET, build_chain(&b, "c", comment));
	apply(fw, r);
	comment[7] = '_';
	comment[126] = '\0';
	text = xasprintf("\t\tcomment \"%s\"\n\t\taccept comment \"%s\"\n",
			 comment, comment);
	assert_non_null(strstr(run_kept("nft list ruleset"), text));
	firewall_forget(fw);
	assert_false(apply(fw, r).changed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_listing, enter_namespace),
		cmocka_unit_test_setup(test_round_trip, enter_namespace),
		cmocka_unit_test_setup(test_same_as_printed, enter_namespace),
		cmocka_unit_test_setup(test_unchanged_is_seen, enter_namespace),
		cmocka_unit_test_setup(test_long_comment, enter_namespace),
	};

	return cmocka_run_group_tests_name("lower", tests, NULL, NULL);
}
