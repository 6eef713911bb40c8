/* SPDX-License-Identifier: GPL-2.0-or-later */
/* skeleton.c - the fixed part of the inet table.
 *
 * A new flow's way:
 *
 *   forward -> from -> egress class of the source      -> deny_egress_*
 *           -> foreign (a container's address, not from its bridge)
 *           -> to   -> ingress class of the destination -> deny_ingress_*
 *   input   -> from_to_host -> from
 *           -> proxied -> ingress of the container behind docker-proxy
 *
 * (and before that, where asked for, answers: see answers.c).
 *
 * A class chain is entered by goto, so that its `return` ends the direction
 * and the next rule of the base chain asks the other one (I3). A miss in the
 * dispatch map is an address that nobody is known to own (I2).
 */
#include "compile/skeleton.h"

#include <arpa/inet.h>
#include <assert.h>
#include <linux/if_packet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include "compile/answers.h"
#include "compile/build.h"
#include "compile/deny.h"
#include "compile/original.h"

/* filter - 10: before Docker's, ufw's and firewalld's chains. */
#define PRIORITY (-10)

/* A revoked UDP flow may begin anew from its server's end after as long as
 * conntrack takes to forget a stream. */
#define REVOKED_TIMEOUT_MS 120000
/* First chunk of an association's first packet (RFC 9260, 3.3.2). */
#define SCTP_INIT 1

/* ---- flows that are known already -------------------------------------- */

/* Without SCTP in the kernel's conntrack, one entry covers every port between
 * two hosts: then an association admitted on one port would open the others.
 * So each packet of the original direction is judged anew, and a reply must
 * not be an INIT. */
static void accept_established(struct builder *b)
{
	build_match_not_u8(b, FIELD_L4PROTO, IPPROTO_SCTP);
	build_ct_state(b, NF_CT_STATE_BIT(IP_CT_ESTABLISHED));
	build_rule_verdict(b, VERDICT_ACCEPT, NULL);

	build_match_u8(b, FIELD_L4PROTO, IPPROTO_SCTP);
	build_ct_state(b, NF_CT_STATE_BIT(IP_CT_ESTABLISHED));
	build_match_u8(b, FIELD_CT_DIRECTION, IP_CT_DIR_REPLY);
	build_match_not_u8(b, FIELD_SCTP_CHUNK, SCTP_INIT);
	build_rule_verdict(b, VERDICT_ACCEPT, NULL);

	for (int v6 = 0; v6 < 2; v6++) {
		build_match_u8(b, FIELD_L4PROTO,
			       v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
		build_ct_state(b, NF_CT_STATE_BIT(IP_CT_RELATED));
		build_rule_verdict(b, VERDICT_JUMP, "related");
	}
}

/* An ICMP error quotes the flow that it belongs to, and a forger can quote
 * anybody's. A container's error passes when it is an end of that flow, and
 * not at all otherwise: whom no policy governs would lose connections to it
 * too. A router's or the host's always passes. No container is a router, so
 * redirects are not theirs to send. */
static struct ruleset_chain *related_chain(void)
{
	static const enum field ends[2][2] = {
		{ FIELD_CT_ORIG_IP_SADDR, FIELD_CT_REPL_IP_SADDR },
		{ FIELD_CT_ORIG_IP6_SADDR, FIELD_CT_REPL_IP6_SADDR },
	};
	_cleanup_(builder_fini) struct builder b = { 0 };

	build_family(&b, AF_INET);
	build_match_u8(&b, FIELD_L4PROTO, IPPROTO_ICMP);
	build_match_u8(&b, FIELD_ICMP_TYPE, ICMP_REDIRECT);
	build_lookup(&b, SET_BRIDGES, false, FIELDS(FIELD_IIFNAME));
	build_rule_verdict(&b, VERDICT_GOTO,
			   deny_chain_name(DENY_EGRESS, DENY_PROTOCOL));
	build_lookup(&b, SET_BRIDGES, true, FIELDS(FIELD_IIFNAME));
	build_rule_verdict(&b, VERDICT_ACCEPT, NULL);
	for (int f = 0; f < 2; f++)
		for (int end = 0; end < 2; end++) {
			uint8_t family = f ? AF_INET6 : AF_INET;

			build_family(&b, family);
			build_lookup(&b, f ? SET_SELF6 : SET_SELF4, false,
				     FIELDS(build_addr_field(family, true),
					    ends[f][end]));
			build_rule_verdict(&b, VERDICT_ACCEPT, NULL);
		}
	build_rule_verdict(&b, VERDICT_GOTO,
			   deny_chain_name(DENY_EGRESS, DENY_INVALID));
	return build_chain(&b, "related", NULL);
}

/* ---- the link's own control traffic ------------------------------------ */

static void icmpv6_types(struct builder *b, const uint8_t *types, size_t n,
			 enum verdict_kind verdict, const char *chain)
{
	for (size_t i = 0; i < n; i++) {
		build_family(b, AF_INET6);
		build_match_u8(b, FIELD_L4PROTO, IPPROTO_ICMPV6);
		build_match_u8(b, FIELD_ICMPV6_TYPE, types[i]);
		if (verdict == VERDICT_DROP)
			build_counter(b, "link_control");
		build_rule_verdict(b, verdict, chain);
	}
}

/* Multicast listener reports and router solicitations: noise between
 * containers, meant for the host. MLDv2 reports are type 143 (RFC 3810). */
static const uint8_t listener_types[] = { MLD_LISTENER_QUERY,
					  MLD_LISTENER_REPORT,
					  MLD_LISTENER_REDUCTION, 143,
					  ND_ROUTER_SOLICIT };
static const uint8_t neighbour_types[] = { ND_NEIGHBOR_SOLICIT,
					   ND_NEIGHBOR_ADVERT };
/* Only a router may send these, and no container is one. */
static const uint8_t router_types[] = { ND_ROUTER_ADVERT, ND_REDIRECT };

/* Passes always, so only what its receiver believes (RFC 4861, 7.1): on this
 * link, for a router has lowered the limit. It would carry anything out. */
static void accept_neighbours(struct builder *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(neighbour_types); i++) {
		build_family(b, AF_INET6);
		build_match_u8(b, FIELD_L4PROTO, IPPROTO_ICMPV6);
		build_match_u8(b, FIELD_IP6_HOPLIMIT, 255);
		build_match_u8(b, FIELD_ICMPV6_TYPE, neighbour_types[i]);
		build_rule_verdict(b, VERDICT_ACCEPT, NULL);
	}
}

/* @verdict for what is meant for the host: accept there, drop between
 * containers, counted but not worth a record. */
static struct ruleset_chain *control_chain(const char *name,
					   enum verdict_kind verdict)
{
	_cleanup_(builder_fini) struct builder b = { 0 };

	accept_neighbours(&b);
	icmpv6_types(&b, listener_types, ARRAY_SIZE(listener_types), verdict,
		     NULL);
	icmpv6_types(&b, router_types, ARRAY_SIZE(router_types), VERDICT_GOTO,
		     deny_chain_name(DENY_EGRESS, DENY_PROTOCOL));
	build_family(&b, AF_INET);
	build_match_u8(&b, FIELD_L4PROTO, IPPROTO_IGMP);
	if (verdict == VERDICT_DROP)
		build_counter(&b, "link_control");
	build_rule_verdict(&b, verdict, NULL);
	return build_chain(&b, name, NULL);
}

static void jump_control(struct builder *b, const char *chain)
{
	build_match_u8(b, FIELD_L4PROTO, IPPROTO_ICMPV6);
	build_rule_verdict(b, VERDICT_JUMP, chain);
	build_match_u8(b, FIELD_L4PROTO, IPPROTO_IGMP);
	build_rule_verdict(b, VERDICT_JUMP, chain);
}

/* ---- directions -------------------------------------------------------- */

static void dispatch(struct builder *b, bool egress)
{
	for (int f = 0; f < 2; f++) {
		uint8_t family = f ? AF_INET6 : AF_INET;
		const char *map = egress ? (f ? MAP_EGRESS6 : MAP_EGRESS4)
					 : (f ? MAP_INGRESS6 : MAP_INGRESS4);

		build_family(b, family);
		build_vmap(b, map, FIELDS(build_addr_field(family, egress)));
		build_rule(b);
	}
}

static void unknown(struct builder *b, const struct compile_options *options,
		    enum deny_direction direction)
{
	if (options->allow_unknown)
		return;
	build_rule_verdict(b, VERDICT_GOTO,
			   deny_chain_name(direction, DENY_UNKNOWN_ENDPOINT));
}

static struct ruleset_chain *from_chain(const struct compile_options *options)
{
	_cleanup_(builder_fini) struct builder b = { 0 };

	jump_control(&b, "control");
	dispatch(&b, true);
	unknown(&b, options, DENY_EGRESS);
	return build_chain(&b, "from", NULL);
}

static struct ruleset_chain *from_to_host_chain(
	const struct compile_options *options)
{
	/* Docker without its proxies sets route_localnet on the bridges. What a
	 * DNAT rule of the host's leads to its loopback may go there. */
	static const uint8_t mask[4] = { 255 }, loopback[4] = { 127 };
	_cleanup_(builder_fini) struct builder b = { 0 };

	jump_control(&b, "control_host");
	build_family(&b, AF_INET);
	build_match_masked(&b, FIELD_CT_ORIG_IP_DADDR, mask, loopback, false);
	build_rule_verdict(&b, VERDICT_GOTO,
			   deny_chain_name(DENY_EGRESS, DENY_INVALID));
	dispatch(&b, true);
	unknown(&b, options, DENY_EGRESS);
	return build_chain(&b, "from_to_host", NULL);
}

/* Multicast and broadcast are nobody's address. The sender's egress has
 * decided already; here they pass only where no endpoint of the bridge is
 * isolated, because every one of them would get a copy. */
static struct ruleset_chain *to_chain(const struct compile_options *options)
{
	static const uint8_t multicast6[16] = { 0xff };
	_cleanup_(builder_fini) struct builder b = { 0 };

	dispatch(&b, false);
	for (int f = 0; f < 2; f++) {
		build_family(&b, f ? AF_INET6 : AF_INET);
		if (f)
			build_match_masked(&b, FIELD_IP6_DADDR, multicast6,
					   multicast6, false);
		else
			build_lookup(&b, SET_GROUPS4, false,
				     FIELDS(FIELD_IP_DADDR));
		build_lookup(&b, SET_QUIET, true, FIELDS(FIELD_OIFNAME));
		build_rule_verdict(&b, VERDICT_RETURN, NULL);
	}
	for (int f = 0; f < 2; f++) {
		build_family(&b, f ? AF_INET6 : AF_INET);
		if (f)
			build_match_masked(&b, FIELD_IP6_DADDR, multicast6,
					   multicast6, false);
		else
			build_lookup(&b, SET_GROUPS4, false,
				     FIELDS(FIELD_IP_DADDR));
		build_rule_verdict(
			&b, VERDICT_GOTO,
			deny_chain_name(DENY_INGRESS, DENY_NO_POLICY_ALLOWS));
	}
	unknown(&b, options, DENY_INGRESS);
	return build_chain(&b, "to", NULL);
}

/* Policies know a container by its address, and the guard sees to that on the
 * managed bridges alone. So what comes from anywhere else, as from the host's own
 * network or an ignored one, is none of theirs, whatever its source says. */
static struct ruleset_chain *foreign_chain(void)
{
	_cleanup_(builder_fini) struct builder b = { 0 };

	for (int v6 = 0; v6 < 2; v6++) {
		uint8_t family = v6 ? AF_INET6 : AF_INET;

		build_family(&b, family);
		build_lookup(&b, v6 ? SET_HOME6 : SET_HOME4, false,
			     FIELDS(build_addr_field(family, true)));
		build_rule_verdict(&b, VERDICT_GOTO,
				   deny_chain_name(DENY_INGRESS, DENY_INVALID));
	}
	return build_chain(&b, "foreign", NULL);
}

/* docker-proxy accepts on the host and connects to the container from the
 * gateway's address, as "the host". So its client is judged here, where its
 * real address is still seen, by the ingress policies of the container
 * behind the published port. */
static struct ruleset_chain *proxied_chain(void)
{
	_cleanup_(builder_fini) struct builder b = { 0 };

	build_family(&b, AF_INET);
	build_lookup(&b, SET_PORT_PROTOCOLS, false, FIELDS(FIELD_L4PROTO));
	build_vmap(&b, MAP_PUBLISHED4,
		   FIELDS(FIELD_IP_DADDR, FIELD_L4PROTO, FIELD_TH_DPORT));
	build_rule(&b);
	build_family(&b, AF_INET6);
	build_lookup(&b, SET_PORT_PROTOCOLS, false, FIELDS(FIELD_L4PROTO));
	build_vmap(&b, MAP_PUBLISHED6,
		   FIELDS(FIELD_IP6_DADDR, FIELD_L4PROTO, FIELD_TH_DPORT));
	build_rule(&b);
	build_lookup(&b, SET_PORT_PROTOCOLS, false, FIELDS(FIELD_L4PROTO));
	build_vmap(&b, MAP_PUBLISHED,
		   FIELDS(FIELD_NFPROTO, FIELD_L4PROTO, FIELD_TH_DPORT));
	build_rule(&b);
	return build_chain(&b, "proxied", NULL);
}

const char *skeleton_proxied_deny_chain(enum deny_reason reason)
{
	return reason == DENY_QUARANTINE ? "proxied_quarantine"
					 : "proxied_deny";
}

/* A container may always reach itself, by its own published port too. Asked
 * here, for the deny chains know only a destination that is its address. */
static struct ruleset_chain *proxied_deny_chain(enum deny_reason reason)
{
	_cleanup_(builder_fini) struct builder b = { 0 };

	for (int v6 = 0; v6 < 2; v6++) {
		uint8_t family = v6 ? AF_INET6 : AF_INET;
		enum field saddr = build_addr_field(family, true);
		enum field daddr = build_addr_field(family, false);

		build_family(&b, family);
		build_lookup(&b, SET_PORT_PROTOCOLS, false,
			     FIELDS(FIELD_L4PROTO));
		build_lookup(&b, v6 ? SET_HAIRPIN6 : SET_HAIRPIN4, false,
			     FIELDS(saddr, FIELD_L4PROTO, FIELD_TH_DPORT));
		build_rule_verdict(&b, VERDICT_RETURN, NULL);
		build_family(&b, family);
		build_lookup(&b, SET_PORT_PROTOCOLS, false,
			     FIELDS(FIELD_L4PROTO));
		build_lookup(
			&b, v6 ? SET_HAIRPIN6_ON : SET_HAIRPIN4_ON, false,
			FIELDS(saddr, daddr, FIELD_L4PROTO, FIELD_TH_DPORT));
		build_rule_verdict(&b, VERDICT_RETURN, NULL);
	}
	build_rule_verdict(&b, VERDICT_GOTO,
			   deny_chain_name(DENY_INGRESS, reason));
	return build_chain(&b, skeleton_proxied_deny_chain(reason), NULL);
}

/* ---- what opens a connection ------------------------------------------- */

const char *skeleton_openings_chain(enum deny_direction direction)
{
	return direction == DENY_EGRESS ? "openings_egress"
					: "openings_ingress";
}

void skeleton_match_no_opening(struct builder *b)
{
	static const uint8_t mask = TH_FIN | TH_SYN | TH_RST | TH_ACK;
	static const uint8_t opening = TH_SYN;

	build_match_u8(b, FIELD_L4PROTO, IPPROTO_TCP);
	build_match_masked(b, FIELD_TCP_FLAGS, &mask, &opening, true);
}

/* **I5** conntrack picks a TCP connection up in its midst, from whichever end
 * speaks first. So one that was revoked in the isolated direction would come
 * back through the other one, where nothing else stops it. */
static struct ruleset_chain *openings_chain(enum deny_direction direction)
{
	_cleanup_(builder_fini) struct builder b = { 0 };

	skeleton_match_no_opening(&b);
	build_rule_verdict(&b, VERDICT_GOTO,
			   deny_chain_name(direction, DENY_INVALID));
	return build_chain(&b, skeleton_openings_chain(direction), NULL);
}

/* **I5** likewise a revoked UDP flow: an answer under way to its client would
 * begin it anew, with both ends' parts exchanged, where policies let the
 * server speak to the client. So the agent puts each revoked flow here, as its
 * answers look. They may begin one again when the client has long been gone. */
static struct ruleset_chain *revoked_chain(void)
{
	_cleanup_(builder_fini) struct builder b = { 0 };

	for (int v6 = 0; v6 < 2; v6++) {
		uint8_t family = v6 ? AF_INET6 : AF_INET;

		build_family(&b, family);
		build_lookup(&b, SET_PORT_PROTOCOLS, false,
			     FIELDS(FIELD_L4PROTO));
		build_lookup(&b, v6 ? SET_REVOKED6 : SET_REVOKED4, false,
			     FIELDS(build_addr_field(family, true),
				    build_addr_field(family, false),
				    FIELD_L4PROTO, FIELD_TH_SPORT,
				    FIELD_TH_DPORT));
		build_rule_verdict(
			&b, VERDICT_GOTO,
			deny_chain_name(DENY_INGRESS, DENY_POLICY_REVOKED));
	}
	return build_chain(&b, "revoked", NULL);
}

/* ---- base chains ------------------------------------------------------- */

static struct ruleset_chain *forward_chain(
	const struct compile_options *options)
{
	_cleanup_(builder_fini) struct builder b = { 0 };

	answers_jump(&b, options);
	accept_established(&b);
	/* TCP is held by what opens a connection. */
	build_match_not_u8(&b, FIELD_L4PROTO, IPPROTO_TCP);
	build_rule_verdict(&b, VERDICT_JUMP, "revoked");
	build_lookup(&b, SET_BRIDGES, false, FIELDS(FIELD_IIFNAME));
	build_rule_verdict(&b, VERDICT_JUMP, "from");
	build_lookup(&b, SET_BRIDGES, true, FIELDS(FIELD_IIFNAME));
	build_lookup(&b, SET_BRIDGES, false, FIELDS(FIELD_OIFNAME));
	build_rule_verdict(&b, VERDICT_JUMP, "foreign");
	build_lookup(&b, SET_BRIDGES, false, FIELDS(FIELD_OIFNAME));
	build_rule_verdict(&b, VERDICT_JUMP, "to");
	return build_base_chain(&b, "forward", HOOK_FORWARD, PRIORITY);
}

/* A bridge hands frames to link-local groups (IEEE 802.1D, table 7-10) to the
 * host as its port's own, past every hook of the bridge family: nothing is known
 * of who sends, not even his bridge. Those groups are of the link's protocols,
 * IP is none of them. Before all else: an address in there may be anybody's. */
static void refuse_link_groups(struct builder *b)
{
	static const uint8_t mask[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xf0 };
	static const uint8_t groups[6] = { 0x01, 0x80, 0xc2 };

	build_match_u8(b, FIELD_PKTTYPE, PACKET_MULTICAST);
	build_match_masked(b, FIELD_ETHER_DADDR, mask, groups, false);
	build_rule_verdict(b, VERDICT_GOTO,
			   deny_chain_name(DENY_EGRESS, DENY_PROTOCOL));
}

static struct ruleset_chain *input_chain(void)
{
	static const char lo[IFNAMSIZ] = "lo";
	_cleanup_(builder_fini) struct builder b = { 0 };

	refuse_link_groups(&b);
	accept_established(&b);
	build_match(&b, FIELD_IIFNAME, lo);
	build_rule_verdict(&b, VERDICT_ACCEPT, NULL);
	build_lookup(&b, SET_BRIDGES, false, FIELDS(FIELD_IIFNAME));
	build_rule_verdict(&b, VERDICT_JUMP, "from_to_host");
	build_lookup(&b, SET_BRIDGES, true, FIELDS(FIELD_IIFNAME));
	build_rule_verdict(&b, VERDICT_JUMP, "foreign");
	build_rule_verdict(&b, VERDICT_JUMP, "proxied");
	return build_base_chain(&b, "input", HOOK_INPUT, PRIORITY);
}

/* The host may speak to its containers, and docker-proxy to its clients; but
 * not begin from its end, in its midst, what they opened. */
static struct ruleset_chain *resumed_chain(void)
{
	_cleanup_(builder_fini) struct builder b = { 0 };

	for (int v6 = 0; v6 < 2; v6++) {
		uint8_t family = v6 ? AF_INET6 : AF_INET;

		build_family(&b, family);
		build_lookup(&b, v6 ? SET_CONFINED6 : SET_CONFINED4, false,
			     FIELDS(build_addr_field(family, false)));
		build_rule_verdict(&b, VERDICT_GOTO,
				   deny_chain_name(DENY_EGRESS, DENY_INVALID));
	}
	build_match_u8(&b, FIELD_L4PROTO, IPPROTO_TCP);
	build_lookup(&b, SET_HELD_PORTS, false, FIELDS(FIELD_TH_SPORT));
	build_rule_verdict(&b, VERDICT_GOTO,
			   deny_chain_name(DENY_INGRESS, DENY_INVALID));
	return build_chain(&b, "resumed", NULL);
}

static struct ruleset_chain *output_chain(const struct compile_options *options)
{
	/* A FIN begins nothing, so it is invalid; but it may carry data. */
	static const uint32_t unknown_states = NF_CT_STATE_BIT(IP_CT_NEW) |
					       NF_CT_STATE_INVALID_BIT;
	static const char lo[IFNAMSIZ] = "lo";
	_cleanup_(builder_fini) struct builder b = { 0 };

	build_match(&b, FIELD_OIFNAME, lo);
	build_rule_verdict(&b, VERDICT_ACCEPT, NULL);
	answers_jump(&b, options);
	build_ct_state(&b, unknown_states);
	build_rule_verdict(&b, VERDICT_JUMP, "revoked");
	build_ct_state(&b, unknown_states);
	skeleton_match_no_opening(&b);
	build_rule_verdict(&b, VERDICT_JUMP, "resumed");
	return build_base_chain(&b, "output", HOOK_OUTPUT, PRIORITY);
}

void skeleton_chains(const struct compile_options *options,
		     void (*add)(void *arg, struct ruleset_chain *chain),
		     void *arg)
{
	add(arg, forward_chain(options));
	add(arg, input_chain());
	add(arg, output_chain(options));
	add(arg, revoked_chain());
	add(arg, resumed_chain());
	add(arg, from_chain(options));
	add(arg, from_to_host_chain(options));
	add(arg, to_chain(options));
	add(arg, foreign_chain());
	add(arg, proxied_chain());
	add(arg, proxied_deny_chain(DENY_NO_POLICY_ALLOWS));
	add(arg, proxied_deny_chain(DENY_QUARANTINE));
	add(arg, openings_chain(DENY_EGRESS));
	add(arg, openings_chain(DENY_INGRESS));
	add(arg, related_chain());
	answers_chains(options, add, arg);
	add(arg, control_chain("control", VERDICT_DROP));
	add(arg, control_chain("control_host", VERDICT_ACCEPT));
}

/* ---- sets -------------------------------------------------------------- */

static struct ruleset_set *revoked_set(const char *name, uint8_t family)
{
	return build_tuple_set(name, family, 5, REVOKED_TIMEOUT_MS);
}

void skeleton_sets(const struct compile_options *options,
		   void (*add)(void *arg, struct ruleset_set *set), void *arg)
{
	static const enum ruleset_type proto[] = { TYPE_PROTO };
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP,
					     IPPROTO_SCTP };
	struct ruleset_set *ports =
		build_set(SET_PORT_PROTOCOLS, NULL, 0, 1, proto);

	build_set_fill(ports, ARRAY_SIZE(protocols), protocols, NULL, false);
	add(arg, ports);
	add(arg, revoked_set(SET_REVOKED4, AF_INET));
	add(arg, revoked_set(SET_REVOKED6, AF_INET6));
	answers_sets(options, add, arg);
	original_sets(options, add, arg);
}
