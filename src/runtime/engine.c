/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine.c - a kept connection to an engine that speaks HTTP. */
#include "runtime/engine.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define VERSION_TIMEOUT_MS 5000
#define PING_TIMEOUT_MS	   5000
#define PING_EVERY_MS	   30000
#define BACKOFF_MIN_MS	   100
#define BACKOFF_MAX_MS	   5000
/* In step for as long as this, a connection was a good one. */
#define SETTLED_NS 5000000000ULL

static void tell(struct engine *e)
{
	struct runtime_status status;

	engine_status(&e->base, &status);
	if (e->host.changed)
		e->host.changed(e->host.arg, &status);
}

/* --- requests --------------------------------------------------------------- */

static void unlink_call(struct engine_call *call)
{
	if (call->prev)
		call->prev->next = call->next;
	else
		call->engine->calls = call->next;
	if (call->next)
		call->next->prev = call->prev;
}

static void free_call(struct engine_call *call)
{
	vec_foreach(id, &call->ids)
		free(*id);
	vec_fini(&call->ids);
	free(call);
}

static void on_answer(void *arg, const struct http_result *result)
{
	struct engine_call *call = arg;

	/* Off the list first: the answer may fail the connection, which
	 * cancels all that are on it. */
	unlink_call(call);
	call->answer(call->engine, call, result);
	free_call(call);
}

struct engine_call *engine_get(struct engine *e, struct http_client *client,
			       const char *path, unsigned timeout_ms,
			       engine_answer_fn answer, const char *id)
{
	_cleanup_(freep) char *url = xasprintf("%s%s", e->prefix, path);
	struct engine_call *call = xnew(struct engine_call);

	call->engine = e;
	call->answer = answer;
	if (id)
		vec_push(&call->ids, xstrdup(id));
	call->next = e->calls;
	if (call->next)
		call->next->prev = call;
	e->calls = call;
	call->request = http_get(client, &(struct http_get){
						 .path = url,
						 .timeout_ms = timeout_ms,
						 .done = on_answer,
						 .arg = call,
					 });
	return call;
}

static void calls_cancel(struct engine *e)
{
	while (e->calls) {
		struct engine_call *call = e->calls;

		http_cancel(call->request);
		unlink_call(call);
		free_call(call);
	}
}

/* --- the connection's end ---------------------------------------------------- */

static void disconnect(struct engine *e)
{
	calls_cancel(e);
	http_cancel(TAKE_PTR(e->stream));
	e->kind->drop(e);
	lines_fini(&e->lines);
	loop_timer_stop(e->ping);
	loop_timer_stop(e->retry);
}

void engine_answer(engine_waiters *waiters, int error)
{
	engine_waiters all = *waiters;

	*waiters = (engine_waiters){ 0 };
	vec_foreach(w, &all)
		w->fn(w->arg, error);
	vec_fini(&all);
}

static void on_socket_file(void *arg);

/* Try again after a pause that doubles each time; at once when the socket
 * appears, which is when an engine comes up. */
static void retry_later(struct engine *e)
{
	loop_timer_start(e->retry, e->backoff_ms, 0);
	e->backoff_ms = MIN(2 * e->backoff_ms, BACKOFF_MAX_MS);
	if (!e->watch)
		e->watch = file_watch_open(e->host.loop, e->socket,
					   on_socket_file, e);
}

void engine_fail(struct engine *e, int error, const char *fmt, ...)
{
	struct buf text = BUF_INIT(4096);
	bool was_in_step = e->state == RUNTIME_IN_STEP;
	va_list args;

	va_start(args, fmt);
	buf_addv(&text, fmt, args);
	va_end(args);
	if (strcmp(e->detail, buf_str(&text)))
		log_warning("%s: %s; %s", e->base.ops->name, buf_str(&text),
			    was_in_step ? "rules stay as they are, trying again"
					: "trying again");
	free(e->detail);
	e->detail = buf_take(&text);
	if (was_in_step) {
		e->state = RUNTIME_AWAY;
		if (clock_monotonic() - e->in_step_since > SETTLED_NS)
			e->backoff_ms = BACKOFF_MIN_MS;
	}
	disconnect(e);
	retry_later(e);
	tell(e);
	engine_answer(&e->waiters, error);
}

/* The engine's own words for a refusal, or what the status means here. */
static void fail_status(struct engine *e, const struct http_result *result)
{
	_cleanup_(freep) char *said = docker_json_message(result->body);

	engine_fail(e, result->status == 403 ? -EACCES : -EPROTO,
		    "%s%s%s%s%s%s", result->message, said ? ": " : "",
		    said ? said : "",
		    result->status == 403 ? " (a proxy must allow GET of " : "",
		    result->status == 403 ? e->kind->paths : "",
		    result->status == 403 ? ")" : "");
}

bool engine_failed(struct engine *e, const struct http_result *result)
{
	if (result->error)
		engine_fail(e, result->error, "%s", result->message);
	else if (result->status != 200)
		fail_status(e, result);
	else
		return false;
	return true;
}

void engine_listed(struct engine *e, size_t containers, size_t networks)
{
	e->resyncs++;
	if (e->state == RUNTIME_IN_STEP)
		return;
	e->state = RUNTIME_IN_STEP;
	e->in_step_since = clock_monotonic();
	e->connects++;
	free(e->detail);
	e->detail = xstrdup("");
	log_info(
		"%s: in step with %s, version %s: %zu containers, %zu networks",
		e->base.ops->name, e->socket, e->version.engine, containers,
		networks);
	tell(e);
}

/* --- events ---------------------------------------------------------------- */

/* Returns false when the connection is gone for it. */
static bool take_event(struct engine *e, struct slice line)
{
	int r = e->kind->event(e, line);

	if (r < 0) {
		engine_fail(e, r, "%s: sent an event that cannot be read: %.*s",
			    e->socket, (int)MIN(line.len, 80U), line.ptr);
		return false;
	}
	e->events += (uint64_t)r;
	return true;
}

static void on_events(void *arg, struct slice bytes)
{
	struct engine *e = arg;
	struct slice line;

	while (lines_next(&e->lines, &bytes, &line))
		if (!take_event(e, line))
			return;
	/* Whatever it was about, a listing knows. */
	if (e->lines.skipped)
		engine_fail(e, -EMSGSIZE,
			    "%s: sent an event of more than %u bytes",
			    e->socket, ENGINE_EVENT_MAX);
}

static void on_subscribed(void *arg)
{
	struct engine *e = arg;

	loop_timer_start(e->ping, PING_EVERY_MS, PING_EVERY_MS);
	e->kind->list(e);
}

static void on_stream_end(void *arg, const struct http_result *result)
{
	struct engine *e = arg;

	e->stream = NULL; /* freed after this */
	if (!engine_failed(e, result))
		engine_fail(e, -ECONNRESET, "%s: the engine ended its events",
			    e->socket);
}

void engine_subscribe(struct engine *e, const char *wanted, uint64_t since)
{
	_cleanup_(freep) char *filter = http_encode(wanted);
	_cleanup_(freep) char *path =
		xasprintf("%s/events?since=%llu.%09llu&filters=%s", e->prefix,
			  (unsigned long long)(since / 1000000000U),
			  (unsigned long long)(since % 1000000000U), filter);

	e->lines = LINES_INIT(ENGINE_EVENT_MAX);
	e->stream = http_get(e->http, &(struct http_get){
					      .path = path,
					      .opened = on_subscribed,
					      .data = on_events,
					      .done = on_stream_end,
					      .arg = e,
				      });
}

static void on_ping(struct engine *e, _unused_ struct engine_call *call,
		    const struct http_result *result)
{
	engine_failed(e, result);
}

/* A hung engine keeps the stream open, and silent. */
static void ping(void *arg)
{
	struct engine *e = arg;

	engine_get(e, e->http, "/_ping", PING_TIMEOUT_MS, on_ping, NULL);
}

/* --- connecting ------------------------------------------------------------ */

static void on_version(struct engine *e, _unused_ struct engine_call *call,
		       const struct http_result *result)
{
	struct docker_version v;

	if (engine_failed(e, result))
		return;
	if (docker_json_version(result->body, &v) < 0) {
		engine_fail(e, -EPROTO, "%s: does not speak the Docker API",
			    e->socket);
		return;
	}
	docker_version_fini(&e->version);
	e->version = v;
	e->kind->connected(e);
}

static void connect_now(void *arg)
{
	struct engine *e = arg;

	loop_timer_stop(e->retry);
	free(e->prefix);
	e->prefix = xstrdup(""); /* not negotiated yet */
	engine_get(e, e->http, "/version", VERSION_TIMEOUT_MS, on_version,
		   NULL);
}

/* Only while waiting for the next try; a connection tells by itself. */
static void on_socket_file(void *arg)
{
	struct engine *e = arg;

	if (!loop_timer_active(e->retry))
		return;
	e->backoff_ms = BACKOFF_MIN_MS;
	connect_now(e);
}

void engine_init(struct engine *e, const struct engine_kind *kind,
		 const struct runtime_ops *ops, const struct runtime_host *host,
		 const char *socket)
{
	e->base.ops = ops;
	e->kind = kind;
	e->host = *host;
	e->socket = xstrdup(socket ?: ops->default_socket);
	e->http = http_client_new(host->loop, e->socket);
	e->slow = http_client_new(host->loop, e->socket);
	e->retry = loop_timer_new(host->loop, connect_now, e);
	e->ping = loop_timer_new(host->loop, ping, e);
	e->detail = xstrdup("");
	e->backoff_ms = BACKOFF_MIN_MS;
	connect_now(e);
}

void engine_fini(struct engine *e)
{
	disconnect(e);
	vec_fini(&e->waiters);
	http_client_free(e->http);
	http_client_free(e->slow);
	file_watch_close(e->watch);
	loop_timer_close(e->retry);
	loop_timer_close(e->ping);
	docker_version_fini(&e->version);
	free(e->prefix);
	free(e->detail);
	free(e->socket);
}

void engine_sync(struct runtime *r, runtime_synced_fn fn, void *arg)
{
	struct engine *e = container_of(r, struct engine, base);

	vec_push(&e->waiters, (struct engine_waiter){ fn, arg });
	if (e->state == RUNTIME_IN_STEP)
		e->kind->list(e);
	else if (loop_timer_active(e->retry))
		connect_now(e);
}

void engine_status(const struct runtime *r, struct runtime_status *ret)
{
	const struct engine *e = container_of(r, const struct engine, base);

	*ret = (struct runtime_status){
		.state = e->state,
		.name = e->base.ops->name,
		.socket = e->socket,
		.version = e->version.engine ?: "",
		.detail = e->detail,
		.events = e->events,
		.reconnects = e->connects ? e->connects - 1 : 0,
		.resyncs = e->resyncs,
	};
}
