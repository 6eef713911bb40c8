/* SPDX-License-Identifier: GPL-2.0-or-later */
/* segment.c - a spool's files: what is damaged is not taken for a line. */
#include "sink/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"

static char dir[] = "/tmp/bulkhead-segment.XXXXXX";

static int make_dir(_unused_ void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(_unused_ void **state)
{
	return rmdir(dir);
}

static void a_record_comes_back(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);
	struct slice line = SLICE("a line\n"), found;
	uint64_t time;

	segment_record_add(&text, line, 42);
	segment_record_add(&text, SLICE("another\n"), 43);
	assert_int_equal(segment_record_parse(buf_slice(&text), &found, &time),
			 segment_record_size(line));
	assert_true(slice_eq(found, line));
	assert_int_equal(time, 42);
}

/* Any byte of its line or its length; the time is not covered. */
static void a_damaged_record_is_none(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);
	struct slice found = { 0 };
	uint64_t time = 7;

	segment_record_add(&text, SLICE("a line\n"), 42);
	for (size_t i = 0; i < text.len; i++) {
		struct slice cut = { text.data, i };

		assert_int_equal(segment_record_parse(cut, &found, &time), 0);
		if (i >= 8 && i < 16)
			continue;
		text.data[i] ^= 1;
		assert_int_equal(
			segment_record_parse(buf_slice(&text), &found, &time),
			0);
		text.data[i] ^= 1;
	}
	assert_null(found.ptr);
	assert_int_equal(time, 7);
}

static void names(_unused_ void **state)
{
	static const char *const others[] = {
		"",
		"position",
		"0000000000000000042.seg",
		"000000000000000000042.seg",
		"00000000000000000042.seg~",
		"00000000000000000042",
		"-0000000000000000042.seg",
		"99999999999999999999.seg",
	};
	_cleanup_(freep) char *path = segment_path("/d", 42);
	uint64_t first;

	assert_string_equal(path, "/d/00000000000000000042.seg");
	assert_true(segment_parse_name(path + 3, &first));
	assert_int_equal(first, 42);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_false(segment_parse_name(others[i], &first));
}

static void a_torn_end_is_measured(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);
	_cleanup_(freep) char *path = segment_path(dir, 5);
	uint64_t records, bytes;
	size_t whole;
	int fd = -1;

	assert_int_equal(segment_create(dir, 5, &fd), 0);
	for (int i = 0; i < 3; i++)
		segment_record_add(&text, SLICE("a line\n"), 42);
	whole = text.len;
	segment_record_add(&text, SLICE("torn\n"), 42);
	assert_int_equal(write(fd, text.data, text.len - 1), text.len - 1);
	close(fd);
	assert_int_equal(segment_measure(path, 1 << 20, &records, &bytes), 0);
	assert_int_equal(records, 3);
	assert_int_equal(bytes, SEGMENT_BEGIN + whole);
	assert_int_equal(segment_open(dir, 5, &fd), 0);
	close(fd);
	assert_int_equal(segment_open(dir, 6, &fd), -ENOENT);

	/* Another program's file. */
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_int_equal(write(fd, "no segment", 10), 10);
	close(fd);
	assert_int_equal(segment_open(dir, 5, &fd), -EBADMSG);
	assert_int_equal(segment_measure(path, 1 << 20, &records, &bytes), 0);
	assert_int_equal(records, 0);
	assert_int_equal(bytes, 0);
	unlink(path);
}

static void a_position_is_whole_or_none(_unused_ void **state)
{
	_cleanup_(freep) char *path = xasprintf("%s/position", dir);
	_cleanup_(closep) int fd =
		open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	uint64_t number = 7;
	char byte;

	assert_false(position_load(fd, &number));
	assert_int_equal(position_save(fd, 42), 0);
	assert_int_equal(position_save(fd, UINT64_MAX - 1), 0);
	assert_true(position_load(fd, &number));
	assert_true(number == UINT64_MAX - 1);
	number = 7;
	for (off_t i = 0; i < 24; i++) {
		assert_int_equal(pread(fd, &byte, 1, i), 1);
		byte ^= 1;
		assert_int_equal(pwrite(fd, &byte, 1, i), 1);
		assert_false(position_load(fd, &number));
		byte ^= 1;
		assert_int_equal(pwrite(fd, &byte, 1, i), 1);
	}
	assert_int_equal(number, 7);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_comes_back),
		cmocka_unit_test(a_damaged_record_is_none),
		cmocka_unit_test(names),
		cmocka_unit_test(a_torn_end_is_measured),
		cmocka_unit_test(a_position_is_whole_or_none),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
