/* SPDX-License-Identifier: GPL-2.0-or-later */
/* groups.c - packed flows counted by numbers. */
#include "store/groups.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/vec.h"

struct entry {
	struct group group;
	uint32_t numbers[GROUPS_BY_MAX];
};

struct slot {
	uint32_t entry; /* 1 + its index; 0: free */
	uint32_t tag;	/* of its hash: most others need not be looked at */
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
	struct slot *slots;
	size_t size; /* of slots: a power of two */
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

/* As MurmurHash3 ends, for each number. */
static uint64_t hash(const struct groups *g, const uint32_t *numbers)
{
	uint64_t h = g->seed;

	for (unsigned i = 0; i < g->n; i++) {
		h = (h ^ numbers[i]) * 0xff51afd7ed558ccdULL;
		h ^= h >> 33;
		h *= 0xc4ceb9fe1a85ec53ULL;
		h ^= h >> 33;
	}
	return h;
}

static bool is_of_pass(const struct groups *g, uint64_t h)
{
	return !g->bits || h >> (64 - g->bits) == g->part;
}

static uint32_t tag_of(uint64_t h)
{
	return (uint32_t)(h >> 32);
}

static bool is_same(const struct groups *g, const struct slot *slot,
		    const uint32_t *numbers)
{
	const uint32_t *there = g->entries.data[slot->entry - 1].numbers;

	for (unsigned i = 0; i < g->n; i++)
		if (there[i] != numbers[i])
			return false;
	return true;
}

/* The slot of these numbers, or the free one where they would be. */
static struct slot *find_slot(const struct groups *g, const uint32_t *numbers,
			      uint64_t h)
{
	for (size_t i = h & (g->size - 1);; i = (i + 1) & (g->size - 1)) {
		struct slot *slot = &g->slots[i];

		if (!slot->entry ||
		    (slot->tag == tag_of(h) && is_same(g, slot, numbers)))
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
		uint64_t h = hash(g, numbers);

		*find_slot(g, numbers, h) =
			(struct slot){ (uint32_t)i + 1, tag_of(h) };
	}
}

/* Returns NULL when there is no room. */
static struct group *add_entry(struct groups *g, const struct grouped *flow,
			       uint64_t h, struct slot *slot)
{
	struct entry e = { .group = { .src = flow->cell.src,
				      .dst = flow->cell.dst,
				      .kind = flow->cell.kind,
				      .port = flow->cell.port } };

	if (g->entries.len == g->max)
		return NULL;
	memcpy(e.numbers, flow->numbers, g->n * sizeof(*e.numbers));
	vec_push(&g->entries, e);
	*slot = (struct slot){ (uint32_t)g->entries.len, tag_of(h) };
	if (g->entries.len > g->size / 2)
		grow(g);
	return &g->entries.data[g->entries.len - 1].group;
}

static bool add_one(struct groups *g, const struct grouped *flow, uint64_t h)
{
	struct slot *slot = find_slot(g, flow->numbers, h);
	struct group *group = slot->entry
				      ? &g->entries.data[slot->entry - 1].group
				      : add_entry(g, flow, h, slot);

	if (!group)
		return false;
	group->flows++;
	group->packets += (uint64_t)flow->cell.packets;
	group->bytes += (uint64_t)flow->cell.bytes;
	return true;
}

/* The memory that all of them need is asked for before the first is counted:
 * what takes the time is waiting for it. */
static void prefetch(const struct groups *g, const uint64_t *hashes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		__builtin_prefetch(&g->slots[hashes[i] & (g->size - 1)]);
	for (size_t i = 0; i < n; i++) {
		const struct slot *slot = &g->slots[hashes[i] & (g->size - 1)];

		if (slot->entry)
			__builtin_prefetch(&g->entries.data[slot->entry - 1],
					   1);
	}
}

bool groups_add(struct groups *g, const struct grouped *flows, size_t n)
{
	uint64_t hashes[PACK_CELLS];

	assert(n <= PACK_CELLS);
	for (size_t i = 0; i < n; i++)
		hashes[i] = hash(g, flows[i].numbers);
	prefetch(g, hashes, n);
	for (size_t i = 0; i < n; i++) {
		if (!is_of_pass(g, hashes[i]))
			continue;
		if (!add_one(g, &flows[i], hashes[i])) {
			g->overflown = true;
			return false;
		}
	}
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
