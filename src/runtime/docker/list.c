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

void docker_list_cancel(struct docker *d)
{
	struct docker_listing *l = &d->listing;

	docker_networks_fini(&l->networks);
	docker_containers_fini(&l->containers);
	l->outstanding = 0;
}

static void complete(struct docker *d)
{
	size_t containers, networks;

	docker_model_list_end(d->model);
	docker_list_cancel(d);
	docker_model_count(d->model, &containers, &networks);
	session_listed(&d->engine.session, containers, networks);
}

static void on_network(struct engine *e, struct engine_call *call,
		       const struct http_result *result)
{
	struct docker *d = docker_of(e);
	if (result->status != 404 && engine_failed(&d->engine, result))
		return;
	docker_take_network(d, call, result);
	if (d->listing.outstanding && --d->listing.outstanding == 0)
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
	if (docker_json_networks(result->body, d->engine.session.base.ops->name,
				 &d->listing.networks, &bad) < 0 ||
	    bad) {
		session_fail(&d->engine.session, -EBADMSG,
			     "%s: the list of networks cannot be read",
			     d->engine.session.socket);
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
		session_fail(&d->engine.session, -EBADMSG,
			     "%s: the list of containers cannot be read",
			     d->engine.session.socket);
		return;
	}
	if (--d->listing.outstanding == 0)
		apply_lists(d);
}

void docker_list(struct engine *e)
{
	struct docker *d = docker_of(e);

	d->listing.when = docker_model_now(d->model);
	d->listing.outstanding = 2;
	docker_model_list_begin(d->model);
	docker_get(d, e->http, "/networks", LIST_TIMEOUT_MS, on_networks, NULL);
	docker_get(d, e->http, "/containers/json?all=1", LIST_TIMEOUT_MS,
		   on_containers, NULL);
}
