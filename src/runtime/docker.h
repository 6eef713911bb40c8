/* SPDX-License-Identifier: GPL-2.0-or-later */
/* docker.h - the parts of the Docker watcher, for each other.
 *
 * docker.c keeps the connection, docker_query.c asks what the model wants to
 * know, docker_list.c does full listings.
 */
#pragma once

#include "base/table.h"
#include "http/http.h"
#include "runtime/docker_model.h"
#include "runtime/file_watch.h"
#include "runtime/lines.h"
#include "runtime/runtime.h"

struct docker;
struct docker_call;

typedef VEC(char *) docker_ids;

/** The answer to @call, which is freed afterwards. */
typedef void (*docker_answer_fn)(struct docker *d, struct docker_call *call,
				 const struct http_result *result);

/** A request whose answer is for the model. */
struct docker_call {
	struct docker *docker;
	struct docker_call *prev, *next;
	struct http_request *request;
	docker_answer_fn answer;
	uint64_t when;	/* docker_model_now() when it was sent */
	docker_ids ids; /* what it is about */
};

struct docker_waiter {
	runtime_synced_fn fn;
	void *arg;
};
typedef VEC(struct docker_waiter) docker_waiters;

/** An id that the model wants to know about. */
struct docker_want {
	char *id;
	bool sent;  /* under way */
	bool again; /* asked for since it was sent */
	UT_hash_handle hh;
};

struct docker_listing {
	bool active;
	unsigned outstanding; /* answers to come */
	docker_networks networks;
	docker_containers containers;
	uint64_t when;
	docker_waiters waiters; /* who asked before it began */
};

struct docker {
	struct runtime base;
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
	struct docker_model *model;
	struct http_request *stream;
	struct lines lines;
	struct docker_call *calls;
	struct docker_want *containers; /* wanted by the model */
	struct docker_want *networks;
	struct docker_want *inspects; /* later, in this order */
	unsigned inspecting;	      /* of those, under way */
	bool asking_containers;
	struct docker_listing listing;

	docker_waiters waiters; /* for the next listing */
};

/** Watch an engine that speaks the Docker API, on behalf of @ops. */
struct runtime *docker_open_as(const struct runtime_ops *ops,
			       const struct runtime_host *host,
			       const char *socket);
void docker_close(struct runtime *r);
void docker_sync(struct runtime *r, runtime_synced_fn fn, void *arg);
void docker_status(const struct runtime *r, struct runtime_status *ret);
void docker_bridge_changed(struct runtime *r, const char *bridge);

/** The connection is of no use: drop it and try again later. */
void docker_fail(struct docker *d, int error, const char *fmt, ...)
	_printf_(3, 4);

/** Likewise, because of how a request ended. Returns false when it ended
 *  well. */
bool docker_failed(struct docker *d, const struct http_result *result);

/** GET the API's @path (without the version), about @id (or NULL). */
struct docker_call *docker_get(struct docker *d, struct http_client *client,
			       const char *path, unsigned timeout_ms,
			       docker_answer_fn answer, const char *id);
void docker_calls_cancel(struct docker *d);

/** What the model calls. */
struct docker_ask docker_asks(struct docker *d);
void docker_asks_cancel(struct docker *d);
/** Give the answer about one network (404: it is gone) to the model; one that
 *  cannot be read ends the connection. */
void docker_take_network(struct docker *d, const struct docker_call *call,
			 const struct http_result *result);

/** Start a full listing; one that runs already is followed by another when
 *  somebody waits for it. */
void docker_list(struct docker *d);
void docker_list_cancel(struct docker *d);

/** Called by the listing once it is complete. */
void docker_listed(struct docker *d);
