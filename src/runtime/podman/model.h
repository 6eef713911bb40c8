/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model.h - what is known of a Podman engine, put into the endpoint
 * store. Does no I/O: it says what must be asked, and is given the answers.
 *
 * Inspect is the truth; an event only says whom to ask. Podman holds a
 * container's lock while it starts it, and every answer about that container
 * waits for the end of the start: too late for its first instruction. What is
 * needed before that comes from two other places: the labels from the event of
 * its creation, the interfaces from the kernel (early.h).
 *
 * A pod is one endpoint: its infra container, which holds the network, under
 * the pod's name and with the pod's labels, as in Kubernetes. Its members are
 * endpoints without addresses: a label of theirs that counted would let any of
 * them change what all may do.
 */
#pragma once

#include "endpoint/store.h"
#include "runtime/podman/json.h"

struct podman_model;

/** What the model wants to know; an answer must be newer than the call. */
struct podman_ask {
	void (*container)(void *arg, const char *id);
	void (*networks)(void *arg);
	void (*pod)(void *arg, const char *id);
	/* Whether an event hides a label of @id (podman_json_event()): only
	 * when none is, podman_model_whole() is the answer. */
	void (*labels)(void *arg, const char *id);
	void *arg;
};

struct podman_model *podman_model_new(struct endpoint_store *store,
				      const struct namespace_rule *namespaces,
				      struct podman_ask ask);
/** Leaves the store as it is. */
void podman_model_free(struct podman_model *m);
DEFINE_FREEP(struct podman_model, podman_model_free)

/**
 * Whose engine it is, to be told before podman_model_networks(): @rootless
 * containers have networks of a user's own, so nothing of theirs is ours. Until
 * then the store is told of none.
 */
void podman_model_host(struct podman_model *m, bool rootless);

/** Apply an event, which gives its labels away. Returns false when it is of no
 *  interest. */
bool podman_model_event(struct podman_model *m, struct podman_event *e);

/** What inspect said of @id when it was asked at @when (monotonic ns), taken
 *  out of @c; NULL: it is gone. */
void podman_model_container(struct podman_model *m, const char *id,
			    uint64_t when, struct podman_container *c);

/** Where the engine keeps its containers, by what inspect said of one of them;
 *  NULL: not known. The caller frees it. */
char *podman_model_directory(const struct podman_model *m);

/** As far as inspect said. */
bool podman_model_runs(const struct podman_model *m, const char *id);

/** A port of a bridge that leads into a namespace, and what is there. */
struct podman_port {
	char bridge[IFNAMSIZ];
	struct addr v4, v6;
	struct mac mac;
};
typedef VEC(struct podman_port) podman_ports;

/**
 * Container @id is being started in a namespace with @ports, as of @when. It
 * counts until an answer to a later question; before its creation was told
 * nothing is done.
 */
void podman_model_early(struct podman_model *m, const char *id, uint64_t when,
			const podman_ports *ports);
/** The event of the creation of @id told all of its labels. */
void podman_model_whole(struct podman_model *m, const char *id);
/** All networks; takes each struct network out of @list. */
void podman_model_networks(struct podman_model *m, docker_networks *list);
void podman_model_pods(struct podman_model *m, const podman_pods *list);
/** NULL: there is no such pod. */
void podman_model_pod(struct podman_model *m, const char *id,
		      const struct podman_pod *pod);

/**
 * Full listing: begin, pods, then a podman_model_container() for each of
 * podman_model_list(), networks, end. One that fails is never ended.
 */
void podman_model_list_begin(struct podman_model *m);
/** Whom to ask about: those of @listed and those known. Owned by the caller. */
podman_ids podman_model_list(const struct podman_model *m,
			     const podman_ids *listed);
void podman_model_list_end(struct podman_model *m);

void podman_model_count(const struct podman_model *m, size_t *ret_containers,
			size_t *ret_networks);
