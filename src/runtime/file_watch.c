/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file_watch.c - tells when a file appears, goes, or has been written.
 *
 * Watches the directory, not the file: only so a file that is not there yet,
 * or that is replaced by rename, is seen; and the way to the directory, which
 * may appear later too, or become another one.
 */
#include "runtime/file_watch.h"

#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "loop/path_watch.h"

struct file_watch {
	struct path_watch *watch;
	struct loop_timer *later; /* @fn may close what calls us */
	char *path, *directory;
	const char *name; /* within the directory */
	bool moved;	  /* the way has to be looked up again */
	bool ours;	  /* @fn is to be called */
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

static void on_path(void *arg, uint32_t mask, _unused_ void *owner,
		    const char *entry)
{
	const uint32_t done = IN_CREATE | IN_MOVED_TO | IN_DELETE |
			      IN_MOVED_FROM | IN_CLOSE_WRITE;
	struct file_watch *w = arg;

	if (!entry)
		w->moved = w->ours = true;
	else if (!strcmp(entry, w->name) && mask & done && !is_begun(w, mask))
		w->ours = true;
	if (w->ours)
		loop_timer_start(w->later, 0, 0);
}

static void look_up(struct file_watch *w)
{
	_cleanup_(freep) char *resolved = NULL;

	path_watch_begin(w->watch);
	if (path_watch_follow(w->watch, w->directory, false, w, &resolved) == 0)
		path_watch_directory(w->watch, resolved, w);
	/* What cannot be watched is found by the caller's own retries. */
	(void)path_watch_end(w->watch);
	w->moved = false;
}

static void tell(void *arg)
{
	struct file_watch *w = arg;

	if (w->moved)
		look_up(w);
	w->ours = false;
	w->fn(w->arg);
}

struct file_watch *file_watch_open(struct loop *loop, const char *path,
				   loop_fn fn, void *arg)
{
	const char *slash = strrchr(path, '/');
	struct path_watch *watch;
	struct file_watch *w = xnew(struct file_watch);

	if (!slash || path_watch_open(loop, on_path, w, &watch) < 0) {
		free(w);
		return NULL;
	}
	w->watch = watch;
	w->later = loop_timer_new(loop, tell, w);
	w->path = xstrdup(path);
	w->directory = xstrndup(path, (size_t)(slash - path));
	w->name = w->path + (slash + 1 - path);
	w->fn = fn;
	w->arg = arg;
	look_up(w);
	return w;
}

void file_watch_close(struct file_watch *w)
{
	if (!w)
		return;
	path_watch_close(w->watch);
	loop_timer_close(w->later);
	free(w->path);
	free(w->directory);
	free(w);
}
