/* SPDX-License-Identifier: GPL-2.0-or-later */
/* path_watch.c - dependencies of paths, over inotify. */
#include "loop/path_watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/vec.h"

#define LINKS_MAX 40 /* as the kernel */

/* What makes a name another file, and what happens to the directory. */
#define NAME_MASK                                              \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | \
	 IN_DELETE_SELF | IN_MOVE_SELF)
/* What changes a file. */
#define FILE_MASK (NAME_MASK | IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB)
#define SELF_MASK (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)

struct dependency {
	int wd;
	char *name; /* NULL: every name of the directory */
	void *owner;
};

struct path_watch {
	int fd;
	struct loop_fd *watch;
	path_watch_fn fn;
	void *arg;
	VEC(struct dependency) dependencies;
	VEC(int) wds; /* what inotify watches for us */
	int error;    /* the first since begin */
};

static void on_readable(void *arg, _unused_ int events, _unused_ int error)
{
	path_watch_drain(arg);
}

int path_watch_open(struct loop *loop, path_watch_fn fn, void *arg,
		    struct path_watch **ret)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct path_watch *w;

	if (fd < 0)
		return -errno;
	w = xnew(struct path_watch);
	w->fd = fd;
	w->fn = fn;
	w->arg = arg;
	w->watch = loop_fd_new(loop, fd, LOOP_READABLE, on_readable, w);
	*ret = w;
	return 0;
}

void path_watch_begin(struct path_watch *w)
{
	vec_foreach(dep, &w->dependencies)
		free(dep->name);
	w->dependencies.len = 0;
	w->error = 0;
}

void path_watch_close(struct path_watch *w)
{
	if (!w)
		return;
	path_watch_begin(w);
	vec_fini(&w->dependencies);
	vec_fini(&w->wds);
	loop_fd_close(w->watch);
	close(w->fd);
	free(w);
}

static bool needed(const struct path_watch *w, int wd)
{
	vec_foreach(dep, &w->dependencies)
		if (dep->wd == wd)
			return true;
	return false;
}

int path_watch_end(struct path_watch *w)
{
	size_t kept = 0;

	vec_foreach(wd, &w->wds) {
		if (needed(w, *wd))
			w->wds.data[kept++] = *wd;
		else
			inotify_rm_watch(w->fd, *wd);
	}
	w->wds.len = kept;
	return w->error;
}

void path_watch_forget(struct path_watch *w, const void *owner)
{
	size_t kept = 0;

	vec_foreach(dep, &w->dependencies) {
		if (dep->owner == owner)
			free(dep->name);
		else
			w->dependencies.data[kept++] = *dep;
	}
	w->dependencies.len = kept;
}

static void note_wd(struct path_watch *w, int wd)
{
	vec_foreach(known, &w->wds)
		if (*known == wd)
			return;
	vec_push(&w->wds, wd);
}

/* Watch directory @dir for @name. One that is gone by now is no error: its
 * own disappearance is an event above it. */
static void depend(struct path_watch *w, const char *dir, const char *name,
		   uint32_t mask, void *owner)
{
	int wd = inotify_add_watch(w->fd, dir, mask | IN_MASK_ADD | IN_ONLYDIR);

	if (wd < 0) {
		if (errno != ENOENT && errno != ENOTDIR && !w->error)
			w->error = -errno;
		return;
	}
	note_wd(w, wd);
	vec_push(&w->dependencies,
		 (struct dependency){ wd, name ? xstrdup(name) : NULL, owner });
}

/* The way still to go from @at, a directory without links; "" is the root. */
struct walk {
	struct buf at;
	char *rest;
	unsigned links;
	bool content;
	void *owner;
};

static void walk_fini(struct walk *k)
{
	buf_fini(&k->at);
	free(k->rest);
}

/* Take the next component off the rest; NULL when there is none. */
static char *next_name(struct walk *k)
{
	char *start = k->rest + strspn(k->rest, "/");
	size_t len = strcspn(start, "/");
	char *name = len ? xstrndup(start, len) : NULL;

	memmove(k->rest, start + len, strlen(start + len) + 1);
	return name;
}

static void go_up(struct walk *k)
{
	while (k->at.len && k->at.data[--k->at.len] != '/')
		;
	k->at.data[k->at.len] = '\0';
}

/* Continue with the target of the link at @path instead. */
static int go_through(struct walk *k, const char *path)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	char *rest;

	if (n < 0)
		return -errno;
	if (++k->links > LINKS_MAX)
		return -ELOOP;
	target[n] = '\0';
	rest = xasprintf("%s/%s", target, k->rest);
	free(k->rest);
	k->rest = rest;
	if (target[0] == '/')
		buf_clear(&k->at);
	return 0;
}

static int go_down(struct path_watch *w, struct walk *k, const char *name)
{
	bool last = !k->rest[strspn(k->rest, "/")];
	const char *dir = k->at.len ? buf_str(&k->at) : "/";
	_cleanup_(freep) char *path = xasprintf("%s/%s", buf_str(&k->at), name);
	struct stat st;

	/* Watch first, look then: what changes after the look is told. */
	depend(w, dir, name, last && k->content ? FILE_MASK : NAME_MASK,
	       k->owner);
	if (lstat(path, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return go_through(k, path);
	if (!last && !S_ISDIR(st.st_mode))
		return -ENOTDIR;
	buf_addf(&k->at, "/%s", name);
	return 0;
}

int path_watch_follow(struct path_watch *w, const char *path, bool content,
		      void *owner, char **ret_resolved)
{
	_cleanup_(walk_fini) struct walk k = {
		.at = BUF_INIT(BUF_UNBOUNDED),
		.rest = xstrdup(path),
		.content = content,
		.owner = owner,
	};
	char *name;
	int r = 0;

	buf_adds(&k.at, "");
	while (r == 0 && (name = next_name(&k))) {
		if (!strcmp(name, ".."))
			go_up(&k);
		else if (strcmp(name, "."))
			r = go_down(w, &k, name);
		free(name);
	}
	if (r < 0)
		return r;
	*ret_resolved = k.at.len ? buf_take(&k.at) : xstrdup("/");
	return 0;
}

void path_watch_directory(struct path_watch *w, const char *path, void *owner)
{
	depend(w, path, NULL, FILE_MASK, owner);
}

static void deliver(struct path_watch *w, const struct inotify_event *event)
{
	const char *name = event->len ? event->name : NULL;

	if (event->mask & IN_Q_OVERFLOW) {
		w->fn(w->arg, event->mask, NULL, NULL);
		return;
	}
	for (size_t i = 0; i < w->dependencies.len; i++) {
		const struct dependency *dep = &w->dependencies.data[i];

		if (dep->wd != event->wd)
			continue;
		if (event->mask & SELF_MASK)
			w->fn(w->arg, event->mask, dep->owner, NULL);
		else if (name && !dep->name)
			w->fn(w->arg, event->mask, dep->owner, name);
		else if (name && !strcmp(name, dep->name))
			w->fn(w->arg, event->mask, dep->owner, NULL);
	}
}

void path_watch_drain(struct path_watch *w)
{
	_Alignas(struct inotify_event) char buffer[16384];
	const struct inotify_event *event;
	ssize_t n;

	while ((n = read(w->fd, buffer, sizeof(buffer))) > 0)
		for (char *at = buffer; at < buffer + n;
		     at += sizeof(*event) + event->len) {
			event = (const struct inotify_event *)at;
			deliver(w, event);
		}
}
