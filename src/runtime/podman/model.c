/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model.c - what is known of a Podman engine, put into the endpoint
 * store.
 */
#include "runtime/podman/model.h"

#include <string.h>

#include "base/log.h"
#include "base/table.h"

#define RUNTIME "podman"

struct item {
	char *id;
	struct podman_container is; /* as inspect said last */
	bool known;		    /* it did */
	bool told;  /* not known, but for what the event of its creation said */
	bool whole; /* no label is hidden from what is @told */
	podman_ports early; /* while it starts: its interfaces */
	uint64_t early_at;  /* monotonic; answers from before are stale */
	char *problem;	    /* with its labels, told already */
	bool told_overlabelled, told_shared;
	UT_hash_handle hh;
};

struct pod {
	char *id, *name;
	UT_hash_handle hh;
};

struct net {
	char *name, *id;
	UT_hash_handle hh; /* by name: so containers refer to it */
};

struct podman_model {
	struct endpoint_store *store;
	const struct namespace_rule *namespaces;
	struct podman_ask ask;
	struct item *items;
	struct pod *pods;
	struct net *nets;
	bool rootless;
};

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

static struct item *find_item(const struct podman_model *m, const char *id)
{
	struct item *i;

	HASH_FIND_STR(m->items, id, i);
	return i;
}

static struct item *get_item(struct podman_model *m, const char *id)
{
	struct item *i = find_item(m, id);

	if (i)
		return i;
	i = xnew(struct item);
	i->id = xstrdup(id);
	HASH_ADD_KEYPTR(hh, m->items, i->id, strlen(i->id), i);
	return i;
}

static void item_free(struct podman_model *m, struct item *i)
{
	HASH_DEL(m->items, i);
	podman_container_fini(&i->is);
	vec_fini(&i->early);
	free(i->problem);
	free(i->id);
	free(i);
}

static void net_free(struct podman_model *m, struct net *n)
{
	HASH_DEL(m->nets, n);
	free(n->id);
	free(n->name);
	free(n);
}

static void pod_free(struct podman_model *m, struct pod *p)
{
	HASH_DEL(m->pods, p);
	free(p->id);
	free(p->name);
	free(p);
}

void podman_model_free(struct podman_model *m)
{
	struct item *i, *next_i;
	struct net *n, *next_n;
	struct pod *p, *next_p;

	if (!m)
		return;
	HASH_ITER(hh, m->items, i, next_i)
		item_free(m, i);
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

/* --- what the store is told ---------------------------------------------------- */

static const struct network *network_named(const struct podman_model *m,
					   const char *name)
{
	struct net *n;

	HASH_FIND_STR(m->nets, name, n);
	return n ? endpoint_store_network(m->store, n->id) : NULL;
}

static bool is_shared(const char *mode)
{
	return !strncmp(mode, "container:", strlen("container:"));
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
		const struct network *n = network_named(m, a->network);

		if (n && !n->bridge[0] && !is_shared(mode))
			return xasprintf("%s network %s", n->driver, n->name);
	}
	return NULL;
}

static const struct network *network_on(const struct podman_model *m,
					const char *bridge)
{
	const struct network *const *all;
	size_t n;

	all = endpoint_store_networks(m->store, &n);
	for (size_t k = 0; k < n; k++)
		if (!strcmp(all[k]->bridge, bridge) &&
		    !strcmp(all[k]->runtime, RUNTIME))
			return all[k];
	return NULL;
}

static void add_early(const struct podman_model *m, struct endpoint *e,
		      const struct item *i)
{
	vec_foreach(p, &i->early) {
		const struct network *n = network_on(m, p->bridge);
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
	if (!c->running || c->entry.overlabelled || m->rootless ||
	    is_shared(c->entry.network_mode))
		return;
	vec_foreach(a, &c->addresses) {
		const struct network *n = network_named(m, a->network);
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

static void tell_problem(struct item *i, const char *name, char *problem)
{
	if (problem && (!i->problem || strcmp(problem, i->problem)))
		log_warning("container %s: %s", name, problem);
	free(i->problem);
	i->problem = problem;
}

static const char *name_of(const struct podman_model *m, const struct item *i)
{
	struct pod *p;

	if (!i->is.infra || !i->is.pod[0])
		return i->is.entry.name;
	HASH_FIND_STR(m->pods, i->is.pod, p);
	return p ? p->name : NULL;
}

static void set_labels(const struct podman_model *m, struct item *i,
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

static enum endpoint_state state_of(const struct item *i)
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

static struct endpoint *build(const struct podman_model *m, struct item *i,
			      const char *name)
{
	const struct podman_container *c = &i->is;
	struct endpoint *e = endpoint_new(RUNTIME, i->id);

	free(e->name);
	e->name = xstrdup(name);
	free(e->image);
	e->image = xstrdup(c->entry.image);
	e->state = state_of(i);
	e->pid = c->running ? c->more.pid : 0;
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
	if (e->state == ENDPOINT_RUNNING && !is_shared(c->entry.network_mode))
		vec_foreach(p, &c->more.bindings)
			vec_push(&e->published, *p);
	return e;
}

/* Not before the name and all labels are known: policies may select by them,
 * and what they do not select they do not isolate. */
static void publish(struct podman_model *m, struct item *i)
{
	bool ready = i->known || (i->whole && i->early.len);
	const char *name = ready ? name_of(m, i) : NULL;

	if (name)
		endpoint_store_put(m->store, build(m, i, name));
	else if (ready)
		m->ask.pod(m->ask.arg, i->is.pod);
}

static void publish_all(struct podman_model *m)
{
	struct item *i, *next;

	HASH_ITER(hh, m->items, i, next)
		publish(m, i);
}

static void forget(struct podman_model *m, struct item *i)
{
	endpoint_store_remove(m->store, i->id);
	item_free(m, i);
}

void podman_model_rootless(struct podman_model *m)
{
	m->rootless = true;
	publish_all(m);
}

/* --- events --------------------------------------------------------------------- */

static bool is_of_interest(const char *action)
{
	static const char *const actions[] = {
		"create", "init",    "start",	"restart", "die",
		"died",	  "stop",    "cleanup", "remove",  "destroy",
		"rename", "pause",   "unpause", "connect", "disconnect",
		"update", "restore", NULL
	};

	for (size_t k = 0; actions[k]; k++)
		if (!strcmp(action, actions[k]))
			return true;
	return false;
}

static void note_pod(struct podman_model *m, const char *id, const char *name)
{
	struct pod *p;

	HASH_FIND_STR(m->pods, id, p);
	if (!p) {
		p = xnew(struct pod);
		p->id = xstrdup(id);
		HASH_ADD_KEYPTR(hh, m->pods, p->id, strlen(p->id), p);
	}
	free(p->name);
	p->name = xstrdup(name);
}

/* As the engine names it; one that was given another name is known when it has
 * been inspected. */
static bool is_infra(const struct podman_event *e)
{
	const char *name = e->entry.name;

	return strlen(e->pod_id) > 12 && strlen(name) == 18 &&
	       !strncmp(name, e->pod_id, 12) && !strcmp(name + 12, "-infra");
}

static void take_creation(struct podman_model *m, struct podman_event *e)
{
	struct item *i = get_item(m, e->id);

	if (i->known || i->told)
		return;
	i->told = true;
	i->is.infra = is_infra(e);
	i->is.entry = e->entry;
	e->entry = (struct docker_container){ 0 };
	i->is.entry.state = xstrdup("created");
	i->is.entry.network_mode = xstrdup("");
	i->is.more.image = xstrdup("");
	i->is.pod = TAKE_PTR(e->pod_id);
	i->is.spec = xstrdup("");
}

/* It is told at once; everything else waits for its start to be over. */
static void take_name(struct podman_model *m, const struct podman_event *e)
{
	struct item *i = find_item(m, e->id);

	if (!i || !(i->known || i->told) || !e->entry.name[0])
		return;
	free(i->is.entry.name);
	i->is.entry.name = xstrdup(e->entry.name);
}

bool podman_model_event(struct podman_model *m, struct podman_event *e)
{
	if (!e->id[0] || !is_of_interest(e->action))
		return false;
	if (e->pod) {
		if (strcmp(e->action, "create"))
			return false;
		note_pod(m, e->id, e->entry.name);
		return true;
	}
	if (!e->network && !strcmp(e->action, "create"))
		take_creation(m, e);
	else if (!strcmp(e->action, "rename"))
		take_name(m, e);
	m->ask.container(m->ask.arg, e->id);
	return true;
}

/* --- answers --------------------------------------------------------------------- */

static void tell_shared(struct item *i)
{
	const struct docker_container *l = &i->is.entry;

	if (!is_shared(l->network_mode) || i->told_shared)
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

/* --- before the first instruction ------------------------------------------------ */

/* Somebody else's interfaces: a namespace that is joined, not made. */
static bool is_taken(const struct podman_model *m, const struct item *by,
		     const podman_ports *ports)
{
	struct item *i, *next;

	HASH_ITER(hh, m->items, i, next) {
		if (i == by || !i->known || !i->is.running ||
		    is_shared(i->is.entry.network_mode))
			continue;
		vec_foreach(a, &i->is.addresses)
			vec_foreach(p, ports)
				if (!memcmp(&a->mac, &p->mac, sizeof(a->mac)))
					return true;
	}
	return false;
}

bool podman_model_early(struct podman_model *m, const char *id, uint64_t when,
			const podman_ports *ports)
{
	struct item *i = find_item(m, id);
	bool member = i && i->is.pod && i->is.pod[0] && !i->is.infra;

	if (!i || !(i->known || i->told) || i->is.running ||
	    (i->told && !i->known && member) ||
	    is_shared(i->is.entry.network_mode) || is_taken(m, i, ports))
		return false;
	vec_fini(&i->early);
	vec_foreach(p, ports) {
		vec_push(&i->early, *p);
		if (!network_on(m, p->bridge))
			m->ask.networks(m->ask.arg);
	}
	i->early_at = when;
	publish(m, i);
	return !i->known && !i->whole;
}

void podman_model_early_whole(struct podman_model *m, const char *id)
{
	struct item *i = find_item(m, id);

	if (!i || i->known || !i->told)
		return;
	i->whole = true;
	publish(m, i);
}

/* --- answers of inspect ------------------------------------------------------------ */

void podman_model_container(struct podman_model *m, const char *id,
			    uint64_t when, struct podman_container *c)
{
	struct item *i = c ? get_item(m, id) : find_item(m, id);
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
	tell_shared(i);
	vec_foreach(a, &i->is.addresses)
		missing |= !network_named(m, a->network);
	/* No event tells of networks. */
	if (missing)
		m->ask.networks(m->ask.arg);
	publish(m, i);
}

static struct net *note_net(struct podman_model *m, const struct network *n)
{
	struct net *net;

	HASH_FIND_STR(m->nets, n->name, net);
	if (net && strcmp(net->id, n->id)) { /* made anew under its name */
		endpoint_store_remove_network(m->store, net->id);
		net_free(m, net);
		net = NULL;
	}
	if (net)
		return net;
	net = xnew(struct net);
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
	struct net *net, *next;

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
	publish_all(m);
}

void podman_model_pods(struct podman_model *m, const podman_pods *list)
{
	vec_foreach(p, list)
		note_pod(m, p->id, p->name);
}

void podman_model_pod(struct podman_model *m, const char *id,
		      const struct podman_pod *pod)
{
	struct item *i, *next;

	if (!pod) /* its containers are gone with it */
		return;
	note_pod(m, id, pod->name);
	HASH_ITER(hh, m->items, i, next)
		if (i->known && i->is.infra && !strcmp(i->is.pod, id))
			publish(m, i);
}

/* --- listing ---------------------------------------------------------------------- */

void podman_model_list_begin(struct podman_model *m)
{
	endpoint_store_sync_begin(m->store, RUNTIME);
}

podman_ids podman_model_list(const struct podman_model *m,
			     const podman_ids *listed)
{
	podman_ids all = { 0 };
	struct item *i, *next;

	vec_foreach(id, listed)
		if (!find_item(m, *id))
			vec_push(&all, xstrdup(*id));
	HASH_ITER(hh, m->items, i, next)
		vec_push(&all, xstrdup(i->id));
	return all;
}

void podman_model_list_end(struct podman_model *m)
{
	publish_all(m);
	endpoint_store_sync_end(m->store, RUNTIME);
}
