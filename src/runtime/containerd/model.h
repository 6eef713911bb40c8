/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model.h - what is known of a containerd, put together from its
 * events, its answers and the kernel's interfaces, and put into the endpoint
 * store.
 *
 * Does no I/O of its own: it says what must be asked, and is given the answers;
 * the kernel it asks through struct runtime_links.
 */
#pragma once

#include "runtime/containerd/wire.h"
#include "runtime/runtime.h"

struct containerd_model;

struct containerd_ask {
	/* The record of container @id; an answer must be newer than the call.
	 */
	void (*record)(void *arg, const char *namespace, const char *id);
	void *arg;
};

/** A model that knows nothing; @host is copied. */
struct containerd_model *containerd_model_new(const struct runtime_host *host,
					      struct containerd_ask ask);

/** Leaves the store as it is. */
void containerd_model_free(struct containerd_model *m);
DEFINE_FREEP(struct containerd_model, containerd_model_free)

/** The present moment in the order of events: taken when a request is sent, and
 *  given with its answer, which counts only for what no later event touched. */
uint64_t containerd_model_now(const struct containerd_model *m);

/** Apply an event. Returns false when it is of no interest. */
bool containerd_model_event(struct containerd_model *m,
			    const struct containerd_event *e);

/** What the store calls container @id; NULL when it is not there, or not ours
 *  to tell of. */
const char *containerd_model_endpoint(const struct containerd_model *m,
				      const char *namespace, const char *id);

/** The record of @id as of @when; NULL: there is none. */
void containerd_model_record(struct containerd_model *m, uint64_t when,
			     const char *namespace, const char *id,
			     const struct containerd_record *record);

/** What the kernel tells may have changed. */
void containerd_model_links(struct containerd_model *m);

/**
 * Full listing: begin, all records and all tasks of each namespace in any
 * order, end. Until the first one has ended nothing is put into the store. One
 * that fails is never ended: the model is thrown away with it.
 */
void containerd_model_list_begin(struct containerd_model *m);
void containerd_model_list_record(struct containerd_model *m, uint64_t when,
				  const char *namespace,
				  const struct containerd_record *record);
void containerd_model_list_tasks(struct containerd_model *m, uint64_t when,
				 const char *namespace,
				 const containerd_tasks *tasks);
void containerd_model_list_end(struct containerd_model *m, uint64_t when);

/** How many are known, for the log. */
void containerd_model_count(const struct containerd_model *m,
			    size_t *ret_containers, size_t *ret_networks);
