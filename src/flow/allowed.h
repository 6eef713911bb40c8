/* SPDX-License-Identifier: GPL-2.0-or-later */
/* allowed.h - connections that the policies let through, from conntrack.
 *
 * A connection is told when it begins, at each interval in which it went on,
 * and when conntrack forgets it: some time after its last packet, as the
 * timeouts of its protocol have it. Who its ends are and which policies admit
 * it is asked when it begins. Those that live when the agent starts are not
 * told again; they go on as the flows that the former agent told.
 */
#pragma once

#include "flow/flow.h"
#include "flow/handover.h"

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
 *  whose ends they are by then, without their duration, as a flow of its own. */
#define FLOW_ALLOWED_MAX HANDOVER_MAX

struct flow_allowed_options {
	const struct flow_resolver *resolver; /* its connection() is asked */
	struct flow_allowed_listener listener;
	/* Between two records of one that goes on; 0: there are none. */
	uint64_t interval_ms;
	/* Of what the next agent is to know, and of which boot; NULL: none. */
	const char *state_file, *boot_id;
};

/** What the kernel tells waits until flow_allowed_begin(). Returns 0 or
 *  -errno. */
int flow_allowed_open(struct loop *loop,
		      const struct flow_allowed_options *options,
		      struct flow_allowed **ret);
/** Policies are in force: connections may be asked about. Again: nothing. */
void flow_allowed_begin(struct flow_allowed *a);
/** Tell what waits, and no more. These accept NULL. */
void flow_allowed_stop(struct flow_allowed *a);
void flow_allowed_close(struct flow_allowed *a);

/** An entry of the kernel's that began or ended; what the socket is for. */
void flow_allowed_event(struct flow_allowed *a,
			const struct conntrack_entry *entry, bool end);

/** An entry that the kernel has: likewise. */
void flow_allowed_entry(struct flow_allowed *a,
			const struct conntrack_entry *entry);

size_t flow_allowed_live(const struct flow_allowed *a);
