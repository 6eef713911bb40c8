/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json.h - answers of the Docker API as plain structs (json-c).
 *
 * Podman's Docker-compatible API gives the same shapes. The bytes come from an
 * engine, but names and labels in them from whoever may start containers:
 * everything is bounded, and what does not fit fails closed.
 *
 * See bounds.h for what is kept of labels. A container with more than
 * DOCKER_LABELS_MAX cannot be judged: it is @overlabelled, keeps none, and must
 * get no address in the store, so that its traffic stays that of an unknown
 * endpoint.
 */
#pragma once

#include "base/label.h"
#include "base/slice.h"
#include "base/vec.h"
#include "endpoint/store.h"
#include "runtime/bounds.h"

#define DOCKER_LABELS_MAX    BOUNDS_LABELS
#define DOCKER_OWN_VALUE_MAX BOUNDS_OWN_VALUE
#define DOCKER_ID_MAX	     128
#define DOCKER_NAME_MAX	     512

struct docker_version {
	char *engine; /* "20.10.24" */
	unsigned api_major, api_minor;
	unsigned min_major, min_minor; /* 0.0 when not told */
	unsigned engine_major;	       /* 20; 0 when not told */
	bool podman;		       /* which speaks this API too */
};

/* What we know how to read. 1.24 is Docker 1.12; engines of today refuse
 * anything below their own minimum, 1.44 for Docker 29, which speaks 1.52. */
#define DOCKER_API_MAJOR     1
#define DOCKER_API_MINOR_MIN 24
#define DOCKER_API_MINOR_MAX 52

/** The minor number of the API to use. Returns 0; -EPROTONOSUPPORT when the
 *  engine is too old; -EOVERFLOW when it wants one newer than ours. */
int docker_version_choose(const struct docker_version *v, unsigned *ret_minor);

struct docker_event {
	bool network;	 /* of a network, else of a container */
	char *action;	 /* "connect", "start", … */
	char *id;	 /* of the network or the container */
	char *container; /* whom a network (dis)connects; NULL: none */
	char *name;	 /* the container's or network's name; NULL */
	uint64_t time;	 /* realtime ns, 0: not told */
};

struct docker_container {
	char *id, *name, *image;
	char *state; /* "created", "running", "paused", "exited", … */
	char *network_mode;
	VEC(struct label) labels; /* strings are owned */
	bool overlabelled;
	size_t cut;	/* labels that were cut or left out … */
	size_t cut_own; /* … of those, bulkhead.… that are missing now */
	VEC(struct published_port) published;
};

struct docker_member {
	char *container; /* id */
	struct addr v4, v6;
	struct mac mac;
};

struct docker_network {
	struct network *network;
	VEC(struct docker_member) members;
};

struct docker_inspect {
	char *image; /* as the creator wrote it; "" when not told */
	unsigned pid;
	uint64_t started; /* realtime ns, 0 when it never was */
	char *escapable;  /* see struct endpoint; NULL */
	VEC(struct published_port) bindings;
};

typedef VEC(struct docker_container) docker_containers;
typedef VEC(struct docker_network) docker_networks;

/**
 * Each parses one JSON value. Returns 0, or -EBADMSG when @text is not the
 * JSON that was expected; @ret is then untouched. A list's entry that is
 * malformed is left out and counted in @ret_bad.
 */
int docker_json_version(struct slice text, struct docker_version *ret);
int docker_json_event(struct slice text, struct docker_event *ret);
int docker_json_containers(struct slice text, docker_containers *ret,
			   size_t *ret_bad);
int docker_json_networks(struct slice text, const char *runtime,
			 docker_networks *ret, size_t *ret_bad);
int docker_json_network(struct slice text, const char *runtime,
			struct docker_network *ret);
int docker_json_inspect(struct slice text, struct docker_inspect *ret);

/** The "message" of an error's body, or NULL. The caller frees it. */
char *docker_json_message(struct slice text);

void docker_version_fini(struct docker_version *v);
void docker_event_fini(struct docker_event *e);
void docker_container_fini(struct docker_container *c);
void docker_containers_fini(docker_containers *list);
void docker_network_fini(struct docker_network *n);
void docker_networks_fini(docker_networks *list);
void docker_inspect_fini(struct docker_inspect *i);
