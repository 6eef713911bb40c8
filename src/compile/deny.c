/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deny.c - the end of a denied packet: counted, logged once, and dropped.
 *
 *   deny_* -> known tuple: its element counts             -> dropped
 *          -> over the budget                 -> suppress -> dropped
 *          -> new tuple: an element, and the flow log     -> dropped
 *          -> no room for an element          -> suppress -> dropped
 */
#include "compile/deny.h"

#include <assert.h>
#include <netinet/in.h>

#include "compile/build.h"
#include "compile/original.h"
#include "compile/skeleton.h"

/* Bytes of a denied packet that the flow log gets to see: an IPv6 header with
 * a few extension headers and the transport header. */
#define SNAPLEN 256

/* A denied tuple that has been silent for so long is over. TCP's
 * retransmissions of a SYN are up to 32 s apart, and the flow log must have
 * read the last count before the element goes. */
#define TUPLE_TIMEOUT_MS COMPILE_DENIED_TIMEOUT_MS
static const enum deny_reason reasons[] = {
	DENY_NO_POLICY_ALLOWS, DENY_UNKNOWN_ENDPOINT, DENY_INVALID,
	DENY_PROTOCOL,	       DENY_QUARANTINE,	      DENY_POLICY_REVOKED,
};

/* Counter and chain names by direction and reason. */
static const char *const counters[] = {
	"egress_no_policy_allows",
	"egress_unknown_endpoint",
	"egress_invalid",
	"egress_protocol",
	"egress_quarantine",
	"egress_policy_revoked",
	"ingress_no_policy_allows",
	"ingress_unknown_endpoint",
	"ingress_invalid",
	"ingress_protocol",
	"ingress_quarantine",
	"ingress_policy_revoked",
	"link_control",
	COMPILE_COUNTER_UNATTRIBUTED,
};

static const char *const chains[] = {
	"deny_egress_no_policy_allows",	 "deny_egress_unknown_endpoint",
	"deny_egress_invalid",		 "deny_egress_protocol",
	"deny_egress_quarantine",	 "deny_egress_policy_revoked",
	"deny_ingress_no_policy_allows", "deny_ingress_unknown_endpoint",
	"deny_ingress_invalid",		 "deny_ingress_protocol",
	"deny_ingress_quarantine",	 "deny_ingress_policy_revoked",
};

/* Of each deny chain, IPv4 and IPv6. */
#define DENIED(d, r, name)                                                \
	{ TABLE_INET,                                                     \
	  "denied4_" name,                                                \
	  "seen4_" name,                                                  \
	  DENIED_TUPLE,                                                   \
	  AF_INET,                                                        \
	  d,                                                              \
	  r,                                                              \
	  true },                                                         \
	{                                                                 \
		TABLE_INET, "denied6_" name, "seen6_" name, DENIED_TUPLE, \
			AF_INET6, d, r, true                              \
	}
static const struct compile_denied denied_sets[] = {
	DENIED(DENY_EGRESS, DENY_NO_POLICY_ALLOWS, "egress_no_policy_allows"),
	DENIED(DENY_EGRESS, DENY_UNKNOWN_ENDPOINT, "egress_unknown_endpoint"),
	DENIED(DENY_EGRESS, DENY_INVALID, "egress_invalid"),
	DENIED(DENY_EGRESS, DENY_PROTOCOL, "egress_protocol"),
	DENIED(DENY_EGRESS, DENY_QUARANTINE, "egress_quarantine"),
	DENIED(DENY_EGRESS, DENY_POLICY_REVOKED, "egress_policy_revoked"),
	DENIED(DENY_INGRESS, DENY_NO_POLICY_ALLOWS, "ingress_no_policy_allows"),
	DENIED(DENY_INGRESS, DENY_UNKNOWN_ENDPOINT, "ingress_unknown_endpoint"),
	DENIED(DENY_INGRESS, DENY_INVALID, "ingress_invalid"),
	DENIED(DENY_INGRESS, DENY_PROTOCOL, "ingress_protocol"),
	DENIED(DENY_INGRESS, DENY_QUARANTINE, "ingress_quarantine"),
	DENIED(DENY_INGRESS, DENY_POLICY_REVOKED, "ingress_policy_revoked"),
	{ .table = TABLE_INET,
	  .set = "denied4_other",
	  .seen = "seen4_other",
	  .kind = DENIED_TUPLE,
	  .family = AF_INET },
	{ .table = TABLE_INET,
	  .set = "denied6_other",
	  .seen = "seen6_other",
	  .kind = DENIED_TUPLE,
	  .family = AF_INET6 },
	{ .table = TABLE_INET,
	  .set = "suppressed4",
	  .kind = DENIED_SENDER,
	  .family = AF_INET },
	{ .table = TABLE_INET,
	  .set = "suppressed4_to",
	  .kind = DENIED_RECEIVER,
	  .family = AF_INET },
	{ .table = TABLE_INET,
	  .set = "suppressed6",
	  .kind = DENIED_SENDER,
	  .family = AF_INET6 },
	{ .table = TABLE_INET,
	  .set = "suppressed6_to",
	  .kind = DENIED_RECEIVER,
	  .family = AF_INET6 },
};

const struct compile_denied *compile_denied_sets(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(denied_sets);
	return denied_sets;
}

static size_t deny_index(enum deny_direction direction, enum deny_reason reason)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (reasons[i] == reason)
			return direction * ARRAY_SIZE(reasons) + i;
	assert(!"a reason that the ruleset does not give");
	return 0;
}

const char *deny_chain_name(enum deny_direction direction,
			    enum deny_reason reason)
{
	return chains[deny_index(direction, reason)];
}

const char *const *compile_counters(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(counters);
	return counters;
}

/* ---- the end of a denied packet ---------------------------------------- */

/* What a denied packet meets last; in audit it goes on instead. */
static void stop(struct builder *b, const struct compile_options *options)
{
	if (options->audit)
		build_rule_verdict(b, VERDICT_RETURN, NULL);
	else if (options->reject)
		build_rule_verdict(b, VERDICT_GOTO, "refuse");
	else
		build_rule_verdict(b, VERDICT_DROP, NULL);
}

/* What tells one denied flow from another, besides the deny chain: both
 * addresses and the protocol, and what its transport header begins with. Not
 * the source port: a client that tries again has a new one each time. */
enum tuple_kind {
	TUPLE_PORTS, /* the destination port */
	TUPLE_HEAD,  /* its first two bytes, of ICMP type and code */
	TUPLE_BARE,  /* nothing: it is shorter, or a fragment has none */
	TUPLE_KINDS
};

static struct field_list tuple_key(uint8_t family, enum tuple_kind kind)
{
	enum field saddr = build_addr_field(family, true);
	enum field daddr = build_addr_field(family, false);

	switch (kind) {
	case TUPLE_PORTS:
		return FIELDS(saddr, daddr, FIELD_L4PROTO, FIELD_TH_DPORT);
	case TUPLE_HEAD:
		return FIELDS(saddr, daddr, FIELD_L4PROTO, FIELD_TH_SPORT);
	case TUPLE_BARE:
	case TUPLE_KINDS:
		break;
	}
	return FIELDS(saddr, daddr, FIELD_L4PROTO);
}

static void match_tuple(struct builder *b, uint8_t family, enum tuple_kind kind)
{
	build_family(b, family);
	if (kind != TUPLE_BARE)
		build_lookup(b, SET_PORT_PROTOCOLS, kind == TUPLE_HEAD,
			     FIELDS(FIELD_L4PROTO));
}

/* Set of the tuples of a deny chain; it has a key of four fields, those of
 * bare ones, which all chains share, of three. */
static const struct compile_denied *tuple_sets(size_t index, uint8_t family,
					       enum tuple_kind kind)
{
	bool v6 = family == AF_INET6;

	if (kind == TUPLE_BARE)
		index = ARRAY_SIZE(chains);
	return &denied_sets[2 * index + v6];
}

/* Whoever has a transport header and is here found its set full. */
static void suppress_full(struct builder *b)
{
	static const uint8_t zero[2];

	for (int other = 0; other < 2; other++) {
		build_match(b, FIELD_TH_SPORT, zero);
		b->stmts.data[b->stmts.len - 1].match.negate = other;
		build_rule_verdict(b, VERDICT_GOTO, "suppress");
	}
}

/* A tuple's first packet is logged; it and those after it are counted by its
 * element. Which it is, another set tells: the kernel's look-up in a set that
 * counts would count, too. That set's element is refreshed first, so that it is
 * gone first: the worst is then a packet that is logged and need not be. And
 * the packet is logged last: each is counted by one element, or suppressed. */
static void tuple_rules(struct builder *b,
			const struct compile_options *options, size_t index,
			const char *prefix)
{
	for (int kind = 0; kind < TUPLE_KINDS; kind++)
		for (int v6 = 0; v6 < 2; v6++) {
			uint8_t family = v6 ? AF_INET6 : AF_INET;
			struct field_list key = tuple_key(family, kind);
			const struct compile_denied *sets =
				tuple_sets(index, family, kind);

			if (prefix && kind == TUPLE_BARE && !v6)
				suppress_full(b);
			match_tuple(b, family, kind);
			if (!prefix)
				build_lookup(b, sets->seen, false, key);
			build_remember(b, sets->seen, key);
			build_update(b, sets->set, true, key);
			if (prefix)
				build_log(b, RULESET_NFLOG_DENIED, prefix,
					  SNAPLEN);
			stop(b, options);
		}
}

/* On whose account a tuple goes: the container's that sends, or if none does,
 * that of who would receive. */
static struct field_list match_account(struct builder *b, uint8_t family,
				       bool sender)
{
	build_family(b, family);
	build_lookup(b, SET_BRIDGES, !sender, FIELDS(FIELD_IIFNAME));
	return FIELDS(build_addr_field(family, sender));
}

static void budget_rules(struct builder *b,
			 const struct compile_options *options)
{
	static const char *const sets[2][2] = { { "budget4", "budget4_to" },
						{ "budget6", "budget6_to" } };

	if (!options->budget_rate)
		return;
	for (int v6 = 0; v6 < 2; v6++)
		for (int to = 0; to < 2; to++) {
			struct field_list account =
				match_account(b, v6 ? AF_INET6 : AF_INET, !to);

			build_update_over(b, sets[v6][to], options->budget_rate,
					  options->budget_burst, account);
			build_rule_verdict(b, VERDICT_GOTO, "suppress");
		}
}

/* The end of what is over its budget, or finds its set full: counted for its
 * account, and if there are too many accounts, for nobody. */
static struct ruleset_chain *suppress_chain(
	const struct compile_options *options)
{
	static const char *const sets[2][2] = {
		{ "suppressed4", "suppressed4_to" },
		{ "suppressed6", "suppressed6_to" }
	};
	_cleanup_(builder_fini) struct builder b = { 0 };

	for (int v6 = 0; v6 < 2; v6++)
		for (int to = 0; to < 2; to++) {
			struct field_list account =
				match_account(&b, v6 ? AF_INET6 : AF_INET, !to);

			build_update(&b, sets[v6][to], true, account);
			stop(&b, options);
		}
	build_counter(&b, COMPILE_COUNTER_UNATTRIBUTED);
	stop(&b, options);
	return build_chain(&b, "suppress", NULL);
}

static struct ruleset_chain *deny_chain(const struct compile_options *options,
					enum deny_direction direction,
					enum deny_reason reason)
{
	_cleanup_(builder_fini) struct builder b = { 0 };
	size_t index = deny_index(direction, reason);
	char prefix[DENY_PREFIX_MAX];

	deny_prefix_format(direction, reason, options->audit, prefix);
	/* A container may always reach itself (hairpin to its own published
	 * port). Asked here, where it costs an allowed packet nothing. */
	for (int i = 0; i < 2; i++) {
		uint8_t family = i ? AF_INET6 : AF_INET;

		build_family(&b, family);
		build_lookup(&b, i ? SET_SELF6 : SET_SELF4, false,
			     FIELDS(build_addr_field(family, true),
				    build_addr_field(family, false)));
		build_rule_verdict(&b, VERDICT_RETURN, NULL);
	}
	build_counter(&b, counters[index]);
	build_rule(&b);
	tuple_rules(&b, options, index, NULL);
	budget_rules(&b, options);
	original_jump(&b, options);
	tuple_rules(&b, options, index, prefix);
	build_rule_verdict(&b, VERDICT_GOTO, "suppress");
	return build_chain(&b, chains[index], NULL);
}

/* Not "reject": nft could not read its own listing again. */
static struct ruleset_chain *reject_chain(void)
{
	_cleanup_(builder_fini) struct builder b = { 0 };

	build_match_u8(&b, FIELD_L4PROTO, IPPROTO_TCP);
	build_reject(&b, true);
	build_rule(&b);
	build_reject(&b, false);
	build_rule(&b);
	return build_chain(&b, "refuse", NULL);
}

void deny_chains(const struct compile_options *options,
		 void (*add)(void *arg, struct ruleset_chain *chain), void *arg)
{
	if (options->reject && !options->audit)
		add(arg, reject_chain());
	add(arg, suppress_chain(options));
	original_chains(options, add, arg);
	for (int d = DENY_EGRESS; d <= DENY_INGRESS; d++)
		for (size_t r = 0; r < ARRAY_SIZE(reasons); r++)
			add(arg, deny_chain(options, d, reasons[r]));
}

/* ---- sets -------------------------------------------------------------- */

static struct ruleset_set *tuples(const char *name, uint8_t family,
				  size_t nfields)
{
	return build_tuple_set(name, family, nfields, TUPLE_TIMEOUT_MS);
}

static void denied_sets_of(const struct compile_denied *d,
			   void (*add)(void *arg, struct ruleset_set *set),
			   void *arg)
{
	size_t nfields = d->kind != DENIED_TUPLE ? 1 : d->has_reason ? 4 : 3;
	struct ruleset_set *set = tuples(d->set, d->family, nfields);

	set->counter = true;
	add(arg, set);
	if (d->seen)
		add(arg, tuples(d->seen, d->family, nfields));
}

void deny_sets(void (*add)(void *arg, struct ruleset_set *set), void *arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(denied_sets); i++)
		denied_sets_of(&denied_sets[i], add, arg);
	add(arg, tuples("budget4", AF_INET, 1));
	add(arg, tuples("budget4_to", AF_INET, 1));
	add(arg, tuples("budget6", AF_INET6, 1));
	add(arg, tuples("budget6_to", AF_INET6, 1));
}
