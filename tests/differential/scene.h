/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scene.h - which containers the lab's nodes are, and under which policies:
 * by chance, and changed by chance.
 */
#pragma once

#include "lab.h"
#include "probe.h"
#include "random.h"
#include "world.h"

struct scene {
	struct rng rng;
	const struct lab *lab;
	struct world world; /* its endpoints are borrowed from @slots */
	char *policies;
	/* What each endpoint node is; NULL: a container that nobody told us
	 * of, on a managed bridge all the same. */
	struct endpoint *slots[LAB_ENDPOINTS];
	char *texts[LAB_ENDPOINTS];
	bool guard;
	VEC(struct compile_port) ports;
};

void scene_init(struct scene *s, const struct lab *lab, uint64_t seed);
void scene_fini(struct scene *s);

/** Other endpoints, other policies, or both. */
void scene_change(struct scene *s);

/** Borrows from @s. */
struct compile_input scene_input(struct scene *s);

/** The matrix: every node to every other's addresses and itself. */
void scene_probes(const struct scene *s, probe_list *to);

/** What must become of a probe. */
struct expectation {
	bool delivered;
	unsigned logged; /* times; in audit each direction denies */
	enum deny_direction direction; /* of the first */
	enum deny_reason reason;
};

struct expectation scene_expect(const struct scene *s, const struct probe *p);

/** Policies and endpoints.yaml, to be read again. */
void scene_print(const struct scene *s, struct buf *to);
