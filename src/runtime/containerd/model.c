/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model.c - what is known of a containerd, from events and answers.
 *
 * Where each fact comes from:
 * - labels, image, privileges: the container's record, asked for when an event
 *   says that it was made or updated.
 * - pid and state: the task's events, and the list of tasks for what no event
 *   has touched since it was asked for. Exec, pause and OOM change neither.
 * - interfaces and addresses: the kernel; see port.c.
 *
 * Events are numbered. Each container remembers the number of the last one that
 * touched its record, and its task; an answer carries the number that was
 * current when it was asked for, and counts only where that is not smaller.
 */
#include "runtime/containerd/state.h"

#include <string.h>

#include "runtime/bounds.h"

struct containerd_model *containerd_model_new(const struct runtime_host *host,
					      struct containerd_ask ask)
{
	struct containerd_model *m = xnew(struct containerd_model);

	m->host = *host;
	m->ask = ask;
	return m;
}

static void item_free(struct containerd_model *m, struct containerd_item *c)
{
	HASH_DEL(m->items, c);
	endpoint_unref(c->labels);
	vec_fini(&c->ports);
	free(c->escapable);
	free(c->problem);
	free(c->network);
	free(c->namespace);
	free(c->id);
	free(c->key);
	free(c);
}

void containerd_model_free(struct containerd_model *m)
{
	struct containerd_item *c, *next;

	if (!m)
		return;
	HASH_ITER(hh, m->items, c, next)
		item_free(m, c);
	containerd_networks_free(m);
	vec_fini(&m->ports);
	free(m);
}

uint64_t containerd_model_now(const struct containerd_model *m)
{
	return m->event;
}

void containerd_model_count(const struct containerd_model *m,
			    size_t *ret_containers, size_t *ret_networks)
{
	*ret_containers = HASH_COUNT(m->items);
	*ret_networks = HASH_COUNT(m->networks);
}

static struct containerd_item *find_item(const struct containerd_model *m,
					 const char *namespace, const char *id)
{
	_cleanup_(freep) char *key = xasprintf("%s/%s", namespace, id);
	struct containerd_item *c;

	HASH_FIND_STR(m->items, key, c);
	return c;
}

static struct containerd_item *need_item(struct containerd_model *m,
					 const char *namespace, const char *id)
{
	struct containerd_item *c = find_item(m, namespace, id);

	if (c)
		return c;
	c = xnew(struct containerd_item);
	c->key = xasprintf("%s/%s", namespace, id);
	c->namespace = xstrdup(namespace);
	c->id = xstrdup(id);
	c->netns = -1;
	c->created = UINT64_MAX;
	HASH_ADD_KEYPTR(hh, m->items, c->key, strlen(c->key), c);
	return c;
}

/* Whose interface a pod's member @c has: it stands for the pod. */
static const struct containerd_item *sandbox_of(
	const struct containerd_model *m, const struct containerd_item *c)
{
	const struct containerd_item *other;

	for (other = m->items; other; other = other->hh.next)
		if (other->ports.len && other->netns == c->netns)
			return other;
	return c;
}

const char *containerd_model_endpoint(const struct containerd_model *m,
				      const char *namespace, const char *id)
{
	const struct containerd_item *c = find_item(m, namespace, id);

	if (!c || c->foreign)
		return NULL;
	return containerd_store_id(c->member ? sandbox_of(m, c) : c);
}

/* ---- what the store is told --------------------------------------------- */

/* Docker's containers are in namespace "moby", under the same ids: if both are
 * watched, Docker is believed, who knows more of them. */
static bool is_anothers(const struct containerd_model *m,
			const struct containerd_item *c)
{
	const struct endpoint *e =
		endpoint_store_by_id(m->host.store, containerd_store_id(c));

	return e && strcmp(e->runtime, runtime_containerd.name) != 0;
}

static enum endpoint_state state_of(const struct containerd_item *c)
{
	switch (c->task) {
	case CONTAINERD_NEVER:
	case CONTAINERD_WAITING:
		return ENDPOINT_CREATED;
	case CONTAINERD_RUNNING:
		return ENDPOINT_RUNNING;
	case CONTAINERD_OVER:
		break;
	}
	return ENDPOINT_EXITED;
}

static char *why_unenforceable(const struct containerd_item *c)
{
	if (c->host_network)
		return xstrdup("host network");
	if (c->overlabelled)
		return xasprintf("more than %d labels", BOUNDS_LABELS);
	return NULL;
}

static struct endpoint *build(struct containerd_model *m,
			      struct containerd_item *c)
{
	struct endpoint *e = endpoint_copy(c->labels);

	e->state = state_of(c);
	e->pid = containerd_alive(c) ? c->pid : 0;
	e->started = c->started;
	e->unenforceable = why_unenforceable(c);
	e->escapable = c->escapable ? xstrdup(c->escapable) : NULL;
	/* Nobody can judge one whose labels were refused: without an address
	 * it stays an unknown endpoint. */
	if (!c->overlabelled)
		containerd_ports_attach(m, c, e);
	return e;
}

/* A pod is one endpoint: that of whoever has its interface. */
static bool is_represented(const struct containerd_item *c)
{
	return c->member && !c->ports.len;
}

static void publish(struct containerd_model *m, struct containerd_item *c)
{
	if (!m->listed || !c->labels || c->foreign || c->gone ||
	    is_represented(c) || is_anothers(m, c))
		return;
	endpoint_store_put(m->host.store, build(m, c));
}

/* While a listing runs its answers may still show it: leave a mark. */
static void forget(struct containerd_model *m, struct containerd_item *c)
{
	if (!is_anothers(m, c))
		endpoint_store_remove(m->host.store, containerd_store_id(c));
	if (!m->listing) {
		item_free(m, c);
		return;
	}
	c->gone = true;
	c->task = CONTAINERD_OVER;
	containerd_ports_drop(c);
}

/* Whoever shared a namespace with one that is gone may have it now. */
static void look_at_all(struct containerd_model *m)
{
	struct containerd_item *c, *next;

	HASH_ITER(hh, m->items, c, next)
		containerd_ports_locate(m, c);
	HASH_ITER(hh, m->items, c, next)
		if (containerd_ports_look(m, c) || c->refused)
			publish(m, c);
}

void containerd_model_links(struct containerd_model *m)
{
	containerd_ports_refresh(m);
	look_at_all(m);
}

/* ---- records ------------------------------------------------------------ */

void containerd_model_record(struct containerd_model *m, uint64_t when,
			     const char *namespace, const char *id,
			     const struct containerd_record *record)
{
	struct containerd_item *c = find_item(m, namespace, id);

	if (!c || c->record_event > when)
		return;
	if (!record) {
		forget(m, c);
		look_at_all(m);
		return;
	}
	containerd_record_take(m, c, record);
	containerd_ports_refresh(m);
	containerd_ports_look(m, c);
	publish(m, c);
}

/* ---- events ------------------------------------------------------------- */

static void set_task(struct containerd_item *c, enum containerd_task_life life,
		     unsigned pid)
{
	if (c->pid != pid)
		containerd_ports_drop(c);
	c->task = life;
	c->pid = pid;
}

static void task_over(struct containerd_model *m, struct containerd_item *c)
{
	set_task(c, CONTAINERD_OVER, 0);
	containerd_ports_drop(c);
	publish(m, c);
	containerd_ports_refresh(m);
	look_at_all(m);
}

static void task_live(struct containerd_model *m, struct containerd_item *c,
		      enum containerd_task_life life, unsigned pid)
{
	set_task(c, life, pid);
	containerd_ports_refresh(m);
	containerd_ports_look(m, c);
	publish(m, c);
}

static void record_changed(struct containerd_model *m,
			   struct containerd_item *c)
{
	c->record_event = m->event;
	m->ask.record(m->ask.arg, c->namespace, c->id);
}

static void task_created(struct containerd_model *m, struct containerd_item *c,
			 unsigned pid)
{
	c->started = 0;
	/* Its creation may be from before our subscription. */
	if (!c->labels)
		m->ask.record(m->ask.arg, c->namespace, c->id);
	task_live(m, c, CONTAINERD_WAITING, pid);
}

static void task_started(struct containerd_model *m, struct containerd_item *c,
			 const struct containerd_event *e)
{
	c->started = e->time;
	if (!c->labels)
		m->ask.record(m->ask.arg, c->namespace, c->id);
	/* The process runs already: what it has from before counts. */
	if (c->pid == e->pid)
		containerd_ports_pin(c);
	task_live(m, c, CONTAINERD_RUNNING, e->pid);
}

static void apply(struct containerd_model *m, struct containerd_item *c,
		  const struct containerd_event *e)
{
	switch (e->kind) {
	case CONTAINERD_CONTAINER_CHANGED:
		record_changed(m, c);
		return;
	case CONTAINERD_CONTAINER_DELETED:
		c->record_event = c->task_event = m->event;
		forget(m, c);
		return;
	case CONTAINERD_TASK_CREATED:
		c->task_event = m->event;
		task_created(m, c, e->pid);
		return;
	case CONTAINERD_TASK_STARTED:
		c->task_event = m->event;
		task_started(m, c, e);
		return;
	case CONTAINERD_TASK_EXITED:
	case CONTAINERD_TASK_DELETED:
		/* The end of a task before this one may be told late. */
		if (e->pid && c->pid && e->pid != c->pid)
			return;
		c->task_event = m->event;
		task_over(m, c);
		return;
	case CONTAINERD_EXEC_STARTED:
	case CONTAINERD_OOM:
	case CONTAINERD_OTHER:
	case CONTAINERD_PROBE:
		return;
	}
}

/* Whether it changes what is known of a container. */
static bool is_change(enum containerd_event_kind kind)
{
	return kind >= CONTAINERD_CONTAINER_CHANGED &&
	       kind <= CONTAINERD_TASK_DELETED;
}

static bool is_end(enum containerd_event_kind kind)
{
	return kind == CONTAINERD_CONTAINER_DELETED ||
	       kind == CONTAINERD_TASK_EXITED ||
	       kind == CONTAINERD_TASK_DELETED;
}

bool containerd_model_event(struct containerd_model *m,
			    const struct containerd_event *e)
{
	struct containerd_item *c;

	if (!is_change(e->kind))
		return false;
	m->event++;
	/* While a first listing runs, its answers may still show what ends now:
	 * it is kept, to know better. */
	if (is_end(e->kind) && !m->listing &&
	    !find_item(m, e->namespace, e->id))
		return false;
	c = need_item(m, e->namespace, e->id);
	c->gone = false;
	apply(m, c, e);
	return true;
}

/* ---- listing ------------------------------------------------------------ */

void containerd_model_list_begin(struct containerd_model *m)
{
	struct containerd_item *c, *next;

	/* What is put from here on, by an event or a listing, stays. */
	endpoint_store_sync_begin(m->host.store, runtime_containerd.name);
	m->listing = true;
	HASH_ITER(hh, m->items, c, next)
		c->listed = c->tasked = false;
}

void containerd_model_list_record(struct containerd_model *m, uint64_t when,
				  const char *namespace,
				  const struct containerd_record *record)
{
	struct containerd_item *c = need_item(m, namespace, record->id);

	c->listed = true;
	if (c->record_event <= when)
		containerd_record_take(m, c, record);
}

/* As task_over(), but the store is told when the listing has ended. */
static void end_task(struct containerd_item *c)
{
	set_task(c, CONTAINERD_OVER, 0);
	containerd_ports_drop(c);
}

static void list_task(struct containerd_item *c, uint64_t when,
		      const struct containerd_task *task)
{
	static const enum containerd_task_life lives[] = {
		[CONTAINERD_TASK_WAITING] = CONTAINERD_WAITING,
		[CONTAINERD_TASK_RUNNING] = CONTAINERD_RUNNING,
	};

	c->tasked = true;
	if (c->task_event > when)
		return;
	if (task->state == CONTAINERD_TASK_STOPPED)
		end_task(c);
	else
		set_task(c, lives[task->state], task->pid);
}

void containerd_model_list_tasks(struct containerd_model *m, uint64_t when,
				 const char *namespace,
				 const containerd_tasks *tasks)
{
	vec_foreach(task, tasks)
		list_task(need_item(m, namespace, task->id), when, task);
}

/* What a listing did not show, and no event has touched since. */
static void forget_unlisted(struct containerd_model *m, uint64_t when)
{
	struct containerd_item *c, *next;

	HASH_ITER(hh, m->items, c, next) {
		if (c->gone)
			item_free(m, c);
		else if (!c->listed && c->record_event <= when &&
			 c->task_event <= when)
			forget(m, c);
		else if (!c->tasked && c->task_event <= when &&
			 containerd_alive(c))
			end_task(c);
	}
}

/* The older of two that show one address keeps it. */
static int compare_items(const void *a, const void *b)
{
	const struct containerd_item *x = *(struct containerd_item *const *)a;
	const struct containerd_item *y = *(struct containerd_item *const *)b;
	unsigned i = x->ports.len ? x->ports.data[0].link.veth : 0;
	unsigned j = y->ports.len ? y->ports.data[0].link.veth : 0;

	return (i > j) - (i < j);
}

static void publish_all(struct containerd_model *m)
{
	VEC(struct containerd_item *) all = { 0 };
	struct containerd_item *c, *next;

	HASH_ITER(hh, m->items, c, next)
		vec_push(&all, c);
	vec_sort(&all, compare_items);
	vec_foreach(item, &all)
		publish(m, *item);
	vec_fini(&all);
}

void containerd_model_list_end(struct containerd_model *m, uint64_t when)
{
	struct containerd_item *c, *next;

	m->listing = false;
	forget_unlisted(m, when);
	containerd_ports_refresh(m);
	HASH_ITER(hh, m->items, c, next)
		containerd_ports_locate(m, c);
	HASH_ITER(hh, m->items, c, next) {
		containerd_ports_look(m, c);
		/* What runs already may change what it has. */
		if (c->task == CONTAINERD_RUNNING)
			containerd_ports_pin(c);
	}
	m->listed = true;
	containerd_networks_put(m);
	publish_all(m);
	endpoint_store_sync_end(m->host.store, runtime_containerd.name);
}
