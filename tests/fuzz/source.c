/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source.c - fuzz target: log files as they may lie about, read as lines, asked
 * as a source, and asked again from a store.
 *
 * The first byte says what the files are; the rest is shared out among them at
 * each byte 0xff.
 */
#include <assert.h>
#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/alloc.h"
#include "store/lines.h"
#include "store/source.h"
#include "store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	PACK = 1, /* compress the older files */
	CUT = 2,  /* … and lose the end of each */
	LONG = 4, /* begin the newest with a line that is too long */
	ASK = 8,  /* for some of the flows only */
	STORE = 16,
};

static char dir[64], path[80], db[80];
static const char *const endings[] = { ".2.gz", ".1", "" };

static void finish(void)
{
	static const char *const names[] = { "log", "log.1",  "log.2.gz",
					     "db",  "db-wal", "db-shm" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char name[96];

		snprintf(name, sizeof(name), "%s/%s", dir, names[i]);
		unlink(name);
	}
	rmdir(dir);
}

static void begin(void)
{
	snprintf(dir, sizeof(dir), "/dev/shm/bh-fuzz-source.%d", (int)getpid());
	assert(mkdir(dir, 0700) == 0);
	snprintf(path, sizeof(path), "%s/log", dir);
	snprintf(db, sizeof(db), "%s/db", dir);
	atexit(finish);
}

static void pack(struct slice text, bool cut, const char *name)
{
	gzFile gz = gzopen(name, "wb1");
	struct stat st;

	assert(gz);
	if (text.len)
		gzwrite(gz, text.ptr, (unsigned)text.len);
	gzclose(gz);
	if (cut && stat(name, &st) == 0)
		assert(truncate(name, st.st_size * 2 / 3) == 0);
}

static void write_file(struct slice text, bool begin_long, const char *name)
{
	FILE *f = fopen(name, "w");

	assert(f);
	if (begin_long)
		for (size_t i = 0; i <= LINES_LINE_MAX / 4096; i++)
			fprintf(f, "%4096s", "x");
	fwrite(text.ptr, 1, text.len, f);
	fclose(f);
}

static void write_files(unsigned how, struct slice rest)
{
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		_cleanup_(freep) char *name =
			xasprintf("%s%s", path, endings[i]);
		const char *end = i + 1 < ARRAY_SIZE(endings) && rest.len
					  ? memchr(rest.ptr, 0xff, rest.len)
					  : NULL;
		struct slice text = { rest.ptr, end ? (size_t)(end - rest.ptr)
						    : rest.len };

		if ((how & PACK) && i < 2)
			pack(text, how & CUT, name);
		else
			write_file(text, (how & LONG) && i == 2, name);
		rest.ptr += text.len + (end != NULL);
		rest.len -= text.len + (end != NULL);
	}
}

/* Every line is one; @s may be NULL. */
static void read_lines(struct store *s)
{
	struct lines *l = NULL;
	struct slice line;
	int r;

	assert(lines_open(path, &l) == 0);
	while ((r = lines_next(l, &line)) != 0) {
		if (r < 0)
			continue;
		assert(line.len <= LINES_LINE_MAX);
		assert(!line.len || !memchr(line.ptr, '\n', line.len));
		assert(lines_number(l) > 0 && lines_file(l));
		assert(!s || store_write(s, &line, 1, NULL) == 0);
	}
	lines_close(l);
}

static void ignore(_unused_ void *arg, const char *file, _unused_ uint64_t line,
		   const char *what)
{
	assert(file && what);
}

static bool count_flow(void *arg, struct json_object *record)
{
	uint64_t *n = arg;

	*n += !json_object_object_get_ex(record, "event", NULL);
	return true;
}

/* A list, a count and the groups are about the same flows. */
static void ask(struct source *s, const struct question *q)
{
	static const struct fold_by by = { .fields = { FOLD_SRC, FOLD_DST_IP,
						       FOLD_POLICY, FOLD_PORT },
					   .n = 4 };
	struct fold *fold = fold_new(&by, SIZE_MAX);
	const struct fold_group *groups;
	uint64_t listed = 0, counted = 0, grouped = 0;
	size_t n;

	assert(source_list(s, q, count_flow, &listed) == 0);
	assert(source_count(s, q, &counted) == 0);
	assert(source_fold(s, q, fold) == 0);
	n = fold_top(fold, &groups);
	for (size_t i = 0; i < n; i++)
		grouped += groups[i].flows;
	assert(listed == counted && counted == grouped);
	fold_free(fold);
	source_close(s);
}

/* What the lines say, from a store. */
static void ask_store(const struct question *q)
{
	struct store_options options = { 0 };
	struct source *source = NULL;
	struct store *store = NULL;

	unlink(db);
	assert(store_open(db, &options, &store, NULL) == 0);
	read_lines(store);
	store_close(store);
	assert(source_open_store(db, &source) == 0);
	ask(source, q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct question q = { .until = UINT64_MAX };
	struct source *source = NULL;

	if (!*dir)
		begin();
	if (!size)
		return 0;
	write_files(*data, (struct slice){ (const char *)data + 1, size - 1 });
	if (*data & ASK) {
		q.since = 1769854830000000000U;
		q.verdicts = QUESTION_DENIED;
	}
	if (*data & STORE)
		ask_store(&q);
	else
		read_lines(NULL);
	assert(source_open_files(path, ignore, NULL, &source) == 0);
	ask(source, &q);
	return 0;
}
