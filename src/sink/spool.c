/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spool.c - lines that wait on disk until somebody has taken them.
 *
 * A segment (segment.h) holds the lines from its name's number up to the next
 * one's; only the last is written. `position` is the number of the first wanted
 * line, on disk and in memory; the reader's offset belongs to it.
 */
#include "sink/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "sink/segment.h"

#define SEGMENT_MAX (8U << 20)
#define SYNC_EVERY  1000000000U /* ns */

struct segment {
	uint64_t first; /* number of its first line */
	uint64_t bytes; /* of the file */
};

struct spool {
	pthread_mutex_t lock;
	char *dir;
	uint64_t max, segment_max;
	VEC(struct segment) segments; /* the oldest first */
	uint64_t next;		      /* number of the next line */
	int writer, reader, position_fd;
	uint64_t position, offset; /* of the first wanted line in segment 0 */
	uint64_t bytes, lost, oldest, synced;
	/* Lines of the last batch that made room meanwhile: lost unless they
	 * are taken after all. */
	uint64_t batch_first, batch_end, doubtful;
};

/* ---- segments ---------------------------------------------------------- */

static void close_reader(struct spool *s)
{
	closep(&s->reader);
	s->reader = -1;
	s->offset = SEGMENT_BEGIN;
}

/* Where the lines of the first segment end. */
static uint64_t first_end(const struct spool *s)
{
	return s->segments.len > 1 ? s->segments.data[1].first : s->next;
}

/* Remove the first segment; what it still holds is the caller's matter. */
static void remove_first(struct spool *s)
{
	_cleanup_(freep) char *path =
		segment_path(s->dir, s->segments.data[0].first);

	(void)unlink(path);
	s->position = MAX(s->position, first_end(s));
	s->bytes -= s->segments.data[0].bytes;
	if (s->segments.len == 1 && s->writer >= 0) {
		close(s->writer);
		s->writer = -1;
	}
	vec_remove(&s->segments, 0);
	close_reader(s);
}

/* The lines from the position up to @end will never be read. */
static void lose_until(struct spool *s, uint64_t end)
{
	uint64_t from = MAX(s->position, s->batch_first);
	uint64_t to = MIN(end, s->batch_end);
	uint64_t under_way = to > from ? to - from : 0;

	if (end <= s->position)
		return;
	s->doubtful += under_way;
	s->lost += end - s->position - under_way;
	s->position = end;
}

static void make_room(struct spool *s, size_t wanted)
{
	while (s->segments.len > 1 && s->bytes + wanted > s->max) {
		lose_until(s, first_end(s));
		remove_first(s);
	}
}

/* Without a line in it, it has the name that the next one gets. */
static void drop_empty_last(struct spool *s)
{
	size_t n = s->segments.len;

	if (!n || s->segments.data[n - 1].first != s->next)
		return;
	s->bytes -= s->segments.data[n - 1].bytes;
	s->segments.len--;
	if (n == 1)
		close_reader(s);
}

static int begin_segment(struct spool *s)
{
	int fd, r = segment_create(s->dir, s->next, &fd);

	if (r < 0)
		return r;
	drop_empty_last(s);
	closep(&s->writer);
	s->writer = fd;
	vec_push(&s->segments,
		 (struct segment){ .first = s->next, .bytes = SEGMENT_BEGIN });
	s->bytes += SEGMENT_BEGIN;
	return 0;
}

/* ---- appending --------------------------------------------------------- */

/* All of @text or nothing: what a full disk took of it is cut off again. */
static int write_records(struct spool *s, const struct buf *text)
{
	struct segment *last = &s->segments.data[s->segments.len - 1];
	ssize_t n = write(s->writer, text->data, text->len);

	if (n == (ssize_t)text->len) {
		last->bytes += text->len;
		s->bytes += text->len;
		return 0;
	}
	if (n > 0 && ftruncate(s->writer, (off_t)last->bytes) < 0) {
		/* Readers stop at the fragment; a new segment follows. */
		close(s->writer);
		s->writer = -1;
	}
	return n < 0 ? -errno : -ENOSPC;
}

static void sync_sometimes(struct spool *s)
{
	uint64_t now = clock_monotonic();

	if (now - s->synced < SYNC_EVERY)
		return;
	(void)fdatasync(s->writer);
	s->synced = now;
}

/* Lines that go into the present segment in one write. */
static int append_some(struct spool *s, const struct sink_lines *lines,
		       size_t *done)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);
	uint64_t now = clock_realtime();
	size_t i = *done;
	uint64_t used;
	int r = 0;

	if (s->writer < 0 ||
	    s->segments.data[s->segments.len - 1].bytes >= s->segment_max)
		r = begin_segment(s);
	if (r < 0)
		return r;
	used = s->segments.data[s->segments.len - 1].bytes;
	while (i < lines->n && used + text.len < s->segment_max)
		segment_record_add(&text, lines->lines[i++], now);
	make_room(s, text.len);
	if (s->position == s->next)
		s->oldest = now;
	r = write_records(s, &text);
	if (r < 0)
		return r;
	s->next += i - *done;
	*done = i;
	return 0;
}

int spool_append(struct spool *s, const struct sink_lines *lines,
		 size_t *ret_done)
{
	size_t done = 0;
	int r = 0;

	pthread_mutex_lock(&s->lock);
	while (r == 0 && done < lines->n)
		r = append_some(s, lines, &done);
	if (done)
		sync_sometimes(s);
	pthread_mutex_unlock(&s->lock);
	*ret_done = done;
	return r;
}

/* ---- reading ----------------------------------------------------------- */

void spool_batch_fini(struct spool_batch *b)
{
	buf_fini(&b->text);
	vec_fini(&b->lines);
}

static int open_reader(struct spool *s)
{
	int r;

	if (s->reader >= 0)
		return 0;
	r = segment_open(s->dir, s->segments.data[0].first, &s->reader);
	s->offset = SEGMENT_BEGIN;
	return r;
}

/* Up to @want bytes of segment 0 from the reader's offset on. */
static int load(struct spool *s, uint64_t want, struct buf *text)
{
	uint64_t left = s->segments.data[0].bytes -
			MIN(s->offset, s->segments.data[0].bytes);
	_cleanup_(freep) char *bytes = xcalloc(MIN(want, left) + 1, 1);
	ssize_t n = pread(s->reader, bytes, MIN(want, left), (off_t)s->offset);

	if (n < 0)
		return -errno;
	buf_clear(text);
	buf_add(text, bytes, (size_t)n);
	return 0;
}

/* Records out of @b's text, as many as are wanted. @first of them are passed
 * over: they were taken before. Returns the bytes that those had. */
static size_t split(struct spool *s, size_t max_lines, size_t max_bytes,
		    uint64_t first, struct spool_batch *b)
{
	struct slice rest = buf_slice(&b->text), line;
	size_t passed = 0, size, used = 0;
	uint64_t time;

	while (b->lines.len < max_lines && used < max_bytes &&
	       (size = segment_record_parse(rest, &line, &time))) {
		rest = (struct slice){ rest.ptr + size, rest.len - size };
		if (first) {
			first--;
			passed += size;
			continue;
		}
		if (!b->lines.len)
			s->oldest = time;
		vec_push(&b->lines, line);
		used += size;
	}
	return passed;
}

/* Of the first segment. Returns 0, or -errno; no line means that there is no
 * more in it, or nothing sound. */
static int read_first(struct spool *s, size_t max_lines, size_t max_bytes,
		      struct spool_batch *b)
{
	uint64_t skip;
	int r = open_reader(s);

	if (r == -EBADMSG || r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	/* At the start the offset is that of the segment's first line. */
	skip = s->offset == SEGMENT_BEGIN
		       ? s->position - s->segments.data[0].first
		       : 0;
	r = load(s, skip ? UINT32_MAX : max_bytes, &b->text);
	if (r < 0)
		return r;
	b->first = s->position;
	s->offset += split(s, max_lines, max_bytes, skip, b);
	if (b->lines.len || skip || b->text.len < max_bytes)
		return 0;
	/* A line that is longer than all that was wanted. */
	r = load(s, max_bytes + SINK_LINE_MAX, &b->text);
	(void)split(s, 1, max_bytes, 0, b);
	return r;
}

int spool_read(struct spool *s, size_t max_lines, size_t max_bytes,
	       struct spool_batch *ret)
{
	int r = 0;

	*ret = (struct spool_batch){ .text = BUF_INIT(BUF_UNBOUNDED) };
	pthread_mutex_lock(&s->lock);
	while (s->position < s->next && s->segments.len) {
		if (s->position < first_end(s)) {
			r = read_first(s, max_lines, max_bytes, ret);
			if (r < 0 || ret->lines.len)
				break;
		}
		/* The rest is damaged, or there is none. */
		lose_until(s, first_end(s));
		remove_first(s);
	}
	s->batch_first = ret->first;
	s->batch_end = ret->first + ret->lines.len;
	pthread_mutex_unlock(&s->lock);
	return r;
}

/* Segments of which nothing is wanted any more. */
static void remove_taken(struct spool *s)
{
	while (s->segments.len > 1 && s->position >= first_end(s))
		remove_first(s);
	if (s->segments.len && s->position == s->next &&
	    s->segments.data[0].bytes >= s->segment_max / 2)
		remove_first(s);
}

int spool_taken(struct spool *s, const struct spool_batch *batch, size_t n)
{
	uint64_t end = batch->first + n;
	int r;

	pthread_mutex_lock(&s->lock);
	/* Those that made room and were not taken. */
	s->lost += s->doubtful - MIN(s->doubtful, n);
	s->doubtful = s->batch_first = s->batch_end = 0;
	for (size_t i = 0; s->position < end && i < n; i++) {
		if (batch->first + i < s->position)
			continue;
		s->offset += segment_record_size(batch->lines.data[i]);
		s->position++;
	}
	remove_taken(s);
	r = position_save(s->position_fd, s->position);
	pthread_mutex_unlock(&s->lock);
	return r;
}

void spool_stats(struct spool *s, struct spool_stats *ret)
{
	pthread_mutex_lock(&s->lock);
	*ret = (struct spool_stats){
		.next = s->next,
		.waiting = s->next - s->position,
		.lost = s->lost,
		.bytes = s->bytes,
		.oldest = s->position < s->next ? s->oldest : 0,
	};
	pthread_mutex_unlock(&s->lock);
}

/* ---- opening ----------------------------------------------------------- */

static int compare_segments(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

static int list_segments(struct spool *s)
{
	DIR *dir = opendir(s->dir);
	struct dirent *entry;
	struct segment found;
	struct stat st;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		if (!segment_parse_name(entry->d_name, &found.first) ||
		    fstatat(dirfd(dir), entry->d_name, &st,
			    AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		found.bytes = (uint64_t)st.st_size;
		s->bytes += found.bytes;
		vec_push(&s->segments, found);
	}
	closedir(dir);
	vec_sort(&s->segments, compare_segments);
	return 0;
}

/* The last one's torn end is cut off. One that is none is left as it is: what
 * it held is damaged. */
static int measure_last(struct spool *s)
{
	struct segment *last = &s->segments.data[s->segments.len - 1];
	_cleanup_(freep) char *path = segment_path(s->dir, last->first);
	uint64_t records, sound;
	int r = segment_measure(path, SEGMENT_MAX + 2 * SINK_LINE_MAX, &records,
				&sound);

	if (r < 0)
		return r;
	s->next = last->first + records;
	if (!sound || sound == last->bytes)
		return 0;
	if (truncate(path, (off_t)sound) < 0)
		return -errno;
	s->bytes -= last->bytes - sound;
	last->bytes = sound;
	return 0;
}

static void find_position(struct spool *s)
{
	uint64_t saved;
	bool known = position_load(s->position_fd, &saved);

	if (s->segments.len)
		s->position = s->segments.data[0].first;
	if (!known)
		return;
	/* Segments that are gone before they were taken. */
	if (saved < s->position)
		s->lost = s->position - saved;
	s->position = MAX(s->position, saved);
	/* A crash of the machine has cost the end of what was taken. */
	s->next = MAX(s->next, s->position);
	remove_taken(s);
}

static int load_all(struct spool *s)
{
	_cleanup_(freep) char *path = xasprintf("%s/position", s->dir);
	int r;

	if (mkdir(s->dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	s->position_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->position_fd < 0)
		return -errno;
	r = list_segments(s);
	if (r == 0 && s->segments.len)
		r = measure_last(s);
	if (r < 0)
		return r;
	find_position(s);
	if (s->position < s->next)
		s->oldest = clock_realtime(); /* until it is read */
	return position_save(s->position_fd, s->position);
}

int spool_open(const char *dir, uint64_t max, struct spool **ret)
{
	struct spool *s = xnew(struct spool);
	int r;

	pthread_mutex_init(&s->lock, NULL);
	s->dir = xstrdup(dir);
	s->max = MAX(max, (uint64_t)SPOOL_SIZE_MIN);
	s->segment_max = MIN(s->max / 8, (uint64_t)SEGMENT_MAX);
	s->writer = s->reader = s->position_fd = -1;
	s->offset = SEGMENT_BEGIN;
	r = load_all(s);
	if (r < 0) {
		spool_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

void spool_close(struct spool *s)
{
	if (!s)
		return;
	if (s->writer >= 0)
		(void)fdatasync(s->writer);
	/* What made room was counted: not once more at the next start. */
	if (s->position_fd >= 0)
		(void)position_save(s->position_fd, s->position);
	closep(&s->writer);
	closep(&s->reader);
	closep(&s->position_fd);
	vec_fini(&s->segments);
	pthread_mutex_destroy(&s->lock);
	free(s->dir);
	free(s);
}
