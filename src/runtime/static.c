/* SPDX-License-Identifier: GPL-2.0-or-later */
/* static.c - endpoints that no engine tells of: VMs, LXC, nspawn, tests.
 *
 * Reads a file (static_file.h) at start, whenever it was written or replaced,
 * and for each sync. A broken or missing one changes nothing: what the last
 * good one listed stays, and the status says why.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "runtime/file_watch.h"
#include "runtime/runtime.h"
#include "runtime/static_file.h"

#define RETRY_MS 5000 /* while nothing can be watched */

struct waiter {
	runtime_synced_fn fn;
	void *arg;
};

struct static_runtime {
	struct runtime base;
	struct runtime_host host;
	char *path;
	char *detail;
	enum runtime_state state;
	struct file_watch *watch;
	struct loop_timer *retry, *answer;
	VEC(struct waiter) waiters;
	int error; /* of the last reading */
	uint64_t readings;
};

static void put_all(struct static_runtime *s, struct static_file *file)
{
	struct endpoint_store *store = s->host.store;

	endpoint_store_sync_begin(store, runtime_static.name);
	vec_foreach(n, &file->networks)
		endpoint_store_put_network(store, TAKE_PTR(*n));
	vec_foreach(e, &file->endpoints)
		endpoint_store_put(store, TAKE_PTR(*e));
	endpoint_store_sync_end(store, runtime_static.name);
	file->networks.len = file->endpoints.len = 0;
}

static void set_status(struct static_runtime *s, enum runtime_state state,
		       const char *detail)
{
	struct runtime_status status;

	if (s->state == state && !strcmp(s->detail, detail))
		return;
	s->state = state;
	free(s->detail);
	s->detail = xstrdup(detail);
	runtime_static.status(&s->base, &status);
	if (s->host.changed)
		s->host.changed(s->host.arg, &status);
}

static void tell_errors(struct static_runtime *s, const struct diag_list *diag)
{
	char text[1024] = "";

	vec_foreach(d, &diag->entries)
		log_error("static: %s", diag_format(d, text, sizeof(text)));
	if (diag->entries.len)
		diag_format(&diag->entries.data[0], text, sizeof(text));
	set_status(s,
		   s->state == RUNTIME_CONNECTING ? RUNTIME_CONNECTING
						  : RUNTIME_AWAY,
		   text);
}

static void read_file(struct static_runtime *s)
{
	_cleanup_(static_file_freep) struct static_file *file = NULL;
	_cleanup_(diag_fini) struct diag_list diag = { 0 };

	s->error = static_file_load(s->path, &diag, &file);
	if (s->error < 0) {
		tell_errors(s, &diag);
		return;
	}
	s->readings++;
	put_all(s, file);
	set_status(s, RUNTIME_IN_STEP, "");
}

static void on_written(void *arg)
{
	read_file(arg);
}

/* Watch first, read then: nothing is missed in between. */
static void start(void *arg)
{
	struct static_runtime *s = arg;

	s->watch = file_watch_open(s->host.loop, s->path, on_written, s);
	if (!s->watch)
		loop_timer_start(s->retry, RETRY_MS, 0);
	read_file(s);
}

static void answer_waiters(void *arg)
{
	struct static_runtime *s = arg;
	struct waiter *all = s->waiters.data;
	size_t n = s->waiters.len;

	s->waiters.data = NULL;
	s->waiters.len = s->waiters.cap = 0;
	read_file(s);
	for (size_t i = 0; i < n; i++)
		all[i].fn(all[i].arg, s->error);
	free(all);
}

static struct runtime *static_open(const struct runtime_host *host,
				   const char *path)
{
	struct static_runtime *s = xnew(struct static_runtime);

	s->base.ops = &runtime_static;
	s->host = *host;
	s->path = xstrdup(path ?: runtime_static.default_socket);
	s->detail = xstrdup("");
	s->retry = loop_timer_new(host->loop, start, s);
	s->answer = loop_timer_new(host->loop, answer_waiters, s);
	start(s);
	return &s->base;
}

static void static_close(struct runtime *r)
{
	struct static_runtime *s = container_of(r, struct static_runtime, base);

	file_watch_close(s->watch);
	loop_timer_close(s->retry);
	loop_timer_close(s->answer);
	vec_fini(&s->waiters);
	free(s->path);
	free(s->detail);
	free(s);
}

static void static_sync(struct runtime *r, runtime_synced_fn fn, void *arg)
{
	struct static_runtime *s = container_of(r, struct static_runtime, base);

	vec_push(&s->waiters, (struct waiter){ fn, arg });
	loop_timer_start(s->answer, 0, 0);
}

static void static_status(const struct runtime *r, struct runtime_status *ret)
{
	const struct static_runtime *s =
		container_of(r, const struct static_runtime, base);

	*ret = (struct runtime_status){
		.state = s->state,
		.name = runtime_static.name,
		.socket = s->path,
		.version = "",
		.detail = s->detail,
		.resyncs = s->readings,
	};
}

const struct runtime_ops runtime_static = {
	.name = "static",
	.default_socket = "/etc/bulkhead/endpoints.yaml",
	.open = static_open,
	.close = static_close,
	.sync = static_sync,
	.status = static_status,
};
