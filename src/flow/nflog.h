/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nflog.h - packets that the kernel's "log group N" hands over.
 *
 * Talks NETLINK_NETFILTER's log subsystem itself. It binds no protocol family
 * (that would make it the logger of other people's LOG rules too): nftables'
 * "log group" needs none.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/slice.h"
#include "firewall/conntrack.h"
#include "loop/loop.h"

/** One logged packet; slices and all live until the handler returns. */
struct flow_nflog_packet {
	uint8_t family;	     /* NFPROTO_* of the rule's hook */
	uint16_t ethertype;  /* host order, of what @payload begins with */
	struct slice prefix; /* of the rule's log statement */
	struct slice payload;
	uint64_t time; /* realtime ns; 0: the kernel gave none */
	unsigned in, out, phys_in, phys_out; /* ifindex; 0: none */
	struct mac src_mac, dst_mac;	     /* of the frame; zero: unknown */
	bool has_vlan;			     /* a tag that is not in @payload */
	uint16_t vlan, vlan_proto;	     /* its id and ethertype */
	/* What its connection was addressed as, by whoever began it; where the
	 * kernel tells (CONFIG_NETFILTER_NETLINK_GLUE_CT). */
	bool has_original;
	struct conntrack_tuple original;
	bool has_seq;
	uint32_t seq;
};

typedef void (*flow_nflog_fn)(void *arg, const struct flow_nflog_packet *p);

/**
 * Walk a datagram of netlink messages, aligned to four bytes, and hand over
 * each packet of @group. Pure, for untrusted bytes: what is malformed is passed
 * over.
 */
void flow_nflog_parse(struct slice bytes, uint16_t group, flow_nflog_fn fn,
		      void *arg);

struct flow_nflog;

struct flow_nflog_options {
	uint16_t group;
	uint32_t copy_range; /* bytes of a packet that are worth having */
	int buffer;	     /* bytes that the kernel may hold for us */
	flow_nflog_fn fn;
	void *arg;
};

/**
 * Bind the group and listen. The handler may be called before this returns.
 *
 * Returns 0; -EBUSY when another process has the group; -EPERM without
 * CAP_NET_ADMIN; or -errno.
 */
int flow_nflog_open(struct loop *loop, const struct flow_nflog_options *options,
		    struct flow_nflog **ret);
void flow_nflog_close(struct flow_nflog *n);

/** True when each packet comes with its connection, where it has one. */
bool flow_nflog_tells_connections(const struct flow_nflog *n);

/** Remember what waits now. */
void flow_nflog_mark(struct flow_nflog *n);

/** Hand over what waits, for a slice of time. Returns true when nothing is left
 *  of what waited at the mark. */
bool flow_nflog_read(struct flow_nflog *n);

/** Packets that the kernel logged and this process did not get. */
uint64_t flow_nflog_lost(const struct flow_nflog *n);
