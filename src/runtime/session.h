/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session.h - the part of a watcher that is the same for every engine behind a
 * socket: its state, trying again with back-off, who waits for a listing.
 */
#pragma once

#include <stdarg.h>

#include "base/macro.h"
#include "base/vec.h"
#include "runtime/file_watch.h"
#include "runtime/runtime.h"

struct session_waiter {
	runtime_synced_fn fn;
	void *arg;
};
typedef VEC(struct session_waiter) session_waiters;

/** First member of a watcher, after which comes what is its own. */
struct session {
	struct runtime base;
	struct runtime_host host;
	char *socket, *version, *detail;
	enum runtime_state state;
	unsigned backoff_ms;
	uint64_t in_step_since; /* monotonic */
	uint64_t events, connects, resyncs;
	struct loop_timer *retry;
	struct file_watch *watch; /* of the socket, or NULL */
	session_waiters waiters;  /* for the next listing */
	void (*connect)(struct session *s);
	void (*disconnect)(struct session *s); /* drop all that is under way */
};

/** @connect is not called yet. */
void session_init(struct session *s, const struct runtime_ops *ops,
		  const struct runtime_host *host, const char *socket,
		  void (*connect)(struct session *s),
		  void (*disconnect)(struct session *s));
void session_fini(struct session *s);

/** The connection is of no use: drop it and try again later. Who waits is
 *  answered with @error. */
void session_fail(struct session *s, int error, const char *fmt, ...)
	_printf_(3, 4);

/** A listing is complete. Returns true when it is the first one since the
 *  connection was made, which its caller logs. */
bool session_listed(struct session *s);

/** Answer those who waited before a listing began. */
void session_answer(session_waiters *waiters, int error);

/** Have @fn answered by the next listing. Returns true when the caller is to
 *  start it; else a new try to connect is under way or will be. */
bool session_wait(struct session *s, runtime_synced_fn fn, void *arg);

void session_status(const struct runtime *r, struct runtime_status *ret);
