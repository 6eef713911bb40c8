/* SPDX-License-Identifier: GPL-2.0-or-later */
/* static.c - endpoints that no engine tells of: VMs, LXC, nspawn, tests.
 *
 * Reads a file (file.h) at start, whenever it was written or replaced,
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
#include "runtime/session.h"
#include "runtime/static/file.h"
#include "yaml/node.h"

#define RETRY_MS 5000 /* while nothing can be watched */

struct static_runtime {
	struct session session; /* its socket is the file */
	char *text;		/* of the last good reading; NULL: none yet */
	struct loop_timer *reading;
	/* Those that the file names, by name, as they were seen last; one that
	 * never was has no bridge. */
	runtime_interfaces interfaces;
};

static struct static_runtime *static_of(struct session *s)
{
	return container_of(s, struct static_runtime, session);
}

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

	if (!s->interfaces.len || !s->session.host.links.interfaces)
		return false;
	s->session.host.links.interfaces(s->session.host.links.arg, &now);
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
	struct endpoint_store *store = s->session.host.store;

	endpoint_store_sync_begin(store, runtime_static.name);
	vec_foreach(n, &file->networks)
		endpoint_store_put_network(store, TAKE_PTR(*n));
	vec_foreach(e, &file->endpoints)
		endpoint_store_put(store, TAKE_PTR(*e));
	endpoint_store_sync_end(store, runtime_static.name);
	file->networks.len = file->endpoints.len = 0;
}

/* The first one is told with what it means. */
static void tell_errors(struct static_runtime *s, int error,
			const struct diag_list *diag)
{
	char first[1024] = "", text[1024];

	if (diag->entries.len)
		diag_format(&diag->entries.data[0], first, sizeof(first));
	if (strcmp(s->session.detail, first) != 0)
		for (size_t i = 1; i < diag->entries.len; i++)
			log_warning("static: %s",
				    diag_format(&diag->entries.data[i], text,
						sizeof(text)));
	session_fail(&s->session, error, "%s", first);
}

/* Put what @file has, at its place. Returns what hinders one endpoint, to be
 * freed; NULL: nothing. */
static char *apply(struct static_runtime *s, struct static_file *file)
{
	char *problem = place_all(s, file);

	put_all(s, file);
	return problem;
}

static int parse_file(struct static_runtime *s, struct diag_list *diag,
		      struct static_file **ret)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(YAML_BYTES_MAX);
	const char *path = s->session.socket;
	int r = buf_read_file(&text, path);

	if (r < 0)
		return diag_errno(diag, path, r, "cannot read");
	r = static_file_parse(buf_slice(&text), path, diag, ret);
	if (r < 0)
		return r;
	free(s->text);
	s->text = buf_take(&text);
	return 0;
}

static void read_file(void *arg)
{
	struct static_runtime *s = arg;
	_cleanup_(static_file_freep) struct static_file *file = NULL;
	_cleanup_(diag_fini) struct diag_list diag = { 0 };
	_cleanup_(freep) char *problem = NULL;
	size_t endpoints, networks;
	int r = parse_file(s, &diag, &file);

	if (r < 0) {
		tell_errors(s, r, &diag);
		return;
	}
	endpoints = file->endpoints.len;
	networks = file->networks.len;
	take_names(s, file);
	look(s);
	problem = apply(s, file);
	session_listed(&s->session, endpoints, networks);
	session_remark(&s->session, problem);
}

/* While the file is broken, the last good one is placed, and the status keeps
 * telling of the file. */
static void static_links_changed(struct runtime *r)
{
	struct static_runtime *s =
		static_of(container_of(r, struct session, base));
	_cleanup_(static_file_freep) struct static_file *file = NULL;
	_cleanup_(diag_fini) struct diag_list diag = { 0 };
	_cleanup_(freep) char *problem = NULL;

	if (!s->text || !look(s) ||
	    static_file_parse(slice_of(s->text), s->session.socket, &diag,
			      &file) < 0)
		return;
	problem = apply(s, file);
	if (s->session.state == RUNTIME_IN_STEP)
		session_remark(&s->session, problem);
}

/* ---- the session --------------------------------------------------------- */

/* Watch first, read then: nothing is missed in between. */
static void start(struct session *s)
{
	if (!session_watch(s))
		loop_timer_start(s->retry, RETRY_MS, 0);
	session_subscribed(s);
}

static void list(struct session *s)
{
	loop_timer_start(static_of(s)->reading, 0, 0);
}

static void drop(struct session *s)
{
	loop_timer_stop(static_of(s)->reading);
}

static const struct session_kind kind = {
	.connect = start,
	.list = list,
	.drop = drop,
	.file = true,
};

static struct runtime *static_open(const struct runtime_host *host,
				   const char *path)
{
	struct static_runtime *s = xnew(struct static_runtime);

	s->reading = loop_timer_new(host->loop, read_file, s);
	session_init(&s->session, &kind, &runtime_static, host, path);
	session_start(&s->session);
	/* Not in the next turn: what is there is held from the first commit. */
	loop_timer_stop(s->reading);
	read_file(s);
	return &s->session.base;
}

static void static_close(struct runtime *r)
{
	struct static_runtime *s =
		static_of(container_of(r, struct session, base));

	session_fini(&s->session);
	loop_timer_close(s->reading);
	vec_fini(&s->interfaces);
	free(s->text);
	free(s);
}

const struct runtime_ops runtime_static = {
	.name = "static",
	.default_socket = "/etc/bulkhead/endpoints.yaml",
	.open = static_open,
	.close = static_close,
	.sync = session_sync,
	.links_changed = static_links_changed,
	.status = session_status,
};
