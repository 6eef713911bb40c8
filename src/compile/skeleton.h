/* SPDX-License-Identifier: GPL-2.0-or-later */
/* skeleton.h - the fixed part of the inet table: base chains, and the two
 * directions' dispatch. What happens to a denied packet: deny.h.
 */
#pragma once

#include "base/reason.h"
#include "compile/compile.h"

/* Sets and maps that the skeleton asks, filled by the compiler. */
#define SET_BRIDGES	   "bridges"	    /* managed bridges, by name */
#define SET_QUIET	   "quiet"	    /* … with an isolated endpoint */
#define SET_GROUPS4	   "groups4"	    /* multicast and broadcast */
#define SET_PORT_PROTOCOLS "port_protocols" /* TCP, UDP, SCTP */
#define SET_SELF4	   "self4"	    /* address . the same address */
#define SET_SELF6	   "self6"
#define SET_REVOKED4	   "revoked4" /* answers to what was revoked lately */
#define SET_REVOKED6	   "revoked6"
#define SET_CONFINED4	   "confined4" /* isolated in egress */
#define SET_CONFINED6	   "confined6"
#define SET_HOME4	   "home4" /* addresses on managed bridges */
#define SET_HOME6	   "home6"
#define SET_HELD_PORTS	   "held_ports" /* TCP, of isolated containers */
#define MAP_EGRESS4	   "egress4"	/* source address : class chain */
#define MAP_EGRESS6	   "egress6"
#define MAP_INGRESS4	   "ingress4" /* destination address : class chain */
#define MAP_INGRESS6	   "ingress6"
#define MAP_PUBLISHED	   "published"	/* family . proto . port : proxy */
#define MAP_PUBLISHED4	   "published4" /* host address . proto . port : … */
#define MAP_PUBLISHED6	   "published6"
/* Ports that a container publishes itself: its address . proto . port, or with
 * the host's address second. */
#define SET_HAIRPIN4	"hairpin4"
#define SET_HAIRPIN6	"hairpin6"
#define SET_HAIRPIN4_ON "hairpin4_on"
#define SET_HAIRPIN6_ON "hairpin6_on"

/** Name of the chain for endpoints that only the other direction isolates:
 *  everything passes it but TCP that opens no connection. */
const char *skeleton_openings_chain(enum deny_direction direction);

/** Name of the chain that ends who may not come through a published port,
 *  unless it is the container behind it. */
const char *skeleton_proxied_deny_chain(enum deny_reason reason);

/** Match TCP segments that open no connection: not SYN alone of SYN, ACK, RST
 *  and FIN. */
struct builder;
void skeleton_match_no_opening(struct builder *b);

/** The skeleton's chains, appended; the caller owns the references. */
void skeleton_chains(const struct compile_options *options,
		     void (*add)(void *arg, struct ruleset_chain *chain),
		     void *arg);

/** Its own sets: protocols with ports, and the dynamic sets of what was revoked
 *  lately. A key of SET_REVOKED4 and 6 is source and destination
 *  address, protocol, source and destination port, each padded to four bytes.
 */
void skeleton_sets(const struct compile_options *options,
		   void (*add)(void *arg, struct ruleset_set *set), void *arg);
