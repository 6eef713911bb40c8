/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network.c - networks of this host, by id. */
#include <string.h>

#include "endpoint/state.h"

struct network *network_new(const char *runtime, const char *id,
			    const char *name)
{
	struct network *n = xnew(struct network);

	n->runtime = runtime;
	n->id = xstrdup(id);
	n->name = xstrdup(name);
	n->driver = xstrdup("");
	return n;
}

void network_free(struct network *n)
{
	if (!n)
		return;
	vec_fini(&n->subnets);
	vec_fini(&n->gateways);
	free(n->id);
	free(n->name);
	free(n->driver);
	free(n);
}

static bool network_equal(const struct network *a, const struct network *b)
{
	if (strcmp(a->id, b->id) || strcmp(a->name, b->name) ||
	    strcmp(a->runtime, b->runtime) || strcmp(a->driver, b->driver) ||
	    strcmp(a->bridge, b->bridge) || a->internal != b->internal ||
	    a->subnets.len != b->subnets.len ||
	    a->gateways.len != b->gateways.len)
		return false;
	for (size_t i = 0; i < a->subnets.len; i++)
		if (prefix_compare(&a->subnets.data[i], &b->subnets.data[i]))
			return false;
	for (size_t i = 0; i < a->gateways.len; i++)
		if (!addr_eq(&a->gateways.data[i], &b->gateways.data[i]))
			return false;
	return true;
}

static struct network_item *find_network(const struct endpoint_store *s,
					 const char *id)
{
	struct network_item *item;

	HASH_FIND_STR(s->networks, id, item);
	return item;
}

static void tell_network(struct endpoint_store *s, const struct network *old,
			 const struct network *now)
{
	s->generation++;
	s->all_networks_valid = false;
	if (s->observer.network)
		s->observer.network(s->observer.arg, old, now);
}

void endpoint_store_put_network(struct endpoint_store *s, struct network *n)
{
	struct network_item *item = find_network(s, n->id);
	struct network *old = item ? item->network : NULL;

	if (item && network_equal(old, n)) {
		item->stale = false;
		network_free(n);
		return;
	}
	if (item)
		HASH_DEL(s->networks, item);
	else
		item = xnew(struct network_item);
	item->network = n;
	item->stale = false;
	HASH_ADD_KEYPTR(hh, s->networks, n->id, strlen(n->id), item);
	tell_network(s, old, n);
	network_free(old);
}

void endpoint_store_remove_network(struct endpoint_store *s, const char *id)
{
	struct network_item *item = find_network(s, id);
	struct network *old;

	if (!item)
		return;
	old = item->network;
	HASH_DEL(s->networks, item);
	free(item);
	tell_network(s, old, NULL);
	network_free(old);
}

const struct network *endpoint_store_network(const struct endpoint_store *s,
					     const char *id)
{
	const struct network_item *item = find_network(s, id);

	return item ? item->network : NULL;
}

static int compare_networks(const void *a, const void *b)
{
	const struct network *x = *(const struct network *const *)a;
	const struct network *y = *(const struct network *const *)b;
	int c = strcmp(x->runtime, y->runtime);

	c = c ? c : strcmp(x->name, y->name);
	return c ? c : strcmp(x->id, y->id);
}

const struct network *const *endpoint_store_networks(struct endpoint_store *s,
						     size_t *ret_n)
{
	if (!s->all_networks_valid) {
		s->all_networks.len = 0;
		for (struct network_item *i = s->networks; i; i = i->hh.next)
			vec_push(&s->all_networks, i->network);
		vec_sort(&s->all_networks, compare_networks);
		s->all_networks_valid = true;
	}
	*ret_n = s->all_networks.len;
	return s->all_networks.data;
}
