/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session.c - what every watcher of an engine behind a socket does. */
#include "runtime/session.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 5000
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

static void connect_now(void *arg)
{
	struct session *s = arg;

	loop_timer_stop(s->retry);
	s->connect(s);
}

/* Only while waiting for the next try; a connection tells by itself. */
static void on_socket_file(void *arg)
{
	struct session *s = arg;

	if (!loop_timer_active(s->retry))
		return;
	s->backoff_ms = BACKOFF_MIN_MS;
	connect_now(s);
}

/* Try again after a pause that doubles each time; at once when the socket
 * appears, which is when an engine comes up. */
static void retry_later(struct session *s)
{
	loop_timer_start(s->retry, s->backoff_ms, 0);
	s->backoff_ms = MIN(2 * s->backoff_ms, BACKOFF_MAX_MS);
	if (!s->watch)
		s->watch = file_watch_open(s->host.loop, s->socket,
					   on_socket_file, s);
}

void session_init(struct session *s, const struct runtime_ops *ops,
		  const struct runtime_host *host, const char *socket,
		  void (*connect)(struct session *s),
		  void (*disconnect)(struct session *s))
{
	s->base.ops = ops;
	s->host = *host;
	s->socket = xstrdup(socket ?: ops->default_socket);
	s->version = xstrdup("");
	s->detail = xstrdup("");
	s->backoff_ms = BACKOFF_MIN_MS;
	s->retry = loop_timer_new(host->loop, connect_now, s);
	s->connect = connect;
	s->disconnect = disconnect;
}

void session_fini(struct session *s)
{
	vec_fini(&s->waiters);
	file_watch_close(s->watch);
	loop_timer_close(s->retry);
	free(s->version);
	free(s->detail);
	free(s->socket);
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
		log_warning("%s: %s; %s", s->base.ops->name, buf_str(&text),
			    was_in_step ? "rules stay as they are, trying again"
					: "trying again");
	set_detail(s, buf_take(&text));
	if (was_in_step) {
		s->state = RUNTIME_AWAY;
		if (clock_monotonic() - s->in_step_since > SETTLED_NS)
			s->backoff_ms = BACKOFF_MIN_MS;
	}
	s->disconnect(s);
	retry_later(s);
	tell(s);
	session_answer(&s->waiters, error);
}

bool session_listed(struct session *s)
{
	s->resyncs++;
	if (s->state == RUNTIME_IN_STEP)
		return false;
	s->state = RUNTIME_IN_STEP;
	s->in_step_since = clock_monotonic();
	s->connects++;
	set_detail(s, xstrdup(""));
	tell(s);
	return true;
}

void session_answer(session_waiters *waiters, int error)
{
	session_waiters all = *waiters;

	*waiters = (session_waiters){ 0 };
	vec_foreach(w, &all)
		w->fn(w->arg, error);
	vec_fini(&all);
}

bool session_wait(struct session *s, runtime_synced_fn fn, void *arg)
{
	vec_push(&s->waiters, (struct session_waiter){ fn, arg });
	if (s->state == RUNTIME_IN_STEP)
		return true;
	if (loop_timer_active(s->retry))
		connect_now(s);
	return false;
}

void session_status(const struct runtime *r, struct runtime_status *ret)
{
	const struct session *s = container_of(r, const struct session, base);

	*ret = (struct runtime_status){
		.state = s->state,
		.name = s->base.ops->name,
		.socket = s->socket,
		.version = s->version,
		.detail = s->detail,
		.events = s->events,
		.reconnects = s->connects ? s->connects - 1 : 0,
		.resyncs = s->resyncs,
	};
}
