/* SPDX-License-Identifier: GPL-2.0-or-later */
/* find.c - endpoints by id, by name, by address and by published port. */
#include <string.h>

#include "endpoint/history.h"
#include "endpoint/state.h"

struct item *endpoint_store_find_item(const struct endpoint_store *s,
				      const char *id)
{
	struct item *item;

	HASH_FIND_STR(s->items, id, item);
	return item;
}

struct holder *endpoint_store_find_holder(const struct endpoint_store *s,
					  const struct addr *a)
{
	struct holder *holder;

	HASH_FIND(hh, s->holders, a, sizeof(*a), holder);
	return holder;
}

struct endpoint *endpoint_store_by_id(const struct endpoint_store *s,
				      const char *id)
{
	const struct item *item = endpoint_store_find_item(s, id);

	return item ? item->endpoint : NULL;
}

/* "NAMESPACE/NAME" or "NAME". */
static bool is_named(const struct endpoint *e, const char *text)
{
	size_t n = strlen(e->namespace);

	if (!strcmp(e->name, text))
		return true;
	return !strncmp(e->namespace, text, n) && text[n] == '/' &&
	       !strcmp(e->name, text + n + 1);
}

static bool has_id_prefix(const struct endpoint *e, const char *text)
{
	size_t n = strlen(text);

	return n >= 4 && !strncmp(e->id, text, n);
}

struct endpoint *endpoint_store_find(const struct endpoint_store *s,
				     const char *text, bool *ret_ambiguous)
{
	static bool (*const ways[])(const struct endpoint *, const char *) = {
		is_named,
		has_id_prefix,
	};
	struct endpoint *found = endpoint_store_by_id(s, text);
	const struct item *item;
	bool ambiguous = false;

	for (size_t i = 0; !found && i < ARRAY_SIZE(ways); i++)
		for (item = s->items; item; item = item->hh.next) {
			if (!ways[i](item->endpoint, text))
				continue;
			ambiguous = found != NULL;
			found = item->endpoint;
			if (ambiguous)
				break;
		}
	*ret_ambiguous = ambiguous;
	return ambiguous ? NULL : found;
}

static const struct claim *owning_claim(const struct endpoint_store *s,
					const struct addr *a)
{
	const struct holder *holder = endpoint_store_find_holder(s, a);

	return holder ? &holder->claims.data[holder->claims.len - 1] : NULL;
}

struct endpoint *endpoint_store_by_addr(const struct endpoint_store *s,
					const struct addr *a)
{
	const struct claim *owner = owning_claim(s, a);

	return owner ? owner->endpoint : NULL;
}

struct endpoint *endpoint_store_owner_at(const struct endpoint_store *s,
					 const struct addr *a,
					 uint64_t realtime)
{
	const struct claim *owner = owning_claim(s, a);
	struct endpoint *past;

	if (owner && owner->since <= realtime)
		return owner->endpoint;
	past = endpoint_history_find(s->history, a, realtime);
	return past || !owner ? past : owner->endpoint;
}

static int compare_endpoints(const void *a, const void *b)
{
	const struct endpoint *x = *(struct endpoint *const *)a;
	const struct endpoint *y = *(struct endpoint *const *)b;
	int c = strcmp(x->namespace, y->namespace);

	c = c ? c : strcmp(x->name, y->name);
	return c ? c : strcmp(x->id, y->id);
}

struct endpoint *endpoint_store_published(const struct endpoint_store *s,
					  const struct addr *host,
					  uint8_t proto, uint16_t port)
{
	struct endpoint *any = NULL;
	struct item *item, *next;

	HASH_ITER(hh, s->items, item, next) {
		struct endpoint *e = item->endpoint;

		if (e->state == ENDPOINT_EXITED)
			continue;
		vec_foreach(p, &e->published) {
			if (p->host_port != port || p->proto != proto)
				continue;
			if (addr_eq(&p->host, host))
				return e;
			if (p->host.family == host->family &&
			    addr_is_unspecified(&p->host))
				any = e;
		}
	}
	return any;
}

struct endpoint *const *endpoint_store_all(struct endpoint_store *s,
					   size_t *ret_n)
{
	if (!s->all_valid) {
		s->all.len = 0;
		for (struct item *i = s->items; i; i = i->hh.next)
			vec_push(&s->all, i->endpoint);
		vec_sort(&s->all, compare_endpoints);
		s->all_valid = true;
	}
	*ret_n = s->all.len;
	return s->all.data;
}
