/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file.c - rotation and faults of the file, on a small file system of our own.
 *
 * The whole program runs in a private mount namespace; needs root.
 */
#include "sink/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"

#define LINE_LEN 100
#define DISK	 (16 * 4096)

static struct {
	char top[64], dir[80], path[96], other[96];
	struct loop *loop;
	struct sink *sink;
	struct sink_config config;
	unsigned next; /* number of the line that is written next */
} t;

static int make_namespace(_unused_ void **state)
{
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", "", MS_REC | MS_PRIVATE, NULL) < 0) {
		print_message("needs root for a mount namespace\n");
		return -1;
	}
	snprintf(t.top, sizeof(t.top), "/tmp/bulkhead-file-XXXXXX");
	return mkdtemp(t.top) ? 0 : -1;
}

static int drop_namespace(_unused_ void **state)
{
	return rmdir(t.top);
}

static int set_up(_unused_ void **state)
{
	_cleanup_(freep) char *size = xasprintf("size=%d", DISK);

	assert_int_equal(mount("disk", t.top, "tmpfs", 0, size), 0);
	snprintf(t.dir, sizeof(t.dir), "%s/log", t.top);
	snprintf(t.path, sizeof(t.path), "%s/flows.jsonl", t.dir);
	snprintf(t.other, sizeof(t.other), "%s/flows.jsonl.1", t.dir);
	assert_int_equal(mkdir(t.dir, 0755), 0);
	assert_int_equal(loop_new(&t.loop), 0);
	t.next = 0;
	return 0;
}

/* Until nothing is under way: written, or stuck. */
static void settle(void)
{
	while (!sink_idle(t.sink))
		loop_run_once(t.loop);
}

static void close_sink(void)
{
	sink_close(t.sink);
	t.sink = NULL;
}

static int tear_down(_unused_ void **state)
{
	settle();
	close_sink();
	sink_config_fini(&t.config);
	t.config = (struct sink_config){ 0 };
	loop_free(t.loop);
	return umount2(t.top, MNT_DETACH);
}

/* ---- helpers ----------------------------------------------------------- */

static void on_change(_unused_ void *arg, _unused_ bool urgent)
{
}

/* @lines may wait. */
static void open_file(size_t lines)
{
	free(t.config.path);
	t.config.path = xstrdup(t.path);
	t.sink = sink_open(t.loop, &t.config, t.next,
			   lines * (LINE_LEN + sizeof(struct sink_head)),
			   on_change, NULL);
	settle();
}

/* Numbered lines of one length, so that order and wholeness can be seen. */
static void write_lines(unsigned n)
{
	char line[LINE_LEN + 1];

	for (; n; n--) {
		struct sink_entry entry = {
			.head = { .type = SINK_FRAME_LINE,
				  .len = LINE_LEN,
				  .number = t.next },
			.content = { line, LINE_LEN },
		};

		snprintf(line, sizeof(line), "line %0*u\n", LINE_LEN - 6,
			 t.next++);
		sink_offer(t.sink, &entry);
	}
	settle();
}

struct stats {
	uint64_t written, waiting, lost;
	const char *problem;
};

static struct stats stats(void)
{
	struct sink_report r;
	struct stats s;

	sink_report(t.sink, &r, &s.problem);
	s.written = r.written;
	s.waiting = t.next - r.settled - r.dropping;
	s.lost = r.lost + r.dropping;
	return s;
}

static void reopen(void)
{
	sink_reopen(t.sink);
	settle();
}

static void await_written(void)
{
	while (stats().waiting || stats().problem[0])
		loop_run_once(t.loop);
}

static char *content(const char *path)
{
	struct buf text = BUF_INIT(1 << 20);

	assert_int_equal(buf_read_file(&text, path), 0);
	return buf_take(&text);
}

/* The file holds the lines from @first up to @end, whole and in order, then
 * @rest. */
static void assert_lines(const char *path, unsigned first, unsigned end,
			 const char *rest)
{
	_cleanup_(freep) char *text = content(path);
	char line[LINE_LEN + 1];
	const char *at = text;

	for (unsigned i = first; i < end; i++, at += LINE_LEN) {
		snprintf(line, sizeof(line), "line %0*u\n", LINE_LEN - 6, i);
		if (strncmp(at, line, LINE_LEN) != 0)
			fail_msg("line %u is not in its place in %s", i, path);
	}
	assert_string_equal(at, rest);
}

static void put_content(const char *path, const char *text)
{
	_cleanup_(closep) int fd = open(path, O_WRONLY | O_CREAT, 0644);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* Leaves @pages free. */
static void fill_disk(unsigned pages)
{
	_cleanup_(freep) char *path = xasprintf("%s/filler", t.top);
	_cleanup_(closep) int fd = open(path, O_WRONLY | O_CREAT, 0644);
	char page[4096] = { 0 };

	while (write(fd, page, sizeof(page)) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(
		ftruncate(fd, lseek(fd, 0, SEEK_CUR) - 4096 * (off_t)pages), 0);
}

static void clear_disk(void)
{
	_cleanup_(freep) char *path = xasprintf("%s/filler", t.top);

	assert_int_equal(unlink(path), 0);
}

/* ---- tests ------------------------------------------------------------- */

static void lines_are_appended_at_once(_unused_ void **state)
{
	struct stat st;

	open_file(40);
	write_lines(3);
	assert_lines(t.path, 0, 3, "");
	close_sink();
	open_file(40);
	write_lines(2);
	assert_lines(t.path, 0, 5, "");
	assert_int_equal(stats().written, 2);
	assert_string_equal(stats().problem, "");
	assert_int_equal(stat(t.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
}

static void a_fragment_found_is_ended(_unused_ void **state)
{
	_cleanup_(freep) char *text = NULL;

	put_content(t.path, "{\"half");
	open_file(40);
	write_lines(1);
	text = content(t.path);
	assert_int_equal(strncmp(text, "{\"half\nline ", 12), 0);
}

static void a_full_disk_costs_no_line(_unused_ void **state)
{
	_cleanup_(freep) char *before = NULL;

	open_file(1000);
	fill_disk(1);
	write_lines(100);
	assert_int_equal(stats().written, 40);
	assert_int_equal(stats().waiting, 60);
	assert_non_null(strstr(stats().problem, t.path));
	assert_non_null(strstr(stats().problem, "No space left"));
	/* It filled up within a line. */
	before = content(t.path);
	assert_int_equal(strlen(before), 4096);
	clear_disk();
	await_written();
	assert_lines(t.path, 0, 100, "");
	assert_int_equal(stats().written, 100);
	assert_int_equal(stats().lost, 0);
	assert_string_equal(stats().problem, "");
	write_lines(1);
	assert_lines(t.path, 0, 101, "");
}

static void what_the_bound_cuts_off_is_counted(_unused_ void **state)
{
	open_file(10);
	fill_disk(1);
	for (int i = 0; i < 10; i++)
		write_lines(10);
	assert_int_equal(stats().written, 40);
	assert_int_equal(stats().waiting, 10);
	assert_int_equal(stats().lost, 50);
	clear_disk();
	await_written();
	assert_lines(t.path, 0, 50, "");
	write_lines(1);
	assert_int_equal(stats().written, 51);
	assert_int_equal(stats().lost, 50);
}

static void a_rotated_file_is_reopened(_unused_ void **state)
{
	open_file(40);
	write_lines(2);
	assert_int_equal(rename(t.path, t.other), 0);
	reopen();
	write_lines(3);
	assert_lines(t.other, 0, 2, "");
	assert_lines(t.path, 2, 5, "");
}

static void a_rotation_is_noticed_without_a_word(_unused_ void **state)
{
	open_file(40);
	write_lines(2);
	assert_int_equal(rename(t.path, t.other), 0);
	usleep(1050000);
	write_lines(3);
	assert_lines(t.other, 0, 2, "");
	assert_lines(t.path, 2, 5, "");
	assert_int_equal(unlink(t.path), 0);
	usleep(1050000);
	write_lines(1);
	assert_lines(t.path, 5, 6, "");
}

static void copytruncate_leaves_no_hole(_unused_ void **state)
{
	open_file(40);
	write_lines(5);
	assert_int_equal(truncate(t.path, 0), 0);
	write_lines(2);
	assert_lines(t.path, 5, 7, "");
}

/* The head of the line was cut off with the rest of the file. */
static void copytruncate_within_a_line_starts_it_anew(_unused_ void **state)
{
	open_file(1000);
	fill_disk(1);
	write_lines(50);
	assert_int_equal(stats().written, 40);
	assert_int_equal(truncate(t.path, 0), 0);
	await_written();
	assert_lines(t.path, 40, 50, "");
}

/* The fragment stays behind in the rotated file, ended if there is room. */
static void a_rotation_within_a_line_starts_it_anew(_unused_ void **state)
{
	open_file(1000);
	fill_disk(1);
	write_lines(50);
	assert_int_equal(rename(t.path, t.other), 0);
	clear_disk();
	reopen();
	assert_lines(t.path, 40, 50, "");
	assert_int_equal(stats().written, 50);
	assert_lines(
		t.other, 0, 40,
		"line 0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\n");
}

static void a_deleted_directory_is_waited_for(_unused_ void **state)
{
	open_file(40);
	write_lines(2);
	assert_int_equal(unlink(t.path), 0);
	assert_int_equal(rmdir(t.dir), 0);
	reopen();
	write_lines(3);
	assert_int_equal(stats().waiting, 3);
	assert_non_null(strstr(stats().problem, "No such file"));
	assert_int_equal(mkdir(t.dir, 0755), 0);
	await_written();
	assert_lines(t.path, 2, 5, "");
	assert_string_equal(stats().problem, "");
}

static void no_file_at_first_is_no_failure(_unused_ void **state)
{
	assert_int_equal(mkdir(t.path, 0755), 0);
	open_file(40);
	assert_non_null(strstr(stats().problem, "directory"));
	write_lines(2);
	assert_int_equal(rmdir(t.path), 0);
	await_written();
	assert_lines(t.path, 0, 2, "");
}

/* Opening a FIFO would hang, or hand the records to whoever reads it. */
static void only_a_regular_file_will_do(_unused_ void **state)
{
	assert_int_equal(mkfifo(t.path, 0600), 0);
	open_file(40);
	assert_non_null(strstr(stats().problem, "not a regular file"));
	assert_int_equal(unlink(t.path), 0);
}

static void closing_tries_once_more(_unused_ void **state)
{
	open_file(1000);
	fill_disk(1);
	write_lines(50);
	clear_disk();
	sink_finish(t.sink);
	settle();
	assert_lines(t.path, 0, 50, "");
}

/* ---- rotation by the sink itself ---------------------------------------- */

static void it_rotates_by_size_and_keeps_some(_unused_ void **state)
{
	_cleanup_(freep) char *second = xasprintf("%s.2", t.path);
	_cleanup_(freep) char *third = xasprintf("%s.3", t.path);

	t.config.rotate_size = 10 * LINE_LEN;
	t.config.keep = 2;
	open_file(1000);
	write_lines(45);
	assert_int_equal(stats().written, 45);
	assert_int_equal(stats().lost, 0);
	assert_lines(t.path, 40, 45, "");
	assert_lines(t.other, 30, 40, "");
	assert_lines(second, 20, 30, "");
	assert_int_equal(access(third, F_OK), -1);
}

/* The file is older than its first line by now. */
static void it_rotates_by_age(_unused_ void **state)
{
	t.config.rotate_age = 1;
	t.config.keep = 2;
	open_file(1000);
	write_lines(3);
	usleep(2100000);
	write_lines(2);
	assert_lines(t.other, 0, 3, "");
	assert_lines(t.path, 3, 5, "");
}

static void an_empty_file_is_never_rotated(_unused_ void **state)
{
	t.config.rotate_age = 1;
	t.config.keep = 2;
	open_file(1000);
	usleep(2100000);
	write_lines(2);
	assert_lines(t.path, 0, 2, "");
	assert_int_equal(access(t.other, F_OK), -1);
}

/* Something is in the way of PATH.1: lines go on into the file, and it is
 * told. */
static void what_cannot_be_rotated_is_told(_unused_ void **state)
{
	t.config.rotate_size = 10 * LINE_LEN;
	t.config.keep = 1;
	assert_int_equal(mkdir(t.other, 0755), 0);
	open_file(1000);
	write_lines(25);
	assert_lines(t.path, 0, 25, "");
	assert_non_null(strstr(stats().problem, "cannot be rotated"));
	assert_int_equal(stats().written, 25);
	assert_int_equal(rmdir(t.other), 0);
	write_lines(1);
	assert_string_equal(stats().problem, "");
	assert_lines(t.path, 25, 26, "");
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(lines_are_appended_at_once),
		UNIT(a_fragment_found_is_ended),
		UNIT(a_full_disk_costs_no_line),
		UNIT(what_the_bound_cuts_off_is_counted),
		UNIT(a_rotated_file_is_reopened),
		UNIT(a_rotation_is_noticed_without_a_word),
		UNIT(copytruncate_leaves_no_hole),
		UNIT(copytruncate_within_a_line_starts_it_anew),
		UNIT(a_rotation_within_a_line_starts_it_anew),
		UNIT(a_deleted_directory_is_waited_for),
		UNIT(no_file_at_first_is_no_failure),
		UNIT(only_a_regular_file_will_do),
		UNIT(closing_tries_once_more),
		UNIT(it_rotates_by_size_and_keeps_some),
		UNIT(it_rotates_by_age),
		UNIT(an_empty_file_is_never_rotated),
		UNIT(what_cannot_be_rotated_is_told),
	};

	return cmocka_run_group_tests(tests, make_namespace, drop_namespace);
}
