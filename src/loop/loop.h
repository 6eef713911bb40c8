/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loop.h - the one event loop, passed to whoever waits for something.
 *
 * Everything runs on the loop's thread, but for a loop_work's @work function.
 * A handle is owned by whoever made it and closed by loop_*_close(), which
 * accepts NULL, may be called from the handle's own callback, and guarantees
 * that no callback comes afterwards; its memory returns by itself.
 *
 * Under load every callback has work at each turn, and an event takes several
 * turns to be enforced: so none works longer than a slice.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/macro.h"

#define LOOP_SLICE_NS UINT64_C(1000000)

struct loop;
struct loop_timer;
struct loop_fd;
struct loop_signal;

/** Returns 0 or -errno. */
int loop_new(struct loop **ret);

/** Every handle must have been closed: runs their last callbacks, asserts
 *  that none is left. */
void loop_free(struct loop *loop);
DEFINE_FREEP(struct loop, loop_free)

/** Until loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/** Wait for one batch of events, of which a timer may be one; for tests. */
void loop_run_once(struct loop *loop);

typedef void (*loop_fn)(void *arg);

/** A timer, not started. */
struct loop_timer *loop_timer_new(struct loop *loop, loop_fn fn, void *arg);
/** (Re)start: @fn after @ms milliseconds, then every @repeat_ms unless 0. With
 *  0 ms in the loop's next turn: who has more to do than fits in one goes on
 *  like this, and every descriptor is looked at in between. */
void loop_timer_start(struct loop_timer *timer, uint64_t ms,
		      uint64_t repeat_ms);
void loop_timer_stop(struct loop_timer *timer);
bool loop_timer_active(const struct loop_timer *timer);
void loop_timer_close(struct loop_timer *timer);

enum { LOOP_READABLE = 1, LOOP_WRITABLE = 2 };

/** @events of LOOP_READABLE | LOOP_WRITABLE; @error is 0 or -errno. An error
 *  of the socket itself (a netlink ENOBUFS) is an event like any: it comes out
 *  of the next read or write, which must be made. */
typedef void (*loop_fd_fn)(void *arg, int events, int error);

/** Watch @fd, which stays the caller's: close it after loop_fd_close(). */
struct loop_fd *loop_fd_new(struct loop *loop, int fd, int events,
			    loop_fd_fn fn, void *arg);
void loop_fd_set(struct loop_fd *watch, int events);
void loop_fd_close(struct loop_fd *watch);

typedef void (*loop_signal_fn)(void *arg, int signum);
/** Call @fn in the loop, not in the handler, whenever @signum comes. */
struct loop_signal *loop_signal_new(struct loop *loop, int signum,
				    loop_signal_fn fn, void *arg);
void loop_signal_close(struct loop_signal *watch);

/**
 * Run @work in a thread of the pool, then @done on the loop. @work must touch
 * nothing but @arg. Cannot be cancelled: @arg lives until @done.
 */
void loop_work(struct loop *loop, loop_fn work, loop_fn done, void *arg);
