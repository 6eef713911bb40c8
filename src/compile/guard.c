/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guard.c - the bridge table: a container sends as itself or not at all.
 *
 * The inet table judges by address, so an address must be its owner's. Every
 * frame that a managed bridge takes in from a container's port is held against
 * what is bound to that port:
 *
 *   IPv4, IPv6   (port, MAC address, IP address) is bound: the interface's own
 *                MAC address with any IP address of its container
 *   ARP          the same for what the message says of its sender
 *   ND           a neighbour's advertisement is for a bound address; no
 *                advertisement or redirect of a router at all
 *   IGMP, MLD    no query, nor what finds multicast routers: the bridge would
 *                take it for one's, and send groups, those of ND among them,
 *                only where a report came from that nobody is asked for
 *   DHCP         nothing to a client's port
 *   IPv6         at most one extension header: behind more of them, cut into
 *                fragments, a message could not be read here and would be
 *                whole again behind us
 *   the rest     no VLAN tag, no other ethertype: none that the inet table
 *                would see
 *
 * A port that is bound to nobody passes nothing (I2). Ethertypes are read from
 * the frame, so that a tag is seen as one.
 */
#include "compile/guard.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/icmp6.h>
#include <netinet/igmp.h>
#include <netinet/in.h>
#include <string.h>

#include "base/reason.h"
#include "compile/build.h"
#include "compile/member.h"

/* Bridge family's "filter": behind nobody who would need to see forged
 * frames, before the bridge learns nothing more from them than their port. */
#define PRIORITY (-200)

#define SPOOFED_MAX 16384
#define SNAPLEN	    256

static const char *const counters[] = { "foreign_protocol", "spoofed",
					COMPILE_COUNTER_UNATTRIBUTED };

static const struct compile_denied denied_sets[] = {
	{ .table = TABLE_BRIDGE,
	  .set = "denied_protocol",
	  .seen = "seen_protocol",
	  .kind = DENIED_FRAME,
	  .direction = DENY_EGRESS,
	  .reason = DENY_PROTOCOL,
	  .has_reason = true },
	{ .table = TABLE_BRIDGE,
	  .set = "denied_spoofed",
	  .seen = "seen_spoofed",
	  .kind = DENIED_FRAME,
	  .direction = DENY_EGRESS,
	  .reason = DENY_SPOOFED,
	  .has_reason = true },
	{ .table = TABLE_BRIDGE, .set = "suppressed", .kind = DENIED_PORT },
};

const struct compile_denied *compile_guard_denied_sets(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(denied_sets);
	return denied_sets;
}

const char *const *compile_guard_counters(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(counters);
	return counters;
}

/* ---- rules ------------------------------------------------------------- */

static void match_ether_type(struct builder *b, uint16_t type)
{
	uint16_t value = htons(type);

	build_match(b, FIELD_ETHER_TYPE, &value);
}

static void match_icmpv6(struct builder *b, uint8_t type)
{
	match_ether_type(b, ETH_P_IPV6);
	build_match_u8(b, FIELD_L4PROTO, IPPROTO_ICMPV6);
	build_match_u8(b, FIELD_ICMPV6_TYPE, type);
}

static void arp_rules(struct builder *b)
{
	static const uint8_t zero[4];

	match_ether_type(b, ETH_P_ARP);
	build_lookup(
		b, "bound4", false,
		FIELDS(FIELD_IIFNAME, FIELD_ETHER_SADDR, FIELD_ARP_SADDR_IP));
	build_lookup(b, "bound4", false,
		     FIELDS(FIELD_IIFNAME, FIELD_ARP_SADDR_ETHER,
			    FIELD_ARP_SADDR_IP));
	build_rule_verdict(b, VERDICT_RETURN, NULL);
	/* A probe (RFC 5227) has no sender address yet, and teaches none. */
	match_ether_type(b, ETH_P_ARP);
	build_match(b, FIELD_ARP_SADDR_IP, zero);
	build_lookup(b, "bound_mac", false,
		     FIELDS(FIELD_IIFNAME, FIELD_ETHER_SADDR));
	build_lookup(b, "bound_mac", false,
		     FIELDS(FIELD_IIFNAME, FIELD_ARP_SADDR_ETHER));
	build_rule_verdict(b, VERDICT_RETURN, NULL);
}

/* A DHCP server's answers; no container is one. Clients do not look which port
 * they come from. */
static void dhcp_rule(struct builder *b, uint16_t ether_type, uint16_t to)
{
	uint16_t dport = htons(to);

	match_ether_type(b, ether_type);
	build_match_u8(b, FIELD_L4PROTO, IPPROTO_UDP);
	build_match(b, FIELD_TH_DPORT, &dport);
	build_rule_verdict(b, VERDICT_GOTO, "deny_spoofed");
}

static struct ruleset_chain *igmp_chain(void)
{
	/* RFC 3376, 4.1; RFC 4286, 3.1 */
	static const uint8_t router[] = { IGMP_MEMBERSHIP_QUERY, 0x30 };
	_cleanup_(builder_fini) struct builder b = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(router); i++) {
		build_match_u8(&b, FIELD_L4PROTO, IPPROTO_IGMP);
		build_match_u8(&b, FIELD_IGMP_TYPE, router[i]);
		build_rule_verdict(&b, VERDICT_GOTO, "deny_spoofed");
	}
	return build_chain(&b, "igmp", NULL);
}

static void ip_rules(struct builder *b)
{
	dhcp_rule(b, ETH_P_IP, 68);
	match_ether_type(b, ETH_P_IP);
	build_match_u8(b, FIELD_L4PROTO, IPPROTO_IGMP);
	build_rule_verdict(b, VERDICT_JUMP, "igmp");
	match_ether_type(b, ETH_P_IP);
	build_lookup(b, "bound4", false,
		     FIELDS(FIELD_IIFNAME, FIELD_ETHER_SADDR, FIELD_IP_SADDR));
	build_rule_verdict(b, VERDICT_RETURN, NULL);
}

/* Not "drop when its target is not bound": that rule would pass over a message
 * cut into fragments before its target, which is whole again behind us. */
static struct ruleset_chain *advertised_chain(void)
{
	_cleanup_(builder_fini) struct builder b = { 0 };

	match_ether_type(&b, ETH_P_IPV6);
	build_match_u8(&b, FIELD_L4PROTO, IPPROTO_ICMPV6);
	build_lookup(&b, "bound6", false,
		     FIELDS(FIELD_IIFNAME, FIELD_ETHER_SADDR, FIELD_ND_TARGET));
	build_rule_verdict(&b, VERDICT_RETURN, NULL);
	build_rule_verdict(&b, VERDICT_GOTO, "deny_spoofed");
	return build_chain(&b, "advertised", NULL);
}

static const uint8_t extensions[] = { IPPROTO_HOPOPTS, IPPROTO_ROUTING,
				      IPPROTO_FRAGMENT, IPPROTO_AH,
				      IPPROTO_DSTOPTS };

/* Entered with one extension header. */
static struct ruleset_chain *extended_chain(void)
{
	_cleanup_(builder_fini) struct builder b = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {
		match_ether_type(&b, ETH_P_IPV6);
		build_match_u8(&b, FIELD_IP6_NEXTHDR2, extensions[i]);
		build_rule_verdict(&b, VERDICT_GOTO, "deny_protocol");
	}
	return build_chain(&b, "extended", NULL);
}

/* Duplicate address detection (RFC 4862) asks from the unspecified address,
 * for the sender's own; listener reports may come from there too. */
static void unspecified_rules(struct builder *b)
{
	static const uint8_t zero[16];
	static const uint8_t reports[] = { MLD_LISTENER_REPORT, 143 };

	match_icmpv6(b, ND_NEIGHBOR_SOLICIT);
	build_match(b, FIELD_IP6_SADDR, zero);
	build_lookup(b, "bound6", false,
		     FIELDS(FIELD_IIFNAME, FIELD_ETHER_SADDR, FIELD_ND_TARGET));
	build_rule_verdict(b, VERDICT_RETURN, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(reports); i++) {
		match_icmpv6(b, reports[i]);
		build_match(b, FIELD_IP6_SADDR, zero);
		build_lookup(b, "bound_mac", false,
			     FIELDS(FIELD_IIFNAME, FIELD_ETHER_SADDR));
		build_rule_verdict(b, VERDICT_RETURN, NULL);
	}
}

static struct ruleset_chain *icmpv6_chain(void)
{
	/* The last one finds multicast routers (RFC 4286, 3.1). */
	static const uint8_t router[] = { ND_ROUTER_ADVERT, ND_REDIRECT,
					  MLD_LISTENER_QUERY, 151 };
	_cleanup_(builder_fini) struct builder b = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(router); i++) {
		match_icmpv6(&b, router[i]);
		build_rule_verdict(&b, VERDICT_GOTO, "deny_spoofed");
	}
	match_icmpv6(&b, ND_NEIGHBOR_ADVERT);
	build_rule_verdict(&b, VERDICT_GOTO, "advertised");
	return build_chain(&b, "icmpv6", NULL);
}

static void ip6_rules(struct builder *b)
{
	dhcp_rule(b, ETH_P_IPV6, 546);
	match_ether_type(b, ETH_P_IPV6);
	build_match_u8(b, FIELD_L4PROTO, IPPROTO_ICMPV6);
	build_rule_verdict(b, VERDICT_JUMP, "icmpv6");
	match_ether_type(b, ETH_P_IPV6);
	build_lookup(b, "extensions", false, FIELDS(FIELD_IP6_NEXTHDR));
	build_rule_verdict(b, VERDICT_JUMP, "extended");
	match_ether_type(b, ETH_P_IPV6);
	build_lookup(b, "bound6", false,
		     FIELDS(FIELD_IIFNAME, FIELD_ETHER_SADDR, FIELD_IP6_SADDR));
	build_rule_verdict(b, VERDICT_RETURN, NULL);
	unspecified_rules(b);
}

static struct ruleset_chain *guard_chain(void)
{
	static const uint16_t known[] = { ETH_P_IP, ETH_P_IPV6, ETH_P_ARP };
	_cleanup_(builder_fini) struct builder b = { 0 };

	ip_rules(&b);
	arp_rules(&b);
	ip6_rules(&b);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		match_ether_type(&b, known[i]);
		build_rule_verdict(&b, VERDICT_GOTO, "deny_spoofed");
	}
	build_rule_verdict(&b, VERDICT_GOTO, "deny_protocol");
	return build_chain(&b, "guard", NULL);
}

/* As in the inet table: the first frame is logged, each is counted by one
 * element. A container has as many MAC addresses as it likes, but one port. */
static struct ruleset_chain *deny_chain(const char *name, const char *counter,
					const struct compile_denied *denied,
					const struct compile_options *options)
{
	_cleanup_(builder_fini) struct builder b = { 0 };
	struct field_list key =
		FIELDS(FIELD_IIFNAME, FIELD_ETHER_SADDR, FIELD_ETHER_TYPE);
	enum verdict_kind verdict = options->audit ? VERDICT_RETURN
						   : VERDICT_DROP;
	char prefix[DENY_PREFIX_MAX];

	deny_prefix_format(DENY_EGRESS, denied->reason, options->audit, prefix);
	build_counter(&b, counter);
	build_rule(&b);
	build_lookup(&b, denied->seen, false, key);
	build_remember(&b, denied->seen, key);
	build_update(&b, denied->set, true, key);
	build_rule_verdict(&b, verdict, NULL);
	if (options->budget_rate) {
		build_update_over(&b, "budget", options->budget_rate,
				  options->budget_burst, FIELDS(FIELD_IIFNAME));
		build_rule_verdict(&b, VERDICT_GOTO, "suppress");
	}
	build_remember(&b, denied->seen, key);
	build_update(&b, denied->set, true, key);
	build_log(&b, RULESET_NFLOG_DENIED, prefix, SNAPLEN);
	build_rule_verdict(&b, verdict, NULL);
	build_rule_verdict(&b, VERDICT_GOTO, "suppress");
	return build_chain(&b, name, NULL);
}

static struct ruleset_chain *suppress_chain(bool audit)
{
	_cleanup_(builder_fini) struct builder b = { 0 };
	enum verdict_kind verdict = audit ? VERDICT_RETURN : VERDICT_DROP;

	build_update(&b, "suppressed", true, FIELDS(FIELD_IIFNAME));
	build_rule_verdict(&b, verdict, NULL);
	build_counter(&b, COMPILE_COUNTER_UNATTRIBUTED);
	build_rule_verdict(&b, verdict, NULL);
	return build_chain(&b, "suppress", NULL);
}

static struct ruleset_chain *base_chain(void)
{
	static const struct {
		uint16_t type;
		enum field field;
		const char *set;
	} owned[] = { { ETH_P_IP, FIELD_IP_SADDR, "owned4" },
		      { ETH_P_ARP, FIELD_ARP_SADDR_IP, "owned4" },
		      { ETH_P_IPV6, FIELD_IP6_SADDR, "owned6" } };
	_cleanup_(builder_fini) struct builder b = { 0 };

	build_lookup(&b, "ports", false, FIELDS(FIELD_IIFNAME));
	build_rule_verdict(&b, VERDICT_GOTO, "guard");
	/* **I2** any other port, as of a container that started while nobody
	 * was there to bind it, may not use an address that is bound: the inet
	 * table would take its frames for the owner's, the bridge would send
	 * the owner's to it, and neighbours would. Nor may it be the gateway. */
	build_lookup(&b, "owned_mac", false, FIELDS(FIELD_ETHER_SADDR));
	build_rule_verdict(&b, VERDICT_GOTO, "deny_spoofed");
	for (size_t i = 0; i < ARRAY_SIZE(owned); i++) {
		match_ether_type(&b, owned[i].type);
		build_lookup(&b, owned[i].set, false, FIELDS(owned[i].field));
		build_rule_verdict(&b, VERDICT_GOTO, "deny_spoofed");
	}
	match_icmpv6(&b, ND_NEIGHBOR_ADVERT);
	build_lookup(&b, "owned6", false, FIELDS(FIELD_ND_TARGET));
	build_rule_verdict(&b, VERDICT_GOTO, "deny_spoofed");
	return build_base_chain(&b, "prerouting", HOOK_PREROUTING, PRIORITY);
}

/* ---- sets -------------------------------------------------------------- */

struct keys {
	struct buf bytes;
	size_t n;
};

static void add_key(struct keys *keys, const struct compile_port *port,
		    const struct addr *a)
{
	static const uint8_t padding[2];
	char name[IFNAMSIZ] = "";

	memcpy(name, port->name, strnlen(port->name, IFNAMSIZ - 1));
	buf_add(&keys->bytes, name, sizeof(name));
	buf_add(&keys->bytes, port->mac.bytes, 6);
	buf_add(&keys->bytes, padding, sizeof(padding));
	if (a)
		buf_add(&keys->bytes, a->bytes, addr_size(a->family));
	keys->n++;
}

static void add_addr(struct keys *keys, const struct addr *a)
{
	if (!addr_is_set(a))
		return;
	buf_add(&keys->bytes, a->bytes, addr_size(a->family));
	keys->n++;
}

static bool governs(const struct compile_input *in, const char *bridge)
{
	for (size_t i = 0; i < in->nnetworks; i++)
		if (!strcmp(in->networks[i]->bridge, bridge))
			return true;
	return false;
}

/* Addresses of one kind each, under way. */
struct owned {
	struct keys v4, v6, mac;
};

static void add_mac(struct keys *keys, const struct mac *mac)
{
	buf_add(&keys->bytes, mac->bytes, sizeof(mac->bytes));
	keys->n++;
}

/* On a network that is not managed its owner may use an address from any port
 * (and somebody else may have the same one there). */
static void add_owned(struct owned *to, const struct compile_input *in,
		      const struct compile_port *port)
{
	bool elsewhere = false;

	vec_foreach(a, &port->owner->attachments) {
		struct addr local = member_link_local(&a->mac);

		if (!governs(in, a->bridge)) {
			elsewhere = true;
			continue;
		}
		add_addr(&to->v4, &a->v4);
		add_addr(&to->v6, &a->v6);
		if (mac_is_set(&a->mac))
			add_addr(&to->v6, &local);
	}
	if (!elsewhere && mac_is_set(&port->mac))
		add_mac(&to->mac, &port->mac);
}

/* The host's own on the bridges. */
static void add_gateways(struct owned *to, const struct compile_input *in)
{
	for (size_t i = 0; i < in->nnetworks; i++)
		vec_foreach(a, &in->networks[i]->gateways)
			add_addr(a->family == AF_INET ? &to->v4 : &to->v6, a);
}

static struct ruleset_set *bound_set(const char *name, struct keys *keys,
				     size_t n, const enum ruleset_type *types)
{
	struct ruleset_set *s = build_set(name, NULL, 0, n, types);

	build_set_fill(s, keys->n, buf_str(&keys->bytes), NULL, false);
	buf_fini(&keys->bytes);
	return s;
}

/* The three sets, in the order of their names. */
static void bound_sets(const struct compile_input *in, struct ruleset_set **ret)
{
	static const enum ruleset_type types4[] = { TYPE_IFNAME, TYPE_ETHER,
						    TYPE_IPV4 };
	static const enum ruleset_type types6[] = { TYPE_IFNAME, TYPE_ETHER,
						    TYPE_IPV6 };
	struct keys v4 = { .bytes = BUF_INIT(BUF_UNBOUNDED) };
	struct keys v6 = { .bytes = BUF_INIT(BUF_UNBOUNDED) };
	struct keys mac = { .bytes = BUF_INIT(BUF_UNBOUNDED) };

	for (size_t i = 0; i < in->nports; i++) {
		const struct compile_port *port = &in->ports[i];
		struct addr local;

		if (!port->owner || !mac_is_set(&port->mac))
			continue;
		local = member_link_local(&port->mac);
		add_key(&mac, port, NULL);
		add_key(&v6, port, &local);
		vec_foreach(a, &port->owner->attachments) {
			if (addr_is_set(&a->v4))
				add_key(&v4, port, &a->v4);
			if (addr_is_set(&a->v6))
				add_key(&v6, port, &a->v6);
		}
	}
	ret[0] = bound_set("bound4", &v4, 3, types4);
	ret[1] = bound_set("bound6", &v6, 3, types6);
	ret[2] = bound_set("bound_mac", &mac, 2, types4);
}

/* Every bound address, whatever its port, and the gateways'; in the order of
 * their names. */
static void owned_sets(const struct compile_input *in, struct ruleset_set **ret)
{
	static const enum ruleset_type type4[] = { TYPE_IPV4 };
	static const enum ruleset_type type6[] = { TYPE_IPV6 };
	static const enum ruleset_type type_mac[] = { TYPE_ETHER };
	struct owned owned = { { BUF_INIT(BUF_UNBOUNDED), 0 },
			       { BUF_INIT(BUF_UNBOUNDED), 0 },
			       { BUF_INIT(BUF_UNBOUNDED), 0 } };

	add_gateways(&owned, in);
	for (size_t i = 0; i < in->nports; i++)
		if (in->ports[i].owner && !in->ports[i].absent)
			add_owned(&owned, in, &in->ports[i]);
	ret[0] = bound_set("owned4", &owned.v4, 1, type4);
	ret[1] = bound_set("owned6", &owned.v6, 1, type6);
	ret[2] = bound_set("owned_mac", &owned.mac, 1, type_mac);
}

static struct ruleset_set *port_set(const struct compile_input *in)
{
	static const enum ruleset_type type[] = { TYPE_IFNAME };
	_cleanup_(freep) char *keys = xcalloc(in->nports, IFNAMSIZ);
	struct ruleset_set *s = build_set("ports", NULL, 0, 1, type);

	for (size_t i = 0; i < in->nports; i++)
		memcpy(keys + i * IFNAMSIZ, in->ports[i].name,
		       strnlen(in->ports[i].name, IFNAMSIZ - 1));
	build_set_fill(s, in->nports, keys, NULL, false);
	return s;
}

static struct ruleset_set *denied_set(const char *name, size_t nfields,
				      bool counter)
{
	static const enum ruleset_type types[] = { TYPE_IFNAME, TYPE_ETHER,
						   TYPE_ETHERTYPE };
	struct ruleset_set *s =
		build_set(name, NULL, SET_DYNAMIC, nfields, types);

	s->timeout_ms = COMPILE_DENIED_TIMEOUT_MS;
	s->size = SPOOFED_MAX;
	s->counter = counter;
	return s;
}

static struct ruleset_set *extension_set(void)
{
	static const enum ruleset_type type[] = { TYPE_PROTO };
	struct ruleset_set *s = build_set("extensions", NULL, 0, 1, type);

	build_set_fill(s, ARRAY_SIZE(extensions), extensions, NULL, false);
	return s;
}

/* Everything in the order of its name, as a part has it. */
void guard_part(const struct compile_input *in, struct ruleset_part *ret)
{
	const struct compile_options *options = &in->options;

	if (!in->guard_ports)
		return;
	ret->nchains = 9;
	ret->chains = xcalloc(ret->nchains, sizeof(*ret->chains));
	ret->chains[0] = advertised_chain();
	ret->chains[1] = deny_chain("deny_protocol", counters[0],
				    &denied_sets[0], options);
	ret->chains[2] = deny_chain("deny_spoofed", counters[1],
				    &denied_sets[1], options);
	ret->chains[3] = extended_chain();
	ret->chains[4] = guard_chain();
	ret->chains[5] = icmpv6_chain();
	ret->chains[6] = igmp_chain();
	ret->chains[7] = base_chain();
	ret->chains[8] = suppress_chain(options->audit);
	ret->nsets = 14;
	ret->sets = xcalloc(ret->nsets, sizeof(*ret->sets));
	bound_sets(in, ret->sets);
	ret->sets[3] = denied_set("budget", 1, false);
	ret->sets[4] = denied_set(denied_sets[0].set, 3, true);
	ret->sets[5] = denied_set(denied_sets[1].set, 3, true);
	ret->sets[6] = extension_set();
	owned_sets(in, ret->sets + 7);
	ret->sets[10] = port_set(in);
	ret->sets[11] = denied_set(denied_sets[0].seen, 3, false);
	ret->sets[12] = denied_set(denied_sets[1].seen, 3, false);
	ret->sets[13] = denied_set(denied_sets[2].set, 1, true);
	ret->ncounters = ARRAY_SIZE(counters);
	ret->counters = xcalloc(ret->ncounters, sizeof(*ret->counters));
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		memcpy(ret->counters[i], counters[i], strlen(counters[i]));
}
