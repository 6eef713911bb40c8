/* SPDX-License-Identifier: GPL-2.0-or-later */
/* alloc.h - allocation that aborts when memory is gone.
 *
 * For small objects whose size input does not decide. What input sizes is
 * bounded by its parser first; then these are fit for it too.
 */
#pragma once

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/macro.h"

/** Memory of @n objects of @size bytes, zeroed. Aborts on overflow. */
void *xcalloc(size_t n, size_t size) __attribute__((malloc));

/** Grow or shrink @ptr to @n objects of @size bytes. Aborts on overflow. */
void *xreallocarray(void *ptr, size_t n, size_t size);

char *xstrdup(const char *s) __attribute__((malloc));

/** Copy of at most @n bytes of @s, terminated. */
char *xstrndup(const char *s, size_t n) __attribute__((malloc));

void *xmemdup(const void *p, size_t n) __attribute__((malloc));

char *xasprintf(const char *fmt, ...) _printf_(1, 2);

#define xnew(type) ((type *)xcalloc(1, sizeof(type)))

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
