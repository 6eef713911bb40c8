/* SPDX-License-Identifier: GPL-2.0-or-later */
/* podman.c - follows Podman's system service over the connection of engine.h.
 *
 * Podman's Docker-compatible API says too little: no event tells of a network
 * that a container gets at its start, and an answer about a network inspects
 * every container there is. So only the version, the ping and the shape of
 * events are Docker's here; the rest is Podman's own API, /libpod.
 */
#include "runtime/podman/podman.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define LIBPOD_MAJOR_MIN 4
#define LIBPOD_PREFIX	 "/v4.0.0/libpod"

#define ASK_TIMEOUT_MS	   10000
#define INSPECT_TIMEOUT_MS 30000 /* it waits for a start to end */
#define LIST_TIMEOUT_MS	   30000
#define INSPECTS_MAX	   8 /* of a listing, at one time */

#define EVENT_FILTER "{\"type\":[\"container\",\"network\",\"pod\"]}"

/* --- containers -------------------------------------------------------------- */

static void next_listed(struct podman *p);

static struct podman_want *find_want(const struct podman *p, const char *id)
{
	struct podman_want *w;

	HASH_FIND_STR(p->wants, id, w);
	return w;
}

static void drop_want(struct podman *p, struct podman_want *w)
{
	HASH_DEL(p->wants, w);
	free(w->id);
	free(w);
}

static void on_inspect(struct engine *e, struct engine_call *call,
		       const struct http_result *result);

static void send_inspect(struct podman *p, struct podman_want *w)
{
	_cleanup_(freep) char *path = xasprintf("/containers/%s/json", w->id);

	w->sent = true;
	w->again = false;
	engine_get(&p->engine, p->engine.slow, path, INSPECT_TIMEOUT_MS,
		   on_inspect, w->id)
		->when = clock_monotonic();
}

static struct podman_want *get_want(struct podman *p, const char *id)
{
	struct podman_want *w = find_want(p, id);

	if (w)
		return w;
	w = xnew(struct podman_want);
	w->id = xstrdup(id);
	HASH_ADD_KEYPTR(hh, p->wants, w->id, strlen(w->id), w);
	return w;
}

static void want_container(void *arg, const char *id)
{
	struct podman *p = arg;
	struct podman_want *w = get_want(p, id);

	if (w->sent)
		w->again = true;
	else
		send_inspect(p, w);
}

/* One that cannot be inspected, because it is just being removed or its engine
 * hangs over it, keeps what was known: the rest goes on. */
static void take_inspect(struct podman *p, const char *id, uint64_t when,
			 const struct http_result *result)
{
	struct podman_container c;

	if (result->status == 404) {
		podman_model_container(p->model, id, when, NULL);
		return;
	}
	if (result->error || result->status != 200) {
		log_debug("podman: container %.12s not inspected: %s", id,
			  result->message);
		return;
	}
	if (podman_json_container(result->body, &c) < 0 ||
	    strcmp(c.entry.id, id)) {
		log_warning("podman: %s: container %.12s cannot be read",
			    p->engine.session.socket, id);
		return;
	}
	if (p->early)
		podman_early_add(p->early, id);
	podman_model_container(p->model, id, when, &c);
	podman_container_fini(&c);
}

static void on_inspect(struct engine *e, struct engine_call *call,
		       const struct http_result *result)
{
	struct podman *p = podman_of(e);
	struct podman_want *w = find_want(p, call->ids.data[0]);

	take_inspect(p, w->id, call->when, result);
	if (w->again) { /* that answer may be from before */
		send_inspect(p, w);
		return;
	}
	if (w->listed)
		p->listing.outstanding--;
	drop_want(p, w);
	if (p->listing.active)
		next_listed(p);
}

/* --- networks and pods -------------------------------------------------------- */

static bool take_networks(struct podman *p, const struct http_result *result)
{
	docker_networks list = { 0 };

	if (engine_failed(&p->engine, result))
		return false;
	if (podman_json_networks(result->body, p->engine.session.base.ops->name,
				 &list) < 0) {
		session_fail(&p->engine.session, -EBADMSG,
			     "%s: the list of networks cannot be read",
			     p->engine.session.socket);
		return false;
	}
	podman_model_networks(p->model, &list);
	docker_networks_fini(&list);
	return true;
}

static void ask_networks(struct podman *p);

static void on_networks(struct engine *e, _unused_ struct engine_call *call,
			const struct http_result *result)
{
	struct podman *p = podman_of(e);
	bool again = p->networks_again;

	p->asking_networks = p->networks_again = false;
	if (take_networks(p, result) && again)
		ask_networks(p);
}

static void ask_networks(struct podman *p)
{
	p->asking_networks = true;
	engine_get(&p->engine, p->engine.http, "/networks/json", ASK_TIMEOUT_MS,
		   on_networks, NULL);
}

static void want_networks(void *arg)
{
	struct podman *p = arg;

	/* The listing asks by itself; one answer serves all who wait. */
	if (p->asking_networks)
		p->networks_again = true;
	else
		ask_networks(p);
}

static void on_pod(struct engine *e, struct engine_call *call,
		   const struct http_result *result)
{
	struct podman *p = podman_of(e);
	struct podman_pod pod;

	if (result->error || result->status != 200) {
		log_debug("podman: pod %.12s not inspected: %s",
			  call->ids.data[0], result->message);
		return;
	}
	if (podman_json_pod(result->body, &pod) < 0) {
		log_warning("podman: %s: pod %.12s cannot be read",
			    e->session.socket, call->ids.data[0]);
		return;
	}
	podman_model_pod(p->model, call->ids.data[0], &pod);
	podman_pod_fini(&pod);
}

static void want_pod(void *arg, const char *id)
{
	struct podman *p = arg;
	_cleanup_(freep) char *path = xasprintf("/pods/%s/json", id);

	engine_get(&p->engine, p->engine.slow, path, INSPECT_TIMEOUT_MS, on_pod,
		   id);
}

/* --- listing -------------------------------------------------------------------- */

static void reset_listing(struct podman_listing *l)
{
	podman_ids_fini(&l->ids);
	l->active = false;
	l->next = 0;
	l->outstanding = 0;
}

static void complete(struct podman *p)
{
	size_t containers, networks;

	reset_listing(&p->listing);
	podman_model_list_end(p->model);
	podman_model_count(p->model, &containers, &networks);
	session_listed(&p->engine.session, containers, networks);
}

/* Inspect who is listed, a few at a time; those that are being asked about
 * already count as well. */
static void next_listed(struct podman *p)
{
	struct podman_listing *l = &p->listing;

	while (l->next < l->ids.len && l->outstanding < INSPECTS_MAX) {
		const char *id = l->ids.data[l->next++];

		l->outstanding++;
		get_want(p, id)->listed = true;
		want_container(p, id);
	}
	if (!l->outstanding && l->next == l->ids.len && l->named)
		complete(p);
}

static void on_list(struct engine *e, _unused_ struct engine_call *call,
		    const struct http_result *result)
{
	struct podman *p = podman_of(e);
	podman_ids ids;

	if (engine_failed(e, result))
		return;
	if (podman_json_ids(result->body, &ids) < 0) {
		session_fail(&e->session, -EBADMSG,
			     "%s: the list of containers cannot be read",
			     e->session.socket);
		return;
	}
	p->listing.ids = podman_model_list(p->model, &ids);
	p->listing.named = true;
	podman_ids_fini(&ids);
	next_listed(p);
}

static void on_list_pods(struct engine *e, _unused_ struct engine_call *call,
			 const struct http_result *result)
{
	struct podman *p = podman_of(e);
	podman_pods pods;

	if (engine_failed(e, result))
		return;
	if (podman_json_pods(result->body, &pods) < 0) {
		session_fail(&e->session, -EBADMSG,
			     "%s: the list of pods cannot be read",
			     e->session.socket);
		return;
	}
	podman_model_pods(p->model, &pods);
	podman_pods_fini(&pods);
	engine_get(e, e->http, "/containers/json?all=true", LIST_TIMEOUT_MS,
		   on_list, NULL);
}

static void on_list_networks(struct engine *e,
			     _unused_ struct engine_call *call,
			     const struct http_result *result)
{
	if (take_networks(podman_of(e), result))
		engine_get(e, e->http, "/pods/json", LIST_TIMEOUT_MS,
			   on_list_pods, NULL);
}

static void start_listing(struct engine *e)
{
	struct podman *p = podman_of(e);
	struct podman_listing *l = &p->listing;

	l->active = true;
	l->named = false;
	podman_model_list_begin(p->model);
	engine_get(e, e->http, "/networks/json", LIST_TIMEOUT_MS,
		   on_list_networks, NULL);
}

/* --- the connection -------------------------------------------------------------- */

static bool seen_before(struct podman *p, const struct podman_event *e)
{
	struct podman_seen *s;

	for (size_t i = 0; i < MIN(p->nseen, (size_t)PODMAN_SEEN); i++)
		if (p->seen[i].time == e->time &&
		    !strncmp(p->seen[i].id, e->id, sizeof(s->id) - 1))
			return true;
	s = &p->seen[p->nseen++ % PODMAN_SEEN];
	s->time = e->time;
	snprintf(s->id, sizeof(s->id), "%s", e->id);
	p->since = MAX(p->since, e->time);
	return false;
}

static int on_event(struct engine *engine, struct slice line)
{
	struct podman *p = podman_of(engine);
	struct podman_event e;
	int r = podman_json_event(line, &e);

	if (r < 0)
		return r;
	r = !seen_before(p, &e) && podman_model_event(p->model, &e);
	podman_event_fini(&e);
	return r;
}

/* --- events, sooner ----------------------------------------------------------- */

static void ask_events(struct podman *p);
static void go_on_starting(struct podman *p);

static void on_events(struct engine *e, _unused_ struct engine_call *call,
		      const struct http_result *result)
{
	struct podman *p = podman_of(e);
	struct lines lines = LINES_INIT(ENGINE_EVENT_MAX);
	struct slice rest = result->body, line;

	p->asking_events = false;
	if (result->error || result->status != 200)
		log_debug("podman: no events sooner: %s", result->message);
	else
		while (lines_next(&lines, &rest, &line))
			e->session.events += on_event(e, line) > 0;
	lines_fini(&lines);
	if (p->events_again)
		ask_events(p);
	else
		go_on_starting(p);
}

/* With its log in a file, the engine looks for events four times a second; when
 * asked for those that were, it answers at once. */
static void ask_events(struct podman *p)
{
	_cleanup_(freep) char *filter = http_encode(EVENT_FILTER);
	_cleanup_(freep) char *path =
		xasprintf("/events?stream=false&since=%llu.%09llu&filters=%s",
			  (unsigned long long)(p->since / 1000000000U),
			  (unsigned long long)(p->since % 1000000000U), filter);

	p->asking_events = true;
	p->events_again = false;
	engine_get(&p->engine, p->engine.http, path, ASK_TIMEOUT_MS, on_events,
		   NULL);
}

static void want_events(struct podman *p)
{
	if (p->asking_events)
		p->events_again = true;
	else
		ask_events(p);
}

static void podman_bridge_changed(struct runtime *r,
				  _unused_ const char *bridge)
{
	struct podman *p = container_of(r, struct podman, engine.session.base);

	if (p->engine.stream)
		want_events(p);
}

/* --- before the first instruction ------------------------------------------------ */

static struct podman_start *find_start(const struct podman *p, const char *id)
{
	struct podman_start *s;

	HASH_FIND_STR(p->starts, id, s);
	return s;
}

static void drop_start(struct podman *p, struct podman_start *s)
{
	HASH_DEL(p->starts, s);
	vec_fini(&s->ports);
	free(s->id);
	free(s);
}

/* An answer comes at once when no container fits the filter. Else it waits for
 * the end of the start: then there is such a label, and inspect will tell it. */
static void on_hidden(struct engine *e, struct engine_call *call,
		      const struct http_result *result)
{
	struct podman *p = podman_of(e);
	struct podman_start *s = find_start(p, call->ids.data[0]);
	podman_ids fit;

	if (!s || result->error || result->status != 200 ||
	    podman_json_ids(result->body, &fit) < 0)
		return;
	if (!fit.len && --s->hidden == 0) {
		podman_model_early_whole(p->model, s->id);
		drop_start(p, s);
	}
	podman_ids_fini(&fit);
}

static void ask_hidden(struct podman *p, struct podman_start *s)
{
	for (size_t i = 0; podman_hiding[i]; i++) {
		_cleanup_(freep) char *filter =
			xasprintf("{\"id\":[\"%s\"],\"label\":[\"%s\"]}", s->id,
				  podman_hiding[i]);
		_cleanup_(freep) char *encoded = http_encode(filter);
		_cleanup_(freep) char *path = xasprintf(
			"/containers/json?all=true&filters=%s", encoded);

		s->hidden++;
		engine_get(&p->engine, p->engine.slow, path, INSPECT_TIMEOUT_MS,
			   on_hidden, s->id);
	}
}

/* All events up to now are applied. */
static void go_on_starting(struct podman *p)
{
	struct podman_start *s, *next;

	HASH_ITER(hh, p->starts, s, next) {
		if (s->hidden)
			continue;
		if (podman_model_early(p->model, s->id, s->when, &s->ports))
			ask_hidden(p, s);
		else
			drop_start(p, s);
	}
}

static void find_ports(struct podman *p, int netns, podman_ports *ret)
{
	const struct runtime_links *links = &p->engine.session.host.links;
	runtime_ports all = { 0 };

	links->ports(links->arg, &all);
	vec_foreach(from, &all) {
		struct podman_port to = { .mac = from->mac };
		struct runtime_address v4, v6;

		if (from->netns != netns ||
		    links->addresses(links->arg, from->veth, &v4, &v6) < 0)
			continue;
		memcpy(to.bridge, from->bridge, IFNAMSIZ);
		to.v4 = v4.addr;
		to.v6 = v6.addr;
		vec_push(ret, to);
	}
	vec_fini(&all);
}

/* A namespace of another process is one that is shared. */
static void on_early(void *arg, const char *id, const char *path)
{
	struct podman *p = arg;
	const struct runtime_links *links = &p->engine.session.host.links;
	struct podman_start *s = find_start(p, id);
	podman_ports ports = { 0 };
	int netns;

	if (!strncmp(path, "/proc/", 6) || !links->netns_at ||
	    links->netns_at(links->arg, path, &netns) < 0)
		return;
	find_ports(p, netns, &ports);
	if (!ports.len)
		return;
	if (s)
		drop_start(p, s);
	s = xnew(struct podman_start);
	s->id = xstrdup(id);
	s->ports = ports;
	s->when = clock_monotonic();
	HASH_ADD_KEYPTR(hh, p->starts, s->id, strlen(s->id), s);
	want_events(p);
	/* Its answer ends what is assumed now, also when the start fails. */
	want_container(p, id);
}

static void watch_starts(struct podman *p)
{
	_cleanup_(freep) char *directory = xasprintf(
		"%s/%s-containers", p->info.graph_root, p->info.driver);

	if (!p->info.rootless && !p->early)
		p->early = podman_early_open(p->engine.session.host.loop,
					     directory, on_early, p);
}

/* Costs the engine half a second, in which it measures its host. */
static void on_info(struct engine *e, _unused_ struct engine_call *call,
		    const struct http_result *result)
{
	struct podman *p = podman_of(e);

	if (engine_failed(e, result))
		return;
	if (podman_json_info(result->body, &p->info) < 0) {
		session_fail(&e->session, -EPROTO,
			     "%s: tells nothing of its host",
			     e->session.socket);
		return;
	}
	if (p->info.rootless) {
		log_warning(
			"podman: %s is a user's own engine (rootless): its containers are listed, and cannot be held",
			e->session.socket);
		podman_model_rootless(p->model);
	}
	watch_starts(p);
	p->since = clock_realtime();
	engine_subscribe(e, EVENT_FILTER, p->since);
}

static bool acceptable(struct engine *e)
{
	const struct docker_version *v = &e->version;

	if (!v->podman) {
		session_fail(
			&e->session, -EPROTONOSUPPORT,
			"%s: engine %s is no Podman: configure it as runtime docker",
			e->session.socket, v->engine);
		return false;
	}
	if (v->engine_major < LIBPOD_MAJOR_MIN) {
		session_fail(
			&e->session, -EPROTONOSUPPORT,
			"%s: Podman %s is too old, needed is %d.0 or later",
			e->session.socket, v->engine, LIBPOD_MAJOR_MIN);
		return false;
	}
	return true;
}

static void on_connected(struct engine *e)
{
	struct podman *p = podman_of(e);

	if (!acceptable(e))
		return;
	free(e->prefix);
	e->prefix = xstrdup(LIBPOD_PREFIX);
	p->model = podman_model_new(e->session.host.store,
				    e->session.host.namespaces,
				    (struct podman_ask){
					    .container = want_container,
					    .networks = want_networks,
					    .pod = want_pod,
					    .arg = p,
				    });
	engine_get(e, e->http, "/info", LIST_TIMEOUT_MS, on_info, NULL);
}

static void on_drop(struct engine *e)
{
	struct podman *p = podman_of(e);
	struct podman_want *w, *next_w;
	struct podman_start *s, *next_s;

	HASH_ITER(hh, p->wants, w, next_w)
		drop_want(p, w);
	HASH_ITER(hh, p->starts, s, next_s)
		drop_start(p, s);
	podman_early_close(TAKE_PTR(p->early));
	p->asking_networks = p->networks_again = false;
	p->asking_events = p->events_again = false;
	p->nseen = 0;
	reset_listing(&p->listing);
	podman_info_fini(&p->info);
	podman_model_free(TAKE_PTR(p->model));
}

static const struct engine_kind kind = {
	.paths = "version, info, _ping, events, containers, networks and pods",
	.connected = on_connected,
	.list = start_listing,
	.event = on_event,
	.drop = on_drop,
};

static struct runtime *podman_open(const struct runtime_host *host,
				   const char *socket)
{
	struct podman *p = xnew(struct podman);

	engine_init(&p->engine, &kind, &runtime_podman, host, socket);
	return &p->engine.session.base;
}

static void podman_close(struct runtime *r)
{
	struct podman *p = container_of(r, struct podman, engine.session.base);

	engine_fini(&p->engine);
	free(p);
}

const struct runtime_ops runtime_podman = {
	.name = "podman",
	.default_socket = "/run/podman/podman.sock",
	.open = podman_open,
	.close = podman_close,
	.sync = session_sync,
	.bridge_changed = podman_bridge_changed,
	.status = session_status,
};
