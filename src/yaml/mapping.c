/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mapping.c - pairs of a mapping: names of keys, duplicates, merge keys.
 *
 * A key written in the mapping wins over a merged one wherever the << stands,
 * and of several merged mappings the first one wins (yaml.org/type/merge).
 */
#include "yaml/tree.h"

#include <inttypes.h>
#include <stdio.h>

/* A pair that may enter the mapping. Of equal names the one with the lowest
 * order counts; written pairs come before merged ones. */
struct candidate {
	struct yaml_pair pair;
	size_t order;
	bool merged;
};

struct builder {
	struct yaml_stream *stream;
	const char *file;
	struct diag_list *diag;
	VEC(struct candidate) candidates;
	const struct yaml_node *merge; /* value of << */
};

static void add_candidate(struct builder *b, struct yaml_pair pair, bool merged)
{
	vec_push(&b->candidates, (struct candidate){
					 .pair = pair,
					 .order = b->candidates.len,
					 .merged = merged,
				 });
}

static struct slice integer_name(struct builder *b, int64_t value)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%" PRId64, value);

	return (struct slice){ arena_copy(&b->stream->arena, text, (size_t)n),
			       (size_t)n };
}

/* The key as a JSON object would have it; false when it can have none. */
static bool key_name(struct builder *b, const struct yaml_node *key,
		     struct slice *ret)
{
	switch (key->kind) {
	case YAML_STRING:
		*ret = key->text;
		return true;
	case YAML_BOOL:
		*ret = key->boolean ? SLICE("true") : SLICE("false");
		return true;
	case YAML_INT:
		*ret = integer_name(b, key->integer);
		return true;
	case YAML_NULL:
	case YAML_FLOAT:
		diag_error(b->diag, yaml_place(key, b->file),
			   "a %s cannot be a key; quote it if text is meant",
			   yaml_kind_name(key->kind));
		return false;
	case YAML_SEQUENCE:
	case YAML_MAPPING:
		diag_error(b->diag, yaml_place(key, b->file),
			   "a %s cannot be a key", yaml_kind_name(key->kind));
		return false;
	}
	return false;
}

static void note_merge(struct builder *b, const struct yaml_node *key,
		       const struct yaml_node *value)
{
	if (b->merge)
		diag_error(
			b->diag, yaml_place(key, b->file),
			"a second << in one mapping; merge several as <<: [*a, *b]");
	else
		b->merge = value;
}

static void merge_one(struct builder *b, const struct yaml_node *from)
{
	if (from->kind != YAML_MAPPING) {
		diag_error(
			b->diag, yaml_place(from, b->file),
			"<< merges a mapping or a list of mappings, found %s",
			yaml_kind_name(from->kind));
		return;
	}
	for (size_t i = 0; i < from->n; i++)
		add_candidate(b, from->pairs[i], true);
}

static void merge_all(struct builder *b)
{
	if (!b->merge)
		return;
	if (b->merge->kind != YAML_SEQUENCE) {
		merge_one(b, b->merge);
		return;
	}
	for (size_t i = 0; i < b->merge->n; i++)
		merge_one(b, b->merge->items[i]);
}

static int compare_names(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	struct slice s = x->pair.name, t = y->pair.name;
	int c = memcmp(s.ptr, t.ptr, MIN(s.len, t.len));

	if (c)
		return c;
	if (s.len != t.len)
		return s.len < t.len ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int compare_orders(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return x->order < y->order ? -1 : x->order > y->order;
}

static void report_duplicate(struct builder *b, const struct candidate *first,
			     const struct candidate *again)
{
	char name[YAML_QUOTE_LEN];

	diag_error(b->diag, yaml_place(again->pair.key, b->file),
		   "duplicate key %s, first at line %u, column %u",
		   yaml_quote(again->pair.name, name), first->pair.key->line,
		   first->pair.key->col);
}

/* Keep the first of equal names, in the order of the file. */
static void drop_duplicates(struct builder *b)
{
	struct candidate *all = b->candidates.data;
	size_t kept = 0;

	vec_sort(&b->candidates, compare_names);
	for (size_t i = 0; i < b->candidates.len; i++) {
		if (!kept ||
		    !slice_eq(all[kept - 1].pair.name, all[i].pair.name)) {
			all[kept++] = all[i];
			continue;
		}
		if (!all[i].merged)
			report_duplicate(b, &all[kept - 1], &all[i]);
	}
	b->candidates.len = kept;
	vec_sort(&b->candidates, compare_orders);
}

void mapping_build(struct yaml_stream *s, struct yaml_node *node,
		   struct yaml_node *const *items, size_t n, const char *file,
		   struct diag_list *diag)
{
	struct builder b = { .stream = s, .file = file, .diag = diag };
	struct yaml_pair pair;

	for (size_t i = 0; i + 1 < n; i += 2) {
		pair.key = items[i];
		pair.value = items[i + 1];
		if (tree_node(pair.key)->merge)
			note_merge(&b, pair.key, pair.value);
		else if (key_name(&b, pair.key, &pair.name))
			add_candidate(&b, pair, false);
	}
	merge_all(&b);
	drop_duplicates(&b);
	node->n = b.candidates.len;
	node->pairs = arena_alloc(&s->arena, node->n * sizeof(*node->pairs));
	for (size_t i = 0; i < node->n; i++)
		node->pairs[i] = b.candidates.data[i].pair;
	vec_fini(&b.candidates);
}
