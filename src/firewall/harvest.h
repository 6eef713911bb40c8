/* SPDX-License-Identifier: GPL-2.0-or-later */
/* harvest.h - what the kernel has counted: named counters and set elements.
 *
 * A socket of its own, so that a set of 65,536 elements is read in slices on
 * the loop while transactions go on beside it.
 */
#pragma once

#include "firewall/firewall.h"
#include "loop/loop.h"

struct harvest;

struct harvest_set {
	enum ruleset_table table;
	const char *name;
};

struct harvest_listener {
	/* An element of set number @set of the request. A set that packets
	 * change meanwhile may tell an element twice, or not. */
	void (*element)(void *arg, size_t set,
			const struct firewall_element *element);
	/* All sets are read, or (-errno) it was given up. A new read may be
	 * started from here. */
	void (*done)(void *arg, int error);
	void *arg;
};

/** Returns 0 or -errno. */
int harvest_open(struct loop *loop, struct harvest_listener listener,
		 struct harvest **ret);
/** Nothing is told any more. Accepts NULL. */
void harvest_close(struct harvest *h);
DEFINE_FREEP(struct harvest, harvest_close)

typedef void (*harvest_counter_fn)(void *arg, const char *name,
				   uint64_t packets, uint64_t bytes);

/** Each named counter of a table, now; blocks for the kernel's answer, which
 *  takes some microseconds. None when there is no such table.
 *  Returns 0 or -errno. */
int harvest_counters(struct harvest *h, enum ruleset_table table,
		     harvest_counter_fn fn, void *arg);

/** Begin to read @n sets, which must live until done; those that are not there
 *  count as empty. One that runs must be over. */
void harvest_read(struct harvest *h, const struct harvest_set *sets, size_t n);

/** The same, blocking: for the last read before the loop ends. */
int harvest_read_now(struct harvest *h, const struct harvest_set *sets,
		     size_t n);
