/* SPDX-License-Identifier: GPL-2.0-or-later */
/* list.c - full listings of what an engine has.
 *
 * The list of networks does not say who is on them, and the list of containers
 * does not say so in time: each network is asked itself.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "runtime/docker/docker.h"

#define LIST_TIMEOUT_MS 30000

static void reset(struct docker_listing *l)
{
	docker_networks_fini(&l->networks);
	docker_containers_fini(&l->containers);
	l->active = false;
	l->outstanding = 0;
}

void docker_list_cancel(struct docker *d)
{
	struct docker_listing *l = &d->listing;

	if (!l->active)
		return;
	reset(l);
	/* Nobody has an answer yet: they wait for the next one. */
	vec_foreach(w, &l->waiters)
		vec_push(&d->engine.waiters, *w);
	vec_fini(&l->waiters);
}

static void complete(struct docker *d)
{
	docker_model_list_end(d->model);
	reset(&d->listing);
	docker_listed(d);
	engine_answer(&d->listing.waiters, 0);
	if (d->engine.waiters.len)
		docker_list(d);
}

static void on_network(struct engine *e, struct engine_call *call,
		       const struct http_result *result)
{
	struct docker *d = docker_of(e);
	if (result->status != 404 && engine_failed(&d->engine, result))
		return;
	docker_take_network(d, call, result);
	if (d->listing.active && --d->listing.outstanding == 0)
		complete(d);
}

/* Networks without a member of ours that has an address. */
static bool is_plain(const struct network *n)
{
	return !strcmp(n->driver, "null") || !strcmp(n->driver, "host");
}

/* Both lists are there: apply them and ask each network. */
static void apply_lists(struct docker *d)
{
	struct docker_listing *l = &d->listing;
	engine_ids ids = { 0 };

	vec_foreach(n, &l->networks)
		if (!is_plain(n->network))
			vec_push(&ids, xstrdup(n->network->id));
	docker_model_list_networks(d->model, l->when, &l->networks);
	docker_model_list_containers(d->model, l->when, &l->containers);
	l->outstanding = (unsigned)ids.len;
	vec_foreach(id, &ids) {
		_cleanup_(freep) char *path = xasprintf("/networks/%s", *id);

		docker_get(d, d->engine.http, path, LIST_TIMEOUT_MS, on_network,
			   *id);
		free(*id);
	}
	if (!ids.len)
		complete(d);
	vec_fini(&ids);
}

static void on_networks(struct engine *e, _unused_ struct engine_call *call,
			const struct http_result *result)
{
	struct docker *d = docker_of(e);
	size_t bad = 0;

	if (engine_failed(&d->engine, result))
		return;
	if (docker_json_networks(result->body, d->engine.base.ops->name,
				 &d->listing.networks, &bad) < 0 ||
	    bad) {
		engine_fail(&d->engine, -EBADMSG,
			    "%s: the list of networks cannot be read",
			    d->engine.socket);
		return;
	}
	if (--d->listing.outstanding == 0)
		apply_lists(d);
}

static void on_containers(struct engine *e, _unused_ struct engine_call *call,
			  const struct http_result *result)
{
	struct docker *d = docker_of(e);
	size_t bad = 0;

	if (engine_failed(&d->engine, result))
		return;
	if (docker_json_containers(result->body, &d->listing.containers, &bad) <
		    0 ||
	    bad) {
		engine_fail(&d->engine, -EBADMSG,
			    "%s: the list of containers cannot be read",
			    d->engine.socket);
		return;
	}
	if (--d->listing.outstanding == 0)
		apply_lists(d);
}

void docker_list(struct docker *d)
{
	struct docker_listing *l = &d->listing;

	if (l->active)
		return;
	l->active = true;
	l->waiters = d->engine.waiters;
	d->engine.waiters = (engine_waiters){ 0 };
	l->when = docker_model_now(d->model);
	l->outstanding = 2;
	docker_model_list_begin(d->model);
	docker_get(d, d->engine.http, "/networks", LIST_TIMEOUT_MS, on_networks,
		   NULL);
	docker_get(d, d->engine.http, "/containers/json?all=1", LIST_TIMEOUT_MS,
		   on_containers, NULL);
}
