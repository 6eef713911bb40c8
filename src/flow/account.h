/* SPDX-License-Identifier: GPL-2.0-or-later */
/* account.h - **I8**: packets that the kernel dropped = recorded + suppressed +
 * lost.
 *
 * What was accounted for is kept in a mapped file, so that it outlives a
 * killed agent to the last record that it could hand over: the next one knows
 * what it missed, and what was told to nobody. It counts nothing twice but what
 * was handed over at the very moment of the kill, and could not be noted any
 * more. The file does not outlive the boot, as the kernel's counters do not.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct flow_account;

/** @path NULL, or a file that cannot be used: nothing is kept, which is logged
 *  unless @path is NULL. */
struct flow_account *flow_account_open(const char *path, const char *boot_id);
void flow_account_close(struct flow_account *a);

/** True when an earlier agent's account of this boot was found. */
bool flow_account_inherited(const struct flow_account *a);

/** Packets that records have told. */
void flow_account_recorded(struct flow_account *a, uint64_t packets);
/** Packets that a budget's summary has told. */
void flow_account_suppressed(struct flow_account *a, uint64_t packets);
/** Packets that are told to be lost. */
void flow_account_lost(struct flow_account *a, uint64_t packets);

/** Whatever was accounted for so far has left this process: keep it. */
void flow_account_keep(struct flow_account *a);

/** Take the counters' sum @dropped for accounted for: nothing was before. */
void flow_account_begin(struct flow_account *a, uint64_t dropped);

/** Packets accounted for in the counters' terms. */
uint64_t flow_account_sum(const struct flow_account *a);

struct flow_balance {
	uint64_t dropped, recorded, suppressed, lost; /* since the last one */
	bool exact;
};

/**
 * Hold the account against the counters, read as @before when the elements
 * were about to be read, and as @after when they had been. What neither has
 * the account misses: it is returned, for flow_account_lost() and a record.
 */
uint64_t flow_account_missing(const struct flow_account *a, uint64_t before);
struct flow_balance flow_account_balance(struct flow_account *a,
					 uint64_t before, uint64_t after);
