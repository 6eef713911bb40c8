/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compile.h - policies and endpoints in, ruleset IR out. Pure.
 *
 * The compiler remembers its last run, and uses equal pointers as equal
 * content: a container's start touches the sets that it is a member of and
 * nothing else. The result is the same as a fresh compiler's for the same
 * input (a test holds it to that).
 *
 * Invariants: **I3** egress of the source and ingress of the destination both
 * decide; **I4** a packet's path is a dispatch map, a class chain, a port map
 * and one leaf, however many policies there are; **I9** what cannot be
 * resolved matches nothing.
 */
#pragma once

#include <stdbool.h>

#include "base/reason.h"
#include "compile/ruleset.h"
#include "endpoint/endpoint.h"
#include "endpoint/store.h"
#include "policy/policy.h"

struct compiler;

struct compile_options {
	bool audit;	    /* log what would be denied, deny nothing */
	bool allow_unknown; /* unknownEndpoint: allow */
	bool reject;	    /* denyAction: reject */
	/* Denied tuples of one container that the kernel lists: @budget_burst
	 * at once, and @budget_rate a second after them. What is over is
	 * counted for it. A rate of 0: all. */
	uint32_t budget_rate, budget_burst;
	bool dns_names; /* copy name servers' answers to RULESET_NFLOG_ANSWERS */
	bool originals; /* remember what DNAT did to a packet that is logged */
};

/** A port of a managed bridge, held to its owner's addresses. */
struct compile_port {
	char name[IFNAMSIZ];
	/* Whose it is: @mac may be used, with any IP address of the owner, who
	 * may answer from one network through another. NULL: nobody's that we
	 * know, nothing passes. */
	const struct endpoint *owner;
	struct mac mac; /* all zero: not known yet, nothing passes */
	/* No device has the name now: who is made with it is bound from its
	 * first frame on, and until then its addresses are kept from nobody. */
	bool absent;
};

struct compile_input {
	struct compile_options options;
	struct policy_set *policies;
	/* Of the store: those that exit or hold no address are passed over. */
	struct endpoint *const *endpoints;
	size_t nendpoints;
	/* The managed ones: their bridges are governed. */
	const struct network *const *networks;
	size_t nnetworks;
	/* Make the bridge table, for these ports. */
	bool guard_ports;
	const struct compile_port *ports;
	size_t nports;
};

struct compiler *compiler_new(void);
void compiler_free(struct compiler *c);
DEFINE_FREEP(struct compiler, compiler_free)

/** The ruleset for @in; the caller unrefs it. */
struct ruleset *compiler_run(struct compiler *c,
			     const struct compile_input *in);

/**
 * The policies that isolate endpoint @id in a direction, as of the last run.
 *
 * Calls @add with each "namespace/name". Returns their number; 0: it is not
 * isolated, or not known.
 */
size_t compiler_isolating(const struct compiler *c, const char *id,
			  bool ingress,
			  void (*add)(void *arg, const struct policy *policy),
			  void *arg);

struct compile_stats {
	size_t endpoints;	 /* compiled */
	size_t isolated_ingress; /* of them */
	size_t isolated_egress;
	size_t classes;
	size_t chains, sets, elements; /* of the last ruleset */
};

/** Of the last run. */
void compiler_stats(const struct compiler *c, struct compile_stats *ret);

/** Silence after which an element of the sets below is gone. */
#define COMPILE_DENIED_TIMEOUT_MS 60000
/** Counter of denied packets that none of those sets had room for. */
#define COMPILE_COUNTER_UNATTRIBUTED "unattributed"

/** Counter of name servers' answers that were over their rate; there only with
 *  dns_names, and in none of the lists below. */
#define COMPILE_COUNTER_ANSWERS "answers_over_rate"
/** Prefix of the copies. */
#define COMPILE_ANSWERS_PREFIX "bulkhead answer"

/** With originals: the set that tells, for some seconds after a flow's first
 *  packet was logged, what it was addressed to before DNAT. A key is source
 *  and destination address, destination port, and original destination address
 *  and port, each padded to four bytes. NULL for protocols without ports; the
 *  same pointer for the same set. */
const char *compile_original_set(uint8_t family, uint8_t proto);
#define COMPILE_ORIGINAL_PROTOCOLS 3

enum compile_denied_kind {
	DENIED_TUPLE,	 /* source, destination, protocol; if @has_reason,
			    destination port or the transport header's first
			    two bytes */
	DENIED_SENDER,	 /* source address: over its budget */
	DENIED_RECEIVER, /* destination address, of what came from elsewhere */
	DENIED_FRAME,	 /* port, MAC address, ethertype */
	DENIED_PORT,	 /* port: over its budget */
};

/** A set whose elements count denied packets. Each packet that a counter of
 *  denied packets has counts in one element, or as unattributed; but for those
 *  of "link_control". */
struct compile_denied {
	enum ruleset_table table;
	const char *set;
	const char *seen; /* its keys again, without counters; NULL: none */
	enum compile_denied_kind kind;
	uint8_t family;
	/* Of every packet in it; otherwise they may differ. */
	enum deny_direction direction;
	enum deny_reason reason;
	bool has_reason;
};

/** The sets of the inet table that count denied packets; static. */
const struct compile_denied *compile_denied_sets(size_t *ret_n);
/** The same, of the bridge table. */
const struct compile_denied *compile_guard_denied_sets(size_t *ret_n);

/** Names of the counters of denied packets: "ingress_no_policy_allows" … */
const char *const *compile_counters(size_t *ret_n);

/** Those of the bridge table: frames that were not their sender's own. */
const char *const *compile_guard_counters(size_t *ret_n);
