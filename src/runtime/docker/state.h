/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state.h - what the model remembers, shared by model.c (tables,
 * store, listings), event.c and answer.c.
 */
#pragma once

#include "base/table.h"
#include "runtime/docker/model.h"

struct docker_attach {
	char *network; /* id */
	struct addr v4, v6;
	struct mac mac;
	uint64_t event; /* number of the last event that touched it */
	uint64_t seen;	/* number of the last answer that showed it */
	bool present;
	bool dropped; /* by die or disconnect; only a connect revives it */
};

struct docker_item {
	char *id, *name, *mode;
	char *renamed;		/* as the last rename told; NULL: none did */
	char *image;		/* as listed: a bare id when its tag moved on */
	char *configured_image; /* as its creator wrote it; "" until known */
	VEC(struct docker_attach) attachments;
	struct endpoint *labels; /* carries the label set; NULL: not known */
	char *problem;		 /* with its labels, told already */
	char *escapable;	 /* see struct endpoint */
	bool overlabelled;
	bool sandbox;	       /* an image build's: no container */
	bool running, created; /* created: its process never ran */
	bool state_told;       /* by an event */
	bool whole;	       /* every attachment is known */
	bool gone, listed;
	bool ports_listed; /* @published counts, not @bindings */
	bool inspected;
	bool untold; /* inspected since it was last published */
	unsigned pid;
	uint64_t started;
	uint64_t event; /* number of the last event that touched it */
	uint64_t run;	/* number of its last start or die */
	VEC(struct published_port) published, bindings;
	UT_hash_handle hh;
};

/* A network that is there, or that was asked about. */
struct docker_net {
	char *id;
	uint64_t event; /* number of its destruction */
	uint64_t alive; /* number of the last event that showed it */
	uint64_t ports; /* number of its bridge's last unexplained change */
	bool gone, listed;
	UT_hash_handle hh;
};

struct docker_model {
	struct endpoint_store *store;
	const char *runtime;
	const struct namespace_rule *namespaces;
	struct docker_ask ask;
	uint64_t event;	 /* the last one's number */
	uint64_t answer; /* likewise, of networks */
	struct docker_item *containers;
	struct docker_net *networks;
	bool listing; /* one is under way */
	bool listed;  /* one has ended well */
};

/** Look-ups; the get ones add what is missing. */
struct docker_item *docker_container_find(const struct docker_model *m,
					  const char *id);
struct docker_item *docker_container_get(struct docker_model *m,
					 const char *id);
struct docker_net *docker_net_find(const struct docker_model *m,
				   const char *id);
struct docker_net *docker_net_get(struct docker_model *m, const char *id);
struct docker_attach *docker_attach_find(const struct docker_item *c,
					 const char *network);
struct docker_attach *docker_attach_get(struct docker_item *c,
					const char *network);

/** The namespace that network @name makes, or NULL; the caller frees it. */
char *docker_network_namespace(const struct docker_model *m, const char *name);

/** Warn when a network that is new makes no namespace and should. */
void docker_network_check(const struct docker_model *m,
			  const struct network *n);

/** Whether it is on any network now. */
bool docker_container_attached(const struct docker_item *c);

/** Put it into the store as it is known now, unless too little is known. */
void docker_container_publish(struct docker_model *m,
			      const struct docker_item *c);

/** Likewise after a change of its networks: a sandbox that is on none is over,
 *  and @c then gone. */
void docker_container_settle(struct docker_model *m, struct docker_item *c);

/** It is gone, from the store too. */
void docker_container_forget(struct docker_model *m, struct docker_item *c);
void docker_net_forget(struct docker_model *m, struct docker_net *n);
