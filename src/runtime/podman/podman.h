/* SPDX-License-Identifier: GPL-2.0-or-later */
/* podman.h - the parts of the Podman watcher, for each other. */
#pragma once

#include "base/table.h"
#include "runtime/engine.h"
#include "runtime/podman/early.h"
#include "runtime/podman/model.h"

/** A container that is to be inspected. */
struct podman_want {
	char *id;
	bool sent;   /* under way */
	bool again;  /* wanted since it was sent */
	bool listed; /* the listing waits for it */
	UT_hash_handle hh;
};

/** A container that is about to run its first instruction. */
struct podman_start {
	char *id;
	uint64_t when; /* monotonic */
	podman_ports ports;
	unsigned hidden; /* answers to come about labels that may be hidden */
	UT_hash_handle hh;
};

struct podman_listing {
	bool active;
	bool named; /* @ids are there */
	podman_ids ids;
	size_t next;	      /* of @ids, to be asked about */
	unsigned outstanding; /* answers to come */
};

/* An event may come twice: with the stream, and because we asked sooner. */
#define PODMAN_SEEN 256

struct podman_seen {
	uint64_t time;
	char id[13]; /* its head */
};

struct podman {
	struct engine engine;

	/* While connected: */
	struct podman_model *model;
	struct podman_info info;
	struct podman_want *wants;
	struct podman_early *early; /* NULL: cannot be watched */
	struct podman_start *starts;
	bool asking_networks, networks_again;
	struct podman_listing listing;
	struct podman_seen seen[PODMAN_SEEN]; /* a ring */
	size_t nseen;
	uint64_t since; /* time of the last event */
	bool asking_events, events_again;
};

static inline struct podman *podman_of(struct engine *e)
{
	return container_of(e, struct podman, engine);
}
