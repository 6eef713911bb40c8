/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model.c - what is known of a Podman engine: its answers and listings. */
#include "runtime/podman/state.h"

#include <string.h>

#include "base/log.h"

struct podman_model *podman_model_new(struct endpoint_store *store,
				      const struct namespace_rule *namespaces,
				      struct podman_ask ask)
{
	struct podman_model *m = xnew(struct podman_model);

	m->store = store;
	m->namespaces = namespaces;
	m->ask = ask;
	return m;
}

struct podman_item *podman_find_item(const struct podman_model *m,
				     const char *id)
{
	struct podman_item *i;

	HASH_FIND_STR(m->items, id, i);
	return i;
}

struct podman_item *podman_get_item(struct podman_model *m, const char *id)
{
	struct podman_item *i = podman_find_item(m, id);

	if (i)
		return i;
	i = xnew(struct podman_item);
	i->id = xstrdup(id);
	HASH_ADD_KEYPTR(hh, m->items, i->id, strlen(i->id), i);
	return i;
}

static void podman_item_free(struct podman_model *m, struct podman_item *i)
{
	HASH_DEL(m->items, i);
	podman_container_fini(&i->is);
	vec_fini(&i->early);
	free(i->problem);
	free(i->id);
	free(i);
}

static void net_free(struct podman_model *m, struct podman_net *n)
{
	HASH_DEL(m->nets, n);
	free(n->id);
	free(n->name);
	free(n);
}

static void pod_free(struct podman_model *m, struct podman_named_pod *p)
{
	HASH_DEL(m->pods, p);
	free(p->id);
	free(p->name);
	free(p);
}

void podman_model_free(struct podman_model *m)
{
	struct podman_item *i, *next_i;
	struct podman_net *n, *next_n;
	struct podman_named_pod *p, *next_p;

	if (!m)
		return;
	HASH_ITER(hh, m->items, i, next_i)
		podman_item_free(m, i);
	HASH_ITER(hh, m->nets, n, next_n)
		net_free(m, n);
	HASH_ITER(hh, m->pods, p, next_p)
		pod_free(m, p);
	free(m);
}

void podman_model_count(const struct podman_model *m, size_t *ret_containers,
			size_t *ret_networks)
{
	*ret_containers = HASH_COUNT(m->items);
	*ret_networks = HASH_COUNT(m->nets);
}

/* --- answers ------------------------------------------------------------ */

static void forget(struct podman_model *m, struct podman_item *i)
{
	endpoint_store_remove(m->store, i->id);
	podman_item_free(m, i);
}

static void tell_shared(struct podman_item *i)
{
	const struct docker_container *l = &i->is.entry;

	if (!podman_is_shared(l->network_mode) || i->told_shared)
		return;
	i->told_shared = true;
	if (i->is.pod[0])
		log_info(
			"container %s is a member of pod %.12s: what holds for the pod's own labels holds for it",
			l->name, i->is.pod);
	else
		log_info(
			"container %s shares the network of container %.12s: what holds for that one holds for both",
			l->name, l->network_mode + strlen("container:"));
}

void podman_model_container(struct podman_model *m, const char *id,
			    uint64_t when, struct podman_container *c)
{
	struct podman_item *i = c ? podman_get_item(m, id)
				  : podman_find_item(m, id);
	bool missing = false;

	if (!i)
		return;
	if (!c) {
		forget(m, i);
		return;
	}
	if (when < i->early_at && !c->running) /* from before the start */
		return;
	vec_fini(&i->early);
	podman_container_fini(&i->is);
	i->is = *c;
	*c = (struct podman_container){ 0 };
	i->known = true;
	i->asked_at = when;
	tell_shared(i);
	vec_foreach(a, &i->is.addresses)
		missing |= !podman_network_named(m, a->network);
	/* No event tells of networks. */
	if (missing && m->hosted)
		m->ask.networks(m->ask.arg);
	podman_publish(m, i);
}

char *podman_model_directory(const struct podman_model *m)
{
	struct podman_item *i, *next;

	HASH_ITER(hh, m->items, i, next) {
		_cleanup_(freep) char *tail =
			xasprintf("/%s/userdata/config.json", i->id);
		const char *spec = i->known ? i->is.spec : "";
		size_t n = strlen(spec), t = strlen(tail);

		if (n > t && !strcmp(spec + n - t, tail))
			return xstrndup(spec, n - t);
	}
	return NULL;
}

bool podman_model_runs(const struct podman_model *m, const char *id)
{
	const struct podman_item *i = podman_find_item(m, id);

	return i && i->known && i->is.running;
}

static struct podman_net *note_net(struct podman_model *m,
				   const struct network *n)
{
	struct podman_net *net;

	HASH_FIND_STR(m->nets, n->name, net);
	if (net && strcmp(net->id, n->id)) { /* made anew under its name */
		endpoint_store_remove_network(m->store, net->id);
		net_free(m, net);
		net = NULL;
	}
	if (net)
		return net;
	net = xnew(struct podman_net);
	net->name = xstrdup(n->name);
	net->id = xstrdup(n->id);
	HASH_ADD_KEYPTR(hh, m->nets, net->name, strlen(net->name), net);
	return net;
}

static bool is_listed(const docker_networks *list, const char *name)
{
	vec_foreach(n, list)
		if (n->network && !strcmp(n->network->name, name))
			return true;
	return false;
}

void podman_model_networks(struct podman_model *m, docker_networks *list)
{
	struct podman_net *net, *next;

	HASH_ITER(hh, m->nets, net, next) {
		if (is_listed(list, net->name))
			continue;
		endpoint_store_remove_network(m->store, net->id);
		net_free(m, net);
	}
	vec_foreach(n, list) {
		note_net(m, n->network);
		/* A rootless user's bridges are in a namespace of his own. */
		if (m->rootless)
			n->network->bridge[0] = '\0';
		endpoint_store_put_network(m->store, TAKE_PTR(n->network));
	}
	podman_publish_all(m);
}

void podman_note_pod(struct podman_model *m, const char *id, const char *name)
{
	struct podman_named_pod *p;

	HASH_FIND_STR(m->pods, id, p);
	if (!p) {
		p = xnew(struct podman_named_pod);
		p->id = xstrdup(id);
		HASH_ADD_KEYPTR(hh, m->pods, p->id, strlen(p->id), p);
	}
	free(p->name);
	p->name = xstrdup(name);
}

void podman_model_pods(struct podman_model *m, const podman_pods *list)
{
	vec_foreach(p, list)
		podman_note_pod(m, p->id, p->name);
}

void podman_model_pod(struct podman_model *m, const char *id,
		      const struct podman_pod *pod)
{
	struct podman_item *i, *next;

	if (!pod) /* its containers are gone with it */
		return;
	podman_note_pod(m, id, pod->name);
	HASH_ITER(hh, m->items, i, next)
		if (i->known && i->is.infra && !strcmp(i->is.pod, id))
			podman_publish(m, i);
}

/* --- listing ---------------------------------------------------------------------- */

void podman_model_list_begin(struct podman_model *m)
{
	endpoint_store_sync_begin(m->store, PODMAN_RUNTIME);
}

podman_ids podman_model_list(const struct podman_model *m,
			     const podman_ids *listed)
{
	podman_ids all = { 0 };
	struct podman_item *i, *next;

	vec_foreach(id, listed)
		if (!podman_find_item(m, *id))
			vec_push(&all, xstrdup(*id));
	HASH_ITER(hh, m->items, i, next)
		vec_push(&all, xstrdup(i->id));
	return all;
}

void podman_model_list_end(struct podman_model *m)
{
	podman_publish_all(m);
	endpoint_store_sync_end(m->store, PODMAN_RUNTIME);
}
