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
	UT_hash_handle hh;
};

/** One whose labels may be more than the event of its creation told. */
struct podman_check {
	char *id;
	unsigned outstanding; /* answers to come */
	bool failed;	      /* they are more, or it is not known */
	UT_hash_handle hh;
};

struct podman_listing {
	bool named;	/* @ids are there */
	bool inspected; /* all of them */
	bool done;	/* but for where containers are started */
	podman_ids ids;
	size_t next;	      /* of @ids, to be asked about */
	unsigned outstanding; /* answers to come */
};

#define PODMAN_EVENT_FILTER	  "{\"type\":[\"container\",\"network\",\"pod\"]}"
#define PODMAN_INSPECT_TIMEOUT_MS 30000 /* it waits for a start to end */

/* An event may come twice: with the stream, and because we asked sooner. */
#define PODMAN_SEEN 256

struct podman_seen {
	uint64_t time;
	char id[13]; /* its head */
};

struct podman {
	struct engine engine;
	/* Questions about labels, which are answered at once while many
	 * inspections wait for the end of a start. */
	struct http_client *labels;

	/* While connected: */
	struct podman_model *model;
	struct podman_info info;
	bool hosted; /* whose engine it is is known */
	bool info_asked, info_told;
	struct podman_want *wants;
	struct podman_early *early; /* NULL: cannot be watched */
	struct podman_start *starts;
	struct podman_check *checks;
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

/* podman.c */
void podman_want_info(struct podman *p);
/** Watch for containers that are about to start. Returns false when it is not
 *  known yet where. */
bool podman_watch_starts(struct podman *p);

/* query.c: an answer newer than the call will come to the model. @arg is the
 * struct podman. */
void podman_want_container(void *arg, const char *id);
void podman_want_networks(void *arg);
void podman_want_pod(void *arg, const char *id);
void podman_want_listed(struct podman *p, const char *id);
/** Returns false when the connection is gone for @result. */
bool podman_take_networks(struct podman *p, const struct http_result *result);
void podman_drop_wants(struct podman *p);

/* labels.c: see podman_ask.labels. @arg is the struct podman. */
void podman_want_labels(void *arg, const char *id);
void podman_drop_checks(struct podman *p);

/* list.c */
void podman_list(struct engine *e);
/** Go on with the listing that is under way, if one is. */
void podman_list_next(struct podman *p);
void podman_list_drop(struct podman *p);

/* start.c */
int podman_event(struct engine *engine, struct slice line);
/** Ask for what happened, sooner than the engine tells by itself. */
void podman_want_events(struct podman *p);
/** All events up to now are applied. */
void podman_starts_go_on(struct podman *p);
/** See podman_early_fn. */
void podman_starting(void *arg, const char *id, const char *netns);
void podman_drop_starts(struct podman *p);
