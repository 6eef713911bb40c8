/* SPDX-License-Identifier: GPL-2.0-or-later */
/* containerd.h - the parts of the containerd watcher, for each other.
 *
 * containerd.c keeps the connection, list.c asks for records and does full
 * listings, exec.c tells what entered a container.
 */
#pragma once

#include "grpc/grpc.h"
#include "runtime/containerd/model.h"
#include "runtime/session.h"

struct containerd;
struct containerd_call;
struct containerd_exec;

/** How @call ended; it is freed afterwards. */
typedef void (*containerd_done_fn)(struct containerd *c,
				   struct containerd_call *call,
				   const struct grpc_result *result);
typedef void (*containerd_message_fn)(struct containerd *c,
				      struct containerd_call *call,
				      struct slice message);

struct containerd_call {
	struct containerd *containerd;
	struct containerd_call *prev, *next;
	struct grpc_request *request;
	containerd_message_fn message;
	containerd_done_fn done;
	uint64_t when;	 /* containerd_model_now() when it was sent */
	char *namespace; /* may be NULL */
	char *id;	 /* of a container; may be NULL */
};

struct containerd_listing {
	unsigned outstanding; /* answers to come */
	uint64_t when;
	size_t unreadable; /* records */
};

struct containerd {
	struct session session;
	struct http_client *http;
	containerd_names namespaces; /* watched */
	size_t unreadable;	     /* records that were told of */
	struct loop_timer *probe;

	/* While connected: */
	struct containerd_model *model;
	struct grpc_request *stream;
	bool subscribed;
	unsigned probes; /* sent */
	struct containerd_call *calls;
	struct containerd_exec *execs;
	struct containerd_listing listing;
};

/** What to call; @message may be NULL. */
struct containerd_ask_call {
	const char *method;
	const char *namespace; /* NULL: none */
	const char *id;	       /* for the answer; NULL: none */
	struct slice request;
	bool stream;
	unsigned timeout_ms; /* 0: long enough for a listing */
	containerd_message_fn message;
	containerd_done_fn done;
};

static inline struct containerd *containerd_of(struct session *s)
{
	return container_of(s, struct containerd, session);
}

void containerd_send(struct containerd *c,
		     const struct containerd_ask_call *ask);
void containerd_calls_cancel(struct containerd *c);

/** Drops the connection unless @result is good. Returns true when it did. */
bool containerd_failed(struct containerd *c, const struct grpc_result *result);

/** Process @pid has entered the container that the store calls @id: tell for
 *  the record which command it is. */
void containerd_exec_started(struct containerd *c, const char *id,
			     unsigned pid);
void containerd_execs_cancel(struct containerd *c);

/** Ask for the record of a container, for the model. */
void containerd_want_record(void *arg, const char *namespace, const char *id);

/** Make a full listing. */
void containerd_list(struct session *s);
