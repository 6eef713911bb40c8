/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine.h - a kept connection to an engine that speaks HTTP over a unix
 * socket and sends its events as lines of JSON: what Docker and Podman have in
 * common; inside this stage only.
 *
 * Theory of operation: ask for the version and settle on one both speak;
 * subscribe to events; once that stands, list everything; then apply events.
 * Whatever goes wrong in between - the engine restarts, hangs, answers
 * nonsense - ends in engine_fail(): all that was under way is dropped, with
 * what was known, and everything starts again after a pause. The store keeps
 * what it had until the next listing is complete.
 *
 * Only GET is ever used, so a read-only proxy in front of the socket is fine.
 */
#pragma once

#include "base/alloc.h"
#include "http/http.h"
#include "runtime/docker/json.h"
#include "runtime/file_watch.h"
#include "runtime/lines.h"
#include "runtime/runtime.h"

/* Labels ride in events: a line can be long, but not endless. */
#define ENGINE_EVENT_MAX (4U << 20)

struct engine;
struct engine_call;

typedef VEC(char *) engine_ids;

/** The answer to @call, which is freed afterwards. */
typedef void (*engine_answer_fn)(struct engine *e, struct engine_call *call,
				 const struct http_result *result);

/** A request whose answer is for the model. */
struct engine_call {
	struct engine *engine;
	struct engine_call *prev, *next;
	struct http_request *request;
	engine_answer_fn answer;
	uint64_t when;	/* the caller's, for its order of things */
	engine_ids ids; /* what it is about */
};

struct engine_waiter {
	runtime_synced_fn fn;
	void *arg;
};
typedef VEC(struct engine_waiter) engine_waiters;

/** What differs between the engines. */
struct engine_kind {
	/* What a proxy in front of the socket must let through. */
	const char *paths;
	/* Settle on @prefix from @version, and engine_subscribe(). A version
	 * that will not do ends in engine_fail(). */
	void (*connected)(struct engine *e);
	/* The events are flowing: make a full listing, or join the one under
	 * way, and end with engine_listed(). */
	void (*list)(struct engine *e);
	/* Apply an event. -EBADMSG: it cannot be read; 1: applied; 0: not of
	 * interest. */
	int (*event)(struct engine *e, struct slice line);
	/* The connection is gone: forget all that hangs on it. */
	void (*drop)(struct engine *e);
};

struct engine {
	struct runtime base;
	const struct engine_kind *kind;
	struct runtime_host host;
	char *socket;
	/* Inspect blocks during a start: apart, it blocks nothing else. */
	struct http_client *http, *slow;
	struct loop_timer *retry, *ping;
	struct file_watch *watch; /* of the socket, or NULL */

	enum runtime_state state;
	struct docker_version version;
	char *prefix; /* "/v1.41" */
	char *detail;
	unsigned backoff_ms;
	uint64_t in_step_since; /* monotonic */
	uint64_t events, connects, resyncs;

	/* While connected: */
	struct http_request *stream;
	struct lines lines;
	struct engine_call *calls;

	engine_waiters waiters; /* for the next listing */
};

/** Connect at once, on behalf of @ops. */
void engine_init(struct engine *e, const struct engine_kind *kind,
		 const struct runtime_ops *ops, const struct runtime_host *host,
		 const char *socket);
/** Calls @drop; @e itself is the caller's. */
void engine_fini(struct engine *e);
/** For runtime_ops. */
void engine_sync(struct runtime *r, runtime_synced_fn fn, void *arg);
void engine_status(const struct runtime *r, struct runtime_status *ret);

/** The connection is of no use: drop it and try again later. */
void engine_fail(struct engine *e, int error, const char *fmt, ...)
	_printf_(3, 4);

/** Likewise, because of how a request ended. Returns false when it ended
 *  well. */
bool engine_failed(struct engine *e, const struct http_result *result);

/** Subscribe to the events of @filter, JSON, at @prefix. @since is realtime
 *  ns: the engine repeats what happened from then on. */
void engine_subscribe(struct engine *e, const char *filter, uint64_t since);

/** GET the API's @path (without the version), about @id (or NULL). */
struct engine_call *engine_get(struct engine *e, struct http_client *client,
			       const char *path, unsigned timeout_ms,
			       engine_answer_fn answer, const char *id);

/** A listing is complete: @containers and @networks are there. */
void engine_listed(struct engine *e, size_t containers, size_t networks);

/** Answer all of @waiters, which are then empty. */
void engine_answer(engine_waiters *waiters, int error);
