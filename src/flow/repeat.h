/* SPDX-License-Identifier: GPL-2.0-or-later */
/* repeat.h - which attempts were recorded lately.
 *
 * A denied connection is tried again by its sender's TCP; the kernel's own
 * sets suppress most of that, but forget when they are full.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/record.h"

/** An attempt is recorded again after this, in ns. */
#define FLOW_REPEAT_WINDOW (30 * UINT64_C(1000000000))

struct flow_repeats;

/** Remembers the last @max attempts. */
struct flow_repeats *flow_repeats_new(size_t max);
void flow_repeats_free(struct flow_repeats *r);

/**
 * True when the attempt that @record tells of was first seen less than the
 * window before @now (monotonic ns); otherwise it is remembered as new. Its
 * ends must be attributed: an address that has a new owner is no repeat.
 */
bool flow_repeats_seen(struct flow_repeats *r, const struct flow_record *record,
		       uint64_t now);
