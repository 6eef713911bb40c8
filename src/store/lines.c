/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lines.c - the lines of a log file and of those that it was rotated to.
 *
 * Rotated files are in the order of what they begin with: numbers count
 * backwards and dates forwards, and the time of the first line says it anyway.
 */
#include "store/lines.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/vec.h"
#include "json/json.h"

#define CHUNK 65536

struct file {
	char *path;
	uint64_t begins; /* ns; 0: nothing that tells */
};

struct lines {
	VEC(struct file) files;
	size_t next; /* the file to be opened next */
	gzFile gz;   /* NULL: none is open */
	struct buf pending;
	size_t given;	/* bytes of pending that were given out */
	size_t scanned; /* bytes of pending without a newline */
	uint64_t number;
	bool skipping; /* within a line that is too long */
};

/* ---- files ------------------------------------------------------------- */

/* ".1", ".2.gz", "-20260131", "-20260131.gz", ".2026-01-31T10:20:30Z". */
static bool is_rotated(const char *name, const char *base)
{
	size_t n = strlen(base);
	const char *ending;

	if (strncmp(name, base, n) != 0 || (name[n] != '.' && name[n] != '-') ||
	    !isdigit((unsigned char)name[n + 1]))
		return false;
	ending = name + n + 1;
	ending += strspn(ending, "0123456789-:.TZ");
	return !*ending || !strcmp(ending, "gz");
}

static gzFile open_file(const char *path, int *ret_error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	gzFile gz;

	*ret_error = -errno;
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		*ret_error = -EISDIR;
		return NULL;
	}
	gz = gzdopen(fd, "rb");
	if (!gz) {
		close(fd);
		*ret_error = -ENOMEM;
		return NULL;
	}
	gzbuffer(gz, CHUNK);
	return gz;
}

/* The time of a file's first line. */
static uint64_t begins(const char *path)
{
	_cleanup_(freep) char *text = xcalloc(1, CHUNK);
	_cleanup_(json_unrefp) struct json_object *o = NULL;
	int error;
	gzFile gz = open_file(path, &error);
	uint64_t time = 0;

	if (!gz)
		return 0;
	if (gzgets(gz, text, CHUNK)) {
		o = json_parse((struct slice){ text, strcspn(text, "\n") });
		if (clock_parse(json_text(o, "time"), &time) < 0)
			time = 0;
	}
	gzclose_r(gz);
	return time;
}

/* A file that is just being compressed, or was when the writer died, is there
 * in both forms. */
static bool is_twin(const char *path)
{
	size_t n = strlen(path);
	_cleanup_(freep) char *plain = NULL;

	if (n < 3 || strcmp(path + n - 3, ".gz") != 0)
		return false;
	plain = xstrndup(path, n - 3);
	return access(plain, F_OK) == 0;
}

static void add_rotated(struct lines *l, const char *path)
{
	_cleanup_(freep) char *dir = xstrdup(path);
	char *slash = strrchr(dir, '/');
	const char *base = slash ? slash + 1 : path;
	DIR *d;

	if (slash)
		base = path + (slash + 1 - dir), slash[slash == dir] = '\0';
	d = opendir(slash ? dir : ".");
	if (!d)
		return; /* the file itself can be read all the same */
	for (struct dirent *e; (e = readdir(d));) {
		char *name;

		if (!is_rotated(e->d_name, base))
			continue;
		name = xasprintf("%.*s%s", (int)(base - path), path, e->d_name);
		if (is_twin(name))
			free(name);
		else
			vec_push(&l->files,
				 (struct file){ name, begins(name) });
	}
	closedir(d);
}

static int older(const void *a, const void *b)
{
	const struct file *x = a, *y = b;

	if (x->begins != y->begins)
		return x->begins < y->begins ? -1 : 1;
	return strcmp(y->path, x->path);
}

int lines_open(const char *path, struct lines **ret)
{
	_cleanup_(lines_closep) struct lines *l = xnew(struct lines);
	int error;
	gzFile gz = open_file(path, &error);

	l->pending = BUF_INIT(BUF_UNBOUNDED);
	if (!gz)
		return error;
	gzclose_r(gz);
	add_rotated(l, path);
	vec_sort(&l->files, older);
	vec_push(&l->files, (struct file){ xstrdup(path), 0 });
	*ret = TAKE_PTR(l);
	return 0;
}

void lines_close(struct lines *l)
{
	if (!l)
		return;
	if (l->gz)
		gzclose_r(l->gz);
	vec_foreach(file, &l->files)
		free(file->path);
	vec_fini(&l->files);
	buf_fini(&l->pending);
	free(l);
}

const char *lines_file(const struct lines *l)
{
	return l->files.data[l->next ? l->next - 1 : 0].path;
}

uint64_t lines_number(const struct lines *l)
{
	return l->number;
}

/* ---- lines ------------------------------------------------------------- */

/* Returns 1, 0 when there is no further file, or -errno. */
static int open_next(struct lines *l)
{
	int error;

	if (l->next == l->files.len)
		return 0;
	buf_clear(&l->pending);
	l->given = l->scanned = 0;
	l->number = 0;
	l->skipping = false;
	l->gz = open_file(l->files.data[l->next++].path, &error);
	return l->gz ? 1 : error;
}

static void close_file(struct lines *l)
{
	gzclose_r(l->gz);
	l->gz = NULL;
}

/* Returns the number of bytes, or -EIO for a damaged file. */
static int fill(struct lines *l)
{
	char chunk[CHUNK];
	int n;

	buf_consume(&l->pending, l->given);
	l->scanned -= MIN(l->scanned, l->given);
	l->given = 0;
	n = gzread(l->gz, chunk, sizeof(chunk));
	if (n < 0)
		return -EIO;
	/* What is compressed and cut short gives no error but this. */
	if (n == 0) {
		int code = Z_OK;

		gzerror(l->gz, &code);
		return code == Z_OK || code == Z_STREAM_END ? 0 : -EIO;
	}
	buf_add(&l->pending, chunk, (size_t)n);
	return n;
}

static bool take_line(struct lines *l, struct slice *ret)
{
	const char *from, *end;

	if (l->scanned >= l->pending.len)
		return false;
	from = l->pending.data + l->scanned;
	end = memchr(from, '\n', l->pending.len - l->scanned);
	if (!end) {
		l->scanned = l->pending.len;
		return false;
	}
	*ret = (struct slice){ l->pending.data + l->given,
			       (size_t)(end - l->pending.data) - l->given };
	l->given = l->scanned = (size_t)(end - l->pending.data) + 1;
	l->number++;
	return true;
}

static bool take_rest(struct lines *l, struct slice *ret)
{
	if (l->given == l->pending.len || l->skipping)
		return false;
	*ret = (struct slice){ l->pending.data + l->given,
			       l->pending.len - l->given };
	l->given = l->scanned = l->pending.len;
	l->number++;
	return true;
}

/* Forget the beginning of a line that is too long. */
static void skip(struct lines *l)
{
	if (l->pending.len - l->given <= LINES_LINE_MAX)
		return;
	l->skipping = true;
	l->given = l->scanned = l->pending.len;
}

/* Returns 1, 0 at the file's end, or -errno. */
static int next_of_file(struct lines *l, struct slice *ret)
{
	struct slice line;
	int n;

	while (!take_line(l, &line)) {
		skip(l);
		n = fill(l);
		if (n < 0)
			return n;
		if (n == 0 && !take_rest(l, &line))
			return 0;
		if (n == 0)
			break;
	}
	if (l->skipping || line.len > LINES_LINE_MAX) {
		l->skipping = false;
		return -EMSGSIZE;
	}
	*ret = line;
	return 1;
}

int lines_next(struct lines *l, struct slice *ret)
{
	for (;;) {
		int r = l->gz ? 1 : open_next(l);

		if (r <= 0)
			return r;
		r = next_of_file(l, ret);
		if (r == 1 || r == -EMSGSIZE)
			return r;
		close_file(l);
		if (r < 0)
			return r;
	}
}
