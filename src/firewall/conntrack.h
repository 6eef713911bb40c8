/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntrack.h - the kernel's connections: read them all, delete some.
 *
 * Speaks ctnetlink on sockets of its own. A dump is read in a thread and told
 * on the loop in slices, since a busy host has a hundred thousand entries;
 * deletes are sent in batches, at the end of each slice.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/macro.h"
#include "base/slice.h"
#include "loop/loop.h"

/** One direction of a connection. Ports are 0 where its protocol has none. */
struct conntrack_tuple {
	struct addr src, dst;
	uint16_t sport, dport;
};

struct conntrack_count {
	uint64_t packets, bytes;
};

struct conntrack_entry {
	uint8_t proto; /* IPPROTO_* */
	bool has_ports, has_icmp;
	uint8_t icmp_type, icmp_code; /* of its first packet */
	uint16_t icmp_id;
	/* TCP that conntrack met in its midst: who opened it is not known. */
	bool picked_up;
	/* As its first packet came in, and as its answers come in: what NAT
	 * does is the difference. */
	struct conntrack_tuple original, reply;
	/* What names it for conntrack_delete(), borrowed. */
	struct slice key;
	uint32_t id; /* as the kernel wrote it; 0: it told none */
	bool has_zone;
	uint16_t zone;
	bool has_counts; /* with net.netfilter.nf_conntrack_acct */
	struct conntrack_count sent, answered;
	/* Realtime ns, 0: not told; with nf_conntrack_timestamp. */
	uint64_t start, stop;
};

/** Bytes of a key: a tuple is far smaller; a longer one is not from our
 *  kernel. */
#define CONNTRACK_KEY_MAX 256
/** Bytes of an entry's attributes inside another message. */
#define CONNTRACK_CT_MAX 2048

typedef void (*conntrack_fn)(void *arg, const struct conntrack_entry *entry);
typedef void (*conntrack_event_fn)(void *arg,
				   const struct conntrack_entry *entry,
				   bool end);

/**
 * Hand over each entry of the @n bytes of a dump, aligned to four, that
 * answers @seq. Pure, for untrusted bytes: what is malformed is passed over.
 *
 * Returns 1 at the dump's end, 0 when more is to come, or -errno.
 */
int conntrack_parse(const void *bytes, size_t n, uint32_t seq, conntrack_fn fn,
		    void *arg);

/** Hand over each entry that the @n bytes, aligned to four, tell to have begun
 *  or (@end) ended. Pure, for untrusted bytes, as above. */
void conntrack_parse_events(const void *bytes, size_t n, conntrack_event_fn fn,
			    void *arg);

/** The original tuple of the entry whose @attributes another message has; need
 *  not be aligned. False when there is none. Pure, for untrusted bytes. */
bool conntrack_parse_original(struct slice attributes,
			      struct conntrack_tuple *ret);

struct conntrack;

/** Who listens to a dump; none of these may close the conntrack. */
struct conntrack_listener {
	conntrack_fn entry;
	/* May be NULL. Whether there is news to be taken in before the next
	 * slice, which may know of it already: asked again in the next turn. */
	bool (*behind)(void *arg);
	/* A slice is over: its deletes are sent when this returns. */
	void (*slice)(void *arg);
	/* All have been told, or (-errno) it was given up. An entry that came
	 * or went meanwhile may have been told or not. A new dump may be
	 * started from here. */
	void (*done)(void *arg, int error);
	void *arg;
};

/** Returns 0 or -errno. */
int conntrack_open(struct loop *loop, struct conntrack_listener listener,
		   struct conntrack **ret);
void conntrack_close(struct conntrack *c);
DEFINE_FREEP(struct conntrack, conntrack_close)

/** Tell the listener every entry, IPv4 and IPv6, on the loop. One that runs
 *  must be over first. Returns 0 or -errno. */
int conntrack_dump(struct conntrack *c);

/** Delete, at the slice's end, the entry that is just told. One that is gone
 *  by itself meanwhile is no failure. */
void conntrack_delete(struct conntrack *c, const struct conntrack_entry *entry);

/** Entries that the kernel refused to delete so far. */
uint64_t conntrack_refused(const struct conntrack *c);

/** Tell each of this host's own addresses. Blocks for the kernel's answer: for
 *  a thread. Returns 0 or -errno. */
int conntrack_local_addresses(void (*fn)(void *arg, const struct addr *a),
			      void *arg);
