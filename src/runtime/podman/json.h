/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json.h - answers of Podman's own API as plain structs.
 *
 * Its inspect answer has everything that Docker spreads over three; labels and
 * the rest are bounded as docker/json.h says. Names stand for networks there.
 */
#pragma once

#include "runtime/docker/json.h"

struct podman_address {
	char *network; /* name */
	struct addr v4, v6;
	struct mac mac;
};

struct podman_container {
	struct docker_container entry; /* labels, name, network mode, … */
	struct docker_inspect more;
	bool running;
	bool oom;   /* its end was that it had no memory left */
	char *pod;  /* id; "" for none */
	bool infra; /* holds the pod's network, runs nothing of anybody's */
	char *spec; /* path of its config.json, "" when not told */
	VEC(struct podman_address) addresses;
};

/** An event: what docker/json.h has, and the labels where they ride along. */
struct podman_event {
	bool network; /* somebody was (dis)connected: @id is the container's */
	bool pod;     /* of a pod, else of a container */
	char *action, *id;
	uint64_t time;		       /* realtime ns, 0: not told */
	struct docker_container entry; /* name, image, labels as told: see
					  podman_json_event() */
	char *pod_id;
};

/** What the engine says of itself. */
struct podman_info {
	bool rootless;
	char *graph_root; /* "/var/lib/containers/storage" */
	char *driver;	  /* "overlay" */
};

struct podman_pod {
	char *id, *name;
};
typedef VEC(struct podman_pod) podman_pods;
typedef VEC(char *) podman_ids;

/**
 * Each parses one JSON value. Returns 0, or -EBADMSG when @text is not the
 * JSON that was expected; @ret is then untouched. A list's malformed entry
 * makes the list malformed.
 */
int podman_json_container(struct slice text, struct podman_container *ret);
int podman_json_ids(struct slice text, podman_ids *ret);
int podman_json_networks(struct slice text, const char *runtime,
			 docker_networks *ret);
int podman_json_pods(struct slice text, podman_pods *ret);
int podman_json_pod(struct slice text, struct podman_pod *ret);
int podman_json_info(struct slice text, struct podman_info *ret);

/** The version in the head of any answer of Podman's. Returns 0, or -EBADMSG
 *  when it is not there or another engine's; @ret is then untouched. */
int podman_head_version(struct slice head, struct docker_version *ret);

/**
 * Likewise. The labels in an event share one object with four attributes of
 * the engine's own, PODMAN_HIDING: a label of such a name is hidden behind
 * them, so they are left out, and whether there is one is not known.
 */
int podman_json_event(struct slice text, struct podman_event *ret);
extern const char *const podman_hiding[]; /* NULL-terminated */

void podman_container_fini(struct podman_container *c);
void podman_event_fini(struct podman_event *e);
void podman_info_fini(struct podman_info *i);
void podman_pods_fini(podman_pods *list);
void podman_pod_fini(struct podman_pod *p);
void podman_ids_fini(podman_ids *list);
