/* SPDX-License-Identifier: GPL-2.0-or-later */
/* arena.c - memory of one stream's tree, returned all at once.
 *
 * Chunks are mappings of their own: a tree is large beside what is kept of it,
 * and on the heap it would leave holes that stay resident.
 */
#include "yaml/arena.h"

#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"

#define CHUNK_SIZE ((size_t)256 << 10)
#define ALIGNMENT  _Alignof(max_align_t)

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size; /* of @bytes */
	max_align_t bytes[];
};

static struct arena_chunk *add_chunk(struct arena *arena, size_t size)
{
	struct arena_chunk *chunk;

	size = MAX(size + sizeof(*chunk), CHUNK_SIZE);
	chunk = mmap(NULL, size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (chunk == MAP_FAILED)
		abort();
	chunk->size = size - sizeof(*chunk);
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
		chunk = add_chunk(arena, size);
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
		munmap(chunk, chunk->size + sizeof(*chunk));
	}
}
