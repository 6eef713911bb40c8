/* SPDX-License-Identifier: GPL-2.0-or-later */
/* histogram.h - how long something took, each time. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/** 0.1 ms to 10 s, in steps of 1, 2.5 and 5. */
#define HISTOGRAM_BOUNDS 16

/** Zero-initialise it. */
struct histogram {
	/* Within each bound and above the one before; the last is above all. */
	uint64_t counts[HISTOGRAM_BOUNDS + 1];
	uint64_t sum; /* ns */
};

/** Upper bounds in ns, which belong to their buckets. */
extern const uint64_t histogram_bounds[HISTOGRAM_BOUNDS];

/** Count one that took @ns. */
void histogram_add(struct histogram *h, uint64_t ns);
