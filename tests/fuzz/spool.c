/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spool.c - fuzz the spool's reader: the input is a segment, or after a first
 * odd byte two of them. What is read, and then appended, must come out.
 */
#include "sink/spool.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[64];

static void remove_dir(void)
{
	rmdir(dir);
}

static void path_of(unsigned long long first, char path[static 128])
{
	snprintf(path, 128, "%s/%020llu.seg", dir, first);
}

static void put(unsigned long long first, const uint8_t *data, size_t size)
{
	char path[128];
	int fd;

	path_of(first, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static void read_all(struct spool *s)
{
	struct spool_batch b;

	while (spool_read(s, 3, 4096, &b) == 0 && b.lines.len) {
		assert(b.lines.len <= 3);
		assert(spool_taken(s, &b, b.lines.len) == 0);
		spool_batch_fini(&b);
	}
	spool_batch_fini(&b);
}

static void check(struct spool *s)
{
	struct slice line = SLICE("line\n");
	struct sink_lines lines = { &line, 1 };
	struct spool_stats stats;
	struct spool_batch b;
	size_t done;

	read_all(s);
	spool_stats(s, &stats);
	assert(stats.waiting == 0);
	assert(spool_append(s, &lines, &done) == 0 && done == 1);
	assert(spool_read(s, 3, 4096, &b) == 0 && b.lines.len == 1);
	assert(slice_eq(b.lines.data[0], line));
	spool_batch_fini(&b);
}

static void clean_up(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	assert(d);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spool *s;

	if (size < 2 || size > 16384)
		return 0;
	if (!dir[0]) {
		snprintf(dir, sizeof(dir), "/dev/shm/bulkhead-fuzz-XXXXXX");
		assert(mkdtemp(dir));
		atexit(remove_dir);
	}
	if (data[0] & 1) {
		size_t half = 1 + (size - 1) / 2;

		put(0, data + 1, half - 1);
		put(data[0], data + half, size - half);
	} else {
		put(0, data + 1, size - 1);
	}
	assert(spool_open(dir, 1 << 20, &s) == 0);
	check(s);
	spool_close(s);
	clean_up();
	return 0;
}
