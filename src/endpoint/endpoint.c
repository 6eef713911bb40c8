/* SPDX-License-Identifier: GPL-2.0-or-later */
/* endpoint.c - life, copy and comparison of an endpoint. */
#include "endpoint/endpoint.h"

#include <assert.h>
#include <string.h>

static const char *const state_names[] = {
	[ENDPOINT_CREATED] = "created",
	[ENDPOINT_RUNNING] = "running",
	[ENDPOINT_EXITED] = "exited",
};
static_assert(ARRAY_SIZE(state_names) == ENDPOINT_EXITED + 1,
	      "a state is missing");

const char *endpoint_state_name(enum endpoint_state state)
{
	return state_names[state];
}

struct endpoint *endpoint_new(const char *runtime, const char *id)
{
	struct endpoint *e = xnew(struct endpoint);

	e->refs = 1;
	e->runtime = runtime;
	e->id = xstrdup(id);
	e->name = xstrdup("");
	e->namespace = xstrdup("default");
	e->image = xstrdup("");
	e->labels = label_set_new(NULL, 0);
	return e;
}

struct endpoint *endpoint_ref(struct endpoint *e)
{
	e->refs++;
	return e;
}

static void endpoint_free(struct endpoint *e)
{
	vec_foreach(a, &e->attachments) {
		free(a->network);
		free(a->network_id);
	}
	vec_fini(&e->attachments);
	vec_foreach(p, &e->ports)
		free(p->name);
	vec_fini(&e->ports);
	vec_fini(&e->published);
	label_set_unref(e->labels);
	free(e->id);
	free(e->name);
	free(e->namespace);
	free(e->image);
	free(e->unenforceable);
	free(e->escapable);
	free(e);
}

void endpoint_unref(struct endpoint *e)
{
	if (!e)
		return;
	assert(e->refs > 0);
	if (--e->refs == 0)
		endpoint_free(e);
}

static void replace(char **at, const char *s)
{
	free(*at);
	*at = s ? xstrdup(s) : NULL;
}

static void copy_lists(struct endpoint *to, const struct endpoint *from)
{
	vec_foreach(a, &from->attachments) {
		vec_push(&to->attachments, *a);
		to->attachments.data[to->attachments.len - 1].network =
			xstrdup(a->network);
		to->attachments.data[to->attachments.len - 1].network_id =
			xstrdup(a->network_id);
	}
	vec_foreach(p, &from->ports)
		vec_push(&to->ports, (struct named_port){ xstrdup(p->name),
							  p->proto, p->port });
	vec_foreach(p, &from->published)
		vec_push(&to->published, *p);
}

struct endpoint *endpoint_copy(const struct endpoint *e)
{
	struct endpoint *copy = endpoint_new(e->runtime, e->id);

	copy->kind = e->kind;
	copy->state = e->state;
	copy->pid = e->pid;
	copy->started = e->started;
	copy->quarantined = e->quarantined;
	replace(&copy->name, e->name);
	replace(&copy->namespace, e->namespace);
	replace(&copy->image, e->image);
	replace(&copy->unenforceable, e->unenforceable);
	replace(&copy->escapable, e->escapable);
	label_set_unref(copy->labels);
	copy->labels = label_set_ref(e->labels);
	copy_lists(copy, e);
	return copy;
}

static bool labels_equal(const struct label_set *a, const struct label_set *b)
{
	if (a == b)
		return true;
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->labels[i].key, b->labels[i].key) ||
		    strcmp(a->labels[i].value, b->labels[i].value))
			return false;
	return true;
}

/* The same interface in the same place. */
static bool place_equal(const struct attachment *a, const struct attachment *b)
{
	return !strcmp(a->bridge, b->bridge) &&
	       !strcmp(a->interface, b->interface) && addr_eq(&a->v4, &b->v4) &&
	       addr_eq(&a->v6, &b->v6) &&
	       !memcmp(&a->mac, &b->mac, sizeof(a->mac));
}

static bool places_equal(const struct endpoint *a, const struct endpoint *b)
{
	if (a->attachments.len != b->attachments.len)
		return false;
	for (size_t i = 0; i < a->attachments.len; i++)
		if (!place_equal(&a->attachments.data[i],
				 &b->attachments.data[i]))
			return false;
	return true;
}

static bool ports_equal(const struct endpoint *a, const struct endpoint *b)
{
	if (a->ports.len != b->ports.len ||
	    a->published.len != b->published.len)
		return false;
	for (size_t i = 0; i < a->ports.len; i++)
		if (strcmp(a->ports.data[i].name, b->ports.data[i].name) ||
		    a->ports.data[i].proto != b->ports.data[i].proto ||
		    a->ports.data[i].port != b->ports.data[i].port)
			return false;
	for (size_t i = 0; i < a->published.len; i++) {
		const struct published_port *x = &a->published.data[i];
		const struct published_port *y = &b->published.data[i];

		if (!addr_eq(&x->host, &y->host) || x->proto != y->proto ||
		    x->host_port != y->host_port || x->port != y->port)
			return false;
	}
	return true;
}

bool endpoint_same_rights(const struct endpoint *a, const struct endpoint *b)
{
	return a->quarantined == b->quarantined &&
	       !strcmp(a->namespace, b->namespace) &&
	       labels_equal(a->labels, b->labels) && places_equal(a, b) &&
	       ports_equal(a, b);
}

static bool networks_equal(const struct endpoint *a, const struct endpoint *b)
{
	for (size_t i = 0; i < a->attachments.len; i++) {
		const struct attachment *x = &a->attachments.data[i];
		const struct attachment *y = &b->attachments.data[i];

		if (strcmp(x->network, y->network) ||
		    strcmp(x->network_id, y->network_id) || x->veth != y->veth)
			return false;
	}
	return true;
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	if (a == b)
		return true;
	return a->state == b->state && a->pid == b->pid &&
	       a->started == b->started && !strcmp(a->id, b->id) &&
	       !strcmp(a->name, b->name) && !strcmp(a->image, b->image) &&
	       !strcmp(a->runtime, b->runtime) &&
	       !strcmp(a->kind ?: "", b->kind ?: "") &&
	       !strcmp(a->unenforceable ?: "", b->unenforceable ?: "") &&
	       !strcmp(a->escapable ?: "", b->escapable ?: "") &&
	       endpoint_same_rights(a, b) && networks_equal(a, b);
}

struct attachment *endpoint_attach(struct endpoint *e, const char *network,
				   const char *network_id)
{
	vec_push(&e->attachments, (struct attachment){
					  .network = xstrdup(network),
					  .network_id = xstrdup(network_id),
				  });
	return &e->attachments.data[e->attachments.len - 1];
}

uint16_t endpoint_named_port(const struct endpoint *e, const char *name,
			     uint8_t proto)
{
	vec_foreach(p, &e->ports)
		if (p->proto == proto && !strcmp(p->name, name))
			return p->port;
	return 0;
}
