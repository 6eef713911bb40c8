/* SPDX-License-Identifier: GPL-2.0-or-later */
/* label.c - immutable label sets, as containers and namespaces carry them. */
#include "base/label.h"

#include <string.h>

#include "base/alloc.h"

static int compare_keys(const void *a, const void *b)
{
	const struct label *x = a, *y = b;

	return strcmp(x->key, y->key);
}

/* Stable insertion of @label among the @n sorted ones; returns the new n. */
static size_t insert(struct label *sorted, size_t n, const struct label *label)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (strcmp(sorted[mid].key, label->key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < n && !strcmp(sorted[low].key, label->key)) {
		sorted[low] = *label;
		return n;
	}
	memmove(sorted + low + 1, sorted + low, (n - low) * sizeof(*sorted));
	sorted[low] = *label;
	return n + 1;
}

static const char *place(char **at, const char *s)
{
	size_t size = strlen(s) + 1;
	char *start = *at;

	memcpy(start, s, size);
	*at += size;
	return start;
}

struct label_set *label_set_new(const struct label *labels, size_t n)
{
	_cleanup_(freep) struct label *sorted = xcalloc(n, sizeof(*sorted));
	struct label_set *set;
	size_t kept = 0, text = 0;
	char *at;

	for (size_t i = 0; i < n; i++)
		kept = insert(sorted, kept, &labels[i]);
	for (size_t i = 0; i < kept; i++)
		text += strlen(sorted[i].key) + strlen(sorted[i].value) + 2;
	set = xcalloc(1, sizeof(*set) + kept * sizeof(*sorted) + text);
	set->refs = 1;
	set->n = kept;
	at = (char *)&set->labels[kept];
	for (size_t i = 0; i < kept; i++) {
		set->labels[i].key = place(&at, sorted[i].key);
		set->labels[i].value = place(&at, sorted[i].value);
	}
	return set;
}

struct label_set *label_set_ref(struct label_set *set)
{
	set->refs++;
	return set;
}

void label_set_unref(struct label_set *set)
{
	if (set && --set->refs == 0)
		free(set);
}

const char *label_set_get(const struct label_set *set, const char *key)
{
	struct label wanted = { .key = key };
	const struct label *found;

	if (!set || !set->n)
		return NULL;
	found = bsearch(&wanted, set->labels, set->n, sizeof(wanted),
			compare_keys);
	return found ? found->value : NULL;
}
