/* SPDX-License-Identifier: GPL-2.0-or-later */
/* early.c - tells of containers that are about to start. */
#include "runtime/podman/early.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/table.h"
#include "json/json.h"
#include "runtime/engine_json.h"

#define SPEC	 "config.json"
#define SPEC_MAX (8U << 20)
#define ID_LEN	 64

/* A container's directory, watched until its userdata is there, which is then
 * watched in its place. */
struct place {
	int wd;
	char *id;
	bool userdata;
	UT_hash_handle hh;
};

struct podman_early {
	char *directory;
	int fd, wd;
	struct loop_fd *readable;
	struct place *places;
	podman_early_fn fn;
	void *arg;
};

static struct place *find_place(const struct podman_early *w, int wd)
{
	struct place *p;

	HASH_FIND_INT(w->places, &wd, p);
	return p;
}

static void drop_place(struct podman_early *w, struct place *p)
{
	HASH_DEL(w->places, p);
	free(p->id);
	free(p);
}

/* Returns false when the directory is not there. */
static bool watch(struct podman_early *w, const char *id, bool userdata)
{
	_cleanup_(freep) char *path = xasprintf("%s/%s%s", w->directory, id,
						userdata ? "/userdata" : "");
	int wd = inotify_add_watch(
		w->fd, path,
		IN_ONLYDIR |
			(userdata ? IN_CLOSE_WRITE | IN_MOVED_TO : IN_CREATE));
	struct place *p;

	if (wd < 0) {
		if (errno != ENOENT)
			log_warning(
				"podman: cannot watch %s: %s; containers will be late by a moment at their start",
				path, strerror(errno));
		return false;
	}
	if (find_place(w, wd))
		return true;
	p = xnew(struct place);
	p->wd = wd;
	p->id = xstrdup(id);
	p->userdata = userdata;
	HASH_ADD_INT(w->places, wd, p);
	return true;
}

char *podman_early_netns(struct slice spec)
{
	_cleanup_(json_unrefp) json *o = json_parse(spec);
	json *list = engine_member(engine_member(o, "linux", json_type_object),
				   "namespaces", json_type_array);

	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		json *entry = json_object_array_get_idx(list, i);
		const char *type = engine_text(entry, "type", 32);
		const char *path = engine_text(entry, "path", PATH_MAX);

		if (type && path && path[0] == '/' && !strcmp(type, "network"))
			return xstrdup(path);
	}
	return NULL;
}

static void read_spec(struct podman_early *w, const char *id)
{
	_cleanup_(freep) char *path =
		xasprintf("%s/%s/userdata/" SPEC, w->directory, id);
	_cleanup_(buf_fini) struct buf text = BUF_INIT(SPEC_MAX);
	_cleanup_(freep) char *netns = NULL;

	if (buf_read_file(&text, path) < 0)
		return;
	netns = podman_early_netns(buf_slice(&text));
	if (netns)
		w->fn(w->arg, id, netns);
}

static bool is_id(const char *name)
{
	return strspn(name, "0123456789abcdef") == ID_LEN && !name[ID_LEN];
}

static void on_event(struct podman_early *w, const struct inotify_event *e)
{
	struct place *p = find_place(w, e->wd);
	_cleanup_(freep) char *id = NULL;

	if (e->wd == w->wd && e->len && e->mask & IN_CREATE && is_id(e->name)) {
		podman_early_add(w, e->name);
		read_spec(w, e->name); /* were we late? */
		return;
	}
	if (!p)
		return;
	if (e->mask & IN_IGNORED) {
		drop_place(w, p);
		return;
	}
	id = xstrdup(p->id);
	if (!e->len)
		return;
	if (p->userdata && !strcmp(e->name, SPEC))
		read_spec(w, id);
	else if (!p->userdata && watch(w, id, true)) {
		inotify_rm_watch(w->fd, e->wd);
		read_spec(w, id);
	}
}

static void on_readable(void *arg, _unused_ int events, _unused_ int error)
{
	struct podman_early *w = arg;
	_Alignas(struct inotify_event) char bytes[8192];
	ssize_t n = read(w->fd, bytes, sizeof(bytes));

	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *e =
			(const struct inotify_event *)(const void *)(bytes +
								     at);

		at += (ssize_t)(sizeof(*e) + e->len);
		on_event(w, e);
	}
}

struct podman_early *podman_early_open(struct loop *loop, const char *directory,
				       podman_early_fn fn, void *arg)
{
	struct podman_early *w = xnew(struct podman_early);

	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	w->wd = w->fd < 0 ? -1
			  : inotify_add_watch(w->fd, directory,
					      IN_CREATE | IN_ONLYDIR);
	if (w->wd < 0) {
		log_warning(
			"podman: cannot watch %s: %s; containers will be late by a moment at their start",
			directory, strerror(errno));
		if (w->fd >= 0)
			close(w->fd);
		free(w);
		return NULL;
	}
	w->directory = xstrdup(directory);
	w->fn = fn;
	w->arg = arg;
	w->readable = loop_fd_new(loop, w->fd, LOOP_READABLE, on_readable, w);
	return w;
}

void podman_early_close(struct podman_early *w)
{
	struct place *p, *next;

	if (!w)
		return;
	HASH_ITER(hh, w->places, p, next)
		drop_place(w, p);
	loop_fd_close(w->readable);
	close(w->fd);
	free(w->directory);
	free(w);
}

/* What is made between the two looks is seen by one of them. */
void podman_early_add(struct podman_early *w, const char *id)
{
	if (!is_id(id) || watch(w, id, true) || !watch(w, id, false))
		return;
	(void)watch(w, id, true);
}
