/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store.c - batches, crashes, corruption and retention, looked at with SQL. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "store/schema.h"
#include "store/store.h"

#define SECOND 1000000000ULL
#define BEGIN  (1769854820ULL * SECOND)

static char dir[64], path[128];

static int setup(_unused_ void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/bh-store.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/flows.db", dir);
	return 0;
}

static int teardown(_unused_ void **state)
{
	_cleanup_(freep) char *command = xasprintf("rm -rf '%s'", dir);

	return system(command); /* NOLINT: a test's own directory */
}

static struct store *opened(struct store_options options, enum store_state want)
{
	struct store *s = NULL;
	enum store_state state = STORE_MIGRATED;

	assert_int_equal(store_open(path, &options, &s, &state), 0);
	assert_int_equal(state, want);
	return s;
}

/* One number, by another connection. */
static int64_t ask(const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *stmt;
	int64_t n;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL),
			 SQLITE_OK);
	/* Who comes while another recovers the log has to wait, as any reader
	 * of a WAL database does. */
	sqlite3_busy_timeout(db, 5000);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	n = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return n;
}

static char *flow_line(unsigned id, unsigned seq, const char *state,
		       unsigned packets, unsigned new_packets)
{
	char first[CLOCK_STRLEN], now[CLOCK_STRLEN];

	return xasprintf(
		"{\"time\":\"%s\",\"host\":\"h\",\"boot_id\":\"b\",\"seq\":%u,\"verdict\":\"denied\","
		"\"direction\":\"ingress\",\"reason\":\"no-policy-allows\",\"policies\":[\"shop/deny\"],\"proto\":\"tcp\","
		"\"src\":{\"ip\":\"172.18.0.%u\",\"port\":4000,\"container\":{\"id\":\"c%u\",\"name\":\"web%u\",\"namespace\":\"shop\",\"labels\":{\"app\":\"web\"}}},"
		"\"dst\":{\"ip\":\"172.18.0.250\",\"port\":5432},\"flow_id\":\"%016x\",\"state\":\"%s\",\"packets\":%u,\"bytes\":%u,"
		"\"new_packets\":%u,\"new_bytes\":%u,\"first\":\"%s\",\"last\":\"%s\"}\n",
		clock_format(BEGIN + seq * SECOND, now), seq, id % 200,
		id % 200, id % 200, id, state, packets, 60 * packets,
		new_packets, 60 * new_packets,
		clock_format(BEGIN + id * SECOND, first), now);
}

/* Write one line; takes it. */
static struct store_written put(struct store *s, char *line)
{
	struct slice slice = slice_of(line);
	struct store_written written;

	assert_int_equal(store_write(s, &slice, 1, &written), 0);
	free(line);
	return written;
}

static void test_flow(_unused_ void **state)
{
	struct store *s = opened((struct store_options){ 0 }, STORE_NEW);

	assert_int_equal(put(s, flow_line(1, 1, "new", 1, 1)).records, 1);
	assert_int_equal(ask("SELECT count(*) FROM flow_records"), 0);
	assert_int_equal(put(s, flow_line(1, 2, "update", 5, 4)).records, 1);
	assert_int_equal(put(s, flow_line(1, 3, "end", 7, 2)).records, 1);
	/* Again: known, and nothing changes. */
	assert_int_equal(put(s, flow_line(1, 3, "end", 7, 2)).known, 1);
	assert_int_equal(put(s, flow_line(1, 2, "update", 5, 4)).known, 1);
	assert_int_equal(put(s, flow_line(1, 1, "new", 1, 1)).known, 1);
	assert_int_equal(ask("SELECT count(*) FROM flows"), 1);
	assert_int_equal(
		ask("SELECT packets FROM flows WHERE state = 'end'"
		    " AND flow_id = '0000000000000001'"
		    " AND src_container = 'web1' AND verdict = 'denied'"
		    " AND first = '2026-01-31T10:20:21.000000000Z'"
		    " AND last = '2026-01-31T10:20:23.000000000Z'"),
		7);
	assert_int_equal(ask("SELECT sum(packets) FROM flow_records"), 7);
	assert_int_equal(ask("SELECT count(*) FROM flow_records"), 3);
	store_close(s);
}

static void test_refused(_unused_ void **state)
{
	_cleanup_(freep) char *large = xcalloc(1, STORE_LINE_MAX + 2);
	_cleanup_(freep) char *good = flow_line(1, 1, "new", 1, 1);
	struct slice lines[] = { SLICE(""),
				 SLICE("{}"),
				 SLICE("x\n"),
				 slice_of(good),
				 { large, STORE_LINE_MAX + 1 } };
	struct store *s = opened((struct store_options){ 0 }, STORE_NEW);
	struct store_written written;

	assert_int_equal(store_write(s, lines, ARRAY_SIZE(lines), &written), 0);
	assert_int_equal(written.refused, 4);
	assert_int_equal(written.records, 1);
	store_close(s);
	s = opened((struct store_options){ 0 }, STORE_AS_IT_WAS);
	assert_int_equal(ask("SELECT count(*) FROM flows"), 1);
	store_close(s);
}

static void test_events(_unused_ void **state)
{
	struct store *s = opened((struct store_options){ 0 }, STORE_NEW);
	const char *text =
		"{\"time\":\"2026-01-31T10:20:30Z\",\"host\":\"h\",\"seq\":1,\"event\":\"container-start\",\"level\":\"info\","
		"\"message\":\"Started.\",\"container\":{\"id\":\"c\",\"name\":\"web\",\"namespace\":\"shop\"},\"networks\":[]}";

	assert_int_equal(put(s, xstrdup(text)).records, 1);
	assert_int_equal(put(s, xstrdup(text)).known, 1);
	assert_int_equal(
		ask("SELECT count(*) FROM event_list WHERE container = 'web'"
		    " AND event = 'container-start' AND level = 'info'"
		    " AND message = 'Started.'"),
		1);
	store_close(s);
}

/* Killed in the middle of a batch, ten times: each batch whole or not at all,
 * and the file sound. */
static void test_crash(_unused_ void **state)
{
	enum { BATCH = 50 };
	store_close(opened((struct store_options){ 0 }, STORE_NEW));
	for (unsigned round = 0; round < 10; round++) {
		int64_t n = ask("SELECT count(*) FROM flow_rows"), now;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			struct store_options options = { 0 };
			struct store *s;

			/* A test that fails leaves no writer behind. */
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (store_open(path, &options, &s, NULL) < 0)
				_exit(1);
			for (unsigned id = round << 20;; id += BATCH) {
				struct slice lines[BATCH];

				for (unsigned i = 0; i < BATCH; i++)
					lines[i] = slice_of(flow_line(
						id + i, 1, "new", 1, 1));
				if (store_write(s, lines, BATCH, NULL) < 0)
					_exit(1);
			}
		}
		do
			now = ask("SELECT count(*) FROM flow_rows");
		while (now < n + 2 * BATCH);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		store_close(
			opened((struct store_options){ 0 }, STORE_AS_IT_WAS));
		assert_int_equal(ask("SELECT count(*) FROM flow_rows") % BATCH,
				 0);
	}
	assert_int_equal(ask("SELECT integrity_check = 'ok' FROM"
			     " pragma_integrity_check"),
			 1);
}

static void scribble(off_t at, size_t n)
{
	_cleanup_(freep) char *junk = xcalloc(1, n);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	memset(junk, 0xa5, n);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, junk, n, at), n);
	close(fd);
}

static void test_corrupt_at_open(_unused_ void **state)
{
	struct store_options options = { 0 };
	struct stat st;
	struct store *s = opened(options, STORE_NEW);

	put(s, flow_line(1, 1, "new", 1, 1));
	store_close(s);
	scribble(0, 4096);
	s = opened(options, STORE_REPLACED);
	assert_int_equal(stat(store_aside(s), &st), 0);
	assert_non_null(strstr(store_aside(s), "flows.db.corrupt-2"));
	assert_int_equal(ask("SELECT count(*) FROM flow_rows"), 0);
	assert_int_equal(put(s, flow_line(1, 1, "new", 1, 1)).records, 1);
	store_close(s);
}

/* Found only when a page is read: the batch is not lost. */
static void test_corrupt_while_writing(_unused_ void **state)
{
	struct store_options options = { 0 };
	struct store *s = opened(options, STORE_NEW);
	struct store_written written;
	struct stat st;

	for (unsigned i = 0; i < 300; i++)
		put(s, flow_line(i, i, "new", 1, 1));
	store_close(s);
	assert_int_equal(stat(path, &st), 0);
	/* All but the header and the schema's first pages. */
	scribble(8192 * 2, (size_t)st.st_size - 8192 * 2);
	assert_int_equal(store_open(path, &options, &s, NULL), 0);
	written = put(s, flow_line(301, 301, "new", 1, 1));
	assert_int_equal(written.records, 1);
	assert_true(written.replaced || *store_aside(s));
	assert_int_equal(ask("SELECT count(*) FROM flow_rows"), 1);
	store_close(s);
}

static void make(const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void test_not_ours(_unused_ void **state)
{
	struct store_options options = { 0 };
	struct store *s = NULL;

	make("CREATE TABLE recipes(name)");
	assert_int_equal(store_open(path, &options, &s, NULL), -EEXIST);
	assert_int_equal(ask("SELECT count(*) FROM recipes"), 0);
}

static void test_newer(_unused_ void **state)
{
	struct store_options options = { 0 };
	struct store *s = NULL;

	store_close(opened(options, STORE_NEW));
	make("PRAGMA user_version = 999");
	assert_int_equal(store_open(path, &options, &s, NULL), -EPROTO);
}

static void test_places(_unused_ void **state)
{
	struct store_options options = { 0 };
	struct store *s = NULL;

	assert_int_equal(store_open(dir, &options, &s, NULL), -EISDIR);
	assert_int_equal(store_open("/nonexistent/x", &options, &s, NULL),
			 -ENOENT);
}

static void trim_all(struct store *s, uint64_t now)
{
	struct store_trimmed trimmed;

	do
		assert_int_equal(store_trim(s, now, &trimmed), 0);
	while (trimmed.more);
}

static void test_age(_unused_ void **state)
{
	struct store *s = opened(
		(struct store_options){ .max_age = 100 * SECOND }, STORE_NEW);

	for (unsigned i = 0; i < 300; i++)
		put(s, flow_line(i, i, "new", 1, 1));
	/* One that goes on. */
	put(s, flow_line(0, 301, "update", 2, 1));
	trim_all(s, BEGIN + 300 * SECOND);
	assert_int_equal(ask("SELECT count(*) FROM flow_rows"), 101);
	assert_int_equal(
		ask("SELECT count(*) FROM flow_rows WHERE flow_id = 0"), 1);
	/* Nobody's names go with them. */
	trim_all(s, BEGIN + 1000 * SECOND);
	assert_int_equal(ask("SELECT count(*) FROM flow_rows"), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(store_trim(s, BEGIN + 1000 * SECOND, NULL), 0);
	assert_int_equal(ask("SELECT count(*) FROM parties"), 0);
	assert_int_equal(ask("SELECT count(*) FROM containers"), 1);
	assert_int_equal(ask("SELECT count(*) FROM labels"), 0);
	assert_int_equal(ask("SELECT count(*) FROM flow_records"), 0);
	/* And they come back. */
	put(s, flow_line(1, 1, "new", 1, 1));
	assert_int_equal(ask("SELECT src_container = 'web1' FROM flows"), 1);
	store_close(s);
}

static void test_size(_unused_ void **state)
{
	struct store *s = opened(
		(struct store_options){ .max_bytes = 512 << 10 }, STORE_NEW);
	struct store_size size;

	for (unsigned i = 0; i < 100; i++) {
		struct slice lines[50];

		for (unsigned k = 0; k < ARRAY_SIZE(lines); k++)
			lines[k] = slice_of(
				flow_line(50 * i + k, 50 * i + k, "new", 1, 1));
		assert_int_equal(store_write(s, lines, ARRAY_SIZE(lines), NULL),
				 0);
		for (unsigned k = 0; k < ARRAY_SIZE(lines); k++)
			free((char *)lines[k].ptr);
		trim_all(s, 0);
	}
	assert_int_equal(store_size(s, &size), 0);
	assert_in_range(size.bytes, 200 << 10, 512 << 10);
	assert_in_range(size.file_bytes, 200 << 10, 1024 << 10);
	/* The newest are those that are left. */
	assert_int_equal(ask("SELECT max(flow_id) FROM flow_rows"), 4999);
	assert_int_equal(ask("SELECT min(flow_id) > 3000 AND count(*) ="
			     " 5000 - min(flow_id) FROM flow_rows"),
			 1);
	store_close(s);
}

/* However much comes between two calls. */
static void test_keeps_up(_unused_ void **state)
{
	enum { BATCH = 3000, BATCHES = 6 };
	struct store *s = opened((struct store_options){ .max_bytes = 1 << 20 },
				 STORE_NEW);

	for (unsigned i = 0; i < BATCHES; i++) {
		struct slice *lines = xcalloc(BATCH, sizeof(*lines));
		struct store_size size;

		for (unsigned k = 0; k < BATCH; k++)
			lines[k] = slice_of(flow_line(
				BATCH * i + k, BATCH * i + k, "new", 1, 1));
		assert_int_equal(store_write(s, lines, BATCH, NULL), 0);
		for (unsigned k = 0; k < BATCH; k++)
			free((char *)lines[k].ptr);
		free(lines);
		assert_int_equal(store_trim(s, 0, NULL), 0);
		assert_int_equal(store_size(s, &size), 0);
		assert_true(size.bytes < 2 << 20);
	}
	store_close(s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_flow),
		TEST(test_refused),
		TEST(test_events),
		TEST(test_crash),
		TEST(test_corrupt_at_open),
		TEST(test_corrupt_while_writing),
		TEST(test_not_ours),
		TEST(test_newer),
		TEST(test_places),
		TEST(test_age),
		TEST(test_size),
		TEST(test_keeps_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
