/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tail.c - lines of a log, across its rotation. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "cli/tail.h"

struct fixture {
	char dir[32], path[64], old[64];
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	strcpy(f->dir, "/tmp/bh-tail.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/log", f->dir);
	snprintf(f->old, sizeof(f->old), "%s/log.1", f->dir);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	unlink(f->old);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static void append(const char *path, const char *text)
{
	FILE *f = fopen(path, "a");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void gives(struct tail *t, const char *want)
{
	struct slice line;

	assert_int_equal(tail_next(t, &line), 1);
	assert_int_equal(line.len, strlen(want));
	assert_memory_equal(line.ptr, want, line.len);
}

static void gives_none(struct tail *t)
{
	struct slice line;

	assert_int_equal(tail_next(t, &line), 0);
}

static void test_lines(void **state)
{
	struct fixture *f = *state;
	_cleanup_(tail_closep) struct tail *t = NULL;

	append(f->path, "one\n\nthree\nfo");
	assert_int_equal(tail_open(f->path, false, &t), 0);
	gives(t, "one");
	gives(t, "");
	gives(t, "three");
	assert_int_equal(tail_line(t), 3);
	gives_none(t);
}

static void test_no_file(void **state)
{
	struct fixture *f = *state;
	struct tail *t = NULL;

	assert_int_equal(tail_open(f->path, false, &t), -ENOENT);
	assert_int_equal(tail_open(f->dir, false, &t), -EISDIR);
	assert_int_equal(tail_open("/no/such/dir/log", true, &t), -ENOENT);
	assert_null(t);
}

static void test_follow(void **state)
{
	struct fixture *f = *state;
	_cleanup_(tail_closep) struct tail *t = NULL;

	/* Followed before it is there. */
	assert_int_equal(tail_open(f->path, true, &t), 0);
	gives_none(t);
	append(f->path, "one\ntw");
	assert_int_equal(tail_wait(t), 0);
	gives(t, "one");
	gives_none(t);
	append(f->path, "o\n");
	assert_int_equal(tail_wait(t), 0);
	gives(t, "two");
	gives_none(t);
}

/* What was written to the old file after its rename is not missed. */
static void test_rename(void **state)
{
	struct fixture *f = *state;
	_cleanup_(tail_closep) struct tail *t = NULL;

	append(f->path, "one\n");
	assert_int_equal(tail_open(f->path, true, &t), 0);
	gives(t, "one");
	gives_none(t);
	assert_int_equal(rename(f->path, f->old), 0);
	append(f->old, "two\n");
	append(f->path, "three\n");
	assert_int_equal(tail_wait(t), 0);
	gives(t, "two");
	gives_none(t);
	assert_int_equal(tail_wait(t), 0);
	gives(t, "three");
	assert_int_equal(tail_line(t), 1);
	gives_none(t);
}

static void test_truncate(void **state)
{
	struct fixture *f = *state;
	_cleanup_(tail_closep) struct tail *t = NULL;

	append(f->path, "one\ntwo\nthr");
	assert_int_equal(tail_open(f->path, true, &t), 0);
	gives(t, "one");
	gives(t, "two");
	gives_none(t);
	assert_int_equal(truncate(f->path, 0), 0);
	append(f->path, "four\n");
	assert_int_equal(tail_wait(t), 0);
	gives(t, "four");
	gives_none(t);
}

static void add_long(const char *path, size_t n)
{
	FILE *f = fopen(path, "a");

	assert_non_null(f);
	while (n--)
		fputc('x', f);
	assert_int_equal(fclose(f), 0);
}

static void test_too_long(void **state)
{
	struct fixture *f = *state;
	_cleanup_(tail_closep) struct tail *t = NULL;
	struct slice line;

	append(f->path, "one\n");
	add_long(f->path, 3 * TAIL_LINE_MAX);
	append(f->path, "\ntwo\n");
	add_long(f->path, TAIL_LINE_MAX);
	append(f->path, "\n");
	add_long(f->path, TAIL_LINE_MAX + 1);
	append(f->path, "\nthree\n");
	add_long(f->path, 2 * TAIL_LINE_MAX);
	assert_int_equal(tail_open(f->path, false, &t), 0);
	gives(t, "one");
	assert_int_equal(tail_next(t, &line), -EMSGSIZE);
	assert_int_equal(tail_line(t), 2);
	gives(t, "two");
	assert_int_equal(tail_next(t, &line), 1);
	assert_int_equal(line.len, TAIL_LINE_MAX);
	assert_int_equal(tail_next(t, &line), -EMSGSIZE);
	gives(t, "three");
	gives_none(t);
}

static void test_zero_bytes(void **state)
{
	struct fixture *f = *state;
	_cleanup_(tail_closep) struct tail *t = NULL;
	struct slice line;
	FILE *file = fopen(f->path, "w");

	assert_int_equal(fwrite("a\0b\nc\n", 1, 6, file), 6);
	fclose(file);
	assert_int_equal(tail_open(f->path, false, &t), 0);
	assert_int_equal(tail_next(t, &line), 1);
	assert_int_equal(line.len, 3);
	gives(t, "c");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lines),      TEST(test_no_file),  TEST(test_follow),
		TEST(test_rename),     TEST(test_truncate), TEST(test_too_long),
		TEST(test_zero_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
