/* SPDX-License-Identifier: GPL-2.0-or-later */
/* list.c - everything that a Podman engine has.
 *
 * The pods and the containers' ids come first, then an inspection of each, a few
 * at a time; the networks come last, when it is known whose engine it is
 * (podman_model_host()). Only then can containers be seen about to start, and
 * the listing is complete.
 */
#include <errno.h>

#include "runtime/podman/podman.h"

#define LIST_TIMEOUT_MS 30000
#define INSPECTS_MAX	8 /* at one time */

void podman_list_drop(struct podman *p)
{
	podman_ids_fini(&p->listing.ids);
	p->listing = (struct podman_listing){ 0 };
}

static void complete(struct podman *p)
{
	size_t containers, networks;

	podman_list_drop(p);
	podman_model_list_end(p->model);
	podman_model_count(p->model, &containers, &networks);
	session_listed(&p->engine.session, containers, networks);
}

static void on_networks(struct engine *e, _unused_ struct engine_call *call,
			const struct http_result *result)
{
	struct podman *p = podman_of(e);

	if (!podman_take_networks(p, result))
		return;
	p->listing.done = true;
	podman_list_next(p);
}

/* Those that are being asked about already count as well. */
void podman_list_next(struct podman *p)
{
	struct podman_listing *l = &p->listing;

	while (l->next < l->ids.len && l->outstanding < INSPECTS_MAX) {
		l->outstanding++;
		podman_want_listed(p, l->ids.data[l->next++]);
	}
	if (l->named && !l->outstanding && p->hosted && !l->inspected) {
		l->inspected = true;
		engine_get(&p->engine, p->engine.http, "/networks/json",
			   LIST_TIMEOUT_MS, on_networks, NULL);
	} else if (l->done) {
		podman_want_info(p);
		if (podman_watch_starts(p))
			complete(p);
	}
}

static void on_containers(struct engine *e, _unused_ struct engine_call *call,
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
	podman_list_next(p);
}

static void on_pods(struct engine *e, _unused_ struct engine_call *call,
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
		   on_containers, NULL);
}

void podman_list(struct engine *e)
{
	podman_model_list_begin(podman_of(e)->model);
	engine_get(e, e->http, "/pods/json", LIST_TIMEOUT_MS, on_pods, NULL);
}
