/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lab.h - a host, its containers and a machine outside, as network namespaces
 * that live and die with this process.
 *
 *   e0 … e4 -- br0 --+              e4 is on both bridges
 *   e4 … e6 -- br1 --+-- host -- outside
 */
#pragma once

#include "base/addr.h"

#define LAB_ENDPOINTS 7
#define LAB_OUTSIDE   LAB_ENDPOINTS
#define LAB_HOST      (LAB_ENDPOINTS + 1)
#define LAB_NODES     (LAB_ENDPOINTS + 2)

/** Ports that every node listens on, TCP and UDP. */
#define LAB_PORTS 4
extern const uint16_t lab_ports[LAB_PORTS];
/** TCP only, on the host: stands for docker-proxy. */
#define LAB_PUBLISHED 18080
/** UDP: not part of any test, see lab_fence(). */
#define LAB_FENCE 7

/** An interface of a node; at most two. */
struct lab_link {
	struct addr addr[2]; /* IPv4, IPv6 */
	const char *bridge;  /* of endpoints */
	char host_veth[16];
	struct mac mac;
};

struct lab_node {
	char name[16];
	int ns;
	unsigned nlinks;
	struct lab_link links[3];
	int tcp[LAB_PORTS], udp[LAB_PORTS];
	int published;	      /* the host's */
	int icmp[2], sctp[2]; /* raw; by family */
	int fence;
};

struct lab {
	struct lab_node nodes[LAB_NODES];
	int home; /* the namespace that we came from */
};

/** Build it; aborts with a message when it cannot. */
void lab_open(struct lab *lab);
void lab_close(struct lab *lab);

/** Move this thread into a node's namespace. */
void lab_enter(const struct lab *lab, unsigned node);

/**
 * Wait until everything sent before has arrived or is gone.
 *
 * We are pinned to one CPU, where each veth crossing goes through one queue,
 * first in first out; so a packet sent last, and through as many crossings
 * as the longest way there and back, is behind all others. No time is waited.
 */
void lab_fence(const struct lab *lab);

/** The address of @node that talks to @peer: of a network that both are on,
 *  else its first. */
struct addr lab_source(const struct lab_node *node, const struct addr *peer);

/** Forget every connection of the host's conntrack. */
void lab_flush_conntrack(const struct lab *lab);
/** Packets that this machine's queues have dropped so far. */
unsigned long lab_backlog_drops(void);
