/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model.h - what is known of an engine, put together from events and
 * answers that overtake each other, and put into the endpoint store.
 *
 * Does no I/O: it says what must be asked, and is given the answers.
 */
#pragma once

#include "endpoint/store.h"
#include "runtime/docker/json.h"

struct docker_model;

/** What the model wants to know; an answer must be newer than the call. */
struct docker_ask {
	void (*container)(void *arg, const char *id); /* list entry */
	void (*inspect)(void *arg, const char *id);
	/* Likewise, but there may be a thousand of them, and no hurry. */
	void (*inspect_later)(void *arg, const char *id);
	void (*network)(void *arg, const char *id);
	void *arg;
};

/** A model that knows nothing. @runtime is the name in the store. @namespaces,
 *  which must outlive it, may be NULL: from labels. */
struct docker_model *docker_model_new(struct endpoint_store *store,
				      const char *runtime,
				      const struct namespace_rule *namespaces,
				      struct docker_ask ask);

/** Leaves the store as it is. */
void docker_model_free(struct docker_model *m);
DEFINE_FREEP(struct docker_model, docker_model_free)

/**
 * The present moment in the order of events. Taken when a request is sent and
 * given with its answer, which counts only for what no later event touched.
 */
uint64_t docker_model_now(const struct docker_model *m);

/** Apply an event. Returns false when it is of no interest. */
bool docker_model_event(struct docker_model *m, const struct docker_event *e);

/**
 * Ports appeared on @bridge or left it that no event explains. Image builds
 * (BuildKit) run in sandboxes that are no containers: no event tells of them,
 * only the network's own answer, which is asked for.
 */
void docker_model_ports(struct docker_model *m, const char *bridge);

/** The list entry of container @id as of @when; NULL: there is none. */
void docker_model_container(struct docker_model *m, uint64_t when,
			    const char *id, const struct docker_container *c);
void docker_model_inspect(struct docker_model *m, uint64_t when, const char *id,
			  const struct docker_inspect *i);
/** As docker_model_inspect(), without telling the store: of many at once, call
 *  docker_model_publish() after the last. */
void docker_model_inspect_quietly(struct docker_model *m, uint64_t when,
				  const char *id,
				  const struct docker_inspect *i);
void docker_model_publish(struct docker_model *m);
/** The network @id with its members as of @when; NULL: it is gone. Takes the
 *  struct network out of @n. */
void docker_model_network(struct docker_model *m, uint64_t when, const char *id,
			  struct docker_network *n);

/**
 * Full listing: begin, all networks, all containers, then the answer for each
 * network, end. Until the first one has ended, a container whose networks are
 * not all known yet is kept out of the store: it may be there from before.
 * One that fails is never ended: the model is thrown away with it.
 */
void docker_model_list_begin(struct docker_model *m);
void docker_model_list_networks(struct docker_model *m, uint64_t when,
				docker_networks *list);
void docker_model_list_containers(struct docker_model *m, uint64_t when,
				  const docker_containers *list);
void docker_model_list_end(struct docker_model *m);

/** How many are known, for the log. */
void docker_model_count(const struct docker_model *m, size_t *ret_containers,
			size_t *ret_networks);
