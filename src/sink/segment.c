/* SPDX-License-Identifier: GPL-2.0-or-later */
/* segment.c - the files of a spool, as they are on disk. */
#include "sink/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "sink/queue.h"

#define NAME_DIGITS 20

static const char segment_magic[SEGMENT_BEGIN] = "BHSPOOL1";
static const char position_magic[8] = "BHSPPOS1";

struct record_head {
	uint32_t len, hash;
	uint64_t time; /* realtime ns */
};

struct position {
	char magic[8];
	uint64_t number, hash;
};

static uint32_t hash_of(const void *bytes, size_t n)
{
	return (uint32_t)hash_content(bytes, n);
}

/* ---- records ----------------------------------------------------------- */

size_t segment_record_size(struct slice line)
{
	return sizeof(struct record_head) + line.len;
}

size_t segment_record_parse(struct slice bytes, struct slice *ret_line,
			    uint64_t *ret_time)
{
	struct record_head head;
	struct slice line;

	if (bytes.len < sizeof(head))
		return 0;
	memcpy(&head, bytes.ptr, sizeof(head));
	if (!head.len || head.len > SINK_LINE_MAX ||
	    head.len > bytes.len - sizeof(head))
		return 0;
	line = (struct slice){ bytes.ptr + sizeof(head), head.len };
	if (head.hash != hash_of(line.ptr, line.len))
		return 0;
	*ret_line = line;
	*ret_time = head.time;
	return segment_record_size(line);
}

void segment_record_add(struct buf *out, struct slice line, uint64_t now)
{
	struct record_head head = { .len = (uint32_t)line.len,
				    .hash = hash_of(line.ptr, line.len),
				    .time = now };

	buf_add(out, &head, sizeof(head));
	buf_add(out, line.ptr, line.len);
}

/* ---- files ------------------------------------------------------------- */

char *segment_path(const char *dir, uint64_t first)
{
	return xasprintf("%s/%0*llu.seg", dir, NAME_DIGITS,
			 (unsigned long long)first);
}

bool segment_parse_name(const char *name, uint64_t *ret_first)
{
	char *end;

	if (strspn(name, "0123456789") != NAME_DIGITS)
		return false;
	errno = 0;
	*ret_first = strtoull(name, &end, 10);
	return !errno && !strcmp(end, ".seg");
}

int segment_create(const char *dir, uint64_t first, int *ret_fd)
{
	_cleanup_(freep) char *path = segment_path(dir, first);
	_cleanup_(closep) int fd =
		open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_APPEND,
		     0600);

	if (fd < 0)
		return -errno;
	if (write(fd, segment_magic, sizeof(segment_magic)) !=
	    sizeof(segment_magic)) {
		(void)unlink(path);
		return -ENOSPC;
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int segment_open(const char *dir, uint64_t first, int *ret_fd)
{
	_cleanup_(freep) char *path = segment_path(dir, first);
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char magic[sizeof(segment_magic)];

	if (fd < 0)
		return -errno;
	if (pread(fd, magic, sizeof(magic), 0) != sizeof(magic) ||
	    memcmp(magic, segment_magic, sizeof(magic)) != 0)
		return -EBADMSG;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int segment_measure(const char *path, size_t max, uint64_t *ret_records,
		    uint64_t *ret_bytes)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(max);
	uint64_t sound = sizeof(segment_magic), records = 0, time;
	int r = buf_read_file(&text, path);
	struct slice rest, line;
	size_t size;

	if (r < 0 && r != -EFBIG)
		return r;
	*ret_records = *ret_bytes = 0;
	if (text.len < sound || memcmp(text.data, segment_magic, sound) != 0)
		return 0;
	rest = (struct slice){ text.data + sound, text.len - sound };
	while ((size = segment_record_parse(rest, &line, &time))) {
		rest = (struct slice){ rest.ptr + size, rest.len - size };
		sound += size;
		records++;
	}
	*ret_records = records;
	*ret_bytes = sound;
	return 0;
}

/* ---- the position ------------------------------------------------------ */

int position_save(int fd, uint64_t number)
{
	struct position p = { .number = number };

	memcpy(p.magic, position_magic, sizeof(p.magic));
	p.hash = hash_content(&p.number, sizeof(p.number));
	return pwrite(fd, &p, sizeof(p), 0) == sizeof(p) ? 0 : -errno;
}

bool position_load(int fd, uint64_t *ret)
{
	struct position p;

	if (pread(fd, &p, sizeof(p), 0) != sizeof(p) ||
	    memcmp(p.magic, position_magic, sizeof(p.magic)) != 0 ||
	    p.hash != hash_content(&p.number, sizeof(p.number)))
		return false;
	*ret = p.number;
	return true;
}
