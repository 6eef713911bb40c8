/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow.h - the denied-flow log: NFLOG in, JSON Lines out.
 *
 * read (nflog.c) -> decode (packet.c) -> attribute (attribute.c) -> write
 * (record.c, file.c). A packet's owners are asked for as they were at the
 * packet's time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/reason.h"
#include "base/vec.h"
#include "endpoint/endpoint.h"
#include "loop/loop.h"

struct flow_log;

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
	void *arg;
};

struct flow_options {
	const char *path; /* of the JSON Lines file; NULL: write nothing */
	uint16_t group;	  /* NFLOG group */
	struct flow_resolver resolver;
};

/** A connection that the policies had allowed and do no longer. */
struct flow_revocation {
	enum deny_direction direction; /* whose policies decided */
	uint8_t proto;		       /* IPPROTO_* */
	bool has_ports;
	struct addr src, dst;
	uint16_t sport, dport;
	const struct endpoint *source, *destination; /* NULL: nobody's */
};

/** While a file is written: packets + revoked = repeated + records + waiting +
 *  unwritten (but for a line about a loss that waits itself). */
struct flow_stats {
	uint64_t packets;    /* NFLOG messages that were ours */
	uint64_t revoked;    /* connections that flow_revoked() told of */
	uint64_t records;    /* lines written, those of losses not counted */
	uint64_t waiting;    /* lines that the file has not taken yet */
	uint64_t repeated;   /* packets of an attempt already recorded */
	uint64_t lost;	     /* NFLOG messages that we never got */
	uint64_t undecoded;  /* recorded, but with less than all fields */
	uint64_t unwritten;  /* records that the file did not take */
	const char *problem; /* last error of the file; "" when none */
};

/** Returns 0; -EBUSY when another process reads the group; or -errno. The file
 *  not being writable is no failure: it is retried, and told in the stats. */
int flow_open(struct loop *loop, const struct flow_options *options,
	      struct flow_log **ret);
/** Writes out what is pending. */
void flow_close(struct flow_log *f);
/** Open the file anew by its name (SIGHUP, after a rotation). */
void flow_reopen(struct flow_log *f);
/** Record that a connection was ended, with reason policy-revoked and no
 *  packets: that it loses any is recorded of those. */
void flow_revoked(struct flow_log *f, const struct flow_revocation *revocation);
void flow_stats(const struct flow_log *f, struct flow_stats *ret);
