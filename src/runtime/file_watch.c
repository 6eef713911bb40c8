/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file_watch.c - tells when a file appears, goes, or has been written.
 *
 * Watches the directory, not the file: only so a file that is not there yet,
 * or that is replaced by rename, is seen.
 */
#include "runtime/file_watch.h"

#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "base/alloc.h"

struct file_watch {
	int fd;
	struct loop_fd *watch;
	char *path;
	const char *name; /* within the directory */
	loop_fn fn;
	void *arg;
};

/* A new regular file is about to be written: closing it will tell. */
static bool is_begun(const struct file_watch *w, uint32_t mask)
{
	struct stat st;

	return mask & IN_CREATE && lstat(w->path, &st) == 0 &&
	       S_ISREG(st.st_mode) && st.st_nlink == 1;
}

static bool is_ours(const struct file_watch *w, const struct inotify_event *e)
{
	if (e->mask & (IN_Q_OVERFLOW | IN_IGNORED))
		return true;
	return e->len && !strcmp(e->name, w->name) && !is_begun(w, e->mask);
}

/* Whether any of the queued events is about our file. */
static bool drain(struct file_watch *w)
{
	_Alignas(struct inotify_event) char bytes[4096];
	bool ours = false;
	ssize_t n;

	while ((n = read(w->fd, bytes, sizeof(bytes))) > 0) {
		for (char *p = bytes; p < bytes + n;) {
			const struct inotify_event *e = (void *)p;

			ours |= is_ours(w, e);
			p += sizeof(*e) + e->len;
		}
	}
	return ours;
}

static void on_readable(void *arg, _unused_ int events, _unused_ int error)
{
	struct file_watch *w = arg;

	if (drain(w))
		w->fn(w->arg);
}

struct file_watch *file_watch_open(struct loop *loop, const char *path,
				   loop_fn fn, void *arg)
{
	_cleanup_(closep) int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	const char *slash = strrchr(path, '/');
	_cleanup_(freep) char *dir =
		slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");
	struct file_watch *w;

	if (fd < 0 ||
	    inotify_add_watch(fd, dir[0] ? dir : "/",
			      IN_CREATE | IN_MOVED_TO | IN_DELETE |
				      IN_MOVED_FROM | IN_CLOSE_WRITE) < 0)
		return NULL;
	w = xnew(struct file_watch);
	w->fd = TAKE_FD(fd);
	w->path = xstrdup(path);
	w->name = slash ? w->path + (slash + 1 - path) : w->path;
	w->fn = fn;
	w->arg = arg;
	w->watch = loop_fd_new(loop, w->fd, LOOP_READABLE, on_readable, w);
	return w;
}

void file_watch_close(struct file_watch *w)
{
	if (!w)
		return;
	loop_fd_close(w->watch);
	close(w->fd);
	free(w->path);
	free(w);
}
