/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watched.c - who changed which of our tables, by the kernel's own words and
 * by made-up ones. */
#include "firewall/watched.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stddef.h>

#include "firewall/tamper.h"
#include "host.h"

/* ---- the kernel's ------------------------------------------------------ */

struct deed {
	const char *command;
	const char *text; /* its beginning; NULL: none of our business */
};

static const struct deed deeds[] = {
	{ "nft add element inet bulkhead peers '{ 10.0.0.77 }'",
	  "table inet bulkhead was added to by nft (process " },
	{ "nft flush chain inet bulkhead leaf",
	  "table inet bulkhead was taken from by nft (process " },
	{ "nft add table ip other", NULL },
	{ "nft add table ip bulkhead", NULL },
	{ "nft add chain ip other c", NULL },
	{ "iptables -A FORWARD -j ACCEPT; iptables -F; iptables -X", NULL },
	{ "nft delete table inet bulkhead",
	  "table inet bulkhead was deleted by nft (process " },
	{ "nft flush ruleset",
	  "table inet bulkhead was deleted by nft (process " },
};

static void test_deeds(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = small_ruleset();
	_cleanup_(firewall_closep) struct firewall *fw = open_firewall(false);
	_cleanup_(tamper_closep) struct tamper_watch *w = NULL;
	char text[TAMPER_TEXT_MAX];

	(void)state;
	assert_int_equal(tamper_open(fw, &w), 0);
	apply(fw, r);
	assert_int_equal(tamper_read(w, text), 0); /* our own hand */
	for (size_t i = 0; i < ARRAY_SIZE(deeds); i++) {
		run_ok(deeds[i].command);
		assert_int_equal(tamper_read(w, text), deeds[i].text != NULL);
		if (deeds[i].text &&
		    strncmp(text, deeds[i].text, strlen(deeds[i].text)))
			fail_msg("%s: \"%s\"", deeds[i].command, text);
		apply(fw, r);
		assert_int_equal(tamper_read(w, text), 0);
	}
}

/* More than the queue holds: nobody knows what they were, so all counts. */
static void test_loss(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = small_ruleset();
	_cleanup_(firewall_closep) struct firewall *fw = open_firewall(false);
	_cleanup_(tamper_closep) struct tamper_watch *w = NULL;
	char text[TAMPER_TEXT_MAX];

	(void)state;
	assert_int_equal(tamper_open(fw, &w), 0);
	apply(fw, r);
	assert_int_equal(tamper_read(w, text), 0);
	run_ok("nft add table ip other; nft add set ip other s "
	       "'{ type ipv4_addr; }'; for i in $(seq 0 255); do for j in "
	       "$(seq 0 99); do echo add element ip other s "
	       "{ 10.0.$i.$j }; done; done | nft -f -");
	assert_int_equal(tamper_read(w, text), 1);
	assert_string_equal(text,
			    "more changes of nftables than could be followed");
	assert_int_equal(tamper_read(w, text), 0);
}

/* ---- made-up ones ------------------------------------------------------ */

struct message {
	struct nlmsghdr head;
	struct nfgenmsg nfgen;
	struct nlattr attr;
	char text[20];
};

static struct message message(uint16_t type, uint8_t family, uint16_t attr,
			      const char *text, size_t len)
{
	struct message m = {
		.head = { .nlmsg_len =
				  (uint32_t)(offsetof(struct message, text) +
					     len),
			  .nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 |
						   type) },
		.nfgen = { .nfgen_family = family },
		.attr = { .nla_len = (uint16_t)(sizeof(struct nlattr) + len),
			  .nla_type = attr },
	};

	memcpy(m.text, text, len);
	return m;
}

static struct message deleted(uint8_t family)
{
	return message(NFT_MSG_DELTABLE, family, NFTA_TABLE_NAME, "bulkhead",
		       sizeof("bulkhead"));
}

static int take(struct tamper_state *state, const struct message *m)
{
	char padded[64] = { 0 };

	memcpy(padded, m, m->head.nlmsg_len);
	return tamper_messages(state, padded, m->head.nlmsg_len);
}

static void test_both_tables(void **state)
{
	struct message inet = deleted(NFPROTO_INET);
	struct message bridge = deleted(NFPROTO_BRIDGE);
	struct message end = message(NFT_MSG_NEWGEN, 0, NFTA_GEN_PROC_NAME,
				     "fire\nwall d", sizeof("fire\nwall d"));
	struct tamper_state s = { .portid = 7 };

	(void)state;
	assert_int_equal(take(&s, &inet), 0);
	assert_int_equal(take(&s, &bridge), 0);
	assert_false(s.tampered);
	assert_int_equal(take(&s, &end), 0);
	assert_true(s.tampered);
	/* A name is no way to write lines into the log. */
	assert_string_equal(s.text,
			    "table inet bulkhead was deleted, table bridge "
			    "bulkhead was deleted by fire?wall?d (process 0)");
	/* The next transaction starts anew. */
	s.tampered = false;
	assert_int_equal(take(&s, &end), 0);
	assert_false(s.tampered);
}

static void test_not_ours(void **state)
{
	struct message end = message(NFT_MSG_NEWGEN, 0, 0, "", 0);
	struct message other = deleted(NFPROTO_IPV4);
	struct message own = deleted(NFPROTO_INET);
	/* A name without an end. */
	struct message open = message(NFT_MSG_DELTABLE, NFPROTO_INET,
				      NFTA_TABLE_NAME, "bulkhead", 8);
	struct tamper_state s = { .portid = 7 };

	(void)state;
	own.head.nlmsg_pid = 7;
	assert_int_equal(take(&s, &other), 0);
	assert_int_equal(take(&s, &own), 0);
	assert_int_equal(take(&s, &open), 0);
	assert_int_equal(take(&s, &end), 0);
	assert_false(s.tampered);
}

static void test_no_messages(void **state)
{
	static const uint32_t lengths[] = { 0,	       1,	   15,
					    100,       0x7fffffff, 0x80000000,
					    0xffffffff };
	struct tamper_state s = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct message m = deleted(NFPROTO_INET);
		uint32_t len = m.head.nlmsg_len;

		m.head.nlmsg_len = lengths[i];
		assert_int_equal(tamper_messages(&s, &m, len), -EBADMSG);
	}
	assert_int_equal(tamper_messages(&s, "abc", 3), -EBADMSG);
	assert_false(s.tampered);
}

#define TEST(f) cmocka_unit_test_setup(f, enter_namespace)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_deeds),
		TEST(test_loss),
		cmocka_unit_test(test_both_tables),
		cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_no_messages),
	};

	return cmocka_run_group_tests_name("watched", tests, NULL, NULL);
}
