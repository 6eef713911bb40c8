/* SPDX-License-Identifier: GPL-2.0-or-later */
/* podman.h - the parts of the Podman watcher, for each other. */
#pragma once

#include "base/table.h"
#include "runtime/engine.h"
#include "runtime/podman_model.h"

/** A container that is to be inspected. */
struct podman_want {
	char *id;
	bool sent;   /* under way */
	bool again;  /* wanted since it was sent */
	bool listed; /* the listing waits for it */
	UT_hash_handle hh;
};

struct podman_listing {
	bool active;
	bool named; /* @ids are there */
	podman_ids ids;
	size_t next;		/* of @ids, to be asked about */
	unsigned outstanding;	/* answers to come */
	engine_waiters waiters; /* who asked before it began */
};

struct podman {
	struct engine engine;

	/* While connected: */
	struct podman_model *model;
	struct podman_info info;
	struct podman_want *wants;
	bool asking_networks, networks_again;
	struct podman_listing listing;
};

static inline struct podman *podman_of(struct engine *e)
{
	return container_of(e, struct podman, engine);
}
