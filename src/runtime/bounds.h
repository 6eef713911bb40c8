/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bounds.h - how much of a container's labels is kept, whichever the engine.
 *
 * Kubernetes selectors compare values of at most 63 bytes and name keys of at
 * most 317. So a longer value is cut to BOUNDS_VALUE bytes and a longer key
 * left out: no selector can tell the difference. Labels named bulkhead.… keep
 * BOUNDS_OWN_VALUE bytes, and one that is longer still is left out. A container
 * with more than BOUNDS_LABELS labels cannot be judged at all.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define BOUNDS_LABELS	 1024
#define BOUNDS_KEY	 317
#define BOUNDS_VALUE	 128
#define BOUNDS_OWN_VALUE 8192

enum bounds_label { BOUNDS_WHOLE, BOUNDS_CUT, BOUNDS_LEFT_OUT };

/** What to keep of a label with a value of @n bytes. */
enum bounds_label bounds_label(const char *key, const char *value, size_t n);

/** True for bulkhead.…, which means something to us. */
bool bounds_own_label(const char *key);
