/* SPDX-License-Identifier: GPL-2.0-or-later */
/* answer.c - what an engine answers, to the model. */
#include "runtime/docker/state.h"

#include <string.h>

#include "base/log.h"

static void replace(char **at, const char *s)
{
	if (!strcmp(*at, s))
		return;
	free(*at);
	*at = xstrdup(s);
}

static bool is_shared(const char *mode)
{
	return !strncmp(mode, "container:", strlen("container:"));
}

/* What is wrong with its labels, as one text or NULL, which takes @problem. */
static char *add_cut(const struct docker_container *l, char *problem)
{
	char *both;

	if (!l->cut_own)
		return problem;
	both = xasprintf(
		"%s%s%zu labels bulkhead.… of more than %d bytes are left out",
		problem ? problem : "", problem ? "; " : "", l->cut_own,
		DOCKER_OWN_VALUE_MAX);
	free(problem);
	return both;
}

/* Tell each problem once, not with every answer. Takes @problem. */
static void tell_problems(struct docker_item *c,
			  const struct docker_container *l, char *problem)
{
	problem = add_cut(l, problem);
	if (problem && (!c->problem || strcmp(problem, c->problem)))
		log_warning("container %s: %s", c->name, problem);
	free(c->problem);
	c->problem = problem;
	if (l->overlabelled && !c->overlabelled)
		log_error(
			"container %s: more than %d labels, so no policy can judge it: its traffic is that of an unknown endpoint; start it with fewer labels",
			c->name, DOCKER_LABELS_MAX);
	c->overlabelled = l->overlabelled;
}

/* Build the label set, with the name and image that are known now. Returns
 * what is wrong with the labels, or NULL; the caller frees it. */
static char *set_labels(struct docker_model *m, struct docker_item *c,
			const struct label *labels, size_t n)
{
	struct endpoint *e = endpoint_new(m->runtime, c->id);
	char *problem;

	replace(&e->name, c->name);
	replace(&e->image,
		c->configured_image[0] ? c->configured_image : c->image);
	e->kind = c->sandbox ? "build" : NULL;
	if (m->namespaces && m->namespaces->from_network)
		endpoint_set_labels_only(e, labels, n, &problem);
	else
		endpoint_set_labels(e, labels, n, NULL, &problem);
	endpoint_unref(c->labels);
	c->labels = e;
	return problem;
}

static void relabel(struct docker_model *m, struct docker_item *c)
{
	struct label_set *set;

	if (!c->labels)
		return;
	set = label_set_ref(c->labels->labels);
	free(set_labels(m, c, set->labels, set->n));
	label_set_unref(set);
}

static void take_entry(struct docker_model *m, struct docker_item *c,
		       const struct docker_container *l)
{
	c->sandbox = false;
	/* The engine lists the old name for a moment after it told the new. */
	replace(&c->name, c->renamed ?: l->name);
	replace(&c->image, l->image);
	if (strcmp(c->mode, l->network_mode) && is_shared(l->network_mode))
		log_info(
			"container %s shares the network of container %.12s: what holds for that one holds for both",
			c->name, l->network_mode + strlen("container:"));
	replace(&c->mode, l->network_mode);
	if (!c->state_told) {
		c->running = !strcmp(l->state, "running") ||
			     !strcmp(l->state, "paused");
		c->created = !strcmp(l->state, "created");
	}
	vec_fini(&c->published);
	vec_foreach(p, &l->published)
		vec_push(&c->published, *p);
	c->ports_listed = c->running;
	tell_problems(c, l, set_labels(m, c, l->labels.data, l->labels.len));
}

void docker_model_container(struct docker_model *m, uint64_t when,
			    const char *id, const struct docker_container *l)
{
	struct docker_item *c = docker_container_find(m, id);

	if (!c || c->gone || c->event > when)
		return;
	if (!l) {
		docker_container_forget(m, c);
		return;
	}
	take_entry(m, c, l);
	docker_container_publish(m, c);
}

static void take_inspect(struct docker_model *m, uint64_t when,
			 struct docker_item *c, const struct docker_inspect *i)
{
	/* Only the pid changes. */
	c->inspected = true;
	free(c->escapable);
	c->escapable = i->escapable ? xstrdup(i->escapable) : NULL;
	if (strcmp(c->configured_image, i->image)) {
		replace(&c->configured_image, i->image);
		relabel(m, c);
	}
	vec_fini(&c->bindings);
	vec_foreach(p, &i->bindings)
		vec_push(&c->bindings, *p);
	if (c->run <= when && c->running) {
		c->pid = i->pid;
		c->started = i->started ? i->started : c->started;
	}
}

void docker_model_inspect_quietly(struct docker_model *m, uint64_t when,
				  const char *id,
				  const struct docker_inspect *i)
{
	struct docker_item *c = docker_container_find(m, id);

	if (!c || c->gone)
		return;
	take_inspect(m, when, c, i);
	c->untold = true;
}

void docker_model_inspect(struct docker_model *m, uint64_t when, const char *id,
			  const struct docker_inspect *i)
{
	struct docker_item *c = docker_container_find(m, id);

	if (!c || c->gone)
		return;
	take_inspect(m, when, c, i);
	docker_container_publish(m, c);
}

/* Whether an answer may show an attachment that an event took away. */
static bool may_revive(const struct docker_model *m,
		       const struct docker_item *c)
{
	return m->listing && (c->running || !c->state_told);
}

/* A member's addresses as the answer tells. Returns true on a change. */
static bool take_member(struct docker_attach *a,
			const struct docker_member *from)
{
	bool same = a->present && addr_eq(&a->v4, &from->v4) &&
		    addr_eq(&a->v6, &from->v6) &&
		    !memcmp(&a->mac, &from->mac, sizeof(a->mac));

	a->present = true;
	a->dropped = false;
	a->v4 = from->v4;
	a->v6 = from->v6;
	a->mac = from->mac;
	return !same;
}

/* Containers have ids of 64 hexadecimal digits; what BuildKit runs the steps of
 * an image build in has one of 25 letters and digits, and no other record. */
static bool is_container_id(const char *id)
{
	return strspn(id, "0123456789abcdef") == 64 && !id[64];
}

static struct docker_item *add_sandbox(struct docker_model *m, const char *id)
{
	struct docker_item *c = docker_container_get(m, id);

	c->sandbox = c->running = c->state_told = true;
	free(c->name);
	c->name = xasprintf("build-%.12s", id);
	free(set_labels(m, c, NULL, 0));
	return c;
}

static struct docker_item *add_member(struct docker_model *m, const char *id)
{
	struct docker_item *c;

	if (!is_container_id(id))
		return add_sandbox(m, id);
	/* An event that we never got, or one that is gone already. */
	c = docker_container_get(m, id);
	m->ask.container(m->ask.arg, id);
	return c;
}

/* Whether something happened to attachment @a after the question: of a sandbox,
 * only a change of the ports tells so. */
static bool outdated(const struct docker_net *net, const struct docker_item *c,
		     const struct docker_attach *a, uint64_t when)
{
	return a->event > when || (c->sandbox && net->ports > when);
}

static void settle_member(struct docker_model *m, uint64_t when,
			  const struct docker_net *net,
			  const struct docker_member *from)
{
	struct docker_item *c = docker_container_find(m, from->container);
	struct docker_attach *a;

	if (!c)
		c = add_member(m, from->container);
	a = docker_attach_get(c, net->id);
	a->seen = m->answer;
	if (c->gone || outdated(net, c, a, when) ||
	    (a->dropped && !may_revive(m, c)))
		return;
	if (take_member(a, from))
		docker_container_publish(m, c);
}

/* Bring everybody's attachment to network @net in line with the answer. */
static void settle_members(struct docker_model *m, uint64_t when,
			   const struct docker_net *net,
			   const struct docker_network *n, bool all)
{
	struct docker_item *c, *next;

	m->answer++;
	vec_foreach(i, &n->members)
		settle_member(m, when, net, i);
	HASH_ITER(hh, m->containers, c, next) {
		struct docker_attach *a = docker_attach_find(c, net->id);
		bool left = a && a->present && a->seen != m->answer &&
			    !outdated(net, c, a, when);

		if (left)
			a->present = false;
		if (left || (a && all))
			docker_container_settle(m, c);
	}
}

void docker_network_check(const struct docker_model *m, const struct network *n)
{
	_cleanup_(freep) char *made = NULL;

	if (!m->namespaces || !m->namespaces->from_network || !n->bridge[0] ||
	    endpoint_store_network(m->store, n->id))
		return;
	made = docker_network_namespace(m, n->name);
	if (!made)
		log_warning(
			"network %s: its name makes no namespace name, so its containers are in namespace default; give it one under namespaces in the configuration",
			n->name);
}

void docker_model_network(struct docker_model *m, uint64_t when, const char *id,
			  struct docker_network *n)
{
	struct docker_net *net = docker_net_find(m, id);
	bool known = endpoint_store_network(m->store, id) != NULL;

	if (!net || net->gone || net->event > when)
		return;
	if (!n) {
		docker_net_forget(m, net);
		return;
	}
	docker_network_check(m, n->network);
	endpoint_store_put_network(m->store, TAKE_PTR(n->network));
	settle_members(m, when, net, n, !known);
}
