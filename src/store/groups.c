/* SPDX-License-Identifier: GPL-2.0-or-later */
/* groups.c - packed flows counted by numbers. */
#include "store/groups.h"

#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/vec.h"

struct entry {
	struct group group;
	uint32_t numbers[GROUPS_BY_MAX];
};

struct groups {
	unsigned n;
	size_t max;
	uint64_t seed;
	/* The pass: hashes whose first @bits are @part. */
	unsigned bits;
	uint64_t part;
	bool begun, overflown;
	VEC(struct entry) entries;
	uint32_t *slots; /* 1 + the index of an entry; 0: free */
	size_t size;	 /* of slots: a power of two */
};

struct groups *groups_new(unsigned n, size_t max)
{
	struct groups *g = xnew(struct groups);

	g->n = n;
	g->max = max;
	/* Numbers are given in order, so that nobody can choose them well. */
	g->seed = hash_seeded(&n, sizeof(n));
	g->size = 1U << 10;
	g->slots = xcalloc(g->size, sizeof(*g->slots));
	return g;
}

void groups_free(struct groups *g)
{
	if (!g)
		return;
	vec_fini(&g->entries);
	free(g->slots);
	free(g);
}

bool groups_next_pass(struct groups *g)
{
	if (g->overflown) {
		g->bits++;
		g->part *= 2;
	} else if (g->begun) {
		g->part++;
	}
	g->begun = true;
	g->overflown = false;
	g->entries.len = 0;
	memset(g->slots, 0, g->size * sizeof(*g->slots));
	return g->part >> g->bits == 0;
}

bool groups_fit(const struct groups *g)
{
	return !g->overflown;
}

static uint64_t hash(const struct groups *g, const uint32_t *numbers)
{
	uint64_t h = g->seed;

	for (unsigned i = 0; i < g->n; i++) {
		h = (h ^ numbers[i]) * 0x9e3779b97f4a7c15ULL;
		h ^= h >> 32;
	}
	return h;
}

static bool is_of_pass(const struct groups *g, uint64_t h)
{
	return !g->bits || h >> (64 - g->bits) == g->part;
}

/* The slot of these numbers, or the free one where they would be. */
static uint32_t *find_slot(const struct groups *g, const uint32_t *numbers,
			   uint64_t h)
{
	for (size_t i = h & (g->size - 1);; i = (i + 1) & (g->size - 1)) {
		uint32_t *slot = &g->slots[i];

		if (!*slot || !memcmp(g->entries.data[*slot - 1].numbers,
				      numbers, g->n * sizeof(*numbers)))
			return slot;
	}
}

static void grow(struct groups *g)
{
	g->size *= 2;
	free(g->slots);
	g->slots = xcalloc(g->size, sizeof(*g->slots));
	for (size_t i = 0; i < g->entries.len; i++) {
		const uint32_t *numbers = g->entries.data[i].numbers;

		*find_slot(g, numbers, hash(g, numbers)) = (uint32_t)i + 1;
	}
}

static uint32_t add_entry(struct groups *g, const uint32_t *numbers,
			  const struct pack_cell *cell)
{
	struct entry e = { .group = { .src = cell->src,
				      .dst = cell->dst,
				      .kind = cell->kind,
				      .port = cell->port } };

	memcpy(e.numbers, numbers, g->n * sizeof(*numbers));
	vec_push(&g->entries, e);
	return (uint32_t)g->entries.len;
}

bool groups_add(struct groups *g, const uint32_t numbers[static GROUPS_BY_MAX],
		const struct pack_cell *cell)
{
	uint64_t h = hash(g, numbers);
	struct group *group;
	uint32_t *slot;

	if (!is_of_pass(g, h))
		return true;
	slot = find_slot(g, numbers, h);
	if (!*slot) {
		if (g->entries.len == g->max) {
			g->overflown = true;
			return false;
		}
		*slot = add_entry(g, numbers, cell);
		if (g->entries.len > g->size / 2) {
			grow(g);
			slot = find_slot(g, numbers, h);
		}
	}
	group = &g->entries.data[*slot - 1].group;
	group->flows++;
	group->packets += (uint64_t)cell->packets;
	group->bytes += (uint64_t)cell->bytes;
	return true;
}

/* ---- the largest ------------------------------------------------------- */

struct size {
	uint64_t flows, packets;
};

static bool is_less(const struct size *a, const struct size *b)
{
	return a->flows != b->flows ? a->flows < b->flows
				    : a->packets < b->packets;
}

/* The least of a heap stands at its beginning: let it sink to where it
 * belongs. */
static void sink(struct size *heap, size_t n)
{
	for (size_t i = 0;;) {
		size_t least = i;
		struct size other;

		for (size_t child = 2 * i + 1; child <= 2 * i + 2; child++)
			if (child < n && is_less(&heap[child], &heap[least]))
				least = child;
		if (least == i)
			return;
		other = heap[i];
		heap[i] = heap[least];
		heap[least] = other;
		i = least;
	}
}

/* The size of the @top'th largest group; zero when there are fewer. */
static struct size least_of_top(const struct groups *g, size_t top)
{
	struct size *heap, least;

	if (top >= g->entries.len)
		return (struct size){ 0 };
	heap = xcalloc(top, sizeof(*heap));
	for (size_t i = 0; i < g->entries.len; i++) {
		const struct group *group = &g->entries.data[i].group;
		struct size size = { group->flows, group->packets };

		if (is_less(&heap[0], &size)) {
			heap[0] = size;
			sink(heap, top);
		}
	}
	least = heap[0];
	free(heap);
	return least;
}

void groups_top(struct groups *g, size_t top,
		void (*fn)(void *arg, const struct group *group), void *arg)
{
	struct size least = least_of_top(g, top);

	vec_foreach(entry, &g->entries) {
		struct size size = { entry->group.flows, entry->group.packets };

		if (!is_less(&size, &least))
			fn(arg, &entry->group);
	}
}
