/* SPDX-License-Identifier: GPL-2.0-or-later */
/* docker_model.c - what is known of an engine, from events and answers.
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
 * - pid, start time and wanted port bindings: inspect, whenever that comes.
 */
#include "runtime/docker_model.h"

#include <string.h>

#include "base/log.h"
#include "base/table.h"

struct attach {
	char *network; /* id */
	struct addr v4, v6;
	struct mac mac;
	uint64_t event; /* number of the last event that touched it */
	uint64_t seen;	/* number of the last answer that showed it */
	bool present;
	bool dropped; /* by die or disconnect; only a connect revives it */
};

struct container {
	char *id, *name, *mode;
	char *image;		/* as listed: a bare id when its tag moved on */
	char *configured_image; /* as its creator wrote it; "" until known */
	VEC(struct attach) attachments;
	struct endpoint *labels; /* carries the label set; NULL: not known */
	char *problem;		 /* with its labels, told already */
	bool overlabelled;
	bool running, created; /* created: its process never ran */
	bool state_told;       /* by an event */
	bool whole;	       /* every attachment is known */
	bool gone, listed;
	bool ports_listed; /* @published counts, not @bindings */
	bool inspected;
	unsigned pid;
	uint64_t started;
	uint64_t event; /* number of the last event that touched it */
	uint64_t run;	/* number of its last start or die */
	VEC(struct published_port) published, bindings;
	UT_hash_handle hh;
};

/* A network that is there, or that was asked about. */
struct net {
	char *id;
	uint64_t event;
	bool gone, listed;
	UT_hash_handle hh;
};

struct docker_model {
	struct endpoint_store *store;
	const char *runtime;
	struct docker_ask ask;
	uint64_t event;	 /* the last one's number */
	uint64_t answer; /* likewise, of networks */
	struct container *containers;
	struct net *networks;
	bool listing; /* one is under way */
	bool listed;  /* one has ended well */
};

struct docker_model *docker_model_new(struct endpoint_store *store,
				      const char *runtime,
				      struct docker_ask ask)
{
	struct docker_model *m = xnew(struct docker_model);

	m->store = store;
	m->runtime = runtime;
	m->ask = ask;
	return m;
}

static void container_free(struct docker_model *m, struct container *c)
{
	HASH_DEL(m->containers, c);
	vec_foreach(a, &c->attachments)
		free(a->network);
	vec_fini(&c->attachments);
	vec_fini(&c->published);
	vec_fini(&c->bindings);
	endpoint_unref(c->labels);
	free(c->problem);
	free(c->id);
	free(c->name);
	free(c->image);
	free(c->configured_image);
	free(c->mode);
	free(c);
}

static void net_free(struct docker_model *m, struct net *n)
{
	HASH_DEL(m->networks, n);
	free(n->id);
	free(n);
}

void docker_model_free(struct docker_model *m)
{
	struct container *c, *next_c;
	struct net *n, *next_n;

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

static struct container *find_container(const struct docker_model *m,
					const char *id)
{
	struct container *c;

	HASH_FIND_STR(m->containers, id, c);
	return c;
}

static struct container *get_container(struct docker_model *m, const char *id)
{
	struct container *c = find_container(m, id);

	if (c)
		return c;
	c = xnew(struct container);
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

static struct net *find_net(const struct docker_model *m, const char *id)
{
	struct net *n;

	HASH_FIND_STR(m->networks, id, n);
	return n;
}

static struct net *get_net(struct docker_model *m, const char *id)
{
	struct net *n = find_net(m, id);

	if (n)
		return n;
	n = xnew(struct net);
	n->id = xstrdup(id);
	HASH_ADD_KEYPTR(hh, m->networks, n->id, strlen(n->id), n);
	return n;
}

/* An answer about a network that nobody knows is about one that is gone. */
static void ask_network(struct docker_model *m, const char *id)
{
	get_net(m, id);
	m->ask.network(m->ask.arg, id);
}

static struct attach *find_attach(const struct container *c,
				  const char *network)
{
	vec_foreach(a, &c->attachments)
		if (!strcmp(a->network, network))
			return a;
	return NULL;
}

static struct attach *get_attach(struct container *c, const char *network)
{
	struct attach *a = find_attach(c, network);

	if (a)
		return a;
	vec_push(&c->attachments,
		 (struct attach){ .network = xstrdup(network) });
	return &c->attachments.data[c->attachments.len - 1];
}

static void replace(char **at, const char *s)
{
	if (!strcmp(*at, s))
		return;
	free(*at);
	*at = xstrdup(s);
}

static bool has_address(const struct container *c)
{
	vec_foreach(a, &c->attachments)
		if (a->present)
			return true;
	return false;
}

/* --- what the store is told ---------------------------------------------- */

static enum endpoint_state state_of(const struct container *c)
{
	if (c->running)
		return ENDPOINT_RUNNING;
	/* Attached and not running: its process is about to be started. */
	return c->created || has_address(c) ? ENDPOINT_CREATED
					    : ENDPOINT_EXITED;
}

/* Docker's driver names that put an interface where no bridge is ours. */
static char *why_unenforceable(const struct docker_model *m,
			       const struct container *c)
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
			   const struct attach *a)
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
static void add_published(const struct container *c, struct endpoint *e)
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

static struct endpoint *build(const struct docker_model *m,
			      const struct container *c)
{
	struct endpoint *e = endpoint_copy(c->labels);

	e->state = state_of(c);
	e->pid = c->running ? c->pid : 0;
	e->started = c->started;
	e->unenforceable = why_unenforceable(m, c);
	/* Nobody can judge one whose labels were refused: without an address
	 * it stays an unknown endpoint. */
	if (!c->overlabelled && e->state != ENDPOINT_EXITED)
		vec_foreach(a, &c->attachments)
			add_attachment(m, e, a);
	vec_sort(&e->attachments, compare_attachments);
	add_published(c, e);
	return e;
}

static void publish(struct docker_model *m, const struct container *c)
{
	if (!c->labels || c->gone || !c->whole)
		return;
	endpoint_store_put(m->store, build(m, c));
}

static void publish_all(struct docker_model *m)
{
	struct container *c, *next;

	HASH_ITER(hh, m->containers, c, next)
		publish(m, c);
}

/* While a listing runs its answers may still show it: leave a mark. */
static void forget_container(struct docker_model *m, struct container *c)
{
	endpoint_store_remove(m->store, c->id);
	if (m->listing)
		c->gone = true;
	else
		container_free(m, c);
}

static void forget_net(struct docker_model *m, struct net *n)
{
	struct container *c, *next;

	HASH_ITER(hh, m->containers, c, next) {
		struct attach *a = find_attach(c, n->id);

		if (!a)
			continue;
		free(a->network);
		vec_remove(&c->attachments, (size_t)(a - c->attachments.data));
		publish(m, c);
	}
	endpoint_store_remove_network(m->store, n->id);
	if (m->listing)
		n->gone = true;
	else
		net_free(m, n);
}

/* --- events --------------------------------------------------------------- */

static void drop_attach(struct docker_model *m, struct attach *a)
{
	*a = (struct attach){
		.network = a->network,
		.event = m->event,
		.dropped = true,
	};
}

static void on_create(struct docker_model *m, struct container *c,
		      _unused_ const struct docker_event *e)
{
	c->created = c->whole = c->state_told = true;
	m->ask.container(m->ask.arg, c->id);
	m->ask.inspect(m->ask.arg, c->id);
}

static void on_start(struct docker_model *m, struct container *c,
		     const struct docker_event *e)
{
	c->running = c->state_told = true;
	c->created = c->ports_listed = false;
	c->started = e->time;
	c->run = m->event;
	publish(m, c);
	/* The ports that the engine chose are listed by now. */
	m->ask.container(m->ask.arg, c->id);
}

static void on_die(struct docker_model *m, struct container *c,
		   _unused_ const struct docker_event *e)
{
	c->running = c->created = c->ports_listed = false;
	c->state_told = c->whole = true;
	c->pid = 0;
	c->run = m->event;
	vec_foreach(a, &c->attachments)
		drop_attach(m, a);
	publish(m, c);
	/* Whatever was on the way about it does not count any more. */
	m->ask.container(m->ask.arg, c->id);
}

static void on_destroy(struct docker_model *m, struct container *c,
		       _unused_ const struct docker_event *e)
{
	forget_container(m, c);
}

static void on_rename(struct docker_model *m, struct container *c,
		      _unused_ const struct docker_event *e)
{
	/* The name is also a label, so ask for the whole entry. */
	m->ask.container(m->ask.arg, c->id);
}

static const struct {
	const char *action;
	void (*apply)(struct docker_model *m, struct container *c,
		      const struct docker_event *e);
} container_actions[] = {
	{ "create", on_create },   { "start", on_start },   { "die", on_die },
	{ "destroy", on_destroy }, { "rename", on_rename },
};

static bool apply_container_event(struct docker_model *m,
				  const struct docker_event *e)
{
	for (size_t i = 0; e->id[0] && i < ARRAY_SIZE(container_actions); i++) {
		struct container *c;

		if (strcmp(container_actions[i].action, e->action))
			continue;
		c = get_container(m, e->id);
		c->event = ++m->event;
		c->gone = false;
		container_actions[i].apply(m, c, e);
		return true;
	}
	return false;
}

static void on_connect(struct docker_model *m, const struct docker_event *e)
{
	struct container *c = get_container(m, e->container);
	struct attach *a = get_attach(c, e->id);

	a->event = m->event;
	a->dropped = false;
	ask_network(m, e->id);
	if (!c->labels)
		m->ask.container(m->ask.arg, c->id);
}

static void on_disconnect(struct docker_model *m, const struct docker_event *e)
{
	struct container *c = find_container(m, e->container);
	struct attach *a = c ? find_attach(c, e->id) : NULL;

	if (!c || (a && a->dropped))
		return;
	drop_attach(m, a ? a : get_attach(c, e->id));
	publish(m, c);
	/* Was it dying when we began to listen? Then no die will tell. */
	if (!has_address(c) && !c->state_told)
		m->ask.container(m->ask.arg, c->id);
}

static bool apply_network_event(struct docker_model *m,
				const struct docker_event *e)
{
	struct net *n;

	if (!e->id[0])
		return false;
	if (!strcmp(e->action, "create") || !strcmp(e->action, "update")) {
		m->event++;
		ask_network(m, e->id);
	} else if (!strcmp(e->action, "destroy")) {
		n = get_net(m, e->id);
		n->event = ++m->event;
		forget_net(m, n);
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

bool docker_model_event(struct docker_model *m, const struct docker_event *e)
{
	return e->network ? apply_network_event(m, e)
			  : apply_container_event(m, e);
}

/* --- answers -------------------------------------------------------------- */

static bool is_shared(const char *mode)
{
	return !strncmp(mode, "container:", strlen("container:"));
}

static void tell_problems(struct container *c, const struct docker_container *l,
			  char *problem)
{
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
static char *set_labels(struct docker_model *m, struct container *c,
			const struct label *labels, size_t n)
{
	struct endpoint *e = endpoint_new(m->runtime, c->id);
	char *problem;

	replace(&e->name, c->name);
	replace(&e->image,
		c->configured_image[0] ? c->configured_image : c->image);
	endpoint_set_labels(e, labels, n, NULL, &problem);
	endpoint_unref(c->labels);
	c->labels = e;
	return problem;
}

static void relabel(struct docker_model *m, struct container *c)
{
	struct label_set *set;

	if (!c->labels)
		return;
	set = label_set_ref(c->labels->labels);
	free(set_labels(m, c, set->labels, set->n));
	label_set_unref(set);
}

static void take_entry(struct docker_model *m, struct container *c,
		       const struct docker_container *l)
{
	replace(&c->name, l->name);
	replace(&c->image, l->image);
	if (strcmp(c->mode, l->network_mode) && is_shared(l->network_mode))
		log_info(
			"container %s shares the network of container %s: what holds for that one holds for both",
			l->name, l->network_mode + strlen("container:"));
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
	struct container *c = find_container(m, id);

	if (!c || c->gone || c->event > when)
		return;
	if (!l) {
		forget_container(m, c);
		return;
	}
	take_entry(m, c, l);
	publish(m, c);
}

void docker_model_inspect(struct docker_model *m, uint64_t when, const char *id,
			  const struct docker_inspect *i)
{
	struct container *c = find_container(m, id);

	if (!c || c->gone)
		return;
	/* Image and bindings never change; a pid does. */
	c->inspected = true;
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
	publish(m, c);
}

/* Whether an answer may show an attachment that an event took away. */
static bool may_revive(const struct docker_model *m, const struct container *c)
{
	return m->listing && (c->running || !c->state_told);
}

/* A member's addresses as the answer tells. Returns true on a change. */
static bool take_member(struct attach *a, const struct docker_member *from)
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

static void settle_member(struct docker_model *m, uint64_t when, const char *id,
			  const struct docker_member *from)
{
	struct container *c = find_container(m, from->container);
	struct attach *a;

	if (!c) {
		/* An event that we never got, or one that is gone already. */
		c = get_container(m, from->container);
		m->ask.container(m->ask.arg, c->id);
	}
	a = get_attach(c, id);
	a->seen = m->answer;
	if (c->gone || a->event > when || (a->dropped && !may_revive(m, c)))
		return;
	if (take_member(a, from))
		publish(m, c);
}

/* Bring everybody's attachment to network @id in line with the answer. */
static void settle_members(struct docker_model *m, uint64_t when,
			   const char *id, const struct docker_network *n,
			   bool all)
{
	struct container *c, *next;

	m->answer++;
	vec_foreach(i, &n->members)
		settle_member(m, when, id, i);
	HASH_ITER(hh, m->containers, c, next) {
		struct attach *a = find_attach(c, id);
		bool left = a && a->present && a->event <= when &&
			    a->seen != m->answer;

		if (left)
			a->present = false;
		if (left || (a && all))
			publish(m, c);
	}
}

void docker_model_network(struct docker_model *m, uint64_t when, const char *id,
			  struct docker_network *n)
{
	struct net *net = find_net(m, id);
	bool known = endpoint_store_network(m->store, id) != NULL;

	if (!net || net->gone || net->event > when)
		return;
	if (!n) {
		forget_net(m, net);
		return;
	}
	endpoint_store_put_network(m->store, TAKE_PTR(n->network));
	settle_members(m, when, id, n, !known);
}

/* --- listing --------------------------------------------------------------- */

void docker_model_list_begin(struct docker_model *m)
{
	struct container *c, *next_c;
	struct net *n, *next_n;

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
	struct net *n, *next;

	vec_foreach(i, list) {
		n = get_net(m, i->network->id);
		n->listed = true;
		if (!n->gone && n->event <= when)
			endpoint_store_put_network(m->store,
						   TAKE_PTR(i->network));
	}
	HASH_ITER(hh, m->networks, n, next)
		if (!n->listed && !n->gone && n->event <= when)
			forget_net(m, n);
}

void docker_model_list_containers(struct docker_model *m, uint64_t when,
				  const docker_containers *list)
{
	struct container *c, *next;

	vec_foreach(i, list) {
		c = get_container(m, i->id);
		c->listed = true;
		if (c->gone || c->event > when)
			continue;
		take_entry(m, c, i);
		publish(m, c);
	}
	HASH_ITER(hh, m->containers, c, next)
		if (!c->listed && !c->gone && c->event <= when)
			forget_container(m, c);
}

static void purge(struct docker_model *m)
{
	struct container *c, *next_c;
	struct net *n, *next_n;

	HASH_ITER(hh, m->containers, c, next_c)
		if (c->gone)
			container_free(m, c);
	HASH_ITER(hh, m->networks, n, next_n)
		if (n->gone)
			net_free(m, n);
}

/* The wanted ports of what may start later: inspect blocks while it does. A
 * running one is asked only where the list has lost its image's name. */
static void ask_inspects(struct docker_model *m)
{
	struct container *c, *next;

	HASH_ITER(hh, m->containers, c, next)
		if (!c->inspected &&
		    (!c->running || !strncmp(c->image, "sha256:", 7)))
			m->ask.inspect(m->ask.arg, c->id);
}

void docker_model_list_end(struct docker_model *m)
{
	struct container *c, *next;

	m->listing = false;
	purge(m);
	HASH_ITER(hh, m->containers, c, next)
		c->whole = true;
	m->listed = true;
	publish_all(m);
	endpoint_store_sync_end(m->store, m->runtime);
	ask_inspects(m);
}
