/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wire.h - containerd's messages as plain structs (protobuf-c).
 *
 * The bytes come from an engine, but ids, names and labels in them from whoever
 * may make containers: everything is bounded, and what does not fit fails
 * closed. See bounds.h for what is kept of labels; a container with too many
 * is @overlabelled, keeps none, and must get no address in the store.
 */
#pragma once

#include "base/buf.h"
#include "base/label.h"
#include "base/slice.h"
#include "base/vec.h"
#include "endpoint/endpoint.h"

/* containerd's own bounds: 76 bytes of letters, digits and ".-_". */
#define CONTAINERD_ID_MAX 76

/** Our own event, by which we know that our subscription stands. */
#define CONTAINERD_PROBE_TOPIC "/bulkhead/subscribed"

enum containerd_event_kind {
	CONTAINERD_OTHER, /* of no interest: pause, snapshots, … */
	CONTAINERD_PROBE,
	CONTAINERD_CONTAINER_CHANGED, /* made or updated */
	CONTAINERD_CONTAINER_DELETED,
	CONTAINERD_TASK_CREATED, /* its process waits to be started */
	CONTAINERD_TASK_STARTED,
	CONTAINERD_TASK_EXITED, /* its first process, not one of an exec */
	CONTAINERD_TASK_DELETED,
	CONTAINERD_EXEC_STARTED, /* another process entered it */
	CONTAINERD_OOM,		 /* the kernel killed a process of it */
};

struct containerd_event {
	enum containerd_event_kind kind;
	char *namespace;
	char *id;      /* of the container; NULL for other kinds */
	unsigned pid;  /* 0: not told */
	uint64_t time; /* realtime ns, 0: not told */
};

/** A container's record. */
struct containerd_record {
	char *id, *image;
	VEC(struct label) labels; /* strings are owned */
	bool overlabelled;
	size_t cut_own; /* labels bulkhead.… that are left out */
	bool host_network;
	bool joins_network; /* a namespace that somebody else made */
	uint64_t created;   /* realtime ns, 0: not told */
	char *escapable;    /* see struct endpoint; NULL: no reason is known */
	VEC(struct published_port) published;
	char *network;	 /* its only one, by nerdctl's name; NULL */
	char *state_dir; /* nerdctl's, of this container; NULL */
};

enum containerd_task_state {
	CONTAINERD_TASK_WAITING, /* made, not started */
	CONTAINERD_TASK_RUNNING, /* or paused */
	CONTAINERD_TASK_STOPPED,
};

struct containerd_task {
	char *id;
	unsigned pid;
	enum containerd_task_state state;
};
typedef VEC(struct containerd_task) containerd_tasks;

typedef VEC(char *) containerd_names;

/* Each returns 0, or -EBADMSG with @ret untouched. */
int containerd_wire_event(struct slice message, struct containerd_event *ret);
void containerd_event_fini(struct containerd_event *e);

/** An answer to Get, or one message of ListStream: both hold one record. */
int containerd_wire_record(struct slice message, struct containerd_record *ret);
void containerd_record_fini(struct containerd_record *r);

int containerd_wire_tasks(struct slice message, containerd_tasks *ret);
void containerd_tasks_fini(containerd_tasks *list);

int containerd_wire_namespaces(struct slice message, containerd_names *ret);
void containerd_names_fini(containerd_names *list);

/** The caller frees @ret. */
int containerd_wire_version(struct slice message, char **ret);

/* Requests; each appends to @out. */
void containerd_wire_subscribe(struct buf *out, char *const *filters, size_t n);
void containerd_wire_probe(struct buf *out);
void containerd_wire_get(struct buf *out, const char *id);
