/* SPDX-License-Identifier: GPL-2.0-or-later */
/* selector.c - label selectors: a sorted set of requirements. */
#include "policy/selector.h"

#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"

struct selector *selector_new(void)
{
	return xnew(struct selector);
}

static void requirement_fini(struct requirement *q)
{
	for (size_t i = 0; i < q->n; i++)
		free(q->values[i]);
	free(q->values);
	free(q->key);
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Copies of @values, sorted and unique. */
static void set_values(struct requirement *q, const char *const *values,
		       size_t n)
{
	q->values = xcalloc(n, sizeof(*q->values));
	for (size_t i = 0; i < n; i++)
		q->values[i] = xstrdup(values[i]);
	if (n > 1)
		qsort(q->values, n, sizeof(*q->values), compare_strings);
	for (size_t i = 0; i < n; i++) {
		if (q->n && !strcmp(q->values[q->n - 1], q->values[i]))
			free(q->values[i]);
		else
			q->values[q->n++] = q->values[i];
	}
}

static int compare_requirements(const struct requirement *a,
				const struct requirement *b)
{
	int c = strcmp(a->key, b->key);

	if (c)
		return c;
	if (a->op != b->op)
		return a->op < b->op ? -1 : 1;
	for (size_t i = 0; i < a->n && i < b->n; i++) {
		c = strcmp(a->values[i], b->values[i]);
		if (c)
			return c;
	}
	return a->n < b->n ? -1 : a->n > b->n;
}

void selector_add(struct selector *s, enum requirement_op op, const char *key,
		  const char *const *values, size_t n)
{
	struct requirement q = { .op = op, .key = xstrdup(key) };
	size_t low = 0, high = s->n;

	set_values(&q, values, n);
	while (low < high) {
		size_t mid = (low + high) / 2;
		int c = compare_requirements(&s->requirements[mid], &q);

		if (c == 0) {
			requirement_fini(&q);
			return;
		}
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	s->requirements = xreallocarray(s->requirements, s->n + 1, sizeof(q));
	memmove(s->requirements + low + 1, s->requirements + low,
		(s->n - low) * sizeof(q));
	s->requirements[low] = q;
	s->n++;
}

void selector_free(struct selector *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		requirement_fini(&s->requirements[i]);
	free(s->requirements);
	free(s);
}

static bool has_value(const struct requirement *q, const char *value)
{
	return q->n && bsearch(&value, q->values, q->n, sizeof(*q->values),
			       compare_strings);
}

static bool requirement_holds(const struct requirement *q, const char *value)
{
	switch (q->op) {
	case REQUIRE_IN:
		return value && has_value(q, value);
	case REQUIRE_NOT_IN:
		return !value || !has_value(q, value);
	case REQUIRE_EXISTS:
		return value;
	case REQUIRE_NOT_EXISTS:
		return !value;
	}
	return false;
}

bool selector_matches(const struct selector *s, const struct label_set *labels)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct requirement *q = &s->requirements[i];

		if (!requirement_holds(q, label_set_get(labels, q->key)))
			return false;
	}
	return true;
}

static void format_requirement(struct buf *to, const struct requirement *q)
{
	if (q->op == REQUIRE_NOT_EXISTS)
		buf_adds(to, "!");
	buf_adds(to, q->key);
	if (q->op == REQUIRE_EXISTS || q->op == REQUIRE_NOT_EXISTS)
		return;
	/* A single value is written as an equality, as kubectl does it. */
	if (q->n == 1) {
		buf_addf(to, "%s%s",
			 q->op == REQUIRE_IN ? "=" : "!=", q->values[0]);
		return;
	}
	buf_adds(to, q->op == REQUIRE_IN ? " in (" : " notin (");
	for (size_t i = 0; i < q->n; i++)
		buf_addf(to, "%s%s", i ? "," : "", q->values[i]);
	buf_adds(to, ")");
}

char *selector_format(const struct selector *s)
{
	struct buf text = BUF_INIT(BUF_UNBOUNDED);

	for (size_t i = 0; i < s->n; i++) {
		buf_adds(&text, i ? "," : "");
		format_requirement(&text, &s->requirements[i]);
	}
	return buf_take(&text);
}
