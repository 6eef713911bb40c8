/* SPDX-License-Identifier: GPL-2.0-or-later */
/* podman.c - follows Podman's system service over the connection of engine.h.
 *
 * Podman's Docker-compatible API says too little: no event tells of a network
 * that a container gets at its start, and an answer about a network inspects
 * every container there is. So only the ping and the shape of events are
 * Docker's here; the rest is Podman's own API, /libpod.
 *
 * Whose engine it is, and where it keeps its containers, is in its /info, for
 * which it measures its host for up to a second. So who listens at the socket
 * tells the one, and any container's answer the other; /info is asked
 * afterwards to confirm it, and before where neither tells.
 */
#include "runtime/podman/podman.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define LIBPOD_MAJOR_MIN 4
#define LIBPOD_PREFIX	 "/v4.0.0/libpod"
#define INFO_TIMEOUT_MS	 30000

static void watch_starts(struct podman *p, const char *directory)
{
	const podman_ids none = { 0 };
	podman_ids known;

	if (p->early)
		return;
	p->early = podman_early_open(p->engine.session.host.loop, directory,
				     podman_starting, p);
	if (!p->early)
		return;
	known = podman_model_list(p->model, &none);
	vec_foreach(id, &known)
		podman_early_add(p->early, *id);
	podman_ids_fini(&known);
}

bool podman_watch_starts(struct podman *p)
{
	_cleanup_(freep) char *directory = podman_model_directory(p->model);

	if (!p->early && !p->info_told && directory)
		watch_starts(p, directory);
	return p->early || p->info_told;
}

static void take_rootless(struct podman *p)
{
	log_warning(
		"podman: %s is a user's own engine (rootless): its containers are listed, and cannot be held",
		p->engine.session.socket);
	podman_early_close(TAKE_PTR(p->early));
	podman_model_host(p->model, true);
	if (p->hosted) /* not as it looked: its networks are none of ours */
		podman_want_networks(p);
}

static void take_info(struct podman *p)
{
	_cleanup_(freep) char *directory = xasprintf(
		"%s/%s-containers", p->info.graph_root, p->info.driver);

	if (p->info.rootless) {
		take_rootless(p);
	} else {
		if (!p->hosted)
			podman_model_host(p->model, false);
		watch_starts(p, directory);
	}
	p->info_told = p->hosted = true;
	podman_list_next(p);
}

static void on_info(struct engine *e, _unused_ struct engine_call *call,
		    const struct http_result *result)
{
	struct podman *p = podman_of(e);

	if (engine_failed(e, result))
		return;
	if (podman_json_info(result->body, &p->info) < 0)
		session_fail(&e->session, -EPROTO,
			     "%s: tells nothing of its host",
			     e->session.socket);
	else
		take_info(p);
}

void podman_want_info(struct podman *p)
{
	if (p->info_asked)
		return;
	p->info_asked = true;
	engine_get(&p->engine, p->engine.slow, "/info", INFO_TIMEOUT_MS,
		   on_info, NULL);
}

/* Who listens at @path is root. */
static bool root_listens(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(peer);

	if (fd < 0)
		return false;
	if (strlen(path) < sizeof(to.sun_path)) {
		memcpy(to.sun_path, path, strlen(path) + 1);
		if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 ||
		    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
			peer.uid = (uid_t)-1;
	}
	close(fd);
	return peer.uid == 0;
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
					    .container = podman_want_container,
					    .networks = podman_want_networks,
					    .pod = podman_want_pod,
					    .labels = podman_want_labels,
					    .arg = p,
				    });
	p->hosted = root_listens(e->session.socket);
	if (p->hosted)
		podman_model_host(p->model, false);
	else
		podman_want_info(p);
	p->since = clock_realtime();
	engine_subscribe(e, PODMAN_EVENT_FILTER, p->since);
}

static void on_drop(struct engine *e)
{
	struct podman *p = podman_of(e);

	podman_drop_wants(p);
	podman_drop_starts(p);
	podman_drop_checks(p);
	podman_list_drop(p);
	podman_info_fini(&p->info);
	p->hosted = p->info_asked = p->info_told = false;
	podman_model_free(TAKE_PTR(p->model));
}

static const struct engine_kind kind = {
	.paths = "version, info, _ping, events, containers, networks and pods",
	.version = podman_head_version,
	.connected = on_connected,
	.list = podman_list,
	.event = podman_event,
	.drop = on_drop,
};

static void podman_bridge_changed(struct runtime *r,
				  _unused_ const char *bridge)
{
	struct podman *p = container_of(r, struct podman, engine.session.base);

	if (p->engine.stream)
		podman_want_events(p);
}

static struct runtime *podman_open(const struct runtime_host *host,
				   const char *socket)
{
	struct podman *p = xnew(struct podman);

	p->labels = http_client_new(host->loop,
				    socket ?: runtime_podman.default_socket);
	engine_init(&p->engine, &kind, &runtime_podman, host, socket);
	return &p->engine.session.base;
}

static void podman_close(struct runtime *r)
{
	struct podman *p = container_of(r, struct podman, engine.session.base);

	engine_fini(&p->engine);
	http_client_free(p->labels);
	free(p);
}

const struct runtime_ops runtime_podman = {
	.name = "podman",
	.default_socket = "/run/podman/podman.sock",
	.versions = { .needed = { LIBPOD_MAJOR_MIN, 0 },
		      .tried_from = { 4, 3 },
		      .tried_to = { 4, 3 },
		      .tried = "4.3" },
	.open = podman_open,
	.close = podman_close,
	.sync = session_sync,
	.bridge_changed = podman_bridge_changed,
	.status = session_status,
};
