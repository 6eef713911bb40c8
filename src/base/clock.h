/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clock.h - time stamps. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/** Nanoseconds since 1970 (CLOCK_REALTIME). */
uint64_t clock_realtime(void);

/** Nanoseconds since boot (CLOCK_MONOTONIC). */
uint64_t clock_monotonic(void);

/** Whether somebody sets the wall clock; zero at first. */
struct clock_watch {
	int64_t ahead; /* of the time since boot, ns */
	bool known;
};

/** Less than this is none: the two clocks are read one after the other. */
#define CLOCK_STEP_MIN 100000000

/** Nanoseconds by which the wall clock was set since the last call: forward, or
 *  back (negative). 0 when it was not, however fast it is made to run and
 *  however long the host slept, and at the first call. */
int64_t clock_step(struct clock_watch *w);

#define CLOCK_STRLEN 36

/** RFC 3339 in UTC with nine decimals. Returns @text. */
const char *clock_format(uint64_t realtime, char text[static CLOCK_STRLEN]);

/** RFC 3339 ("2026-01-31T10:20:30.5Z", "+01:00" too) to nanoseconds since
 *  1970. Returns 0 or -EINVAL. */
int clock_parse(const char *text, uint64_t *ret_ns);
