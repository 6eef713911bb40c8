/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tail.c - lines of a log file, across its rotation.
 *
 * A file is rotated by giving it another name (its writer then makes a new one)
 * or by copying and cutting it. inotify on its directory tells of both. What
 * the name refers to is looked at only when the old file is at its end, so that
 * its last lines are not missed.
 */
#include "cli/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "cli/watch.h"

struct tail {
	char *path;
	int fd;	    /* -1: not there yet */
	int notify; /* -1: not following */
	struct buf pending;
	size_t given;	/* bytes of pending that were given out */
	size_t scanned; /* bytes of pending without a newline */
	uint64_t line, offset;
	bool skipping; /* within a line that is too long */
};

static int open_log(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		return -EISDIR;
	}
	return fd;
}

int tail_open(const char *path, bool follow, struct tail **ret)
{
	_cleanup_(tail_closep) struct tail *t = xnew(struct tail);

	t->path = xstrdup(path);
	t->fd = t->notify = -1;
	t->pending = BUF_INIT(BUF_UNBOUNDED);
	/* Before the file is opened: nothing happens unseen in between. */
	if (follow) {
		t->notify = watch_open(path);
		if (t->notify < 0)
			return t->notify;
	}
	t->fd = open_log(path);
	if (t->fd < 0 && !(follow && t->fd == -ENOENT))
		return t->fd;
	*ret = TAKE_PTR(t);
	return 0;
}

void tail_close(struct tail *t)
{
	if (!t)
		return;
	closep(&t->fd);
	closep(&t->notify);
	buf_fini(&t->pending);
	free(t->path);
	free(t);
}

uint64_t tail_line(const struct tail *t)
{
	return t->line;
}

/* Read once more. Returns the number of bytes, or -errno. */
static ssize_t fill(struct tail *t)
{
	char chunk[65536];
	ssize_t n;

	buf_consume(&t->pending, t->given);
	t->scanned -= MIN(t->scanned, t->given);
	t->given = 0;
	if (t->fd < 0)
		return 0;
	do
		n = read(t->fd, chunk, sizeof(chunk));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	t->offset += (uint64_t)n;
	buf_add(&t->pending, chunk, (size_t)n);
	return n;
}

static void restart(struct tail *t)
{
	buf_clear(&t->pending);
	t->given = t->scanned = 0;
	t->line = t->offset = 0;
	t->skipping = false;
}

/* A complete line of what is pending, or 0. */
static int take_line(struct tail *t, struct slice *ret)
{
	const char *from, *end;

	if (t->scanned >= t->pending.len)
		return 0;
	from = t->pending.data + t->scanned;
	end = memchr(from, '\n', t->pending.len - t->scanned);
	if (!end) {
		t->scanned = t->pending.len;
		return 0;
	}
	*ret = (struct slice){ t->pending.data + t->given,
			       (size_t)(end - t->pending.data) - t->given };
	t->given = t->scanned = (size_t)(end - t->pending.data) + 1;
	t->line++;
	return 1;
}

/* Forget the beginning of a line that is too long. */
static void skip(struct tail *t)
{
	if (t->pending.len - t->given <= TAIL_LINE_MAX)
		return;
	t->skipping = true;
	t->given = t->scanned = t->pending.len;
}

int tail_next(struct tail *t, struct slice *ret)
{
	struct slice line;
	ssize_t n;

	while (!take_line(t, &line)) {
		skip(t);
		n = fill(t);
		if (n <= 0)
			return (int)n;
	}
	if (t->skipping || line.len > TAIL_LINE_MAX) {
		t->skipping = false;
		return -EMSGSIZE;
	}
	*ret = line;
	return 1;
}

/* True when the file that is open holds more than was read. */
static bool has_more(const struct tail *t)
{
	struct stat now;

	return t->fd >= 0 && fstat(t->fd, &now) == 0 &&
	       (uint64_t)now.st_size > t->offset;
}

/* True when the name refers to another file than the one that is open. */
static bool is_renamed(const struct tail *t)
{
	struct stat now, named;

	return t->fd < 0 || fstat(t->fd, &now) < 0 ||
	       (stat(t->path, &named) == 0 &&
		(named.st_dev != now.st_dev || named.st_ino != now.st_ino));
}

static bool is_cut(const struct tail *t)
{
	struct stat now;

	return t->fd >= 0 && fstat(t->fd, &now) == 0 &&
	       (uint64_t)now.st_size < t->offset;
}

/* True when something else is to be read now. */
static bool rotated(struct tail *t)
{
	int fd;

	if (is_cut(t)) {
		restart(t);
		if (lseek(t->fd, 0, SEEK_SET) < 0)
			return false;
	}
	if (has_more(t))
		return true;
	if (!is_renamed(t))
		return false;
	/* What the old file got before the new one was there comes first. */
	if (has_more(t))
		return true;
	fd = open_log(t->path);
	if (fd < 0)
		return false;
	closep(&t->fd);
	t->fd = fd;
	restart(t);
	return true;
}

int tail_wait(struct tail *t)
{
	int r = 0;

	while (r == 0 && !rotated(t))
		r = watch_wait(t->notify);
	return r;
}
