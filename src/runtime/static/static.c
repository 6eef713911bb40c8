/* SPDX-License-Identifier: GPL-2.0-or-later */
/* static.c - endpoints that no engine tells of: VMs, LXC, nspawn, tests.
 *
 * Reads a file (static_file.h) at start, whenever it was written or replaced,
 * and for each sync. A broken or missing one changes nothing: what the last
 * good one listed stays, and the status says why.
 *
 * Where the file names an interface, the kernel says which bridge that is a port
 * of: now, or the last time it was there, so that a VM that is started anew
 * comes back to what was in force for it. The last good text is kept, to be
 * placed again when interfaces come or move while the file may be broken.
 */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "runtime/file_watch.h"
#include "runtime/runtime.h"
#include "runtime/static/file.h"
#include "yaml/node.h"

#define RETRY_MS 5000 /* while nothing can be watched */

struct waiter {
	runtime_synced_fn fn;
	void *arg;
};

struct static_runtime {
	struct runtime base;
	struct runtime_host host;
	char *path;
	char *text; /* of the last good reading; NULL: none yet */
	char *detail;
	enum runtime_state state;
	struct file_watch *watch;
	struct loop_timer *retry, *answer;
	VEC(struct waiter) waiters;
	/* Those that the file names, by name, as they were seen last; one that
	 * never was has no bridge. */
	runtime_interfaces interfaces;
	int error; /* of the last reading */
	uint64_t readings;
};

/* ---- interfaces -------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
	const struct runtime_interface *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static struct runtime_interface *interface_of(const struct static_runtime *s,
					      const char *name)
{
	struct runtime_interface key = { .veth = false };

	if (!s->interfaces.len)
		return NULL;
	memcpy(key.name, name, strlen(name) + 1);
	return bsearch(&key, s->interfaces.data, s->interfaces.len, sizeof(key),
		       compare_names);
}

/* What the kernel has now. Returns true when something is new. */
static bool look(struct static_runtime *s)
{
	runtime_interfaces now = { 0 };
	bool changed = false;

	if (!s->interfaces.len || !s->host.links.interfaces)
		return false;
	s->host.links.interfaces(s->host.links.arg, &now);
	vec_foreach(i, &now) {
		struct runtime_interface *known = interface_of(s, i->name);

		if (!known || (!strcmp(known->bridge, i->bridge) &&
			       known->veth == i->veth))
			continue;
		*known = *i;
		changed = true;
	}
	vec_fini(&now);
	return changed;
}

/* The interfaces that @file names; what is known of one stays known. */
static void take_names(struct static_runtime *s, const struct static_file *file)
{
	runtime_interfaces names = { 0 };

	vec_foreach(e, &file->endpoints) {
		const char *name = (*e)->attachments.data[0].interface;
		const struct runtime_interface *known = interface_of(s, name);
		struct runtime_interface i = { .veth = false };

		if (!name[0])
			continue;
		memcpy(i.name, name, sizeof(i.name));
		vec_push(&names, known ? *known : i);
	}
	vec_sort(&names, compare_names);
	vec_fini(&s->interfaces);
	s->interfaces = names;
}

/* Put each endpoint where its interface is. Returns what hinders one of them,
 * to be freed; NULL: nothing. */
static char *place_all(struct static_runtime *s, struct static_file *file)
{
	char *problem = NULL;

	vec_foreach(e, &file->endpoints) {
		const struct attachment *a = &(*e)->attachments.data[0];
		const struct runtime_interface *i =
			interface_of(s, a->interface);

		if (!i || !i->bridge[0])
			continue;
		if (!a->bridge[0])
			static_file_place(file, *e, i->bridge);
		if (i->veth || mac_is_set(&a->mac) || problem)
			continue;
		problem = xasprintf(
			"endpoint %s/%s: %s is no veth, whose other end would tell the MAC address: nothing passes until the file gives its mac",
			(*e)->namespace, (*e)->name, i->name);
	}
	return problem;
}

/* ---- the file ---------------------------------------------------------- */

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

/* Put what @file has, at its place. Returns what hinders one endpoint, to be
 * freed; NULL: nothing. */
static char *apply(struct static_runtime *s, struct static_file *file)
{
	_cleanup_(freep) char *problem = place_all(s, file);

	put_all(s, file);
	if (problem && !strstr(s->detail, problem))
		log_warning("static: %s", problem);
	return TAKE_PTR(problem);
}

static void read_file(struct static_runtime *s)
{
	_cleanup_(static_file_freep) struct static_file *file = NULL;
	_cleanup_(diag_fini) struct diag_list diag = { 0 };
	_cleanup_(buf_fini) struct buf text = BUF_INIT(YAML_BYTES_MAX);
	_cleanup_(freep) char *problem = NULL;

	s->error = buf_read_file(&text, s->path);
	if (s->error < 0)
		diag_errno(&diag, s->path, s->error, "cannot read");
	else
		s->error = static_file_parse(buf_slice(&text), s->path, &diag,
					     &file);
	if (s->error < 0) {
		tell_errors(s, &diag);
		return;
	}
	s->readings++;
	free(s->text);
	s->text = buf_take(&text);
	take_names(s, file);
	look(s);
	problem = apply(s, file);
	set_status(s, RUNTIME_IN_STEP, problem ?: "");
}

/* While the file is broken, the last good one is placed, and the status keeps
 * telling of the file. */
static void static_links_changed(struct runtime *r)
{
	struct static_runtime *s = container_of(r, struct static_runtime, base);
	_cleanup_(static_file_freep) struct static_file *file = NULL;
	_cleanup_(diag_fini) struct diag_list diag = { 0 };
	_cleanup_(freep) char *problem = NULL;

	if (!s->text || !look(s) ||
	    static_file_parse(slice_of(s->text), s->path, &diag, &file) < 0)
		return;
	problem = apply(s, file);
	if (s->state == RUNTIME_IN_STEP)
		set_status(s, RUNTIME_IN_STEP, problem ?: "");
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
	vec_fini(&s->interfaces);
	free(s->path);
	free(s->text);
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
	.links_changed = static_links_changed,
	.status = static_status,
};
