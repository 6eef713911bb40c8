/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file.c - a file of lines that survives rotation, and a disk that is full.
 *
 * Every line passes through the queue, which is empty again at once while the
 * file works. When a write fails the file is *stuck*: lines only wait, and a
 * timer tries again with growing pauses.
 *
 * A disk may fill up within a line. Its rest is written when there is room,
 * unless the file was replaced or truncated meanwhile: then the line starts
 * anew, behind a newline that ends the fragment.
 *
 * Whether the path still means our file is asked before a write, at most once
 * a second: an idle log wakes nobody.
 */
#include "flow/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"

#define CHECK_EVERY    1000000000U /* ns */
#define RETRY_FIRST_MS 500
#define RETRY_LAST_MS  30000

struct flow_file {
	char *path;
	int fd; /* -1: none could be opened */
	struct loop_timer *retry;
	uint64_t pause_ms; /* until the next try */
	uint64_t checked;  /* monotonic ns: path and fd were the same file */
	flow_file_loss_fn loss;
	void *arg;

	size_t queue_max;
	struct buf queue;  /* whole lines */
	size_t head;	   /* the first one that is not written begins here */
	size_t partial;	   /* bytes of it that the file has */
	off_t partial_end; /* … and the file's size then */

	bool stuck;
	char *problem; /* NULL: none */
	uint64_t written, waiting, dropped;
	uint64_t untold; /* dropped, and no line says so yet */
	bool loss_waits; /* … but for a line in the queue */
};

/* ---- the file ---------------------------------------------------------- */

/* End what is left of a line, so that the next one starts a line. */
static int end_fragment(int fd)
{
	struct stat st;
	char last;

	if (fstat(fd, &st) < 0 || st.st_size == 0 ||
	    pread(fd, &last, 1, st.st_size - 1) != 1 || last == '\n')
		return 0;
	return write(fd, "\n", 1) < 0 ? -errno : 0;
}

/* Reading is for the last byte only. Not blocking is for what turns out to be
 * a FIFO. */
static int open_path(const char *path, int *ret)
{
	_cleanup_(closep) int fd = open(
		path,
		O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		0640);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	r = end_fragment(fd);
	if (r < 0)
		return r;
	*ret = TAKE_FD(fd);
	return 0;
}

static int reopen(struct flow_file *f)
{
	if (f->fd >= 0) {
		(void)end_fragment(f->fd); /* as well as it can be left */
		close(f->fd);
		f->fd = -1;
	}
	f->partial = 0;
	f->checked = clock_monotonic();
	return open_path(f->path, &f->fd);
}

static bool path_is_ours(const struct flow_file *f)
{
	struct stat named, ours;

	return f->fd >= 0 && stat(f->path, &named) == 0 &&
	       fstat(f->fd, &ours) == 0 && named.st_dev == ours.st_dev &&
	       named.st_ino == ours.st_ino;
}

/* Follow a file that was renamed or deleted. */
static int check_path(struct flow_file *f)
{
	if (!path_is_ours(f))
		return reopen(f);
	f->checked = clock_monotonic();
	return 0;
}

/* ---- lines ------------------------------------------------------------- */

/* A fragment that somebody cut off, or wrote behind, cannot be completed. */
static int check_partial(struct flow_file *f)
{
	struct stat st;

	if (!f->partial ||
	    (fstat(f->fd, &st) == 0 && st.st_size == f->partial_end))
		return 0;
	f->partial = 0;
	return end_fragment(f->fd);
}

static void line_is_written(struct flow_file *f, size_t len)
{
	f->head += len;
	f->partial = 0;
	f->waiting--;
	/* Of the lines with a loss among them one does not count, never mind
	 * which. */
	if (!f->loss_waits || f->head < f->queue.len)
		f->written++;
	else
		f->loss_waits = false;
}

/* The first line that waits, or its rest. */
static int write_line(struct flow_file *f)
{
	const char *line = f->queue.data + f->head;
	const char *end = memchr(line, '\n', f->queue.len - f->head);
	size_t len = (size_t)(end + 1 - line);
	struct stat st;
	ssize_t n;
	int r = check_partial(f);

	if (r < 0)
		return r;
	n = write(f->fd, line + f->partial, len - f->partial);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	f->partial += (size_t)n;
	if (f->partial == len) {
		line_is_written(f, len);
		return 0;
	}
	f->partial_end = fstat(f->fd, &st) == 0 ? st.st_size : -1;
	return n ? 0 : -ENOSPC;
}

static int write_queue(struct flow_file *f)
{
	int r = f->fd < 0 ? -EBADF : 0;

	while (r == 0 && f->head < f->queue.len)
		r = write_line(f);
	buf_consume(&f->queue, f->head);
	f->head = 0;
	return r;
}

static void enqueue(struct flow_file *f, struct slice line)
{
	if (line.len > f->queue_max - MIN(f->queue.len, f->queue_max)) {
		f->dropped++;
		f->untold++;
		return;
	}
	buf_add(&f->queue, line.ptr, line.len);
	f->waiting++;
}

/* Nothing waits, and the file works: say what is missing. */
static int tell_loss(struct flow_file *f)
{
	_cleanup_(buf_fini) struct buf line = BUF_INIT(BUF_UNBOUNDED);

	if (!f->untold)
		return 0;
	f->loss(f->arg, f->untold, &line);
	f->untold = 0;
	buf_add(&f->queue, line.data, line.len);
	f->waiting++;
	f->loss_waits = true;
	return write_queue(f);
}

/* ---- stuck and free again ---------------------------------------------- */

static const char *reason_text(int error)
{
	return error == -EINVAL ? "not a regular file" : strerror(-error);
}

static void get_stuck(struct flow_file *f, int error)
{
	if (!f->stuck) {
		log_warning(
			"flow log %s: %s; up to %zu KiB of records wait in memory until it can be written",
			f->path, reason_text(error), f->queue_max / 1024);
		f->pause_ms = RETRY_FIRST_MS;
	}
	f->stuck = true;
	free(f->problem);
	f->problem = xasprintf("%s: %s", f->path, reason_text(error));
	loop_timer_start(f->retry, f->pause_ms, 0);
	f->pause_ms = MIN(2 * f->pause_ms, (uint64_t)RETRY_LAST_MS);
}

static void get_free(struct flow_file *f, uint64_t lost)
{
	log_warning("flow log %s is written again; records lost: %llu", f->path,
		    (unsigned long long)lost);
	f->stuck = false;
	buf_fini(&f->queue); /* it is empty, and may have grown */
	free(f->problem);
	f->problem = NULL;
	loop_timer_stop(f->retry);
}

/* Write what waits; @r is the outcome of the steps before. */
static void flush(struct flow_file *f, int r)
{
	uint64_t lost = f->untold;

	if (r == 0)
		r = write_queue(f);
	if (r == 0)
		r = tell_loss(f);
	if (r < 0)
		get_stuck(f, r);
	else if (f->stuck)
		get_free(f, lost);
}

static void on_retry(void *arg)
{
	struct flow_file *f = arg;

	flush(f, check_path(f));
}

/* ---- the rest ---------------------------------------------------------- */

struct flow_file *flow_file_open(struct loop *loop, const char *path,
				 size_t queue_max, flow_file_loss_fn loss,
				 void *arg)
{
	struct flow_file *f = xnew(struct flow_file);

	f->path = xstrdup(path);
	f->fd = -1;
	f->retry = loop_timer_new(loop, on_retry, f);
	f->loss = loss;
	f->arg = arg;
	f->queue_max = queue_max;
	f->queue = BUF_INIT(BUF_UNBOUNDED); /* enqueue() bounds it */
	flush(f, reopen(f));
	return f;
}

void flow_file_write(struct flow_file *f, struct slice line)
{
	int r = 0;

	enqueue(f, line);
	if (f->stuck)
		return;
	if (clock_monotonic() - f->checked >= CHECK_EVERY)
		r = check_path(f);
	flush(f, r);
}

void flow_file_reopen(struct flow_file *f)
{
	flush(f, reopen(f));
}

void flow_file_close(struct flow_file *f)
{
	if (!f)
		return;
	if (f->waiting || f->untold)
		flush(f, check_path(f));
	if (f->waiting || f->untold)
		log_warning("flow log %s: %llu records could not be written",
			    f->path,
			    (unsigned long long)(f->waiting + f->untold));
	loop_timer_close(f->retry);
	closep(&f->fd);
	buf_fini(&f->queue);
	free(f->problem);
	free(f->path);
	free(f);
}

void flow_file_stats(const struct flow_file *f, struct flow_file_stats *ret)
{
	*ret = (struct flow_file_stats){
		.written = f->written,
		.waiting = f->waiting,
		.dropped = f->dropped,
		.problem = f->problem ? f->problem : "",
	};
}
