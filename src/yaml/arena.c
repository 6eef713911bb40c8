/* SPDX-License-Identifier: GPL-2.0-or-later */
/* arena.c - memory of one stream's tree, returned all at once. */
#include "yaml/arena.h"

#include <string.h>

#include "base/alloc.h"

#define CHUNK_SIZE 16384
#define ALIGNMENT  _Alignof(max_align_t)

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	max_align_t bytes[];
};

static struct arena_chunk *add_chunk(struct arena *arena, size_t size)
{
	struct arena_chunk *chunk = xcalloc(1, sizeof(*chunk) + size);

	chunk->size = size;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	struct arena_chunk *chunk = arena->chunks;
	void *memory;

	size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (!chunk || size > chunk->size - chunk->used)
		chunk = add_chunk(arena, MAX(size, (size_t)CHUNK_SIZE));
	memory = (char *)chunk->bytes + chunk->used;
	chunk->used += size;
	return memory;
}

char *arena_copy(struct arena *arena, const void *bytes, size_t n)
{
	char *copy = arena_alloc(arena, n + 1);

	if (n)
		memcpy(copy, bytes, n);
	return copy;
}

void arena_fini(struct arena *arena)
{
	while (arena->chunks) {
		struct arena_chunk *chunk = arena->chunks;

		arena->chunks = chunk->next;
		free(chunk);
	}
}
