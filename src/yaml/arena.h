/* SPDX-License-Identifier: GPL-2.0-or-later */
/* arena.h - memory of one stream's tree, returned all at once. */
#pragma once

#include <stddef.h>

struct arena_chunk;

/** Zero-initialise it. */
struct arena {
	struct arena_chunk *chunks;
};

/** @size zeroed bytes, aligned for any object, valid until arena_fini(). */
void *arena_alloc(struct arena *arena, size_t size);
/** Copy of @n bytes with a NUL behind them. */
char *arena_copy(struct arena *arena, const void *bytes, size_t n);
void arena_fini(struct arena *arena);
