/* SPDX-License-Identifier: GPL-2.0-or-later */
/* early.h - tells of containers that are about to start; inside this
 * stage only.
 *
 * Podman answers nothing about a container while it starts it. But it writes
 * the container's config.json once the network is set up, some 50 ms before
 * the first instruction: there is the network namespace's path, and in the
 * namespace are the interfaces with their addresses.
 */
#pragma once

#include "base/slice.h"
#include "loop/loop.h"

struct podman_early;

/** @netns is the path of the namespace that @id will run in. */
typedef void (*podman_early_fn)(void *arg, const char *id, const char *netns);

/**
 * Watch @directory, where the engine keeps its containers. Returns NULL when it
 * cannot be watched, and says so.
 */
struct podman_early *podman_early_open(struct loop *loop, const char *directory,
				       podman_early_fn fn, void *arg);
/** Accepts NULL. */
void podman_early_close(struct podman_early *w);

/** Watch @id from now on, if it is there; new ones are seen without. */
void podman_early_add(struct podman_early *w, const char *id);

/** The path of the network namespace in @spec, a config.json; NULL when it
 *  names none. The caller frees it. */
char *podman_early_netns(struct slice spec);
