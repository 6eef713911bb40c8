/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query.c - what a Podman engine is asked about one container, one pod, or its
 * networks, and where the answers go.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "runtime/podman/podman.h"

#define ASK_TIMEOUT_MS 10000

/* --- containers -------------------------------------------------------------- */

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
	engine_get(&p->engine, p->engine.slow, path, PODMAN_INSPECT_TIMEOUT_MS,
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

void podman_want_container(void *arg, const char *id)
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
	const struct runtime_host *host = &p->engine.session.host;
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
	if (host->oom && c.oom && !c.running && podman_model_runs(p->model, id))
		host->oom(host->arg, id);
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
	podman_list_next(p);
}

/* A listing waits for @id, be it that it is being asked about already. */
void podman_want_listed(struct podman *p, const char *id)
{
	get_want(p, id)->listed = true;
	podman_want_container(p, id);
}

void podman_drop_wants(struct podman *p)
{
	struct podman_want *w, *next;

	HASH_ITER(hh, p->wants, w, next)
		drop_want(p, w);
	p->asking_networks = p->networks_again = false;
}

/* --- networks and pods -------------------------------------------------------- */

bool podman_take_networks(struct podman *p, const struct http_result *result)
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
	if (podman_take_networks(p, result) && again)
		ask_networks(p);
}

static void ask_networks(struct podman *p)
{
	p->asking_networks = true;
	engine_get(&p->engine, p->engine.http, "/networks/json", ASK_TIMEOUT_MS,
		   on_networks, NULL);
}

void podman_want_networks(void *arg)
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

void podman_want_pod(void *arg, const char *id)
{
	struct podman *p = arg;
	_cleanup_(freep) char *path = xasprintf("/pods/%s/json", id);

	engine_get(&p->engine, p->engine.slow, path, PODMAN_INSPECT_TIMEOUT_MS,
		   on_pod, id);
}
