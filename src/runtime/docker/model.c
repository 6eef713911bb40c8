/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model.c - what is known of an engine, from events and answers.
 *
 * Events say *that* something changed and when; answers say what is. Answers
 * arrive later than the events behind them and may be older than the events
 * before them. So every event gets a number, each container, network and
 * attachment remembers the number of the last event that touched it, and an
 * answer carries the number that was current when it was asked for: it counts
 * only where that is not smaller. An event that makes an answer useless asks
 * again itself, so nothing is lost by ignoring one.
 *
 * Where each fact comes from:
 * - labels, image, network mode, ports: the container's list entry. Its state
 *   too, until an event told it: the engine writes the list's snapshot after it
 *   sends `die`, so the list lags behind events.
 * - attachments and addresses: the network's own answer. It is live, whereas
 *   the list shows them only once the start is over. What a `die` or
 *   `disconnect` took away no answer brings back, only a `connect`: between
 *   `die` and the release the engine still lists the address.
 * - pid, start time, wanted port bindings and privileges: inspect, whenever
 *   that comes.
 * - image builds: the network's answer alone, which is asked for when its
 *   bridge's ports change. That change counts as an event.
 */
#include "runtime/docker/state.h"

#include <string.h>

struct docker_model *docker_model_new(struct endpoint_store *store,
				      const char *runtime,
				      const struct namespace_rule *namespaces,
				      struct docker_ask ask)
{
	struct docker_model *m = xnew(struct docker_model);

	m->store = store;
	m->runtime = runtime;
	m->namespaces = namespaces;
	m->ask = ask;
	return m;
}

static void container_free(struct docker_model *m, struct docker_item *c)
{
	HASH_DEL(m->containers, c);
	vec_foreach(a, &c->attachments)
		free(a->network);
	vec_fini(&c->attachments);
	vec_fini(&c->published);
	vec_fini(&c->bindings);
	endpoint_unref(c->labels);
	free(c->problem);
	free(c->escapable);
	free(c->id);
	free(c->name);
	free(c->renamed);
	free(c->image);
	free(c->configured_image);
	free(c->mode);
	free(c);
}

static void net_free(struct docker_model *m, struct docker_net *n)
{
	HASH_DEL(m->networks, n);
	free(n->id);
	free(n);
}

void docker_model_free(struct docker_model *m)
{
	struct docker_item *c, *next_c;
	struct docker_net *n, *next_n;

	if (!m)
		return;
	HASH_ITER(hh, m->containers, c, next_c)
		container_free(m, c);
	HASH_ITER(hh, m->networks, n, next_n)
		net_free(m, n);
	free(m);
}

uint64_t docker_model_now(const struct docker_model *m)
{
	return m->event;
}

void docker_model_count(const struct docker_model *m, size_t *ret_containers,
			size_t *ret_networks)
{
	*ret_containers = HASH_COUNT(m->containers);
	*ret_networks = HASH_COUNT(m->networks);
}

struct docker_item *docker_container_find(const struct docker_model *m,
					  const char *id)
{
	struct docker_item *c;

	HASH_FIND_STR(m->containers, id, c);
	return c;
}

struct docker_item *docker_container_get(struct docker_model *m, const char *id)
{
	struct docker_item *c = docker_container_find(m, id);

	if (c)
		return c;
	c = xnew(struct docker_item);
	c->id = xstrdup(id);
	c->name = xstrdup("");
	c->image = xstrdup("");
	c->configured_image = xstrdup("");
	c->mode = xstrdup("");
	/* Once a listing is over, whatever appears comes with its events. */
	c->whole = m->listed;
	HASH_ADD_KEYPTR(hh, m->containers, c->id, strlen(c->id), c);
	return c;
}

struct docker_net *docker_net_find(const struct docker_model *m, const char *id)
{
	struct docker_net *n;

	HASH_FIND_STR(m->networks, id, n);
	return n;
}

struct docker_net *docker_net_get(struct docker_model *m, const char *id)
{
	struct docker_net *n = docker_net_find(m, id);

	if (n)
		return n;
	n = xnew(struct docker_net);
	n->id = xstrdup(id);
	HASH_ADD_KEYPTR(hh, m->networks, n->id, strlen(n->id), n);
	return n;
}

struct docker_attach *docker_attach_find(const struct docker_item *c,
					 const char *network)
{
	vec_foreach(a, &c->attachments)
		if (!strcmp(a->network, network))
			return a;
	return NULL;
}

struct docker_attach *docker_attach_get(struct docker_item *c,
					const char *network)
{
	struct docker_attach *a = docker_attach_find(c, network);

	if (a)
		return a;
	vec_push(&c->attachments,
		 (struct docker_attach){ .network = xstrdup(network) });
	return &c->attachments.data[c->attachments.len - 1];
}

bool docker_container_attached(const struct docker_item *c)
{
	vec_foreach(a, &c->attachments)
		if (a->present)
			return true;
	return false;
}

/* --- what the store is told ---------------------------------------------- */

static enum endpoint_state state_of(const struct docker_item *c)
{
	if (c->running)
		return ENDPOINT_RUNNING;
	/* Attached and not running: its process is about to be started. */
	return c->created || docker_container_attached(c) ? ENDPOINT_CREATED
							  : ENDPOINT_EXITED;
}

/* Docker's driver names that put an interface where no bridge is ours. */
static char *why_unenforceable(const struct docker_model *m,
			       const struct docker_item *c)
{
	if (!strcmp(c->mode, "host"))
		return xstrdup("host network");
	if (c->overlabelled)
		return xasprintf("more than %d labels", DOCKER_LABELS_MAX);
	vec_foreach(a, &c->attachments) {
		const struct network *n =
			endpoint_store_network(m->store, a->network);

		if (a->present && n && !n->bridge[0] &&
		    strcmp(n->driver, "null"))
			return xasprintf("%s network %s", n->driver, n->name);
	}
	return NULL;
}

static void add_attachment(const struct docker_model *m, struct endpoint *e,
			   const struct docker_attach *a)
{
	const struct network *n = endpoint_store_network(m->store, a->network);
	struct attachment *to;

	if (!a->present || !n) /* its answer is on the way */
		return;
	to = endpoint_attach(e, n->name, n->id);
	memcpy(to->bridge, n->bridge, sizeof(to->bridge));
	to->v4 = a->v4;
	to->v6 = a->v6;
	to->mac = a->mac;
}

static int compare_attachments(const void *x, const void *y)
{
	const struct attachment *a = x, *b = y;

	return strcmp(a->network_id, b->network_id);
}

static int compare_published(const void *x, const void *y)
{
	const struct published_port *a = x, *b = y;
	int c = addr_compare(&a->host, &b->host);

	c = c ? c : (int)a->host_port - (int)b->host_port;
	return c ? c : (int)a->proto - (int)b->proto;
}

/* The ports that are in use; before the engine lists them, those wanted. */
static void add_published(const struct docker_item *c, struct endpoint *e)
{
	if (e->state == ENDPOINT_EXITED)
		return;
	if (c->ports_listed)
		vec_foreach(p, &c->published)
			vec_push(&e->published, *p);
	else
		vec_foreach(p, &c->bindings)
			vec_push(&e->published, *p);
	vec_sort(&e->published, compare_published);
}

char *docker_network_namespace(const struct docker_model *m, const char *name)
{
	return endpoint_network_namespace(m->namespaces, name);
}

static struct endpoint *build(const struct docker_model *m,
			      const struct docker_item *c)
{
	struct endpoint *e = endpoint_copy(c->labels);

	e->state = state_of(c);
	e->pid = c->running ? c->pid : 0;
	e->started = c->started;
	e->unenforceable = why_unenforceable(m, c);
	e->escapable = c->escapable ? xstrdup(c->escapable) : NULL;
	/* Nobody can judge one whose labels were refused: without an address
	 * it stays an unknown endpoint. */
	if (!c->overlabelled && e->state != ENDPOINT_EXITED)
		vec_foreach(a, &c->attachments)
			add_attachment(m, e, a);
	vec_sort(&e->attachments, compare_attachments);
	if (m->namespaces && m->namespaces->from_network)
		endpoint_namespace_from_networks(e, m->namespaces);
	add_published(c, e);
	return e;
}

void docker_container_publish(struct docker_model *m,
			      const struct docker_item *c)
{
	if (!c->labels || c->gone || !c->whole)
		return;
	endpoint_store_put(m->store, build(m, c));
}

void docker_container_settle(struct docker_model *m, struct docker_item *c)
{
	if (c->sandbox && !c->gone && !docker_container_attached(c))
		docker_container_forget(m, c);
	else
		docker_container_publish(m, c);
}

static void publish_all(struct docker_model *m)
{
	struct docker_item *c, *next;

	HASH_ITER(hh, m->containers, c, next)
		docker_container_publish(m, c);
}

void docker_model_publish(struct docker_model *m)
{
	struct docker_item *c, *next;

	HASH_ITER(hh, m->containers, c, next) {
		if (c->untold)
			docker_container_publish(m, c);
		c->untold = false;
	}
}

/* While a listing runs its answers may still show it: leave a mark. */
void docker_container_forget(struct docker_model *m, struct docker_item *c)
{
	endpoint_store_remove(m->store, c->id);
	if (m->listing)
		c->gone = true;
	else
		container_free(m, c);
}

void docker_net_forget(struct docker_model *m, struct docker_net *n)
{
	struct docker_item *c, *next;

	HASH_ITER(hh, m->containers, c, next) {
		struct docker_attach *a = docker_attach_find(c, n->id);

		if (!a)
			continue;
		free(a->network);
		vec_remove(&c->attachments, (size_t)(a - c->attachments.data));
		docker_container_settle(m, c);
	}
	endpoint_store_remove_network(m->store, n->id);
	if (m->listing)
		n->gone = true;
	else
		net_free(m, n);
}

/* --- listing --------------------------------------------------------------- */

void docker_model_list_begin(struct docker_model *m)
{
	struct docker_item *c, *next_c;
	struct docker_net *n, *next_n;

	m->listing = true;
	/* What is put from here on, by an event or a listing, stays. */
	endpoint_store_sync_begin(m->store, m->runtime);
	HASH_ITER(hh, m->containers, c, next_c)
		c->listed = false;
	HASH_ITER(hh, m->networks, n, next_n)
		n->listed = false;
}

void docker_model_list_networks(struct docker_model *m, uint64_t when,
				docker_networks *list)
{
	struct docker_net *n, *next;

	vec_foreach(i, list) {
		n = docker_net_get(m, i->network->id);
		n->listed = true;
		docker_network_check(m, i->network);
		if (!n->gone && n->event <= when)
			endpoint_store_put_network(m->store,
						   TAKE_PTR(i->network));
	}
	HASH_ITER(hh, m->networks, n, next)
		if (!n->listed && !n->gone && n->alive <= when)
			docker_net_forget(m, n);
}

void docker_model_list_containers(struct docker_model *m, uint64_t when,
				  const docker_containers *list)
{
	struct docker_item *c, *next;

	vec_foreach(i, list) {
		c = docker_container_get(m, i->id);
		c->listed = true;
		docker_model_container(m, when, i->id, i);
	}
	HASH_ITER(hh, m->containers, c, next)
		if (!c->listed && !c->sandbox && !c->gone && c->event <= when)
			docker_container_forget(m, c);
}

static void purge(struct docker_model *m)
{
	struct docker_item *c, *next_c;
	struct docker_net *n, *next_n;

	HASH_ITER(hh, m->containers, c, next_c)
		if (c->gone)
			container_free(m, c);
	HASH_ITER(hh, m->networks, n, next_n)
		if (n->gone)
			net_free(m, n);
}

/* What no list tells: the wanted ports of what may start later (inspect blocks
 * while it does), the pid of what runs, the privileges of either. */
static void ask_inspects(struct docker_model *m)
{
	struct docker_item *c, *next;

	HASH_ITER(hh, m->containers, c, next)
		if (!c->inspected && !c->sandbox)
			m->ask.inspect_later(m->ask.arg, c->id);
}

void docker_model_list_end(struct docker_model *m)
{
	struct docker_item *c, *next;

	m->listing = false;
	purge(m);
	HASH_ITER(hh, m->containers, c, next)
		c->whole = true;
	m->listed = true;
	publish_all(m);
	endpoint_store_sync_end(m->store, m->runtime);
	ask_inspects(m);
}
