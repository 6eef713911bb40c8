/* SPDX-License-Identifier: GPL-2.0-or-later */
/* moment.h - durations and times as users write them. */
#pragma once

#include <stdint.h>

/** "90", "10s", "500ms", "2m", "1h", "7d"; a bare number is seconds. At most
 *  ten years. Returns 0 or -EINVAL. */
int duration_parse(const char *text, uint64_t *ret_ms);

/** RFC 3339 ("2026-01-31T10:20:30.5Z", "+01:00" too) to nanoseconds since
 *  1970. Returns 0 or -EINVAL. */
int time_parse(const char *text, uint64_t *ret_ns);

/** A time, or a duration that counts back from @now (ns). */
int moment_parse(const char *text, uint64_t now, uint64_t *ret_ns);
