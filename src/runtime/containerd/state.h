/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state.h - what the model holds; for model.c, record.c and port.c only. */
#pragma once

#include "base/table.h"
#include "runtime/containerd/model.h"

/* A bridge port whose other end is in the container's network namespace. */
struct containerd_port {
	struct runtime_port link;
	struct runtime_address v4, v6;
	bool pinned;	/* its addresses are not asked for again */
	bool seen;	/* by the look that is under way */
	uint64_t until; /* monotonic; see port.c */
};

enum containerd_task_life {
	CONTAINERD_NEVER, /* no task yet */
	CONTAINERD_WAITING,
	CONTAINERD_RUNNING,
	CONTAINERD_OVER,
};

struct containerd_item {
	char *key; /* "NAMESPACE/ID" */
	char *namespace, *id;
	/* From the record; NULL until there is one. */
	struct endpoint *labels;
	bool foreign; /* Kubernetes': tracked, never told */
	bool overlabelled, host_network;
	bool joins;	  /* a network namespace that is there */
	bool member;	  /* of a pod, whose sandbox stands for it */
	uint64_t created; /* realtime ns; UINT64_MAX: not known */
	char *escapable, *problem;
	char *network; /* its only one, by its name; NULL */
	/* From the task. */
	enum containerd_task_life task;
	unsigned pid;
	uint64_t started;
	/* From the kernel; @netns is -1 while it is not known. */
	int netns;
	bool shares; /* the namespace is an earlier container's */
	VEC(struct containerd_port) ports;
	bool refused; /* an address that somebody else has */

	uint64_t record_event, task_event;
	bool listed, tasked; /* by the listing that is under way */
	bool gone;	     /* since it began */
	UT_hash_handle hh;
};

/* A bridge with one of our containers on it, since then. */
struct containerd_net {
	char *bridge;
	char *name; /* as a container on it has it; NULL: the bridge's */
	struct prefix subnet4, subnet6; /* length of the address 0: none */
	UT_hash_handle hh;
};

struct containerd_model {
	struct runtime_host host;
	struct containerd_ask ask;
	struct containerd_item *items;
	struct containerd_net *networks;
	runtime_ports ports; /* as the kernel had them last */
	uint64_t event;
	bool listing; /* one is under way */
	bool listed;  /* one has ended */
};

static inline bool containerd_alive(const struct containerd_item *c)
{
	return c->task == CONTAINERD_WAITING || c->task == CONTAINERD_RUNNING;
}

/** What the store calls @c. */
const char *containerd_store_id(const struct containerd_item *c);

/** Take in what its record says. */
void containerd_record_take(struct containerd_model *m,
			    struct containerd_item *c,
			    const struct containerd_record *r);

/** Take the kernel's ports into m->ports, and forget bridges that are gone. */
void containerd_ports_refresh(struct containerd_model *m);

/** Find out which namespace @c is in, where that is not known. To be done for
 *  all before the first of them is looked at: who shares one is told by it. */
void containerd_ports_locate(const struct containerd_model *m,
			     struct containerd_item *c);

/** Look what @c has in its namespace. Returns true when that changed. */
bool containerd_ports_look(struct containerd_model *m,
			   struct containerd_item *c);

/** Its process is about to run, or did: who is inside may change addresses. */
void containerd_ports_pin(struct containerd_item *c);

/** It has no namespace any more. */
void containerd_ports_drop(struct containerd_item *c);

/** Attach @e to the bridges of @c, with the addresses that are nobody else's;
 *  @c->refused tells whether one was. */
void containerd_ports_attach(struct containerd_model *m,
			     struct containerd_item *c, struct endpoint *e);

/** Put all networks into the store. */
void containerd_networks_put(struct containerd_model *m);
void containerd_networks_free(struct containerd_model *m);
