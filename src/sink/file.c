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
 * is asked before a write: an idle log wakes nobody. A rotation is a chain of
 * rename(2), the oldest first, so that at each moment every line is in exactly
 * one file of the names PATH, PATH.1, PATH.2 ….
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
#include "sink/text.h"

#define CHECK_EVERY 1000000000U /* ns */
#define WRITE_BYTES (256U << 10)

struct file {
	const struct sink_config *config;
	int fd;		   /* -1: none could be opened */
	uint64_t checked;  /* monotonic ns: path and fd were the same file */
	off_t size;	   /* of the file, as far as we have written it */
	uint64_t born;	   /* realtime s */
	size_t partial;	   /* bytes of the first line that the file has */
	off_t partial_end; /* … and the file's size then */
	bool reopen;
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
	f->checked = clock_monotonic();
	r = open_path(f->config->path, &f->fd);
	if (r < 0)
		return r;
	f->size = fstat(f->fd, &st) == 0 ? st.st_size : 0;
	f->born = birth(f->fd);
	return 0;
}

static bool path_is_ours(const struct file *f)
{
	struct stat named, ours;

	return stat(f->config->path, &named) == 0 && fstat(f->fd, &ours) == 0 &&
	       named.st_dev == ours.st_dev && named.st_ino == ours.st_ino;
}

/* Follow a file that was renamed, deleted or truncated. */
static int check_path(struct file *f)
{
	struct stat st;

	if (f->fd < 0 || f->reopen || !path_is_ours(f))
		return reopen(f);
	f->checked = clock_monotonic();
	if (fstat(f->fd, &st) == 0)
		f->size = st.st_size;
	return 0;
}

/* ---- rotation ---------------------------------------------------------- */

static char *rotated_name(const struct file *f, unsigned i)
{
	return i ? xasprintf("%s.%u", f->config->path, i)
		 : xstrdup(f->config->path);
}

/* Make room at PATH. */
static int shift(const struct file *f)
{
	for (unsigned i = f->config->keep; i > 0; i--) {
		_cleanup_(freep) char *from = rotated_name(f, i - 1);
		_cleanup_(freep) char *to = rotated_name(f, i);

		if (rename(from, to) < 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

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
	r = shift(f);
	if (r == 0)
		return reopen(f);
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
		int r = rotate(f, result) ?: write_heading(f);
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

static void *file_open(_unused_ struct loop *loop,
		       const struct sink_config *config,
		       _unused_ loop_fn changed, _unused_ void *arg)
{
	struct file *f = xnew(struct file);

	f->config = config;
	f->fd = -1;
	return f;
}

static void file_deliver(void *state, const struct sink_lines *lines,
			 struct sink_result *result)
{
	struct sink_formatted formatted = { 0 };
	struct file *f = state;
	int r = 0;

	if (f->fd < 0 || f->reopen ||
	    clock_monotonic() - f->checked >= CHECK_EVERY)
		r = check_path(f);
	if (r == 0) {
		sink_format_lines(f->config->format, lines, &formatted);
		r = write_lines(f, &formatted.lines, result);
		sink_formatted_fini(&formatted);
	}
	if (r < 0)
		sink_fail(result, "%s: %s", f->config->path, reason_text(r));
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
	free(f);
}

const struct sink_driver sink_file_driver = { .open = file_open,
					      .deliver = file_deliver,
					      .reopen = file_reopen,
					      .close = file_close };
