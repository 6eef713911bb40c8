/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session.c - what every watcher of a runtime does. */
#include "runtime/session.h"

#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 5000
#define PING_EVERY_MS  30000
#define TEXT_MAX       4096
/* In step for as long as this, a connection was a good one. */
#define SETTLED_NS 5000000000ULL

static void tell(struct session *s)
{
	struct runtime_status status;

	session_status(&s->base, &status);
	if (s->host.changed)
		s->host.changed(s->host.arg, &status);
}

static void set_detail(struct session *s, char *detail)
{
	free(s->detail);
	s->detail = detail;
}

/* ---- the connection ----------------------------------------------------- */

static void connect_now(void *arg)
{
	struct session *s = arg;

	loop_timer_stop(s->retry);
	s->kind->connect(s);
}

static void ping(void *arg)
{
	struct session *s = arg;

	s->kind->ping(s);
}

/* Nothing is under way that would end in a listing or a failure. */
static bool is_idle(const struct session *s)
{
	return s->kind->file || loop_timer_active(s->retry);
}

/* A connection tells by itself what becomes of it. */
static void on_socket_file(void *arg)
{
	struct session *s = arg;

	if (!is_idle(s))
		return;
	s->backoff_ms = BACKOFF_MIN_MS;
	connect_now(s);
}

bool session_watch(struct session *s)
{
	if (!s->watch)
		s->watch = file_watch_open(s->host.loop, s->socket,
					   on_socket_file, s);
	return s->watch != NULL;
}

/* Try again after a pause that doubles each time; at once when the socket
 * appears, which is when an engine comes up. */
static void retry_later(struct session *s)
{
	if (session_watch(s) && s->kind->file)
		return;
	loop_timer_start(s->retry, s->backoff_ms, 0);
	s->backoff_ms = MIN(2 * s->backoff_ms, BACKOFF_MAX_MS);
}

static void disconnect(struct session *s)
{
	loop_timer_stop(s->retry);
	loop_timer_stop(s->ping);
	s->listing = false;
	s->kind->drop(s);
}

static void answer(session_waiters *waiters, int error)
{
	session_waiters all = *waiters;

	*waiters = (session_waiters){ 0 };
	vec_foreach(w, &all)
		w->fn(w->arg, error);
	vec_fini(&all);
}

void session_init(struct session *s, const struct session_kind *kind,
		  const struct runtime_ops *ops,
		  const struct runtime_host *host, const char *socket)
{
	s->base.ops = ops;
	s->kind = kind;
	s->host = *host;
	/* Borrowed for the call of @open. */
	s->host.engine_namespaces = NULL;
	s->host.nengine_namespaces = 0;
	s->socket = xstrdup(socket ?: ops->default_socket);
	s->version = xstrdup("");
	s->api = xstrdup("");
	s->detail = xstrdup("");
	s->backoff_ms = BACKOFF_MIN_MS;
	s->retry = loop_timer_new(host->loop, connect_now, s);
	s->ping = loop_timer_new(host->loop, ping, s);
}

void session_start(struct session *s)
{
	s->kind->connect(s);
}

void session_fini(struct session *s)
{
	disconnect(s);
	vec_fini(&s->asked);
	vec_fini(&s->waiters);
	file_watch_close(s->watch);
	loop_timer_close(s->retry);
	loop_timer_close(s->ping);
	free(s->version);
	free(s->api);
	free(s->detail);
	free(s->socket);
}

void session_version(struct session *s, const char *version)
{
	const struct runtime_versions *known = &s->base.ops->versions;
	enum runtime_support support = runtime_support_of(known, version);

	if (!strcmp(s->version, version))
		return;
	free(s->version);
	s->version = xstrdup(version);
	if (support == RUNTIME_NEWER || support == RUNTIME_OLDER)
		log_warning(
			"%s: version %s is %s than any that this bulkhead was tried with: %s",
			s->base.ops->name, version,
			support == RUNTIME_NEWER ? "newer" : "older",
			known->tried);
}

void session_api(struct session *s, const char *api)
{
	free(s->api);
	s->api = xstrdup(api);
}

void session_fail(struct session *s, int error, const char *fmt, ...)
{
	struct buf text = BUF_INIT(TEXT_MAX);
	bool was_in_step = s->state == RUNTIME_IN_STEP;
	va_list args;

	va_start(args, fmt);
	buf_addv(&text, fmt, args);
	va_end(args);
	if (strcmp(s->detail, buf_str(&text)) != 0)
		log_warning("%s: %s%s%s", s->base.ops->name, buf_str(&text),
			    was_in_step ? "; rules stay as they are" : "",
			    s->kind->file ? ""
			    : was_in_step ? ", trying again"
					  : "; trying again");
	set_detail(s, buf_take(&text));
	if (was_in_step) {
		s->state = RUNTIME_AWAY;
		if (clock_monotonic() - s->in_step_since > SETTLED_NS)
			s->backoff_ms = BACKOFF_MIN_MS;
	}
	disconnect(s);
	retry_later(s);
	tell(s);
	answer(&s->asked, error);
	answer(&s->waiters, error);
}

/* ---- listings ----------------------------------------------------------- */

void session_subscribed(struct session *s)
{
	if (s->kind->ping)
		loop_timer_start(s->ping, PING_EVERY_MS, PING_EVERY_MS);
	session_list(s);
}

void session_list(struct session *s)
{
	if (s->listing)
		return;
	s->listing = true;
	s->asked = s->waiters;
	s->waiters = (session_waiters){ 0 };
	s->kind->list(s);
}

static void set_in_step(struct session *s, size_t endpoints, size_t networks)
{
	s->state = RUNTIME_IN_STEP;
	s->in_step_since = clock_monotonic();
	s->connects++;
	set_detail(s, xstrdup(""));
	log_info("%s: in step with %s%s%s: %zu endpoints, %zu networks",
		 s->base.ops->name, s->socket,
		 s->version[0] ? ", version " : "", s->version, endpoints,
		 networks);
	tell(s);
}

void session_listed(struct session *s, size_t endpoints, size_t networks)
{
	s->listing = false;
	s->resyncs++;
	if (s->state != RUNTIME_IN_STEP)
		set_in_step(s, endpoints, networks);
	answer(&s->asked, 0);
	if (s->waiters.len)
		session_list(s);
}

void session_remark(struct session *s, const char *problem)
{
	if (!strcmp(s->detail, problem ?: ""))
		return;
	set_detail(s, xstrdup(problem ?: ""));
	if (problem)
		log_warning("%s: %s", s->base.ops->name, problem);
	tell(s);
}

void session_sync(struct runtime *r, runtime_synced_fn fn, void *arg)
{
	struct session *s = container_of(r, struct session, base);

	vec_push(&s->waiters, (struct session_waiter){ fn, arg });
	if (s->state == RUNTIME_IN_STEP)
		session_list(s);
	else if (is_idle(s))
		connect_now(s);
}

void session_status(const struct runtime *r, struct runtime_status *ret)
{
	const struct session *s = container_of(r, const struct session, base);

	*ret = (struct runtime_status){
		.state = s->state,
		.name = s->base.ops->name,
		.socket = s->socket,
		.version = s->version,
		.api = s->api,
		.support =
			runtime_support_of(&s->base.ops->versions, s->version),
		.detail = s->detail,
		.events = s->events,
		.reconnects = s->connects ? s->connects - 1 : 0,
		.resyncs = s->resyncs,
	};
}
