/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow.h - the denied-flow log: NFLOG in, JSON lines out.
 *
 * read (nflog.c) -> decode (packet.c) -> attribute (attribute.c) -> format
 * (record.c) -> hand over (the owner's callback). A packet's owners are asked for as they were at the
 * packet's time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/reason.h"
#include "base/slice.h"
#include "base/vec.h"
#include "endpoint/endpoint.h"
#include "flow/record.h"
#include "loop/loop.h"

struct flow_log;
struct conntrack_entry;

/** Who has a connection. */
struct flow_connection {
	bool governed; /* policies have a say at one of its ends */
	struct endpoint *source, *destination; /* borrowed; NULL: nobody's */
};

/** How the flow log finds out who a packet's ends are. */
struct flow_resolver {
	/* Owner of @a at @realtime (ns), borrowed; NULL: nobody known. */
	struct endpoint *(*owner)(void *arg, const struct addr *a,
				  uint64_t realtime);
	/* Whose interface the host's end @ifindex is, borrowed; NULL: nobody
	 * known. Asked where the source address is a lie. May be NULL. */
	struct endpoint *(*sender)(void *arg, unsigned ifindex,
				   uint64_t realtime);
	/* Behind whose published port something on this host (docker-proxy)
	 * accepts at @host:@port, borrowed; NULL: nobody's. May be NULL. */
	struct endpoint *(*published)(void *arg, const struct addr *host,
				      uint8_t proto, uint16_t port);
	/* Appends "namespace/name" of each policy that isolates @e in that
	 * direction; the strings live until the call's end. */
	void (*policies)(void *arg, const struct endpoint *e, bool ingress,
			 void (*add)(void *to, const char *policy), void *to);
	/* Fills whose @e is, and appends the policies that admit it. May be
	 * NULL unless allowed flows are recorded. */
	void (*connection)(void *arg, const struct conntrack_entry *e,
			   void (*add)(void *to, const char *policy), void *to,
			   struct flow_connection *ret);
	void *arg;
};

/** Takes one line with its newline; @line lives until the call's end. Must not
 *  call back into the flow log, but for flow_loss_line(). */
typedef void (*flow_emit_fn)(void *arg, struct slice line);

struct flow_options {
	flow_emit_fn emit;
	void *emit_arg;
	uint16_t group; /* NFLOG group */
	bool audit; /* what is denied goes on; logged packets tell it, too */
	/* Read the kernel's counts this often while something is denied; 0:
	 * there are none to read. */
	uint64_t interval_ms;
	const char *state_file; /* of the account; NULL: none is kept */
	size_t packet_head;	/* bytes of a packet in its record */
	/* NFLOG group of name servers' answers; 0: records have no names. */
	uint16_t answers_group;
	bool allowed; /* record allowed connections, too */
	/* Between the records of one that goes on; 0: there are none. */
	uint64_t allowed_interval_ms;
	const char *connections_file; /* of those that live; NULL: none kept */
	struct flow_resolver resolver;
};

/** A connection that the policies had allowed and do no longer. */
struct flow_revocation {
	enum deny_direction direction;		  /* whose policies decided */
	const struct conntrack_entry *connection; /* its key is not used */
	const struct endpoint *source, *destination; /* NULL: nobody's */
};

/** Lines are records, events not counted. */
struct flow_stats {
	uint64_t packets;     /* NFLOG messages that were ours */
	uint64_t revoked;     /* connections that flow_revoked() told of */
	uint64_t records;     /* lines handed over */
	uint64_t repeated;    /* packets of an attempt already recorded */
	uint64_t lost;	      /* NFLOG messages that we never got */
	uint64_t undecoded;   /* recorded, but with less than all fields */
	uint64_t flows;	      /* denied ones that live */
	uint64_t connections; /* allowed ones that live */
	uint64_t lost_events; /* of connections */
	/* Packets that records told of, that summaries did, and that neither
	 * could: together all that the kernel has counted. */
	uint64_t recorded_packets, suppressed_packets, lost_packets;
};

/** Of the names in records. */
struct flow_names_stats {
	bool on;
	uint64_t answers;   /* of name servers, that were handed over */
	uint64_t malformed; /* of them: nothing could be read */
	uint64_t lost;	    /* that we never got */
	uint64_t addresses; /* whose names are known */
};

/** What was denied (or allowed) so far to whom, for metrics. */
struct flow_count {
	const char *namespace; /* of the deciding endpoint; "": none is known */
	const char *policies;  /* that isolate it, joined by commas */
	const char *verdict;   /* "denied", "audit", "allowed" */
	const char *direction, *reason; /* "": not known */
	uint64_t packets, bytes, flows;
};

/** Returns 0; -EBUSY when another process reads the group; or -errno. */
int flow_open(struct loop *loop, const struct flow_options *options,
	      struct flow_log **ret);
/** True when the kernel does not tell where a logged packet was addressed to
 *  before DNAT: the ruleset has to remember it. */
bool flow_needs_originals(const struct flow_log *f);
/** Policies are in force: begin with the allowed flows, where these are
 *  recorded. Again: nothing. */
void flow_begin_allowed(struct flow_log *f);
/** Emit what is left to tell of them, and no more. */
void flow_stop_allowed(struct flow_log *f);
/** Why less is known of allowed flows than could be; NULL: nothing. */
const char *flow_allowed_problem(const struct flow_log *f);
/** Why records have no DNS names although they should; NULL: they have. */
const char *flow_names_problem(const struct flow_log *f);
/** An endpoint is no more. */
void flow_endpoint_gone(struct flow_log *f, const char *id);
/** Read no more, and emit what is left to tell. Only flow_loss_line() may be
 *  called from here on, and flow_close(). Accepts NULL. */
void flow_stop(struct flow_log *f);
/** Accepts NULL. */
void flow_close(struct flow_log *f);
/** Append to @line what tells of @records lines that a sink did not take; its
 *  number is the next of the log's. @where "sink:NAME". */
void flow_loss_line(struct flow_log *f, const char *where, uint64_t records,
		    struct buf *line);
/** All lines so far are in others' hands: should this process die, they are
 *  told. May be called from within the emit callback. */
void flow_handed_over(struct flow_log *f);
/** Write an event; @e->values may be anything. */
void flow_tell(struct flow_log *f, const struct flow_event *e);
/** An address changes its owner: what is counted so far is the old one's. */
void flow_hurry(struct flow_log *f);
/** Each count, at most FLOW_COUNTS_MAX: what is over has all names "". */
void flow_counts(const struct flow_log *f,
		 void (*fn)(void *arg, const struct flow_count *count),
		 void *arg);
#define FLOW_COUNTS_MAX 1024
/** Record that a connection was ended, with reason policy-revoked and no
 *  packets: that it loses any is recorded of those. */
void flow_revoked(struct flow_log *f, const struct flow_revocation *revocation);
void flow_stats(const struct flow_log *f, struct flow_stats *ret);
void flow_dns_stats(const struct flow_log *f, struct flow_names_stats *ret);
