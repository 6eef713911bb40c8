/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine.h - a kept connection to an engine that speaks HTTP over a unix
 * socket and sends its events as lines of JSON: what Docker and Podman have in
 * common; inside this stage only. It asks for the version, and the engine's kind
 * settles on one that both speak; session.h has what comes then.
 *
 * Only GET is ever used, so a read-only proxy in front of the socket is fine.
 */
#pragma once

#include "base/alloc.h"
#include "http/http.h"
#include "runtime/docker/json.h"
#include "runtime/lines.h"
#include "runtime/session.h"

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

/** What differs between the engines. */
struct engine_kind {
	/* What a proxy in front of the socket must let through. */
	const char *paths;
	/* Read the version from the head of any answer. Returns 0 or -errno;
	 * NULL: it is not there. Where it cannot be read /version is asked. */
	int (*version)(struct slice head, struct docker_version *ret);
	/* Settle on @prefix from @version, and engine_subscribe(). A version
	 * that will not do ends in engine_fail(). */
	void (*connected)(struct engine *e);
	/* The events are flowing: make a full listing, which ends in
	 * session_listed(). */
	void (*list)(struct engine *e);
	/* Apply an event. -EBADMSG: it cannot be read; 1: applied; 0: not of
	 * interest. */
	int (*event)(struct engine *e, struct slice line);
	/* The connection is gone: forget all that hangs on it. */
	void (*drop)(struct engine *e);
};

struct engine {
	struct session session;
	const struct engine_kind *kind;
	/* Inspect blocks during a start: apart, it blocks nothing else. */
	struct http_client *http, *slow;
	struct docker_version version;
	char *prefix; /* "/v1.41" */

	/* While connected: */
	struct http_request *stream;
	struct lines lines;
	struct engine_call *calls;
};

static inline struct engine *engine_of(struct session *s)
{
	return container_of(s, struct engine, session);
}

/** Connect at once, on behalf of @ops. */
void engine_init(struct engine *e, const struct engine_kind *kind,
		 const struct runtime_ops *ops, const struct runtime_host *host,
		 const char *socket);
/** Calls @drop; @e itself is the caller's. */
void engine_fini(struct engine *e);

/** Drop the connection because of how a request ended. Returns false when it
 *  ended well. */
bool engine_failed(struct engine *e, const struct http_result *result);

/** Subscribe to the events of @filter, JSON, at @prefix. @since is realtime
 *  ns: the engine repeats what happened from then on. */
void engine_subscribe(struct engine *e, const char *filter, uint64_t since);

/** GET the API's @path (without the version), about @id (or NULL). */
struct engine_call *engine_get(struct engine *e, struct http_client *client,
			       const char *path, unsigned timeout_ms,
			       engine_answer_fn answer, const char *id);
