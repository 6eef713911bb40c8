/* SPDX-License-Identifier: GPL-2.0-or-later */
/* publish.c - what the store is told of a Podman engine's containers. */
#include <string.h>

#include "base/log.h"
#include "runtime/podman/state.h"

const struct network *podman_network_named(const struct podman_model *m,
					   const char *name)
{
	struct podman_net *n;

	HASH_FIND_STR(m->nets, name, n);
	return n ? endpoint_store_network(m->store, n->id) : NULL;
}

bool podman_is_shared(const char *mode)
{
	return !strncmp(mode, "container:", strlen("container:"));
}

bool podman_has_network(const struct podman_container *c)
{
	return c->running || !strcmp(c->entry.state, "initialized");
}

/* Why no packet filter of the host's holds it, or NULL. */
static char *why_unenforceable(const struct podman_model *m,
			       const struct podman_container *c)
{
	const char *mode = c->entry.network_mode;

	if (m->rootless)
		return xasprintf(
			"rootless container: its network (%s) is made by its user, outside of what the host filters",
			mode);
	if (!strcmp(mode, "host"))
		return xstrdup("host network");
	if (!strncmp(mode, "slirp4netns", strlen("slirp4netns")) ||
	    !strncmp(mode, "pasta", strlen("pasta")))
		return xasprintf(
			"%s network: a process of the host sends its packets",
			mode[0] == 'p' ? "pasta" : "slirp4netns");
	if (!strncmp(mode, "ns:", 3))
		return xstrdup(
			"it joined a network namespace that the engine did not make");
	if (c->entry.overlabelled)
		return xasprintf("more than %d labels", DOCKER_LABELS_MAX);
	vec_foreach(a, &c->addresses) {
		const struct network *n = podman_network_named(m, a->network);

		if (n && !n->bridge[0] && !podman_is_shared(mode))
			return xasprintf("%s network %s", n->driver, n->name);
	}
	return NULL;
}

const struct network *podman_network_on(const struct podman_model *m,
					const char *bridge)
{
	const struct network *const *all;
	size_t n;

	all = endpoint_store_networks(m->store, &n);
	for (size_t k = 0; k < n; k++)
		if (!strcmp(all[k]->bridge, bridge) &&
		    !strcmp(all[k]->runtime, PODMAN_RUNTIME))
			return all[k];
	return NULL;
}

static void add_early(const struct podman_model *m, struct endpoint *e,
		      const struct podman_item *i)
{
	vec_foreach(p, &i->early) {
		const struct network *n = podman_network_on(m, p->bridge);
		struct attachment *to;

		if (!n) /* its answer is on the way */
			continue;
		to = endpoint_attach(e, n->name, n->id);
		memcpy(to->bridge, p->bridge, IFNAMSIZ);
		to->v4 = p->v4;
		to->v6 = p->v6;
		to->mac = p->mac;
	}
}

static void add_attachments(const struct podman_model *m, struct endpoint *e,
			    const struct podman_container *c)
{
	/* A container that shares a network is told the owner's addresses. */
	if (!podman_has_network(c) || c->entry.overlabelled || m->rootless ||
	    podman_is_shared(c->entry.network_mode))
		return;
	vec_foreach(a, &c->addresses) {
		const struct network *n = podman_network_named(m, a->network);
		struct attachment *to;

		if (!n) /* its answer is on the way */
			continue;
		to = endpoint_attach(e, n->name, n->id);
		memcpy(to->bridge, n->bridge, sizeof(to->bridge));
		to->v4 = a->v4;
		to->v6 = a->v6;
		to->mac = a->mac;
	}
}

static void tell_problem(struct podman_item *i, const char *name, char *problem)
{
	if (problem && (!i->problem || strcmp(problem, i->problem)))
		log_warning("container %s: %s", name, problem);
	free(i->problem);
	i->problem = problem;
}

static const char *name_of(const struct podman_model *m,
			   const struct podman_item *i)
{
	struct podman_named_pod *p;

	if (!i->is.infra || !i->is.pod[0])
		return i->is.entry.name;
	HASH_FIND_STR(m->pods, i->is.pod, p);
	return p ? p->name : NULL;
}

static void set_labels(const struct podman_model *m, struct podman_item *i,
		       struct endpoint *e)
{
	const struct docker_container *l = &i->is.entry;
	char *problem = NULL;

	if (m->namespaces && m->namespaces->from_network)
		endpoint_set_labels_only(e, l->labels.data, l->labels.len,
					 &problem);
	else
		endpoint_set_labels(e, l->labels.data, l->labels.len, NULL,
				    &problem);
	tell_problem(i, e->name, problem);
	if (l->overlabelled && !i->told_overlabelled)
		log_error(
			"container %s: more than %d labels, so no policy can judge it: its traffic is that of an unknown endpoint; start it with fewer labels",
			e->name, DOCKER_LABELS_MAX);
	i->told_overlabelled = l->overlabelled;
}

static enum endpoint_state state_of(const struct podman_item *i)
{
	const struct podman_container *c = &i->is;

	if (c->running)
		return ENDPOINT_RUNNING;
	/* Its process is about to run, or never did. */
	return i->early.len || !strcmp(c->entry.state, "created") ||
			       !strcmp(c->entry.state, "configured") ||
			       !strcmp(c->entry.state, "initialized")
		       ? ENDPOINT_CREATED
		       : ENDPOINT_EXITED;
}

static struct endpoint *build(const struct podman_model *m,
			      struct podman_item *i, const char *name)
{
	const struct podman_container *c = &i->is;
	struct endpoint *e = endpoint_new(PODMAN_RUNTIME, i->id);

	free(e->name);
	e->name = xstrdup(name);
	free(e->image);
	e->image = xstrdup(c->entry.image);
	e->state = state_of(i);
	e->pid = podman_has_network(c) ? c->more.pid : 0;
	e->started = c->more.started;
	set_labels(m, i, e);
	e->unenforceable = why_unenforceable(m, c);
	e->escapable = c->more.escapable ? xstrdup(c->more.escapable) : NULL;
	if (i->early.len && !c->running && !c->entry.overlabelled)
		add_early(m, e, i);
	else
		add_attachments(m, e, c);
	if (m->namespaces && m->namespaces->from_network)
		endpoint_namespace_from_networks(e, m->namespaces);
	if (e->state == ENDPOINT_RUNNING &&
	    !podman_is_shared(c->entry.network_mode))
		vec_foreach(p, &c->more.bindings)
			vec_push(&e->published, *p);
	return e;
}

/* Not before the name and all labels are known: policies may select by them,
 * and what they do not select they do not isolate. */
void podman_publish(struct podman_model *m, struct podman_item *i)
{
	bool ready = m->hosted && (i->known || (i->whole && i->early.len));
	const char *name = ready ? name_of(m, i) : NULL;

	if (name)
		endpoint_store_put(m->store, build(m, i, name));
	else if (ready)
		m->ask.pod(m->ask.arg, i->is.pod);
}

void podman_publish_all(struct podman_model *m)
{
	struct podman_item *i, *next;

	HASH_ITER(hh, m->items, i, next)
		podman_publish(m, i);
}

void podman_model_host(struct podman_model *m, bool rootless)
{
	m->hosted = true;
	m->rootless = rootless;
	podman_publish_all(m);
}
