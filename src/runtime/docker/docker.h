/* SPDX-License-Identifier: GPL-2.0-or-later */
/* docker.h - the parts of the Docker watcher, for each other.
 *
 * docker.c follows the connection (engine.h), query.c asks what the model wants
 * to know, list.c does full listings.
 */
#pragma once

#include "base/table.h"
#include "runtime/docker/model.h"
#include "runtime/engine.h"

/** An id that the model wants to know about. */
struct docker_want {
	char *id;
	bool sent;  /* under way */
	bool again; /* asked for since it was sent */
	UT_hash_handle hh;
};

struct docker_listing {
	unsigned outstanding; /* answers to come; 0: none is under way */
	docker_networks networks;
	docker_containers containers;
	uint64_t when;
};

struct docker {
	struct engine engine;

	/* While connected: */
	struct docker_model *model;
	struct docker_want *containers; /* wanted by the model */
	struct docker_want *networks;
	struct docker_want *inspects; /* later, in this order */
	unsigned inspecting;	      /* of those, under way */
	bool asking_containers;
	struct docker_listing listing;
};

static inline struct docker *docker_of(struct engine *e)
{
	return container_of(e, struct docker, engine);
}

/** GET the API's @path (without the version), about @id (or NULL). */
struct engine_call *docker_get(struct docker *d, struct http_client *client,
			       const char *path, unsigned timeout_ms,
			       engine_answer_fn answer, const char *id);

/** What the model calls. */
struct docker_ask docker_asks(struct docker *d);
void docker_asks_cancel(struct docker *d);
/** Give the answer about one network (404: it is gone) to the model; one that
 *  cannot be read ends the connection. */
void docker_take_network(struct docker *d, const struct engine_call *call,
			 const struct http_result *result);

/** Make a full listing. */
void docker_list(struct engine *e);
void docker_list_cancel(struct docker *d);
