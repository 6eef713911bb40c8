/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state.h - what the model remembers, shared by model.c (answers, listings),
 * event.c and publish.c (the store).
 */
#pragma once

#include "base/table.h"
#include "runtime/podman/model.h"

#define PODMAN_RUNTIME "podman"

struct podman_item {
	char *id;
	struct podman_container is; /* as inspect said last */
	bool known;		    /* it did */
	bool told;  /* not known, but for what the event of its creation said */
	bool whole; /* no label is hidden from what is @told */
	podman_ports early; /* while it starts: its interfaces */
	uint64_t early_at;  /* monotonic; answers from before are stale */
	uint64_t asked_at;  /* likewise: the question that told what it @is */
	char *problem;	    /* with its labels, told already */
	bool told_overlabelled, told_shared;
	UT_hash_handle hh;
};

struct podman_named_pod {
	char *id, *name;
	UT_hash_handle hh;
};

struct podman_net {
	char *name, *id;
	UT_hash_handle hh; /* by name: so containers refer to it */
};

struct podman_model {
	struct endpoint_store *store;
	const struct namespace_rule *namespaces;
	struct podman_ask ask;
	struct podman_item *items;
	struct podman_named_pod *pods;
	struct podman_net *nets;
	bool hosted; /* @rootless is known; before, nothing is published */
	bool rootless;
};

struct podman_item *podman_find_item(const struct podman_model *m,
				     const char *id);
struct podman_item *podman_get_item(struct podman_model *m, const char *id);
void podman_note_pod(struct podman_model *m, const char *id, const char *name);

/** Of the store; NULL while its answer is on the way. */
const struct network *podman_network_named(const struct podman_model *m,
					   const char *name);
const struct network *podman_network_on(const struct podman_model *m,
					const char *bridge);

/** @mode is another container's network. */
bool podman_is_shared(const char *mode);

/** It runs, or `podman init` has made all that it needs to. */
bool podman_has_network(const struct podman_container *c);

void podman_publish(struct podman_model *m, struct podman_item *i);
void podman_publish_all(struct podman_model *m);
