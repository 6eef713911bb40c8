/* SPDX-License-Identifier: GPL-2.0-or-later */
/* random.h - policies and labels by chance, the same again for a seed. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/** SplitMix64 (Steele, Lea and Flood, 2014). */
struct rng {
	uint64_t state;
};

uint64_t rng_next(struct rng *rng);
/** From 0 to @n - 1. */
unsigned rng_below(struct rng *rng, unsigned n);
/** True in @percent of a hundred cases. */
bool rng_chance(struct rng *rng, unsigned percent);

/** What random policies speak of. */
struct vocabulary {
	const char *const *namespaces;
	size_t nnamespaces;
	/* Blocks that hold some of the test's addresses. Each may be followed
	 * by blocks inside it, for `except`: "10.0.0.0/24 10.0.0.2/32". */
	const char *const *blocks;
	size_t nblocks;
	const uint16_t *ports; /* ascending */
	size_t nports;
	/* Port names, some of which no endpoint may have. */
	const char *const *names;
	size_t nnames;
};

extern const struct vocabulary random_vocabulary;

/** A Namespace object for some of them, and @n NetworkPolicies. */
void random_policies(struct rng *rng, const struct vocabulary *v, unsigned n,
		     struct buf *to);
/** Flow mapping of pod labels: "{app: web, env: dev}". */
void random_labels(struct rng *rng, struct buf *to);
/** Value of `ports`: "http=8080/tcp,dns=53/udp"; may be empty. */
void random_named_ports(struct rng *rng, const struct vocabulary *v,
			struct buf *to);
const char *random_namespace(struct rng *rng, const struct vocabulary *v);
