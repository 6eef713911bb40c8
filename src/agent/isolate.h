/* SPDX-License-Identifier: GPL-2.0-or-later */
/* isolate.h - what the agent gives up once it has started. */
#pragma once

#include <stdbool.h>

/**
 * Keep CAP_NET_ADMIN and CAP_LEASE (to see that nobody is writing a policy file
 * of somebody else's) alone, for good; gain nothing by exec any more; refuse
 * the system calls that only an intruder would want; dump no core.
 *
 * To be called when br_netfilter is loaded: that takes an exec. What the kernel refuses is logged and the agent
 * runs on: it has less protection then, not less enforcement.
 */
void isolate(void);

/** The flow writers' keeper: no capability at all, nothing by exec, no core.
 *  Its children may be restricted further. */
void isolate_keeper(void);

struct isolate_needs {
	bool network;	   /* sockets of IPv4 and IPv6 */
	bool unix_sockets; /* … and of the host: one of them is the engine's */
};

/** A flow writer, in addition: what the agent refuses itself, processes and
 *  sockets that no sink needs. Threads stay possible. */
void isolate_writer(const struct isolate_needs *needs);
