/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clock.h - time stamps. */
#pragma once

#include <stdint.h>

/** Nanoseconds since 1970 (CLOCK_REALTIME). */
uint64_t clock_realtime(void);

/** Nanoseconds since boot (CLOCK_MONOTONIC). */
uint64_t clock_monotonic(void);

#define CLOCK_STRLEN 36

/** RFC 3339 in UTC with nine decimals. Returns @text. */
const char *clock_format(uint64_t realtime, char text[static CLOCK_STRLEN]);

/** RFC 3339 ("2026-01-31T10:20:30.5Z", "+01:00" too) to nanoseconds since
 *  1970. Returns 0 or -EINVAL. */
int clock_parse(const char *text, uint64_t *ret_ns);
