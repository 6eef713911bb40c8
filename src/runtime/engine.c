/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine.c - a kept connection to an engine that speaks HTTP. */
#include "runtime/engine.h"

#include <errno.h>
#include <string.h>

#define VERSION_TIMEOUT_MS 5000
#define PING_TIMEOUT_MS	   5000
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
						 .keep_head = true,
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

static void drop(struct session *s)
{
	struct engine *e = engine_of(s);

	calls_cancel(e);
	http_cancel(TAKE_PTR(e->stream));
	e->kind->drop(e);
	lines_fini(&e->lines);
}

/* The engine's own words for a refusal, or what the status means here. */
static void fail_status(struct engine *e, const struct http_result *result)
{
	_cleanup_(freep) char *said = docker_json_message(result->body);

	session_fail(&e->session, result->status == 403 ? -EACCES : -EPROTO,
		     "%s%s%s%s%s%s", result->message, said ? ": " : "",
		     said ? said : "",
		     result->status == 403 ? " (a proxy must allow GET of "
					   : "",
		     result->status == 403 ? e->kind->paths : "",
		     result->status == 403 ? ")" : "");
}

bool engine_failed(struct engine *e, const struct http_result *result)
{
	if (result->error)
		session_fail(&e->session, result->error, "%s", result->message);
	else if (result->status != 200)
		fail_status(e, result);
	else
		return false;
	return true;
}

/* --- events ---------------------------------------------------------------- */

/* Returns false when the connection is gone for it. */
static bool take_event(struct engine *e, struct slice line)
{
	int r = e->kind->event(e, line);

	if (r < 0) {
		session_fail(&e->session, r,
			     "%s: sent an event that cannot be read: %.*s",
			     e->session.socket, (int)MIN(line.len, 80U),
			     line.ptr);
		return false;
	}
	e->session.events += (uint64_t)r;
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
		session_fail(&e->session, -EMSGSIZE,
			     "%s: sent an event of more than %u bytes",
			     e->session.socket, ENGINE_EVENT_MAX);
}

static void on_subscribed(void *arg)
{
	struct engine *e = arg;

	session_subscribed(&e->session);
}

static void on_stream_end(void *arg, const struct http_result *result)
{
	struct engine *e = arg;

	e->stream = NULL; /* freed after this */
	if (!engine_failed(e, result))
		session_fail(&e->session, -ECONNRESET,
			     "%s: the engine ended its events",
			     e->session.socket);
}

void engine_subscribe(struct engine *e, const char *wanted, uint64_t since)
{
	_cleanup_(freep) char *filter = http_encode(wanted);
	_cleanup_(freep) char *path =
		xasprintf("%s/events?since=%llu.%09llu&filters=%s", e->prefix,
			  (unsigned long long)(since / 1000000000U),
			  (unsigned long long)(since % 1000000000U), filter);

	session_api(&e->session, e->prefix + strlen("/v"));
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

static void ping(struct session *s)
{
	struct engine *e = engine_of(s);

	engine_get(e, e->http, "/_ping", PING_TIMEOUT_MS, on_ping, NULL);
}

/* --- connecting ------------------------------------------------------------ */

static void settle(struct engine *e, const struct docker_version *v)
{
	docker_version_fini(&e->version);
	e->version = *v;
	session_version(&e->session, v->engine);
	e->kind->connected(e);
}

static void on_version(struct engine *e, _unused_ struct engine_call *call,
		       const struct http_result *result)
{
	struct docker_version v;

	if (engine_failed(e, result))
		return;
	if (docker_json_version(result->body, &v) < 0) {
		session_fail(&e->session, -EPROTO,
			     "%s: does not speak the Docker API",
			     e->session.socket);
		return;
	}
	settle(e, &v);
}

static void ask_version(struct engine *e)
{
	engine_get(e, e->http, "/version", VERSION_TIMEOUT_MS, on_version,
		   NULL);
}

static void on_first_ping(struct engine *e, _unused_ struct engine_call *call,
			  const struct http_result *result)
{
	struct docker_version v;

	if (engine_failed(e, result))
		return;
	if (e->kind->version(result->head, &v) < 0)
		ask_version(e);
	else
		settle(e, &v);
}

static void connect_engine(struct session *s)
{
	struct engine *e = engine_of(s);

	free(e->prefix);
	e->prefix = xstrdup(""); /* not negotiated yet */
	if (e->kind->version)
		engine_get(e, e->http, "/_ping", PING_TIMEOUT_MS, on_first_ping,
			   NULL);
	else
		ask_version(e);
}

static void list(struct session *s)
{
	struct engine *e = engine_of(s);

	e->kind->list(e);
}

static const struct session_kind session_kind = {
	.connect = connect_engine,
	.list = list,
	.drop = drop,
	.ping = ping,
};

void engine_init(struct engine *e, const struct engine_kind *kind,
		 const struct runtime_ops *ops, const struct runtime_host *host,
		 const char *socket)
{
	struct session *s = &e->session;

	e->kind = kind;
	session_init(s, &session_kind, ops, host, socket);
	e->http = http_client_new(host->loop, s->socket);
	e->slow = http_client_new(host->loop, s->socket);
	session_start(s);
}

void engine_fini(struct engine *e)
{
	session_fini(&e->session);
	http_client_free(e->http);
	http_client_free(e->slow);
	docker_version_fini(&e->version);
	free(e->prefix);
}
