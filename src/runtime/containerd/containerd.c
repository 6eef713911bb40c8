/* SPDX-License-Identifier: GPL-2.0-or-later */
/* containerd.c - keeps a connection to a containerd, and the store in step.
 *
 * Theory of operation: ask for the version and the namespaces, then subscribe;
 * session.h has what comes then.
 *
 * **When the subscription stands.** The server says nothing to a subscriber
 * before the first event. A listing that overtakes the subscription would miss
 * what happens in between, so an event of our own is published, again and
 * again, until it comes back. It is the only thing that is ever written.
 */
#include "runtime/containerd/containerd.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

#define PROBE_EVERY_MS	 20
#define PROBES_MAX	 250 /* so 5 s */
#define SHORT_TIMEOUT_MS 5000
#define EVENT_MAX	 (4U << 20)

#define API "v1" /* of each of its services */

#define DEFAULT_NAMESPACE "default"

#define METHOD_VERSION	  "/containerd.services.version.v1.Version/Version"
#define METHOD_NAMESPACES "/containerd.services.namespaces.v1.Namespaces/List"
#define METHOD_SUBSCRIBE  "/containerd.services.events.v1.Events/Subscribe"
#define METHOD_PUBLISH	  "/containerd.services.events.v1.Events/Publish"

static void drop(struct session *s)
{
	struct containerd *c = containerd_of(s);

	loop_timer_stop(c->probe);
	containerd_calls_cancel(c);
	containerd_execs_cancel(c);
	grpc_cancel(TAKE_PTR(c->stream));
	containerd_model_free(TAKE_PTR(c->model));
	c->subscribed = false;
	c->probes = 0;
}

bool containerd_failed(struct containerd *c, const struct grpc_result *result)
{
	if (!result->error)
		return false;
	if (result->error == -EOPNOTSUPP)
		session_fail(
			&c->session, result->error,
			"%s: %s; containerd %s is too old (1.3 is needed), or something else listens there",
			c->session.socket, result->message, c->session.version);
	else if (result->status > 0)
		session_fail(&c->session, result->error, "%s: %s",
			     c->session.socket, result->message);
	else
		session_fail(&c->session, result->error, "%s", result->message);
	return true;
}

/* ---- events ------------------------------------------------------------- */

static void on_subscribed(struct containerd *c)
{
	if (c->subscribed)
		return;
	c->subscribed = true;
	loop_timer_stop(c->probe);
	session_subscribed(&c->session);
}

/* What happens in a container and changes nothing, for the record. Returns
 * true when it is told. */
static bool tell_act(struct containerd *c, const struct containerd_event *e)
{
	const struct runtime_host *host = &c->session.host;
	const char *id;

	if (e->kind != CONTAINERD_EXEC_STARTED && e->kind != CONTAINERD_OOM)
		return false;
	id = containerd_model_endpoint(c->model, e->namespace, e->id);
	if (!id)
		return false;
	if (e->kind == CONTAINERD_EXEC_STARTED)
		containerd_exec_started(c, id, e->pid);
	else if (host->oom)
		host->oom(host->arg, id);
	return true;
}

static void on_event(void *arg, struct slice message)
{
	struct containerd *c = arg;
	struct containerd_event e;

	if (containerd_wire_event(message, &e) < 0) {
		session_fail(&c->session, -EBADMSG,
			     "%s: sent an event that cannot be read",
			     c->session.socket);
		return;
	}
	if (e.kind == CONTAINERD_PROBE)
		on_subscribed(c);
	else
		c->session.events += tell_act(c, &e) ||
				     containerd_model_event(c->model, &e);
	containerd_event_fini(&e);
}

static void on_stream_end(void *arg, const struct grpc_result *result)
{
	struct containerd *c = arg;

	c->stream = NULL; /* freed after this */
	if (!containerd_failed(c, result))
		session_fail(&c->session, -ECONNRESET,
			     "%s: the engine ended its events",
			     c->session.socket);
}

static void on_published(struct containerd *c,
			 _unused_ struct containerd_call *call,
			 const struct grpc_result *result)
{
	containerd_failed(c, result);
}

static void publish_probe(void *arg)
{
	_cleanup_(buf_fini) struct buf request = BUF_INIT(BUF_UNBOUNDED);
	struct containerd *c = arg;

	if (c->probes++ == PROBES_MAX) {
		session_fail(&c->session, -ETIMEDOUT,
			     "%s: the engine does not send events",
			     c->session.socket);
		return;
	}
	containerd_wire_probe(&request);
	containerd_send(c, &(struct containerd_ask_call){
				   .method = METHOD_PUBLISH,
				   .namespace = c->namespaces.data[0],
				   .request = buf_slice(&request),
				   .done = on_published,
			   });
}

/* Only what changes something: each event wakes us. */
static void add_filters(struct containerd *c, containerd_names *filters)
{
	vec_push(filters, xasprintf("topic==\"%s\"", CONTAINERD_PROBE_TOPIC));
	vec_foreach(name, &c->namespaces)
		vec_push(
			filters,
			xasprintf(
				"namespace==%s,topic~=\"^/(containers/|tasks/(create|start|exit|delete|exec-started|oom)$)\"",
				*name));
}

static void subscribe(struct containerd *c)
{
	_cleanup_(buf_fini) struct buf request = BUF_INIT(BUF_UNBOUNDED);
	struct containerd_ask ask = { .record = containerd_want_record,
				      .arg = c };
	containerd_names filters = { 0 };

	add_filters(c, &filters);
	containerd_wire_subscribe(&request, filters.data, filters.len);
	containerd_names_fini(&filters);
	c->model = containerd_model_new(&c->session.host, ask);
	c->stream = grpc_send(c->http, &(struct grpc_call){
					       .method = METHOD_SUBSCRIBE,
					       .request = buf_slice(&request),
					       .stream = true,
					       .max_message = EVENT_MAX,
					       .message = on_event,
					       .done = on_stream_end,
					       .arg = c,
				       });
	loop_timer_start(c->probe, 0, PROBE_EVERY_MS);
}

/* ---- connecting --------------------------------------------------------- */

static bool has_name(const containerd_names *list, const char *name)
{
	vec_foreach(known, list)
		if (!strcmp(*known, name))
			return true;
	return false;
}

/* One that is not there may be made later; a mistyped one never is. */
static void on_namespaces(struct containerd *c,
			  _unused_ struct containerd_call *call,
			  struct slice message)
{
	containerd_names there;

	if (containerd_wire_namespaces(message, &there) < 0) {
		session_fail(&c->session, -EBADMSG,
			     "%s: the list of namespaces cannot be read",
			     c->session.socket);
		return;
	}
	vec_foreach(name, &c->namespaces)
		if (!has_name(&there, *name))
			log_write(
				strcmp(*name, DEFAULT_NAMESPACE)
					? LOG_LEVEL_WARNING
					: LOG_LEVEL_DEBUG,
				"containerd: there is no namespace %s yet; if it is made, it is watched",
				*name);
	containerd_names_fini(&there);
}

static void on_namespaces_done(struct containerd *c,
			       _unused_ struct containerd_call *call,
			       const struct grpc_result *result)
{
	if (!containerd_failed(c, result))
		subscribe(c);
}

static void on_version(struct containerd *c,
		       _unused_ struct containerd_call *call,
		       struct slice message)
{
	char *version;

	if (containerd_wire_version(message, &version) < 0) {
		session_fail(&c->session, -EPROTO,
			     "%s: does not speak as containerd does",
			     c->session.socket);
		return;
	}
	session_version(&c->session, version);
	session_api(&c->session, API);
	free(version);
}

static void on_version_done(struct containerd *c,
			    _unused_ struct containerd_call *call,
			    const struct grpc_result *result)
{
	if (containerd_failed(c, result) || c->model)
		return;
	containerd_send(c, &(struct containerd_ask_call){
				   .method = METHOD_NAMESPACES,
				   .request = SLICE(""),
				   .message = on_namespaces,
				   .done = on_namespaces_done,
			   });
}

static void ask_version(struct session *s)
{
	containerd_send(containerd_of(s),
			&(struct containerd_ask_call){
				.method = METHOD_VERSION,
				.timeout_ms = SHORT_TIMEOUT_MS,
				.request = SLICE(""),
				.message = on_version,
				.done = on_version_done,
			});
}

static const struct session_kind kind = {
	.connect = ask_version,
	.list = containerd_list,
	.drop = drop,
	.ping = ask_version,
};

static struct runtime *containerd_open(const struct runtime_host *host,
				       const char *socket)
{
	struct containerd *c = xnew(struct containerd);
	struct session *s = &c->session;

	session_init(s, &kind, &runtime_containerd, host, socket);
	for (size_t i = 0; i < host->nengine_namespaces; i++)
		vec_push(&c->namespaces, xstrdup(host->engine_namespaces[i]));
	if (!c->namespaces.len)
		vec_push(&c->namespaces, xstrdup(DEFAULT_NAMESPACE));
	c->http = http_client_new_h2(host->loop, s->socket);
	c->probe = loop_timer_new(host->loop, publish_probe, c);
	session_start(s);
	return &s->base;
}

static struct containerd *of_runtime(struct runtime *r)
{
	return containerd_of(container_of(r, struct session, base));
}

static void containerd_close(struct runtime *r)
{
	struct containerd *c = of_runtime(r);

	session_fini(&c->session);
	http_client_free(c->http);
	loop_timer_close(c->probe);
	containerd_names_fini(&c->namespaces);
	free(c);
}

static void containerd_links_changed(struct runtime *r)
{
	struct containerd *c = of_runtime(r);

	if (c->model)
		containerd_model_links(c->model);
}

const struct runtime_ops runtime_containerd = {
	.name = "containerd",
	.default_socket = "/run/containerd/containerd.sock",
	.versions = { .needed = { 1, 3 },
		      .tried_from = { 1, 6 },
		      .tried_to = { 2, 3 },
		      .tried =
			      "1.6, and 1.7 to 2.3 by the descriptions of their API" },
	.open = containerd_open,
	.close = containerd_close,
	.sync = session_sync,
	.links_changed = containerd_links_changed,
	.needs_addresses = true,
	.status = session_status,
};
