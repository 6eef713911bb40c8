/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy_dir.c - the directory of policy files, watched.
 *
 * Events only mark files and ask for a scan; a scan looks at the whole
 * directory, so that what was missed once is found by the next one. The events
 * of one action (a checkout, a ConfigMap swap) come close together: the scan
 * runs POLICY_DIR_SETTLE_MS after the first of them.
 *
 * What events cannot tell is asked for every POLICY_DIR_RETRY_MS, and only
 * then: whether a writer has closed a file that it opened by another link, and
 * whether a directory that was unmounted is back.
 */
#include "policydir/policy_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policydir/policy_file.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/vec.h"
#include "loop/path_watch.h"

#define POLICY_DIR_RETRY_MS 1000

struct policy_dir {
	char *path; /* absolute */
	struct path_watch *watch;
	struct loop_timer *settle, *grace, *retry; /* each ends in a scan */
	policy_dir_fn changed;
	void *arg;
	VEC(struct policy_file *) files; /* by name */
	struct policy_set *set;
	char *problem;
	dev_t dev;	/* of the directory when it was read last */
	bool read;	/* it was, once */
	bool unmounted; /* since then */
	bool stale;	/* @set is not what the files say */
};

/* ---- files --------------------------------------------------------------- */

/* Index of @name, or where it belongs. */
static bool find_file(const struct policy_dir *d, const char *name, size_t *ret)
{
	size_t low = 0, high = d->files.len;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int c = strcmp(d->files.data[mid]->name, name);

		if (c == 0) {
			*ret = mid;
			return true;
		}
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*ret = low;
	return false;
}

static struct policy_file *get_file(struct policy_dir *d, const char *name)
{
	struct policy_file *f;
	size_t at;

	if (find_file(d, name, &at))
		return d->files.data[at];
	if (d->files.len >= POLICY_DIR_FILES_MAX)
		return NULL;
	f = policy_file_new(d->path, name);
	vec_push(&d->files, f);
	memmove(d->files.data + at + 1, d->files.data + at,
		(d->files.len - 1 - at) * sizeof(f));
	d->files.data[at] = f;
	return f;
}

static void drop_file(struct policy_dir *d, size_t at)
{
	struct policy_file *f = d->files.data[at];

	if (f->set) {
		log_info("%s: removed, its policies are no longer in force",
			 f->path);
		d->stale = true;
	}
	path_watch_forget(d->watch, f);
	vec_remove(&d->files, at);
	policy_file_free(f);
}

/* ---- events ------------------------------------------------------------- */

/* A file made by open(2) is closed some time; one made by link(2) is whole. */
static bool was_opened(const struct policy_dir *d, const struct policy_file *f)
{
	_cleanup_(freep) char *path = xasprintf("%s/%s", d->path, f->name);
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1;
}

static void mark_file(struct policy_dir *d, struct policy_file *f,
		      uint32_t mask)
{
	if (mask & IN_MODIFY)
		f->modified = true;
	else if (mask & IN_CREATE)
		f->modified |= was_opened(d, f);
	else if (!(mask & IN_ATTRIB))
		f->modified = false;
	f->touched = true;
	f->gone = 0; /* its term of grace, if any, starts anew */
}

static void settle(struct policy_dir *d)
{
	if (!loop_timer_active(d->settle))
		loop_timer_start(d->settle, POLICY_DIR_SETTLE_MS, 0);
}

static void on_lost_events(struct policy_dir *d)
{
	log_warning("%s: too many changes at once; reading all files again",
		    d->path);
	vec_foreach(f, &d->files) {
		(*f)->touched = true;
		(*f)->modified = false;
	}
}

/* @owner is the file that depends on the name, or the directory itself. */
static void on_event(void *arg, uint32_t mask, void *owner, const char *entry)
{
	struct policy_dir *d = arg;
	struct policy_file *f = owner != d ? owner : NULL;

	if (mask & IN_Q_OVERFLOW)
		on_lost_events(d);
	if (mask & IN_UNMOUNT)
		d->unmounted = true;
	if (entry) {
		if (!policy_file_is_name(entry))
			return;
		/* Until a scan finds that it is not. */
		f = get_file(d, entry);
		if (f)
			f->there = true;
	}
	if (f)
		mark_file(d, f, mask);
	/* A write has its scan when the file is closed. */
	if (mask != IN_MODIFY)
		settle(d);
}

static void drain(void *arg)
{
	struct policy_dir *d = arg;

	path_watch_drain(d->watch);
}

/* ---- one scan ------------------------------------------------------------ */

static bool set_problem(struct policy_dir *d, char *problem)
{
	bool same = problem && d->problem ? !strcmp(problem, d->problem)
					  : problem == d->problem;

	if (!same && problem)
		log_error("%s: %s", d->path, problem);
	if (!same && !problem)
		log_info("%s: readable again", d->path);
	free(d->problem);
	d->problem = problem;
	return !same;
}

/* Without a link in it, so that its own watch is where its files are. */
static int open_directory(struct policy_dir *d, char **ret_path, DIR **ret)
{
	_cleanup_(freep) char *resolved = NULL;
	DIR *dir;
	int fd, r;

	r = path_watch_follow(d->watch, d->path, false, d, &resolved);
	if (r < 0)
		return r;
	path_watch_directory(d->watch, resolved, d);
	fd = open(resolved, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	*ret_path = TAKE_PTR(resolved);
	*ret = dir;
	return 0;
}

static bool is_directory(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

/* A link's target may be anywhere; its own name is under the directory's
 * watch already. */
static void watch_link(struct policy_dir *d, const char *dir,
		       struct policy_file *f)
{
	_cleanup_(freep) char *path = xasprintf("%s/%s", dir, f->name);
	_cleanup_(freep) char *resolved = NULL;

	path_watch_follow(d->watch, path, true, f, &resolved);
}

/* Returns the number of policy files, or -E2BIG. */
static int list_files(struct policy_dir *d, const char *path, DIR *dir)
{
	struct dirent *entry;
	struct policy_file *f;
	int n = 0;

	vec_foreach(file, &d->files)
		(*file)->there = false;
	while ((entry = readdir(dir))) {
		if (!policy_file_is_name(entry->d_name) ||
		    entry->d_type == DT_DIR)
			continue;
		if (entry->d_type != DT_REG &&
		    is_directory(dirfd(dir), entry->d_name))
			continue;
		f = get_file(d, entry->d_name);
		if (!f)
			return -E2BIG;
		f->there = true;
		f->gone = 0;
		if (entry->d_type != DT_REG)
			watch_link(d, path, f);
		n++;
	}
	return n;
}

/* An empty directory on another device than before is the mount point of one
 * that was unmounted, not one from which somebody removed all files. */
static bool was_unmounted(struct policy_dir *d, dev_t dev, int files)
{
	if (files || !d->read || !d->files.len)
		return false;
	return dev != d->dev;
}

static void log_news(const struct policy_file *f)
{
	char line[1024];

	vec_foreach(diag, &f->diag.entries)
		log_write(diag->severity == DIAG_ERROR ? LOG_LEVEL_ERROR
						       : LOG_LEVEL_WARNING,
			  "%s", diag_format(diag, line, sizeof(line)));
	if (f->diag.errors)
		log_error(
			"%s: %s", f->path,
			f->set ? "broken; its last good version stays in force"
			       : "broken; nothing of it is in force");
}

/* Returns true when something about a file is to be told. */
static bool refresh_files(struct policy_dir *d, int fd)
{
	bool told = false, writing = false;

	for (size_t i = 0; i < d->files.len; i++) {
		struct policy_file *f = d->files.data[i];

		if (!f->there)
			continue;
		switch (policy_file_refresh(f, fd, drain, d)) {
		case POLICY_FILE_SAME:
			break;
		case POLICY_FILE_AGAIN:
			settle(d);
			break;
		case POLICY_FILE_SET:
			d->stale = true;
			log_news(f);
			told = true;
			break;
		case POLICY_FILE_SAID:
			if (!f->writing)
				log_news(f);
			told = true;
			break;
		}
		writing |= f->writing;
	}
	if (writing)
		loop_timer_start(d->retry, POLICY_DIR_RETRY_MS, 0);
	return told;
}

/* When the last file went; 0: none did. */
static uint64_t last_gone(struct policy_dir *d)
{
	uint64_t now = clock_monotonic(), last = 0;

	vec_foreach(f, &d->files) {
		if ((*f)->there)
			continue;
		if (!(*f)->gone)
			(*f)->gone = now;
		last = MAX(last, (*f)->gone);
	}
	return last;
}

/* D3. @now: whoever asks for a scan at once takes what is there for meant. */
static void drop_files(struct policy_dir *d, bool now)
{
	const uint64_t grace = POLICY_DIR_GRACE_MS * UINT64_C(1000000);
	uint64_t last = last_gone(d);

	if (!last)
		return;
	if (!now && clock_monotonic() - last < grace) {
		/* The loop's clock has whole milliseconds. */
		loop_timer_start(d->grace, POLICY_DIR_GRACE_MS + 1, 0);
		return;
	}
	for (size_t i = d->files.len; i-- > 0;)
		if (!d->files.data[i]->there)
			drop_file(d, i);
}

static void take_sets(struct policy_dir *d, bool there,
		      struct policy_set **sets, size_t *n)
{
	vec_foreach(f, &d->files)
		if ((*f)->set && (*f)->there == there)
			sets[(*n)++] = (*f)->set;
}

/* The file that @conflict is in, if it still is in the directory: one that
 * was renamed shares its policies with itself for its term of grace. */
static struct policy_file *conflict_file(struct policy_dir *d,
					 const struct diag *conflict)
{
	vec_foreach(f, &d->files)
		if ((*f)->there && !strcmp(conflict->file, (*f)->path))
			return *f;
	return NULL;
}

static void report_conflicts(struct policy_dir *d,
			     const struct diag_list *conflicts)
{
	char line[1024];

	vec_foreach(f, &d->files)
		diag_fini(&(*f)->conflicts);
	vec_foreach(c, &conflicts->entries) {
		struct policy_file *f = conflict_file(d, c);
		struct diag_place at = { c->file, c->line, c->col };

		if (!f)
			continue;
		diag_error(&f->conflicts, at, "%s", c->message);
		log_error("%s", diag_format(c, line, sizeof(line)));
	}
}

static void merge(struct policy_dir *d)
{
	_cleanup_(freep) struct policy_set **sets =
		xcalloc(d->files.len, sizeof(*sets));
	_cleanup_(diag_fini) struct diag_list conflicts = { 0 };
	size_t n = 0;

	take_sets(d, true, sets, &n);
	take_sets(d, false, sets, &n);
	policy_set_unref(d->set);
	d->set = policy_set_merge(sets, n, &conflicts);
	d->stale = false;
	report_conflicts(d, &conflicts);
}

/* Read what is in @dir. Returns a problem to report, or NULL. */
static char *read_directory(struct policy_dir *d, const char *path, DIR *dir,
			    bool now, bool *ret_told)
{
	int fd = dirfd(dir), n = list_files(d, path, dir);
	struct stat st;

	if (n < 0)
		return xasprintf(
			"more than %u policy files; what was in force stays in force",
			POLICY_DIR_FILES_MAX);
	if (fstat(fd, &st) < 0)
		return xasprintf("%s; what was in force stays in force",
				 strerror(errno));
	if (was_unmounted(d, st.st_dev, n) || (d->unmounted && !n)) {
		loop_timer_start(d->retry, POLICY_DIR_RETRY_MS, 0);
		return xstrdup(
			"unmounted; what was in force stays in force until it is back");
	}
	*ret_told = refresh_files(d, fd);
	drop_files(d, now);
	d->dev = st.st_dev;
	d->read = true;
	d->unmounted = false;
	return NULL;
}

/* D4. The files went with their directory: that starts no term of grace. */
static char *missing(struct policy_dir *d, int error)
{
	vec_foreach(f, &d->files)
		(*f)->gone = 0;
	if (d->read)
		return xasprintf(
			"%s; what was in force stays in force until it is back",
			strerror(-error));
	return xasprintf("%s; create it, or set policyDir", strerror(-error));
}

static void scan(struct policy_dir *d, bool now)
{
	_cleanup_(freep) char *path = NULL;
	char *problem;
	bool told = false, stale;
	DIR *dir = NULL;
	int r;

	path_watch_drain(d->watch);
	loop_timer_stop(d->settle);
	loop_timer_stop(d->grace);
	loop_timer_stop(d->retry);
	path_watch_begin(d->watch);
	r = open_directory(d, &path, &dir);
	problem = r < 0 ? missing(d, r)
			: read_directory(d, path, dir, now, &told);
	if (dir)
		closedir(dir);
	r = path_watch_end(d->watch);
	if (r < 0 && !problem)
		problem = xasprintf(
			"cannot watch it: %s%s", strerror(-r),
			r == -ENOSPC ? "; raise fs.inotify.max_user_watches"
				     : "");
	told |= set_problem(d, problem);
	stale = d->stale;
	if (stale)
		merge(d);
	if ((told || stale) && d->changed)
		d->changed(d->arg);
}

static void on_timer(void *arg)
{
	scan(arg, false);
}

/* Without slashes at its end: it stands before names in messages. */
static char *absolute(const char *path)
{
	size_t len = strlen(path);
	char cwd[PATH_MAX];

	while (len > 1 && path[len - 1] == '/')
		len--;
	if (path[0] == '/' || !getcwd(cwd, sizeof(cwd)))
		return xstrndup(path, len);
	return xasprintf("%s/%.*s", cwd, (int)len, path);
}

int policy_dir_open(struct loop *loop, const char *path, policy_dir_fn changed,
		    void *arg, struct policy_dir **ret)
{
	struct policy_dir *d = xnew(struct policy_dir);
	struct diag_list none = { 0 };
	int r = path_watch_open(loop, on_event, d, &d->watch);

	if (r < 0) {
		free(d);
		return r;
	}
	d->path = absolute(path);
	d->settle = loop_timer_new(loop, on_timer, d);
	d->grace = loop_timer_new(loop, on_timer, d);
	d->retry = loop_timer_new(loop, on_timer, d);
	d->set = policy_set_merge(NULL, 0, &none);
	scan(d, true);
	d->changed = changed;
	d->arg = arg;
	*ret = d;
	return 0;
}

void policy_dir_close(struct policy_dir *d)
{
	if (!d)
		return;
	path_watch_close(d->watch);
	loop_timer_close(d->settle);
	loop_timer_close(d->grace);
	loop_timer_close(d->retry);
	vec_foreach(f, &d->files)
		policy_file_free(*f);
	vec_fini(&d->files);
	policy_set_unref(d->set);
	free(d->problem);
	free(d->path);
	free(d);
}

struct policy_set *policy_dir_set(const struct policy_dir *d)
{
	return d->set;
}

void policy_dir_rescan(struct policy_dir *d)
{
	scan(d, true);
}

bool policy_dir_ok(const struct policy_dir *d)
{
	if (!d->read)
		return false;
	vec_foreach(f, &d->files)
		if (!(*f)->set || (*f)->conflicts.errors)
			return false;
	return true;
}

const char *policy_dir_problem(const struct policy_dir *d)
{
	return d->problem;
}

size_t policy_dir_files(const struct policy_dir *d)
{
	return d->files.len;
}

void policy_dir_file(const struct policy_dir *d, size_t i,
		     struct policy_dir_file *ret)
{
	const struct policy_file *f = d->files.data[i];

	*ret = (struct policy_dir_file){
		.path = f->path,
		.broken = f->diag.errors || f->conflicts.errors,
		.in_force = f->set,
		.writing = f->writing,
		.loaded = f->loaded,
		.set = f->set,
		.hash = f->sha256,
		.policies = f->set ? f->set->policies.len : 0,
		.diag = &f->diag,
		.conflicts = &f->conflicts,
	};
}
