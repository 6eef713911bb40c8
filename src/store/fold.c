/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fold.c - flows counted by what they have in common. */
#include "store/fold.h"

#include <assert.h>
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "base/alloc.h"
#include "base/table.h"
#include "base/vec.h"
#include "json/json.h"
#include "store/row.h"

static const char *const names[] = {
	[FOLD_SRC] = "src",
	[FOLD_DST] = "dst",
	[FOLD_SRC_IP] = "src-ip",
	[FOLD_DST_IP] = "dst-ip",
	[FOLD_SRC_NAMESPACE] = "src-namespace",
	[FOLD_DST_NAMESPACE] = "dst-namespace",
	[FOLD_SRC_IMAGE] = "src-image",
	[FOLD_DST_IMAGE] = "dst-image",
	[FOLD_PORT] = "port",
	[FOLD_PROTO] = "proto",
	[FOLD_VERDICT] = "verdict",
	[FOLD_DIRECTION] = "direction",
	[FOLD_REASON] = "reason",
	[FOLD_POLICY] = "policy",
	[FOLD_HOST] = "host",
};
static_assert(ARRAY_SIZE(names) == FOLD_FIELDS, "a name is missing");

const char *fold_field_name(enum fold_field field)
{
	return names[field];
}

int fold_field_parse(const char *name, enum fold_field *ret)
{
	for (unsigned i = 0; i < FOLD_FIELDS; i++)
		if (!strcmp(names[i], name)) {
			*ret = (enum fold_field)i;
			return 0;
		}
	return -EINVAL;
}

bool fold_is_of_src(enum fold_field field)
{
	return field == FOLD_SRC || field == FOLD_SRC_IP ||
	       field == FOLD_SRC_NAMESPACE || field == FOLD_SRC_IMAGE;
}

bool fold_is_of_dst(enum fold_field field)
{
	return field == FOLD_DST || field == FOLD_DST_IP ||
	       field == FOLD_DST_NAMESPACE || field == FOLD_DST_IMAGE;
}

/* ---- values ------------------------------------------------------------ */

static void add_party(struct json_object *end, struct buf *ret)
{
	struct json_object *container = json_at(end, "container");

	if (*json_text(container, "name"))
		buf_addf(ret, "%s/%s", json_text(container, "namespace"),
			 json_text(container, "name"));
	else if (*json_text(end, "name"))
		buf_adds(ret, json_text(end, "name"));
	else
		buf_adds(ret, json_text(end, "ip"));
}

static void add_port(struct json_object *dst, struct buf *ret)
{
	struct row_int port = { 0 };

	if (row_port_take(json_at(dst, "port"), &port))
		buf_addf(ret, "%lld", (long long)port.value);
}

static void add_of_container(struct json_object *record, const char *end,
			     const char *key, struct buf *ret)
{
	buf_adds(ret,
		 json_text(json_at(json_at(record, end), "container"), key));
}

void fold_value(enum fold_field field, struct json_object *record,
		struct buf *ret)
{
	switch (field) {
	case FOLD_SRC:
		return add_party(json_at(record, "src"), ret);
	case FOLD_DST:
		return add_party(json_at(record, "dst"), ret);
	case FOLD_SRC_IP:
		buf_adds(ret, json_text(json_at(record, "src"), "ip"));
		return;
	case FOLD_DST_IP:
		buf_adds(ret, json_text(json_at(record, "dst"), "ip"));
		return;
	case FOLD_SRC_NAMESPACE:
		return add_of_container(record, "src", "namespace", ret);
	case FOLD_DST_NAMESPACE:
		return add_of_container(record, "dst", "namespace", ret);
	case FOLD_SRC_IMAGE:
		return add_of_container(record, "src", "image", ret);
	case FOLD_DST_IMAGE:
		return add_of_container(record, "dst", "image", ret);
	case FOLD_PORT:
		return add_port(json_at(record, "dst"), ret);
	case FOLD_POLICY:
		return json_join(ret, json_at(record, "policies"));
	case FOLD_PROTO:
	case FOLD_VERDICT:
	case FOLD_DIRECTION:
	case FOLD_REASON:
	case FOLD_HOST:
		buf_adds(ret, json_text(record, names[field]));
		return;
	case FOLD_FIELDS:
		break;
	}
}

/* ---- groups ------------------------------------------------------------ */

struct entry {
	UT_hash_handle hh;
	struct fold_group group;
	char *key; /* the values, each with its NUL */
	size_t len;
};

struct fold {
	struct fold_by by;
	size_t top;
	struct entry *entries;
	VEC(struct fold_group) sorted;
};

struct fold *fold_new(const struct fold_by *by, size_t top)
{
	struct fold *f = xnew(struct fold);

	f->by = *by;
	f->top = top;
	return f;
}

const struct fold_by *fold_by(const struct fold *f)
{
	return &f->by;
}

size_t fold_wanted(const struct fold *f)
{
	return f->top;
}

static void remove_entry(struct fold *f, struct entry *e)
{
	HASH_DELETE(hh, f->entries, e);
	free(e->group.values);
	free(e->key);
	free(e);
}

void fold_free(struct fold *f)
{
	struct entry *e, *next;

	if (!f)
		return;
	HASH_ITER(hh, f->entries, e, next)
		remove_entry(f, e);
	vec_fini(&f->sorted);
	free(f);
}

static struct entry *entry_new(struct fold *f, struct buf *key)
{
	struct entry *e = xnew(struct entry);
	const char *value;

	e->len = key->len;
	e->key = buf_take(key);
	e->group.values = xcalloc(f->by.n, sizeof(char *));
	value = e->key;
	for (unsigned i = 0; i < f->by.n; i++) {
		e->group.values[i] = (char *)value;
		value += strlen(value) + 1;
	}
	HASH_ADD_KEYPTR(hh, f->entries, e->key, e->len, e);
	return e;
}

void fold_add(struct fold *f, struct json_object *record, uint64_t flows,
	      uint64_t packets, uint64_t bytes)
{
	_cleanup_(buf_fini) struct buf key = BUF_INIT(BUF_UNBOUNDED);
	struct entry *e;

	for (unsigned i = 0; i < f->by.n; i++) {
		fold_value(f->by.fields[i], record, &key);
		buf_add(&key, "", 1);
	}
	HASH_FIND(hh, f->entries, key.data, key.len, e);
	if (!e)
		e = entry_new(f, &key);
	e->group.flows += flows;
	e->group.packets += packets;
	e->group.bytes += bytes;
}

static int compare(const void *a, const void *b, void *arg)
{
	const struct fold_group *x = a, *y = b;
	const struct fold *f = arg;
	int order = 0;

	if (x->flows != y->flows)
		return x->flows < y->flows ? 1 : -1;
	if (x->packets != y->packets)
		return x->packets < y->packets ? 1 : -1;
	for (unsigned i = 0; i < f->by.n && !order; i++)
		order = strcmp(x->values[i], y->values[i]);
	return order;
}

size_t fold_top(struct fold *f, const struct fold_group **ret)
{
	struct entry *e, *next;

	f->sorted.len = 0;
	HASH_ITER(hh, f->entries, e, next)
		vec_push(&f->sorted, e->group);
	if (f->sorted.len)
		qsort_r(f->sorted.data, f->sorted.len, sizeof(*f->sorted.data),
			compare, f);
	*ret = f->sorted.data;
	return MIN(f->top, f->sorted.len);
}

void fold_trim(struct fold *f)
{
	const struct fold_group *groups;
	size_t n = fold_top(f, &groups);
	struct fold_group last;
	struct entry *e, *next;

	if (!n || n == f->sorted.len)
		return;
	last = groups[n - 1];
	HASH_ITER(hh, f->entries, e, next)
		if (compare(&e->group, &last, f) > 0)
			remove_entry(f, e);
}
