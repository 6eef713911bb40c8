/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file.c - rotation and faults of the file, on a small file system of our own.
 *
 * The whole program runs in a private mount namespace; needs root.
 */
#include "flow/file.h"

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
	struct flow_file *file;
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

static int tear_down(_unused_ void **state)
{
	flow_file_close(t.file);
	t.file = NULL;
	loop_free(t.loop);
	return umount2(t.top, MNT_DETACH);
}

/* ---- helpers ----------------------------------------------------------- */

static void on_loss(_unused_ void *arg, uint64_t records, struct buf *line)
{
	buf_addf(line, "lost %llu\n", (unsigned long long)records);
}

static void open_file(size_t queue_max)
{
	t.file = flow_file_open(t.loop, t.path, queue_max, on_loss, NULL);
}

/* Numbered lines of one length, so that order and wholeness can be seen. */
static void write_lines(unsigned n)
{
	char line[LINE_LEN + 1];

	for (; n; n--) {
		snprintf(line, sizeof(line), "line %0*u\n", LINE_LEN - 6,
			 t.next++);
		flow_file_write(t.file, slice_of(line));
	}
}

static struct flow_file_stats stats(void)
{
	struct flow_file_stats s;

	flow_file_stats(t.file, &s);
	return s;
}

static void await_written(void)
{
	while (stats().waiting)
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

	open_file(4096);
	write_lines(3);
	assert_lines(t.path, 0, 3, "");
	flow_file_close(t.file);
	open_file(4096);
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
	open_file(4096);
	write_lines(1);
	text = content(t.path);
	assert_int_equal(strncmp(text, "{\"half\nline ", 12), 0);
}

static void a_full_disk_costs_no_line(_unused_ void **state)
{
	_cleanup_(freep) char *before = NULL;

	open_file(1 << 20);
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
	assert_int_equal(stats().dropped, 0);
	assert_string_equal(stats().problem, "");
	write_lines(1);
	assert_lines(t.path, 0, 101, "");
}

static void what_the_bound_cuts_off_is_told(_unused_ void **state)
{
	open_file(10 * LINE_LEN);
	fill_disk(1);
	write_lines(100);
	assert_int_equal(stats().written, 40);
	assert_int_equal(stats().waiting, 10);
	assert_int_equal(stats().dropped, 50);
	clear_disk();
	await_written();
	assert_lines(t.path, 0, 50, "lost 50\n");
	assert_int_equal(stats().written, 50);
	assert_int_equal(stats().dropped, 50);
}

static void a_rotated_file_is_reopened(_unused_ void **state)
{
	open_file(4096);
	write_lines(2);
	assert_int_equal(rename(t.path, t.other), 0);
	flow_file_reopen(t.file);
	write_lines(3);
	assert_lines(t.other, 0, 2, "");
	assert_lines(t.path, 2, 5, "");
}

static void a_rotation_is_noticed_without_a_word(_unused_ void **state)
{
	open_file(4096);
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
	open_file(4096);
	write_lines(5);
	assert_int_equal(truncate(t.path, 0), 0);
	write_lines(2);
	assert_lines(t.path, 5, 7, "");
}

/* The head of the line was cut off with the rest of the file. */
static void copytruncate_within_a_line_starts_it_anew(_unused_ void **state)
{
	open_file(1 << 20);
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
	open_file(1 << 20);
	fill_disk(1);
	write_lines(50);
	assert_int_equal(rename(t.path, t.other), 0);
	clear_disk();
	flow_file_reopen(t.file);
	assert_lines(t.path, 40, 50, "");
	assert_int_equal(stats().written, 50);
	assert_lines(
		t.other, 0, 40,
		"line 0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\n");
}

static void a_deleted_directory_is_waited_for(_unused_ void **state)
{
	open_file(4096);
	write_lines(2);
	assert_int_equal(unlink(t.path), 0);
	assert_int_equal(rmdir(t.dir), 0);
	flow_file_reopen(t.file);
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
	open_file(4096);
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
	open_file(4096);
	assert_non_null(strstr(stats().problem, "not a regular file"));
	assert_int_equal(unlink(t.path), 0);
}

static void closing_tries_once_more(_unused_ void **state)
{
	open_file(1 << 20);
	fill_disk(1);
	write_lines(50);
	clear_disk();
	flow_file_close(t.file);
	t.file = NULL;
	assert_lines(t.path, 0, 50, "");
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(lines_are_appended_at_once),
		UNIT(a_fragment_found_is_ended),
		UNIT(a_full_disk_costs_no_line),
		UNIT(what_the_bound_cuts_off_is_told),
		UNIT(a_rotated_file_is_reopened),
		UNIT(a_rotation_is_noticed_without_a_word),
		UNIT(copytruncate_leaves_no_hole),
		UNIT(copytruncate_within_a_line_starts_it_anew),
		UNIT(a_rotation_within_a_line_starts_it_anew),
		UNIT(a_deleted_directory_is_waited_for),
		UNIT(no_file_at_first_is_no_failure),
		UNIT(only_a_regular_file_will_do),
		UNIT(closing_tries_once_more),
	};

	return cmocka_run_group_tests(tests, make_namespace, drop_namespace);
}
