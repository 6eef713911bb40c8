/* SPDX-License-Identifier: GPL-2.0-or-later */
/* original.c - where denied packets were addressed to before DNAT.
 *
 *   deny_* -> original -> back, to be logged
 *
 * A denied packet's connection is never confirmed, so when the flow log reads
 * of the packet, nobody knows any more what published port it came by. Kernels
 * with CONFIG_NETFILTER_NETLINK_GLUE_CT tell it along with the packet; for the
 * others the original destination is put into a set, beside what names the
 * flow, and the flow log finds it there. Only packets that are about to be
 * logged come here: a flow's first, and none that is over a budget.
 *
 * Sets, not maps: nft 1.0.6 aborts on a map of two values. One for each
 * protocol: nft keys have five fields at most.
 */
#include "compile/original.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <netinet/in.h>

#define CHAIN "original"

/* The flow log reads a packet some milliseconds after it was logged, in a flood
 * some hundred. What is over the size is not remembered: the flow log reads all
 * of a set at once. (10,000 flows that come in a second, each through DNAT, cost
 * it 0.6 s of the processor, and 0.14 s without; budgets keep far below that.) */
#define TIMEOUT_MS 5000
#define SIZE	   2048

static const struct {
	uint8_t family, proto;
	const char *set;
} originals[] = {
	{ AF_INET, IPPROTO_TCP, "original4_tcp" },
	{ AF_INET, IPPROTO_UDP, "original4_udp" },
	{ AF_INET, IPPROTO_SCTP, "original4_sctp" },
	{ AF_INET6, IPPROTO_TCP, "original6_tcp" },
	{ AF_INET6, IPPROTO_UDP, "original6_udp" },
	{ AF_INET6, IPPROTO_SCTP, "original6_sctp" },
};

const char *compile_original_set(uint8_t family, uint8_t proto)
{
	for (size_t i = 0; i < ARRAY_SIZE(originals); i++)
		if (originals[i].family == family &&
		    originals[i].proto == proto)
			return originals[i].set;
	return NULL;
}

void original_jump(struct builder *b, const struct compile_options *options)
{
	static const uint32_t dnat = IPS_DST_NAT, none = 0;

	if (!options->originals)
		return;
	build_match_masked(b, FIELD_CT_STATUS, &dnat, &none, true);
	build_rule_verdict(b, VERDICT_JUMP, CHAIN);
}

static struct ruleset_chain *original_chain(void)
{
	_cleanup_(builder_fini) struct builder b = { 0 };

	/* An answer comes from where the connection was turned to. */
	build_match_u8(&b, FIELD_CT_DIRECTION, IP_CT_DIR_REPLY);
	build_rule_verdict(&b, VERDICT_RETURN, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(originals); i++) {
		uint8_t family = originals[i].family;

		build_family(&b, family);
		build_match_u8(&b, FIELD_L4PROTO, originals[i].proto);
		build_remember(
			&b, originals[i].set,
			FIELDS(build_addr_field(family, true),
			       build_addr_field(family, false), FIELD_TH_DPORT,
			       family == AF_INET ? FIELD_CT_ORIG_IP_DADDR
						 : FIELD_CT_ORIG_IP6_DADDR,
			       FIELD_CT_PROTO_DST));
		build_rule(&b);
	}
	return build_chain(&b, CHAIN, NULL);
}

void original_chains(const struct compile_options *options,
		     void (*add)(void *arg, struct ruleset_chain *chain),
		     void *arg)
{
	if (options->originals)
		add(arg, original_chain());
}

void original_sets(const struct compile_options *options,
		   void (*add)(void *arg, struct ruleset_set *set), void *arg)
{
	if (!options->originals)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(originals); i++) {
		enum ruleset_type a =
			originals[i].family == AF_INET ? TYPE_IPV4 : TYPE_IPV6;
		enum ruleset_type types[] = { a, a, TYPE_SERVICE, a,
					      TYPE_SERVICE };
		struct ruleset_set *set = build_set(originals[i].set, NULL,
						    SET_DYNAMIC,
						    ARRAY_SIZE(types), types);

		set->size = SIZE;
		set->timeout_ms = TIMEOUT_MS;
		add(arg, set);
	}
}
