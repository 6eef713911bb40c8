/* SPDX-License-Identifier: GPL-2.0-or-later */
/* denied.h - denied flows: begun by a logged packet, counted by the kernel.
 *
 * While any flow lives, the kernel's counts are read once an interval (a
 * *harvest*), and what is new is told. An element outlives its last packet by
 * COMPILE_DENIED_TIMEOUT_MS, so with a shorter interval its last count is read
 * at least once. When nothing is denied nothing runs.
 */
#pragma once

#include "flow/account.h"
#include "flow/key.h"
#include "flow/record.h"
#include "loop/loop.h"

struct flow_denied;

/** What was not told flow by flow. */
struct flow_suppressed {
	struct addr address; /* whose budget it was, or … */
	char port[IFNAMSIZ]; /* … the bridge's port whose it was, or none: */
	bool table_full;     /* all that the agent had no room for */
	uint64_t tuples;     /* at most */
	uint64_t packets, bytes;
};

/** Who is told; none of these may call back. */
struct flow_denied_listener {
	/* Write @record, which has everything but its number. */
	void (*record)(void *arg, struct flow_record *record);
	void (*suppressed)(void *arg, const struct flow_suppressed *s);
	void (*lost)(void *arg, const char *where, uint64_t packets);
	void (*balance)(void *arg, uint64_t interval_ns,
			const struct flow_balance *balance);
	/* Fill what became of its packets, and who the ends are, as of
	 * @record's last packet, from its addresses; the owners are borrowed. */
	void (*identify)(void *arg, struct flow_record *record);
	/* From here on drain() is about the logged packets that wait now … */
	void (*mark)(void *arg);
	/* … of which it hands over some; true when none of them is left. */
	bool (*drain)(void *arg);
	void *arg;
};

struct flow_denied_options {
	uint64_t interval_ms; /* 0: never read what the kernel counts */
	struct flow_account *account;
	struct flow_denied_listener listener;
};

/** Returns 0 or -errno. What the kernel has counted so far is read in a moment,
 *  and is not told again: of it, what the account misses is lost. */
int flow_denied_open(struct loop *loop,
		     const struct flow_denied_options *options,
		     struct flow_denied **ret);
/** Read and tell what there is, now. Accepts NULL. */
void flow_denied_stop(struct flow_denied *d);
void flow_denied_close(struct flow_denied *d);

/**
 * A logged packet. Takes what @record owns, and refers to its owners, when it
 * begins a flow: then it is told. Returns false for one of a known flow.
 */
bool flow_denied_packet(struct flow_denied *d, const struct flow_key *key,
			struct flow_record *record);

/** Read soon: somebody's address is about to be another's. */
void flow_denied_hurry(struct flow_denied *d);

/** Flows that live. */
size_t flow_denied_live(const struct flow_denied *d);
