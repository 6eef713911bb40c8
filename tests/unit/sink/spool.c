/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spool.c - lines on disk: order, bound, crashes, damage and a full disk. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdbool.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "sink/spool.h"

#define SIZE_LIMIT (4U << 20)
#define LINE_LEN   1000

static struct {
	char dir[64];
	struct spool *spool;
	uint64_t in, out; /* numbers of the lines that come next */
	bool gaps;	  /* some may be missing */
} t;

static void open_spool(void)
{
	assert_int_equal(spool_open(t.dir, SIZE_LIMIT, &t.spool), 0);
}

static void close_spool(void)
{
	spool_close(t.spool);
	t.spool = NULL;
}

static void remove_all(void)
{
	DIR *dir = opendir(t.dir);
	struct dirent *e;

	while ((e = readdir(dir)))
		if (e->d_name[0] != '.')
			unlinkat(dirfd(dir), e->d_name, 0);
	closedir(dir);
	rmdir(t.dir);
}

static int set_up(_unused_ void **state)
{
	memset(&t, 0, sizeof(t));
	snprintf(t.dir, sizeof(t.dir), "/tmp/bulkhead-spool-XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	open_spool();
	return 0;
}

static int tear_down(_unused_ void **state)
{
	close_spool();
	remove_all();
	return 0;
}

/* ---- helpers ------------------------------------------------------------ */

static int put(unsigned n)
{
	char text[LINE_LEN + 1];
	struct slice line = { text, LINE_LEN };
	struct sink_lines lines = { &line, 1 };
	int r = 0;

	for (; r == 0 && n; n--) {
		size_t done;

		snprintf(text, sizeof(text), "%0*llu\n", LINE_LEN - 1,
			 (unsigned long long)t.in);
		r = spool_append(t.spool, &lines, &done);
		t.in += done;
	}
	return r;
}

static struct spool_stats stats(void)
{
	struct spool_stats s;

	spool_stats(t.spool, &s);
	return s;
}

/* Read up to @n lines, which must be the next ones, and take @take of them. */
static size_t get(size_t n, size_t take)
{
	struct spool_batch b;
	size_t got;

	assert_int_equal(spool_read(t.spool, n, 1 << 20, &b), 0);
	got = b.lines.len;
	if (t.gaps && got)
		t.out = b.first;
	for (size_t i = 0; i < got; i++) {
		assert_int_equal(b.lines.data[i].len, LINE_LEN);
		assert_int_equal(strtoull(b.lines.data[i].ptr, NULL, 10),
				 t.out + i);
	}
	take = MIN(take, got);
	if (got)
		assert_int_equal(spool_taken(t.spool, &b, take), 0);
	t.out += take;
	spool_batch_fini(&b);
	return got;
}

/* The nth segment's path; false when there are fewer. */
static bool segment(unsigned n, char path[static 128])
{
	struct dirent **names;
	int count = scandir(t.dir, &names, NULL, alphasort);
	bool found = false;

	for (int i = 0; i < count; i++) {
		if (strstr(names[i]->d_name, ".seg") && n-- == 0) {
			snprintf(path, 128, "%s/%.60s", t.dir,
				 names[i]->d_name);
			found = true;
		}
		free(names[i]);
	}
	free(names);
	return found;
}

/* ---- tests -------------------------------------------------------------- */

static void lines_come_out_in_order(_unused_ void **state)
{
	for (unsigned round = 0; round < 200; round++) {
		assert_int_equal(put(round % 37), 0);
		get(round % 29 + 1, SIZE_MAX);
	}
	while (get(100, SIZE_MAX))
		;
	assert_int_equal(t.in, t.out);
	assert_int_equal(stats().waiting, 0);
	assert_int_equal(stats().lost, 0);
	assert_true(stats().bytes < 1 << 20);
}

static void what_is_not_taken_comes_again(_unused_ void **state)
{
	assert_int_equal(put(10), 0);
	assert_int_equal(get(10, 0), 10);
	assert_int_equal(get(10, 3), 10);
	assert_int_equal(get(10, 0), 7);
	assert_int_equal(stats().waiting, 7);
}

static void it_outlives_its_process(_unused_ void **state)
{
	for (unsigned round = 0; round < 50; round++) {
		assert_int_equal(put(100), 0);
		get(60, 60);
		close_spool();
		open_spool();
		assert_int_equal(stats().waiting, t.in - t.out);
		assert_int_equal(stats().lost, 0);
	}
	while (get(1000, SIZE_MAX))
		;
	assert_int_equal(t.in, t.out);
}

static void it_outlives_a_kill_at_any_moment(_unused_ void **state)
{
	for (unsigned round = 0; round < 10; round++) {
		struct spool_batch b;
		uint64_t first;
		int begun[2];
		char byte;
		pid_t pid;

		close_spool();
		assert_int_equal(pipe(begun), 0);
		pid = fork();
		if (pid == 0) {
			open_spool();
			put(10);
			assert_int_equal(write(begun[1], "", 1), 1);
			for (;;)
				put(10);
		}
		assert_int_equal(read(begun[0], &byte, 1), 1);
		close(begun[0]);
		close(begun[1]);
		usleep(1000 * (round + 2));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		open_spool();
		assert_int_equal(stats().lost, 0);
		/* Whole lines only, numbered from where the child began. */
		first = t.in;
		t.out = first;
		while (spool_read(t.spool, 1000, 1 << 20, &b) == 0 &&
		       b.lines.len) {
			vec_foreach(line, &b.lines) {
				assert_int_equal(line->len, LINE_LEN);
				assert_int_equal(strtoull(line->ptr, NULL, 10),
						 t.out++);
			}
			spool_taken(t.spool, &b, b.lines.len);
			spool_batch_fini(&b);
		}
		spool_batch_fini(&b);
		assert_true(t.out > first);
	}
}

static void the_oldest_make_room(_unused_ void **state)
{
	struct spool_stats s;

	assert_int_equal(put(10000), 0);
	s = stats();
	assert_true(s.bytes <= SIZE_LIMIT);
	assert_true(s.waiting > 3000);
	assert_int_equal(s.waiting + s.lost, 10000);
	t.out = s.lost;
	while (get(1000, SIZE_MAX))
		;
	assert_int_equal(t.out, 10000);
	assert_int_equal(stats().lost, s.lost);
	close_spool();
	open_spool();
	assert_int_equal(stats().lost, 0);
	assert_int_equal(stats().waiting, 0);
}

/* While they are being sent: taken after all, or not. */
static void a_batch_that_makes_room_is_counted_once(_unused_ void **state)
{
	for (int taken = 0; taken < 2; taken++) {
		struct spool_batch b;
		uint64_t lost = stats().lost, waiting = stats().waiting;

		put(100);
		assert_int_equal(spool_read(t.spool, 50, 1 << 20, &b), 0);
		assert_int_equal(b.lines.len, 50);
		put(10000);
		assert_int_equal(spool_taken(t.spool, &b, taken ? 50 : 0), 0);
		spool_batch_fini(&b);
		assert_int_equal(stats().lost - lost + stats().waiting -
					 waiting,
				 taken ? 10050 : 10100);
	}
}

static void a_torn_end_is_cut_off(_unused_ void **state)
{
	char path[128];
	struct stat st;

	put(10);
	close_spool();
	assert_true(segment(0, path));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - 1), 0);
	open_spool();
	assert_int_equal(stats().waiting, 9);
	t.in = 9;
	put(5);
	while (get(100, SIZE_MAX))
		;
	assert_int_equal(t.out, 14);
}

/* A record is damaged in the middle: what follows in its segment is lost, and
 * counted; the next segment is whole. */
static void damage_is_counted(_unused_ void **state)
{
	char path[128];
	uint64_t lost, sum = 0;
	size_t n;
	int fd;

	put(2000); /* some segments of 512 KiB */
	close_spool();
	assert_true(segment(1, path));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "X", 1, 8 + 3 * 1016 + 500), 1);
	close(fd);
	open_spool();
	assert_int_equal(stats().waiting, 2000);
	t.gaps = true;
	while ((n = get(7, SIZE_MAX)))
		sum += n;
	assert_int_equal(t.out, 2000);
	lost = stats().lost;
	assert_true(lost > 100 && lost < 600);
	assert_int_equal(sum + lost, 2000);
}

/* Longer than what is asked for at once. */
static void a_long_line_comes_alone(_unused_ void **state)
{
	_cleanup_(freep) char *text = xcalloc(SINK_LINE_MAX, 1);
	struct slice line = { text, SINK_LINE_MAX };
	struct sink_lines lines = { &line, 1 };
	struct spool_batch b;
	size_t done;

	memset(text, 'x', SINK_LINE_MAX);
	assert_int_equal(spool_append(t.spool, &lines, &done), 0);
	assert_int_equal(spool_append(t.spool, &lines, &done), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(spool_read(t.spool, 10, 1000, &b), 0);
		assert_int_equal(b.lines.len, 1);
		assert_int_equal(b.lines.data[0].len, SINK_LINE_MAX);
		assert_int_equal(spool_taken(t.spool, &b, 1), 0);
		spool_batch_fini(&b);
	}
	assert_int_equal(stats().waiting, 0);
	assert_int_equal(stats().lost, 0);
}

static void a_missing_segment_is_counted(_unused_ void **state)
{
	char path[128];

	put(2000);
	close_spool();
	assert_true(segment(0, path));
	assert_int_equal(unlink(path), 0);
	open_spool();
	assert_true(stats().lost > 100);
	assert_int_equal(stats().waiting + stats().lost, 2000);
	t.out = stats().lost;
	while (get(100, SIZE_MAX))
		;
	assert_int_equal(t.out, 2000);
}

static void a_damaged_position_costs_nothing(_unused_ void **state)
{
	char path[128];

	put(10);
	get(4, 4);
	close_spool();
	snprintf(path, sizeof(path), "%s/position", t.dir);
	assert_int_equal(truncate(path, 10), 0);
	open_spool();
	assert_int_equal(stats().waiting, 10);
	t.out = 0;
	assert_int_equal(get(10, 10), 10);
}

static void other_files_are_left_alone(_unused_ void **state)
{
	static const char *const names[] = { "1.seg", "note.txt",
					     "00000000000000000000.seg~",
					     "99999999999999999999.seg" };
	char path[128];

	close_spool();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", t.dir, names[i]);
		close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	}
	open_spool();
	put(3);
	assert_int_equal(get(3, 3), 3);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", t.dir, names[i]);
		assert_int_equal(access(path, F_OK), 0);
	}
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(lines_come_out_in_order),
		UNIT(what_is_not_taken_comes_again),
		UNIT(it_outlives_its_process),
		UNIT(it_outlives_a_kill_at_any_moment),
		UNIT(the_oldest_make_room),
		UNIT(a_batch_that_makes_room_is_counted_once),
		UNIT(a_torn_end_is_cut_off),
		UNIT(damage_is_counted),
		UNIT(a_long_line_comes_alone),
		UNIT(a_missing_segment_is_counted),
		UNIT(a_damaged_position_costs_nothing),
		UNIT(other_files_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
