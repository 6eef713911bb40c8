/* SPDX-License-Identifier: GPL-2.0-or-later */
/* probe.h - one packet, or one connection attempt, and what became of it. */
#pragma once

#include "base/vec.h"
#include "lab.h"
#include "nflog.h"

struct probe {
	uint8_t from, to; /* nodes */
	struct addr src, dst;
	uint8_t proto; /* TCP, UDP, SCTP, ICMP, ICMPV6 */
	uint16_t port; /* destination's; 0 for ICMP */
	uint16_t id;   /* source port, SCTP's initiate tag, echo's identifier */
	bool published; /* to the host in a container's stead */

	int fd; /* TCP, while under way */
	bool delivered;
	unsigned logs;
	struct nflog_packet log; /* the last one */
};

typedef VEC(struct probe) probe_list;

/** Of a batch, besides the probes themselves. */
struct probe_noise {
	unsigned packets; /* logged ones that belong to no probe */
	struct nflog_packet example;
};

/** Ids are used in turn, so that none comes back soon. */
struct probe_ids {
	uint16_t next;
};
#define PROBE_ID_FIRST 20000
#define PROBE_ID_LAST  60000

/**
 * Send all of @probes, which are ordered by their sender, and find out what
 * arrived and what was logged. Sets their ids.
 */
void probe_batch(const struct lab *lab, struct nflog *nflog,
		 struct probe_ids *ids, probe_list *probes,
		 struct probe_noise *ret_noise);

/** "e0 10.71.0.2 -> e1 10.71.0.3 tcp/80". */
const char *probe_format(const struct lab *lab, const struct probe *p,
			 char text[static 160]);
