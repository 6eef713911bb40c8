/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session.h - the part of a watcher that is the same for every runtime: its
 * state, trying again with back-off, full listings and who waits for them.
 *
 * Theory of operation: connect; subscribe to what happens; once that stands,
 * list everything; then apply what happens. Whatever goes wrong in between -
 * the engine restarts, hangs, answers nonsense - ends in session_fail(): all
 * that was under way is dropped, with what was known, and everything starts
 * again after a pause. The store keeps what it had until the next listing is
 * complete.
 *
 * One listing is under way at a time; who asks during one waits for another
 * that begins afterwards, since this one's answers may be from before.
 */
#pragma once

#include "base/macro.h"
#include "base/vec.h"
#include "runtime/file_watch.h"
#include "runtime/runtime.h"

struct session;

/** What differs between the watchers. None of these may call session_fail() or
 *  session_listed() before it has returned. */
struct session_kind {
	/* Reach the engine; ends in session_subscribed(). */
	void (*connect)(struct session *s);
	/* Make a full listing; ends in session_listed(). */
	void (*list)(struct session *s);
	/* Forget all that hangs on the connection, and cancel what is under
	 * way. */
	void (*drop)(struct session *s);
	/* Ask for anything, now and then: an engine that hangs keeps its
	 * events' stream open, and silent. NULL: what is watched cannot hang. */
	void (*ping)(struct session *s);
	/* @socket is a file: connect again whenever it was written, and not
	 * before, since half of it may be there. */
	bool file;
};

struct session_waiter {
	runtime_synced_fn fn;
	void *arg;
};
typedef VEC(struct session_waiter) session_waiters;

/** First member of a watcher, after which comes what is its own. */
struct session {
	struct runtime base;
	const struct session_kind *kind;
	struct runtime_host host;
	char *socket, *version, *api, *detail;
	enum runtime_state state;
	uint64_t events, connects, resyncs;

	struct loop_timer *retry, *ping;
	struct file_watch *watch; /* of @socket, or NULL */
	unsigned backoff_ms;
	uint64_t in_step_since; /* monotonic */

	bool listing;		 /* one is under way … */
	session_waiters asked;	 /* … for these */
	session_waiters waiters; /* for the next one */
};

/** @socket NULL: the default one. */
void session_init(struct session *s, const struct session_kind *kind,
		  const struct runtime_ops *ops,
		  const struct runtime_host *host, const char *socket);
/** Connect for the first time. */
void session_start(struct session *s);
/** Calls @drop; @s itself is the caller's. */
void session_fini(struct session *s);

/** The connection is of no use: drop it and try again later. Who waits is
 *  answered with @error. */
void session_fail(struct session *s, int error, const char *fmt, ...)
	_printf_(3, 4);

/** What the engine calls its version: one that this was not tried with is
 *  logged, once. */
void session_version(struct session *s, const char *version);
/** The version of the API that is spoken with it. */
void session_api(struct session *s, const char *api);

/** What happens is told from now on: list. */
void session_subscribed(struct session *s);

/** Start a full listing, unless one is under way. */
void session_list(struct session *s);

/** The listing is complete: so much is there. */
void session_listed(struct session *s, size_t endpoints, size_t networks);

/** In step, but for @problem (for people, logged once); NULL: none. */
void session_remark(struct session *s, const char *problem);

/** Watch @socket itself. Returns false when that cannot be done. */
bool session_watch(struct session *s);

/** For runtime_ops. */
void session_sync(struct runtime *r, runtime_synced_fn fn, void *arg);
void session_status(const struct runtime *r, struct runtime_status *ret);
