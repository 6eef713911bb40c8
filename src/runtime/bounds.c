/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bounds.c - how much of a container's labels is kept. */
#include "runtime/bounds.h"

#include <string.h>

#define OWN_PREFIX "bulkhead."

bool bounds_own_label(const char *key)
{
	return !strncmp(key, OWN_PREFIX, sizeof(OWN_PREFIX) - 1);
}

enum bounds_label bounds_label(const char *key, const char *value, size_t n)
{
	if (strlen(key) > BOUNDS_KEY || memchr(value, '\0', n))
		return BOUNDS_LEFT_OUT;
	if (bounds_own_label(key))
		return n > BOUNDS_OWN_VALUE ? BOUNDS_LEFT_OUT : BOUNDS_WHOLE;
	return n > BOUNDS_VALUE ? BOUNDS_CUT : BOUNDS_WHOLE;
}
