/* SPDX-License-Identifier: GPL-2.0-or-later */
/* answers.c - copies of name servers' answers, for the flow log's names.
 *
 *   forward, output -> answers -> a copy to a log group of its own
 *
 * What a container asked at port 53, over UDP or TCP, is told by conntrack: also
 * where the name server behind a published port listens elsewhere, and nothing
 * that a neighbour makes up, for that is no reply. The chain has no verdict but
 * `return`, so no packet fares otherwise for it.
 *
 * One container's answers beyond its rate, and all beyond a common one, are
 * counted and not copied: a flood costs the agent no more than that. They are
 * nobody's denied packets, so the account of those does not see them.
 */
#include "compile/answers.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "compile/skeleton.h"

#define CHAIN "answers"
#define PORT  53

/* Headers, and a message of the largest size that name servers send without
 * being cut into fragments (1,232 bytes by common agreement), with some room. */
#define SNAPLEN 2048

/* Copies a second, and at once: of one container's answers … */
#define RATE  50
#define BURST 200
/* … and of all that came over IPv4, or over IPv6. */
#define RATE_ALL  1000
#define BURST_ALL 2000

/* After so long without an answer a bucket is full again anyway. */
#define BUCKET_TIMEOUT_MS 60000
#define ASKERS_MAX	  65536

static const char *const buckets[2] = { "answers4", "answers6" };
#define BUCKETS_ALL "answers_all"

static const uint8_t protocols[] = { IPPROTO_UDP, IPPROTO_TCP };

void answers_jump(struct builder *b, const struct compile_options *options)
{
	uint16_t port = htons(PORT);

	if (!options->dns_names)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		build_match_u8(b, FIELD_L4PROTO, protocols[i]);
		build_match(b, FIELD_CT_PROTO_DST, &port);
		build_rule_verdict(b, VERDICT_JUMP, CHAIN);
	}
}

/* Other than replies to an endpoint of ours, that carry something. */
static void pass_others(struct builder *b)
{
	static const uint8_t push = TH_PUSH, none = 0;

	build_match_u8(b, FIELD_CT_DIRECTION, IP_CT_DIR_ORIGINAL);
	build_rule_verdict(b, VERDICT_RETURN, NULL);
	build_match_u8(b, FIELD_L4PROTO, IPPROTO_TCP);
	build_match_masked(b, FIELD_TCP_FLAGS, &push, &none, false);
	build_rule_verdict(b, VERDICT_RETURN, NULL);
	for (int v6 = 0; v6 < 2; v6++) {
		uint8_t family = v6 ? AF_INET6 : AF_INET;
		enum field daddr = build_addr_field(family, false);

		build_family(b, family);
		build_lookup(b, v6 ? SET_SELF6 : SET_SELF4, true,
			     FIELDS(daddr, daddr));
		build_rule_verdict(b, VERDICT_RETURN, NULL);
	}
}

static void pass_over_rate(struct builder *b, const char *set, uint32_t rate,
			   uint32_t burst, struct field_list key)
{
	build_update_over(b, set, rate, burst, key);
	build_counter(b, COMPILE_COUNTER_ANSWERS);
	build_rule_verdict(b, VERDICT_RETURN, NULL);
}

static struct ruleset_chain *answers_chain(void)
{
	_cleanup_(builder_fini) struct builder b = { 0 };

	pass_others(&b);
	for (int v6 = 0; v6 < 2; v6++) {
		uint8_t family = v6 ? AF_INET6 : AF_INET;

		build_family(&b, family);
		pass_over_rate(&b, buckets[v6], RATE, BURST,
			       FIELDS(build_addr_field(family, false)));
	}
	pass_over_rate(&b, BUCKETS_ALL, RATE_ALL, BURST_ALL,
		       FIELDS(FIELD_NFPROTO));
	build_log(&b, RULESET_NFLOG_ANSWERS, COMPILE_ANSWERS_PREFIX, SNAPLEN);
	build_rule(&b);
	return build_chain(&b, CHAIN, NULL);
}

void answers_chains(const struct compile_options *options,
		    void (*add)(void *arg, struct ruleset_chain *chain),
		    void *arg)
{
	if (options->dns_names)
		add(arg, answers_chain());
}

static struct ruleset_set *bucket_set(const char *name, enum ruleset_type type)
{
	struct ruleset_set *set = build_set(name, NULL, SET_DYNAMIC, 1, &type);

	set->size = ASKERS_MAX;
	set->timeout_ms = BUCKET_TIMEOUT_MS;
	return set;
}

void answers_sets(const struct compile_options *options,
		  void (*add)(void *arg, struct ruleset_set *set), void *arg)
{
	if (!options->dns_names)
		return;
	add(arg, bucket_set(buckets[0], TYPE_IPV4));
	add(arg, bucket_set(buckets[1], TYPE_IPV6));
	add(arg, bucket_set(BUCKETS_ALL, TYPE_NFPROTO));
}
