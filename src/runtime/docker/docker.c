/* SPDX-License-Identifier: GPL-2.0-or-later */
/* docker.c - follows a Docker engine over the connection of engine.h. */
#include "runtime/docker/docker.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define EVENT_FILTER                                                      \
	"{\"type\":[\"container\",\"network\"],"                          \
	"\"event\":[\"create\",\"start\",\"die\",\"destroy\",\"rename\"," \
	"\"exec_start\",\"oom\","                                         \
	"\"connect\",\"disconnect\"]}"

/* What happens in a container and changes nothing, for the record: "oom", and
 * "exec_start: COMMAND", as the engine writes it. */
static void tell_act(const struct engine *engine, const struct docker_event *e)
{
	static const char start[] = "exec_start: ";
	const struct runtime_host *host = &engine->session.host;

	if (e->network)
		return;
	if (host->exec && !strncmp(e->action, start, sizeof(start) - 1))
		host->exec(host->arg, e->id, e->action + sizeof(start) - 1);
	if (host->oom && !strcmp(e->action, "oom"))
		host->oom(host->arg, e->id);
}

static int on_event(struct engine *engine, struct slice line)
{
	struct docker *d = docker_of(engine);
	struct docker_event e;
	int r = docker_json_event(line, &e);

	if (r < 0)
		return r;
	tell_act(engine, &e);
	r = docker_model_event(d->model, &e);
	docker_event_fini(&e);
	return r;
}

/* The API version to use; false when there is none that both speak. */
static bool choose_api(struct engine *e)
{
	const struct docker_version *v = &e->version;
	unsigned minor = 0;
	int r;

	if (v->podman) {
		session_fail(
			&e->session, -EPROTONOSUPPORT,
			"%s: is Podman %s: configure it as runtime podman, whose own API tells more",
			e->session.socket, v->engine);
		return false;
	}
	r = docker_version_choose(v, &minor);
	if (r == -EOVERFLOW)
		session_fail(
			&e->session, -EPROTONOSUPPORT,
			"%s: engine %s wants API %u.%u or later, this bulkhead speaks up to %d.%d: upgrade it",
			e->session.socket, v->engine, v->min_major,
			v->min_minor, DOCKER_API_MAJOR, DOCKER_API_MINOR_MAX);
	else if (r < 0)
		session_fail(
			&e->session, r,
			"%s: engine %s speaks API %u.%u, needed is %d.%d (Docker 1.12) or later",
			e->session.socket, v->engine, v->api_major,
			v->api_minor, DOCKER_API_MAJOR, DOCKER_API_MINOR_MIN);
	if (r < 0)
		return false;
	free(e->prefix);
	e->prefix = xasprintf("/v%d.%u", DOCKER_API_MAJOR, minor);
	return true;
}

static void on_connected(struct engine *e)
{
	struct docker *d = docker_of(e);

	if (!choose_api(e))
		return;
	d->model = docker_model_new(e->session.host.store,
				    e->session.base.ops->name,
				    e->session.host.namespaces, docker_asks(d));
	/* The engine answers just before it subscribes us: "since" has it
	 * repeat what happened in between. */
	engine_subscribe(e, EVENT_FILTER, clock_realtime());
}

static void on_drop(struct engine *e)
{
	struct docker *d = docker_of(e);

	docker_list_cancel(d);
	docker_asks_cancel(d);
	docker_model_free(TAKE_PTR(d->model));
}

static const struct engine_kind kind = {
	.paths = "version, _ping, events, containers and networks",
	.connected = on_connected,
	.list = docker_list,
	.event = on_event,
	.drop = on_drop,
};

static struct runtime *docker_open(const struct runtime_host *host,
				   const char *socket)
{
	struct docker *d = xnew(struct docker);

	engine_init(&d->engine, &kind, &runtime_docker, host, socket);
	return &d->engine.session.base;
}

static void docker_close(struct runtime *r)
{
	struct docker *d = container_of(r, struct docker, engine.session.base);

	engine_fini(&d->engine);
	free(d);
}

static void docker_bridge_changed(struct runtime *r, const char *bridge)
{
	struct docker *d = container_of(r, struct docker, engine.session.base);

	if (d->model)
		docker_model_ports(d->model, bridge);
}

const struct runtime_ops runtime_docker = {
	.name = "docker",
	.default_socket = "/run/docker.sock",
	.versions = { .needed = { 1, 12 },
		      .tried_from = { 20, 10 },
		      .tried_to = { 29, RUNTIME_ANY_MINOR },
		      .tried =
			      "20.10, and 24 to 29 by the descriptions of their API" },
	.open = docker_open,
	.close = docker_close,
	.sync = session_sync,
	.bridge_changed = docker_bridge_changed,
	.status = session_status,
};
