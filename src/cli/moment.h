/* SPDX-License-Identifier: GPL-2.0-or-later */
/* moment.h - durations and times as users write them. */
#pragma once

#include <stdint.h>

/** "90", "10s", "500ms", "2m", "1h", "7d"; a bare number is seconds. At most
 *  ten years. Returns 0 or -EINVAL. */
int duration_parse(const char *text, uint64_t *ret_ms);

/** A time, as clock_parse() takes it or "2026-01-31", "2026-01-31T10:20" (UTC);
 *  or a duration that counts back from @now (ns). */
int moment_parse(const char *text, uint64_t now, uint64_t *ret_ns);
