/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntrack_watch.h - the kernel's connections as they begin and end.
 *
 * A begin is told once the first packet has passed all rules; an end has the
 * connection's counts where the kernel keeps them. With the kernel's default
 * (net.netfilter.nf_conntrack_events=2) the end of a connection is told only if
 * somebody listened when it began.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "firewall/conntrack.h"
#include "loop/loop.h"

struct conntrack_watch;

struct conntrack_watcher {
	conntrack_event_fn event;
	/* @events of the kernel's were lost before what is told next. */
	void (*lost)(void *arg, uint64_t events);
	void *arg;
};

/** Listens; what comes waits until conntrack_watch_start(). Returns 0 or
 *  -errno. */
int conntrack_watch_open(struct conntrack_watcher watcher,
			 struct conntrack_watch **ret);
void conntrack_watch_start(struct conntrack_watch *w, struct loop *loop);
/** Tell some of what waits. True when nothing waits any more. */
bool conntrack_watch_read(struct conntrack_watch *w);
void conntrack_watch_close(struct conntrack_watch *w);
