/* SPDX-License-Identifier: GPL-2.0-or-later */
/* event.c - what each event of an engine says, to the model. */
#include "runtime/docker/state.h"

#include <string.h>

/* An answer about a network that nobody knows is about one that is gone. */
static void ask_network(struct docker_model *m, const char *id)
{
	docker_net_get(m, id)->alive = m->event;
	m->ask.network(m->ask.arg, id);
}

static void drop_attach(struct docker_model *m, struct docker_attach *a)
{
	*a = (struct docker_attach){
		.network = a->network,
		.event = m->event,
		.dropped = true,
	};
}

static void on_create(struct docker_model *m, struct docker_item *c,
		      _unused_ const struct docker_event *e)
{
	c->created = c->whole = c->state_told = true;
	m->ask.container(m->ask.arg, c->id);
	m->ask.inspect(m->ask.arg, c->id);
}

static void on_start(struct docker_model *m, struct docker_item *c,
		     const struct docker_event *e)
{
	c->running = c->state_told = true;
	c->created = c->ports_listed = false;
	c->started = e->time;
	c->run = m->event;
	docker_container_publish(m, c);
	/* The ports that the engine chose are listed by now. */
	m->ask.container(m->ask.arg, c->id);
	m->ask.inspect_later(m->ask.arg, c->id); /* for the pid */
}

static void on_die(struct docker_model *m, struct docker_item *c,
		   _unused_ const struct docker_event *e)
{
	c->running = c->created = c->ports_listed = false;
	c->state_told = c->whole = true;
	c->pid = 0;
	c->run = m->event;
	vec_foreach(a, &c->attachments)
		drop_attach(m, a);
	docker_container_publish(m, c);
	/* Whatever was on the way about it does not count any more. */
	m->ask.container(m->ask.arg, c->id);
}

static void on_destroy(struct docker_model *m, struct docker_item *c,
		       _unused_ const struct docker_event *e)
{
	docker_container_forget(m, c);
}

static void on_rename(struct docker_model *m, struct docker_item *c,
		      const struct docker_event *e)
{
	if (e->name) {
		free(c->renamed);
		c->renamed = xstrdup(e->name);
	}
	/* The name is also a label, so ask for the whole entry. */
	m->ask.container(m->ask.arg, c->id);
}

static const struct {
	const char *action;
	void (*apply)(struct docker_model *m, struct docker_item *c,
		      const struct docker_event *e);
} container_actions[] = {
	{ "create", on_create },   { "start", on_start },   { "die", on_die },
	{ "destroy", on_destroy }, { "rename", on_rename },
};

static bool apply_container_event(struct docker_model *m,
				  const struct docker_event *e)
{
	for (size_t i = 0; e->id[0] && i < ARRAY_SIZE(container_actions); i++) {
		struct docker_item *c;

		if (strcmp(container_actions[i].action, e->action))
			continue;
		c = docker_container_get(m, e->id);
		c->event = ++m->event;
		c->gone = c->sandbox = false; /* those have no events */
		container_actions[i].apply(m, c, e);
		return true;
	}
	return false;
}

static void on_connect(struct docker_model *m, const struct docker_event *e)
{
	struct docker_item *c = docker_container_get(m, e->container);
	struct docker_attach *a = docker_attach_get(c, e->id);

	a->event = m->event;
	a->dropped = false;
	ask_network(m, e->id);
	if (!c->labels)
		m->ask.container(m->ask.arg, c->id);
}

static void on_disconnect(struct docker_model *m, const struct docker_event *e)
{
	struct docker_item *c = docker_container_find(m, e->container);
	struct docker_attach *a = c ? docker_attach_find(c, e->id) : NULL;

	if (!c || (a && a->dropped))
		return;
	drop_attach(m, a ? a : docker_attach_get(c, e->id));
	docker_container_publish(m, c);
	/* Was it dying when we began to listen? Then no die will tell. */
	if (!docker_container_attached(c) && !c->state_told)
		m->ask.container(m->ask.arg, c->id);
}

static bool apply_network_event(struct docker_model *m,
				const struct docker_event *e)
{
	struct docker_net *n;

	if (!e->id[0])
		return false;
	if (!strcmp(e->action, "create") || !strcmp(e->action, "update")) {
		m->event++;
		ask_network(m, e->id);
	} else if (!strcmp(e->action, "destroy")) {
		n = docker_net_get(m, e->id);
		n->event = ++m->event;
		docker_net_forget(m, n);
	} else if (!strcmp(e->action, "connect") && e->container) {
		m->event++;
		on_connect(m, e);
	} else if (!strcmp(e->action, "disconnect") && e->container) {
		m->event++;
		on_disconnect(m, e);
	} else {
		return false;
	}
	return true;
}

void docker_model_ports(struct docker_model *m, const char *bridge)
{
	struct docker_net *net, *next;

	HASH_ITER(hh, m->networks, net, next) {
		const struct network *n =
			endpoint_store_network(m->store, net->id);

		if (!n || net->gone || strcmp(n->bridge, bridge))
			continue;
		net->ports = ++m->event;
		m->ask.network(m->ask.arg, net->id);
	}
}

bool docker_model_event(struct docker_model *m, const struct docker_event *e)
{
	return e->network ? apply_network_event(m, e)
			  : apply_container_event(m, e);
}
