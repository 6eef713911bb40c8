/* SPDX-License-Identifier: GPL-2.0-or-later */
/* docker.c - keeps a connection to a Docker engine, and the store in step.
 *
 * Theory of operation: ask for the version and settle on one both speak;
 * subscribe to events; once that stands, list everything; then apply events.
 * Whatever goes wrong in between - the engine restarts, hangs, answers
 * nonsense - ends in docker_fail(): all that was under way is dropped, with
 * the model, and everything starts again after a pause. The store keeps what
 * it had until the next listing is complete.
 *
 * Only GET is ever used, so a read-only proxy in front of the socket is fine.
 * It must let through /version, /_ping, /events, /containers and /networks.
 */
#include "runtime/docker.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

/* What we know how to read. 1.24 is Docker 1.12; engines of today refuse
 * anything below their own minimum, 1.44 for Docker 29. */
#define API_MAJOR     1
#define API_MINOR_MIN 24
#define API_MINOR_MAX 47

#define VERSION_TIMEOUT_MS 5000
#define PING_TIMEOUT_MS	   5000
#define PING_EVERY_MS	   30000
#define BACKOFF_MIN_MS	   100
#define BACKOFF_MAX_MS	   5000
/* In step for as long as this, a connection was a good one. */
#define SETTLED_NS 5000000000ULL
/* Labels ride in events: a line can be long, but not endless. */
#define EVENT_MAX (4U << 20)

#define EVENT_FILTER                                                      \
	"{\"type\":[\"container\",\"network\"],"                          \
	"\"event\":[\"create\",\"start\",\"die\",\"destroy\",\"rename\"," \
	"\"connect\",\"disconnect\"]}"

static void tell(struct docker *d)
{
	struct runtime_status status;

	docker_status(&d->base, &status);
	if (d->host.changed)
		d->host.changed(d->host.arg, &status);
}

static void disconnect(struct docker *d)
{
	docker_list_cancel(d);
	docker_calls_cancel(d);
	docker_asks_cancel(d);
	http_cancel(TAKE_PTR(d->stream));
	docker_model_free(TAKE_PTR(d->model));
	lines_fini(&d->lines);
	loop_timer_stop(d->ping);
	loop_timer_stop(d->retry);
}

static void answer_waiters(struct docker *d, int error)
{
	docker_waiters all = d->waiters;

	d->waiters = (docker_waiters){ 0 };
	vec_foreach(w, &all)
		w->fn(w->arg, error);
	vec_fini(&all);
}

static void on_socket_file(void *arg);

/* Try again after a pause that doubles each time; at once when the socket
 * appears, which is when an engine comes up. */
static void retry_later(struct docker *d)
{
	loop_timer_start(d->retry, d->backoff_ms, 0);
	d->backoff_ms = MIN(2 * d->backoff_ms, BACKOFF_MAX_MS);
	if (!d->watch)
		d->watch = file_watch_open(d->host.loop, d->socket,
					   on_socket_file, d);
}

void docker_fail(struct docker *d, int error, const char *fmt, ...)
{
	struct buf text = BUF_INIT(4096);
	bool was_in_step = d->state == RUNTIME_IN_STEP;
	va_list args;

	va_start(args, fmt);
	buf_addv(&text, fmt, args);
	va_end(args);
	if (strcmp(d->detail, buf_str(&text)))
		log_warning("%s: %s; %s", d->base.ops->name, buf_str(&text),
			    was_in_step ? "rules stay as they are, trying again"
					: "trying again");
	free(d->detail);
	d->detail = buf_take(&text);
	if (was_in_step) {
		d->state = RUNTIME_AWAY;
		if (clock_monotonic() - d->in_step_since > SETTLED_NS)
			d->backoff_ms = BACKOFF_MIN_MS;
	}
	disconnect(d);
	retry_later(d);
	tell(d);
	answer_waiters(d, error);
}

/* The engine's own words for a refusal, or what the status means here. */
static void fail_status(struct docker *d, const struct http_result *result)
{
	_cleanup_(freep) char *said = docker_json_message(result->body);

	docker_fail(
		d, result->status == 403 ? -EACCES : -EPROTO, "%s%s%s%s",
		result->message, said ? ": " : "", said ? said : "",
		result->status == 403
			? " (a proxy must allow GET of version, _ping, events, containers and networks)"
			: "");
}

bool docker_failed(struct docker *d, const struct http_result *result)
{
	if (result->error)
		docker_fail(d, result->error, "%s", result->message);
	else if (result->status != 200)
		fail_status(d, result);
	else
		return false;
	return true;
}

void docker_listed(struct docker *d)
{
	size_t containers, networks;

	if (d->state == RUNTIME_IN_STEP)
		return;
	docker_model_count(d->model, &containers, &networks);
	d->state = RUNTIME_IN_STEP;
	d->in_step_since = clock_monotonic();
	d->connects++;
	free(d->detail);
	d->detail = xstrdup("");
	log_info(
		"%s: in step with %s, version %s: %zu containers, %zu networks",
		d->base.ops->name, d->socket, d->version.engine, containers,
		networks);
	tell(d);
}

/* --- events ---------------------------------------------------------------- */

/* Returns false when the connection is gone for it. */
static bool take_event(struct docker *d, struct slice line)
{
	struct docker_event e;

	if (docker_json_event(line, &e) < 0) {
		docker_fail(d, -EBADMSG,
			    "%s: sent an event that cannot be read: %.*s",
			    d->socket, (int)MIN(line.len, 80U), line.ptr);
		return false;
	}
	d->events += docker_model_event(d->model, &e);
	docker_event_fini(&e);
	return true;
}

static void on_events(void *arg, struct slice bytes)
{
	struct docker *d = arg;
	struct slice line;

	while (lines_next(&d->lines, &bytes, &line))
		if (!take_event(d, line))
			return;
	/* Whatever it was about, a listing knows. */
	if (d->lines.skipped)
		docker_fail(d, -EMSGSIZE,
			    "%s: sent an event of more than %u bytes",
			    d->socket, EVENT_MAX);
}

static void on_subscribed(void *arg)
{
	struct docker *d = arg;

	loop_timer_start(d->ping, PING_EVERY_MS, PING_EVERY_MS);
	docker_list(d);
}

static void on_stream_end(void *arg, const struct http_result *result)
{
	struct docker *d = arg;

	d->stream = NULL; /* freed after this */
	if (!docker_failed(d, result))
		docker_fail(d, -ECONNRESET, "%s: the engine ended its events",
			    d->socket);
}

static void subscribe(struct docker *d)
{
	uint64_t now = clock_realtime();
	_cleanup_(freep) char *filter = http_encode(EVENT_FILTER);
	/* The engine answers just before it subscribes us: "since" has it
	 * repeat what happened in between. */
	_cleanup_(freep) char *path =
		xasprintf("%s/events?since=%llu.%09llu&filters=%s", d->prefix,
			  (unsigned long long)(now / 1000000000U),
			  (unsigned long long)(now % 1000000000U), filter);

	d->model = docker_model_new(d->host.store, d->base.ops->name,
				    d->host.namespaces, docker_asks(d));
	d->lines = LINES_INIT(EVENT_MAX);
	d->stream = http_get(d->http, &(struct http_get){
					      .path = path,
					      .opened = on_subscribed,
					      .data = on_events,
					      .done = on_stream_end,
					      .arg = d,
				      });
}

static void on_ping(struct docker *d, _unused_ struct docker_call *call,
		    const struct http_result *result)
{
	docker_failed(d, result);
}

/* A hung engine keeps the stream open, and silent. */
static void ping(void *arg)
{
	struct docker *d = arg;

	docker_get(d, d->http, "/_ping", PING_TIMEOUT_MS, on_ping, NULL);
}

/* --- connecting ------------------------------------------------------------ */

/* The API version to use; false when there is none that both speak. */
static bool choose_api(struct docker *d)
{
	const struct docker_version *v = &d->version;

	if (v->api_major != API_MAJOR || v->api_minor < API_MINOR_MIN) {
		docker_fail(
			d, -EPROTONOSUPPORT,
			"%s: engine %s speaks API %u.%u, needed is %d.%d (Docker 1.12) or later",
			d->socket, v->engine, v->api_major, v->api_minor,
			API_MAJOR, API_MINOR_MIN);
		return false;
	}
	if (v->min_major > API_MAJOR ||
	    (v->min_major == API_MAJOR && v->min_minor > API_MINOR_MAX)) {
		docker_fail(
			d, -EPROTONOSUPPORT,
			"%s: engine %s wants API %u.%u or later, this bulkhead speaks up to %d.%d: upgrade it",
			d->socket, v->engine, v->min_major, v->min_minor,
			API_MAJOR, API_MINOR_MAX);
		return false;
	}
	free(d->prefix);
	d->prefix = xasprintf("/v%d.%u", API_MAJOR,
			      MIN(v->api_minor, (unsigned)API_MINOR_MAX));
	return true;
}

static void on_version(struct docker *d, _unused_ struct docker_call *call,
		       const struct http_result *result)
{
	struct docker_version v;

	if (docker_failed(d, result))
		return;
	if (docker_json_version(result->body, &v) < 0) {
		docker_fail(d, -EPROTO, "%s: does not speak the Docker API",
			    d->socket);
		return;
	}
	docker_version_fini(&d->version);
	d->version = v;
	if (choose_api(d))
		subscribe(d);
}

static void connect_now(void *arg)
{
	struct docker *d = arg;

	loop_timer_stop(d->retry);
	free(d->prefix);
	d->prefix = xstrdup(""); /* not negotiated yet */
	docker_get(d, d->http, "/version", VERSION_TIMEOUT_MS, on_version,
		   NULL);
}

/* Only while waiting for the next try; a connection tells by itself. */
static void on_socket_file(void *arg)
{
	struct docker *d = arg;

	if (!loop_timer_active(d->retry))
		return;
	d->backoff_ms = BACKOFF_MIN_MS;
	connect_now(d);
}

struct runtime *docker_open_as(const struct runtime_ops *ops,
			       const struct runtime_host *host,
			       const char *socket)
{
	struct docker *d = xnew(struct docker);

	d->base.ops = ops;
	d->host = *host;
	d->socket = xstrdup(socket ?: ops->default_socket);
	d->http = http_client_new(host->loop, d->socket);
	d->slow = http_client_new(host->loop, d->socket);
	d->retry = loop_timer_new(host->loop, connect_now, d);
	d->ping = loop_timer_new(host->loop, ping, d);
	d->detail = xstrdup("");
	d->backoff_ms = BACKOFF_MIN_MS;
	connect_now(d);
	return &d->base;
}

void docker_close(struct runtime *r)
{
	struct docker *d = container_of(r, struct docker, base);

	disconnect(d);
	vec_fini(&d->waiters);
	http_client_free(d->http);
	http_client_free(d->slow);
	file_watch_close(d->watch);
	loop_timer_close(d->retry);
	loop_timer_close(d->ping);
	docker_version_fini(&d->version);
	free(d->prefix);
	free(d->detail);
	free(d->socket);
	free(d);
}

void docker_sync(struct runtime *r, runtime_synced_fn fn, void *arg)
{
	struct docker *d = container_of(r, struct docker, base);

	vec_push(&d->waiters, (struct docker_waiter){ fn, arg });
	if (d->state == RUNTIME_IN_STEP)
		docker_list(d);
	else if (loop_timer_active(d->retry))
		connect_now(d);
}

void docker_bridge_changed(struct runtime *r, const char *bridge)
{
	struct docker *d = container_of(r, struct docker, base);

	if (d->model)
		docker_model_ports(d->model, bridge);
}

void docker_status(const struct runtime *r, struct runtime_status *ret)
{
	const struct docker *d = container_of(r, const struct docker, base);

	*ret = (struct runtime_status){
		.state = d->state,
		.name = d->base.ops->name,
		.socket = d->socket,
		.version = d->version.engine ?: "",
		.detail = d->detail,
		.events = d->events,
		.reconnects = d->connects ? d->connects - 1 : 0,
		.resyncs = d->resyncs,
	};
}

static struct runtime *docker_open(const struct runtime_host *host,
				   const char *socket)
{
	return docker_open_as(&runtime_docker, host, socket);
}

const struct runtime_ops runtime_docker = {
	.name = "docker",
	.default_socket = "/run/docker.sock",
	.open = docker_open,
	.close = docker_close,
	.sync = docker_sync,
	.bridge_changed = docker_bridge_changed,
	.status = docker_status,
};
