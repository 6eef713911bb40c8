/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rotation.c - the files that a log was rotated to. */
#include "sink/rotation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/macro.h"

#define CHUNK (256U << 10)
/* ioprio_set(2) has no header. */
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_IDLE	   (3 << 13)

void rotation_init(struct rotation *r, const char *path, unsigned keep)
{
	*r = (struct rotation){ .path = path, .keep = keep };
	pthread_mutex_init(&r->names, NULL);
}

void rotation_fini(struct rotation *r)
{
	pthread_mutex_destroy(&r->names);
}

/* ---- names ------------------------------------------------------------- */

static char *name_of(const struct rotation *r, unsigned i, const char *ending)
{
	return i ? xasprintf("%s.%u%s", r->path, i, ending) : xstrdup(r->path);
}

static int move(const struct rotation *r, unsigned i, const char *ending)
{
	_cleanup_(freep) char *from = name_of(r, i, ending);
	_cleanup_(freep) char *to = name_of(r, i + 1, ending);

	return rename(from, to) < 0 && errno != ENOENT ? -errno : 0;
}

static void drop(const struct rotation *r, unsigned i, const char *ending)
{
	_cleanup_(freep) char *path = name_of(r, i, ending);

	(void)unlink(path);
}

/* Of the one that is dropped either form may be there: it would stay beside
 * the other form of its successor. */
static int shift(const struct rotation *r)
{
	int error = 0;

	for (unsigned i = r->keep; i-- > 0 && !error;) {
		if (i + 1 == r->keep) {
			drop(r, r->keep, "");
			drop(r, r->keep, ".gz");
		}
		error = move(r, i, "");
		if (!error && i)
			error = move(r, i, ".gz");
	}
	return error;
}

int rotation_shift(struct rotation *r)
{
	int error;

	pthread_mutex_lock(&r->names);
	error = shift(r);
	pthread_mutex_unlock(&r->names);
	return error;
}

/* ---- compression ------------------------------------------------------- */

/* The oldest plain file. Returns its descriptor, or -1: there is none. */
static int open_plain(const struct rotation *r)
{
	for (unsigned i = r->keep; i > 0; i--) {
		_cleanup_(freep) char *path = name_of(r, i, "");
		int fd = open(path,
			      O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		struct stat st;

		if (fd < 0)
			continue;
		if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
			return fd;
		close(fd);
	}
	return -1;
}

/* Of @file, however often it was shifted meanwhile; 0: it is gone. */
static unsigned index_of(const struct rotation *r, const struct stat *file)
{
	for (unsigned i = 1; i <= r->keep; i++) {
		_cleanup_(freep) char *path = name_of(r, i, "");
		struct stat st;

		if (lstat(path, &st) == 0 && st.st_dev == file->st_dev &&
		    st.st_ino == file->st_ino)
			return i;
	}
	return 0;
}

static int copy(struct rotation *r, int from, gzFile to)
{
	_cleanup_(freep) char *bytes = xcalloc(CHUNK, 1);
	ssize_t n;

	while ((n = read(from, bytes, CHUNK)) > 0) {
		if (r->stop)
			return -ECANCELED;
		errno = ENOSPC;
		if (gzwrite(to, bytes, (unsigned)n) != (int)n)
			return -errno;
	}
	return n < 0 ? -errno : 0;
}

/* @to is whole and on disk when this returns 0. */
static int compress_fd(struct rotation *r, int from, const struct stat *st,
		       int to)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	int other = fcntl(to, F_DUPFD_CLOEXEC, 0), error;
	gzFile gz = other < 0 ? NULL : gzdopen(other, "wb6");

	if (!gz) {
		closep(&other);
		return -ENOMEM;
	}
	error = copy(r, from, gz);
	errno = ENOSPC;
	if (gzclose_w(gz) != Z_OK && !error)
		error = -errno;
	if (!error && (futimens(to, times) < 0 || fsync(to) < 0))
		error = -errno;
	return error;
}

static int take_place(struct rotation *r, const struct stat *plain,
		      const char *part)
{
	unsigned i;
	int error = 0;

	pthread_mutex_lock(&r->names);
	i = index_of(r, plain);
	if (i) {
		_cleanup_(freep) char *to = name_of(r, i, ".gz");

		if (rename(part, to) < 0)
			error = -errno;
		else
			drop(r, i, "");
	}
	pthread_mutex_unlock(&r->names);
	return error;
}

static int compress_one(struct rotation *r)
{
	/* None of the names that a rotated file has. */
	_cleanup_(freep) char *part = xasprintf("%s.gz-part", r->path);
	_cleanup_(closep) int from = -1, to = -1;
	struct stat st;
	int error;

	/* Left behind by a crash. */
	(void)unlink(part);
	pthread_mutex_lock(&r->names);
	from = open_plain(r);
	pthread_mutex_unlock(&r->names);
	if (from < 0 || r->stop)
		return 0;
	to = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (to < 0 || fstat(from, &st) < 0)
		return -errno;
	error = compress_fd(r, from, &st, to);
	if (!error)
		error = take_place(r, &st, part);
	(void)unlink(part); /* unless it has another name by now */
	return error == -ECANCELED ? 0 : error ? error : 1;
}

struct job {
	struct rotation *rotation;
	int result;
};

static void *run_job(void *arg)
{
	struct job *job = arg;

	(void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 19);
	(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_IDLE);
	job->result = compress_one(job->rotation);
	return NULL;
}

/* In a thread of its own: a priority that was given up does not come back. */
int rotation_compress(struct rotation *r)
{
	struct job job = { .rotation = r };
	pthread_t thread;
	int error = pthread_create(&thread, NULL, run_job, &job);

	if (error)
		return -error;
	pthread_join(thread, NULL);
	return job.result;
}
