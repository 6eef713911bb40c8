/* SPDX-License-Identifier: GPL-2.0-or-later */
/* allowed.h - connections that the policies let through, from conntrack.
 *
 * A connection is told when it begins and when conntrack forgets it: some time
 * after its last packet, as the timeouts of its protocol have it. Who its ends
 * are and which policies admit it is asked when it begins. Those that live when
 * the agent starts are not told again, but their end is.
 */
#pragma once

#include "flow/flow.h"

struct flow_allowed;

/** Who is told; none of these may call back. */
struct flow_allowed_listener {
	/* Write @record, which has everything but its number. */
	void (*record)(void *arg, struct flow_record *record);
	/* @events of the kernel's were lost: begins or ends. */
	void (*lost)(void *arg, uint64_t events);
	void *arg;
};

/** Connections that are known by their begin; of others the end is told with
 *  whose ends they are by then, and without their duration. */
#define FLOW_ALLOWED_MAX 65536

/** @resolver's connection() is asked. What the kernel tells waits until
 *  flow_allowed_begin(). Returns 0 or -errno. */
int flow_allowed_open(struct loop *loop, const struct flow_resolver *resolver,
		      struct flow_allowed_listener listener,
		      struct flow_allowed **ret);
/** Policies are in force: connections may be asked about. Again: nothing. */
void flow_allowed_begin(struct flow_allowed *a);
/** Tell what waits, and no more. These accept NULL. */
void flow_allowed_stop(struct flow_allowed *a);
void flow_allowed_close(struct flow_allowed *a);

/** An entry of the kernel's that began or ended; what the socket is for. */
void flow_allowed_event(struct flow_allowed *a,
			const struct conntrack_entry *entry, bool end);

size_t flow_allowed_live(const struct flow_allowed *a);
