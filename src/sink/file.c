/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file.c - a file of lines that survives rotation, by us and by others, and a
 * disk that is full.
 *
 * Whole lines go out in one write(2) in append mode, as many as there are, so
 * readers and copytruncate see whole lines. A disk may fill up within a line.
 * Its rest is written when there is room, unless the file was replaced or
 * truncated meanwhile: then the line starts anew, behind a newline that ends
 * the fragment.
 *
 * Whether the path still means our file, and whether that is due for rotation,
 * is asked before each write: an idle log wakes nobody, and whoever renames the
 * file and compresses it at once has all of its lines. What becomes of the files
 * that it was rotated to: rotation.h. They are compressed besides, while lines
 * are written.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "sink/driver.h"
#include "sink/rotation.h"
#include "sink/text.h"

#define WRITE_BYTES (256U << 10)

struct file {
	const struct sink_config *config;
	int fd;		   /* -1: none could be opened */
	off_t size;	   /* of the file, as far as we have written it */
	uint64_t born;	   /* realtime s */
	size_t partial;	   /* bytes of the first line that the file has */
	off_t partial_end; /* … and the file's size then */
	bool reopen;

	struct rotation rotation;
	/* Of the compression; on the loop but for what is atomic. */
	struct loop *loop;
	loop_fn changed;
	void *arg;
	bool compressing, finishing;
	atomic_bool rotated;	   /* there may be something to compress */
	int compressed;		   /* the last one's result */
	atomic_int compress_error; /* -errno, 0: none */
};

static const char *reason_text(int error)
{
	return error == -EINVAL ? "not a regular file" : strerror(-error);
}

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

/* When the file was made, where the file system knows; else its last change,
 * which is too late by what was written before we came. */
static uint64_t birth(int fd)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME | STATX_MTIME, &st) < 0)
		return clock_realtime() / 1000000000U;
	return (uint64_t)(st.stx_mask & STATX_BTIME ? st.stx_btime.tv_sec
						    : st.stx_mtime.tv_sec);
}

static int reopen(struct file *f)
{
	struct stat st;
	int r;

	if (f->fd >= 0) {
		(void)end_fragment(f->fd); /* as well as it can be left */
		close(f->fd);
		f->fd = -1;
	}
	f->reopen = false;
	f->partial = 0;
	r = open_path(f->config->path, &f->fd);
	if (r < 0)
		return r;
	f->size = fstat(f->fd, &st) == 0 ? st.st_size : 0;
	f->born = birth(f->fd);
	return 0;
}

/* Follow a file that was renamed, deleted or truncated. */
static int check_path(struct file *f)
{
	struct stat named, ours;

	if (f->fd < 0 || f->reopen || stat(f->config->path, &named) < 0 ||
	    fstat(f->fd, &ours) < 0 || named.st_dev != ours.st_dev ||
	    named.st_ino != ours.st_ino)
		return reopen(f);
	f->size = ours.st_size;
	return 0;
}

/* ---- rotation ---------------------------------------------------------- */

static bool is_due(const struct file *f)
{
	uint64_t now = clock_realtime() / 1000000000U;

	/* A fragment's rest belongs into the same file; and a clock that was
	 * put back makes no file old. */
	if (f->partial || !f->size)
		return false;
	return (f->config->rotate_size &&
		(uint64_t)f->size >= f->config->rotate_size) ||
	       (f->config->rotate_age && now > f->born &&
		now - f->born >= f->config->rotate_age);
}

/* Lines go on into the old file when it cannot be rotated. */
static int rotate(struct file *f, struct sink_result *result)
{
	int r;

	if (!is_due(f))
		return 0;
	r = rotation_shift(&f->rotation);
	if (r == 0) {
		f->rotated = true;
		return reopen(f);
	}
	sink_fail(result, "%s: cannot be rotated: %s", f->config->path,
		  strerror(-r));
	return 0;
}

/* ---- lines ------------------------------------------------------------- */

/* A fragment that somebody cut off, or wrote behind, cannot be completed. */
static int check_partial(struct file *f)
{
	struct stat st;

	if (!f->partial ||
	    (fstat(f->fd, &st) == 0 && st.st_size == f->partial_end))
		return 0;
	f->partial = 0;
	return end_fragment(f->fd);
}

/* One write of @n whole lines of together @len bytes, as far as it goes.
 * @ret_written how many of them are whole in the file. */
static int write_group(struct file *f, const char *text, size_t len,
		       const struct slice *lines, size_t *ret_written)
{
	struct stat st;
	size_t done;
	ssize_t n;
	int r = check_partial(f);

	if (r < 0)
		return r;
	do
		n = write(f->fd, text + f->partial, len - f->partial);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	/* An empty file does not age. */
	if (!f->size)
		f->born = clock_realtime() / 1000000000U;
	f->size += n;
	done = f->partial + (size_t)n;
	while (done && done >= lines->len) {
		done -= lines->len;
		lines++;
		(*ret_written)++;
	}
	f->partial = done;
	if (!done)
		return n ? 0 : -ENOSPC;
	f->partial_end = fstat(f->fd, &st) == 0 ? st.st_size : -1;
	return n ? 0 : -ENOSPC;
}

/* Bytes of the lines from the first on that go into one write. */
static size_t group_len(const struct file *f, const struct slice *lines,
			size_t n)
{
	uint64_t bound = f->config->rotate_size;
	size_t len = lines[0].len;
	size_t max = WRITE_BYTES;

	if (bound)
		max = MIN(max, bound - MIN(bound, (uint64_t)f->size));
	for (size_t i = 1; i < n && len + lines[i].len <= max; i++)
		len += lines[i].len;
	return len;
}

/* What stands before all lines in some formats. */
static int write_heading(struct file *f)
{
	struct slice heading = slice_of(format_heading(f->config->format));

	if (f->size || !heading.len)
		return 0;
	if (write(f->fd, heading.ptr, heading.len) != (ssize_t)heading.len)
		return -ENOSPC;
	f->size += (off_t)heading.len;
	f->born = clock_realtime() / 1000000000U;
	return 0;
}

static int write_lines(struct file *f, const struct sink_lines *lines,
		       struct sink_result *result)
{
	while (result->written < lines->n) {
		const struct slice *first = lines->lines + result->written;
		int r = check_path(f) ?: rotate(f, result) ?: write_heading(f);
		size_t len;

		if (r < 0)
			return r;
		len = group_len(f, first, lines->n - result->written);
		r = write_group(f, first->ptr, len, first, &result->written);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- the driver -------------------------------------------------------- */

static void *file_open(struct loop *loop, const struct sink_config *config,
		       loop_fn changed, void *arg)
{
	struct file *f = xnew(struct file);

	f->config = config;
	f->fd = -1;
	f->loop = loop;
	f->changed = changed;
	f->arg = arg;
	f->rotated = true; /* by those before us, perhaps */
	rotation_init(&f->rotation, config->path, config->keep);
	return f;
}

static void file_deliver(void *state, const struct sink_lines *lines,
			 struct sink_result *result)
{
	struct sink_formatted formatted = { 0 };
	struct file *f = state;
	/* Without lines, to see whether it can be written. */
	int r = f->fd < 0 || !lines->n ? check_path(f) : 0;

	if (r == 0) {
		sink_format_lines(f->config->format, lines, &formatted);
		r = write_lines(f, &formatted.lines, result);
		sink_formatted_fini(&formatted);
	}
	if (r < 0)
		sink_fail(result, "%s: %s", f->config->path, reason_text(r));
	else if (f->compress_error)
		sink_fail(result,
			  "%s: what was rotated cannot be compressed: %s",
			  f->config->path, strerror(-f->compress_error));
}

/* ---- compression ------------------------------------------------------- */

static void run_compression(void *arg)
{
	struct file *f = arg;

	f->compressed = rotation_compress(&f->rotation);
	f->compress_error = MIN(f->compressed, 0);
}

static void on_compressed(void *arg);

/* One file after the other. What failed is tried again at the next rotation. */
static void compress_next(struct file *f)
{
	if (!f->config->compress || f->compressing || f->finishing ||
	    !f->rotated)
		return;
	f->compressing = true;
	f->rotated = false;
	loop_work(f->loop, run_compression, on_compressed, f);
}

static void on_compressed(void *arg)
{
	struct file *f = arg;

	f->compressing = false;
	if (f->compressed > 0)
		f->rotated = true;
	compress_next(f);
	f->changed(f->arg);
}

static void file_delivered(void *state)
{
	compress_next(state);
}

/* What is half compressed is begun again another time. */
static void file_finish(void *state)
{
	struct file *f = state;

	f->finishing = true;
	f->rotation.stop = true;
}

static bool file_idle(const void *state)
{
	const struct file *f = state;

	return !f->compressing;
}

static void file_reopen(void *state)
{
	struct file *f = state;

	f->reopen = true;
}

static void file_close(void *state)
{
	struct file *f = state;

	closep(&f->fd);
	rotation_fini(&f->rotation);
	free(f);
}

const struct sink_driver sink_file_driver = { .open = file_open,
					      .deliver = file_deliver,
					      .reopen = file_reopen,
					      .delivered = file_delivered,
					      .finish = file_finish,
					      .idle = file_idle,
					      .close = file_close };
