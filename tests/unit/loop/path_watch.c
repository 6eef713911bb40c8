/* SPDX-License-Identifier: GPL-2.0-or-later */
/* path_watch.c - what a path depends on, and what of it is told. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#include "loop/path_watch.h"
#include "base/alloc.h"
#include "base/buf.h"

/* The owners that depend. */
static char x[] = "x", d[] = "d";

static char *home;
static struct loop *loop;
static struct path_watch *watch;
static struct buf told = BUF_INIT(BUF_UNBOUNDED);

/* "owner" or "owner:entry", one for each kind of event. */
static void on_event(_unused_ void *arg, _unused_ uint32_t mask, void *owner,
		     const char *entry)
{
	buf_addf(&told, "%s%s%s%s", told.len ? " " : "", (char *)owner,
		 entry ? ":" : "", entry ?: "");
}

static int set_up(_unused_ void **state)
{
	char name[] = "/tmp/bulkhead-path-XXXXXX";

	home = xstrdup(mkdtemp(name));
	loop_new(&loop);
	return path_watch_open(loop, on_event, NULL, &watch) || chdir(home);
}

static int tear_down(_unused_ void **state)
{
	_cleanup_(freep) char *command = xasprintf("rm -rf %s", home);

	path_watch_close(TAKE_PTR(watch));
	loop_free(loop);
	buf_fini(&told);
	freep(&home);
	return chdir("/") || system(command);
}

static void run(const char *command)
{
	assert_int_equal(system(command), 0);
}

/* Follow @path below home: "home/TEXT" or the error. */
static void check_follow(const char *path, const char *expected, int error)
{
	_cleanup_(freep) char *whole = xasprintf("%s/%s", home, path);
	_cleanup_(freep) char *end = xasprintf("%s/%s", home, expected);
	_cleanup_(freep) char *resolved = NULL;

	assert_int_equal(path_watch_follow(watch, whole, true, x, &resolved),
			 error);
	if (!error)
		assert_string_equal(resolved, end);
	else
		assert_null(resolved);
}

static void check_told(const char *expected)
{
	path_watch_drain(watch);
	assert_string_equal(buf_str(&told), expected);
	buf_clear(&told);
}

static void resolves(_unused_ void **state)
{
	run("mkdir -p a/b; touch a/b/f; ln -s a/b l; ln -s ../b/f a/b/up; "
	    "ln -s loop loop; ln -s $PWD/a abs; ln -s none dead");
	check_follow("a/b/f", "a/b/f", 0);
	check_follow("a/./b/../b//f", "a/b/f", 0);
	check_follow("l/f", "a/b/f", 0);
	check_follow("l/up", "a/b/f", 0);
	check_follow("abs/b/f", "a/b/f", 0);
	check_follow("loop", "", -ELOOP);
	check_follow("dead", "", -ENOENT);
	check_follow("a/b/f/g", "", -ENOTDIR);
	check_follow("none/f", "", -ENOENT);
}

static void root(_unused_ void **state)
{
	_cleanup_(freep) char *a = NULL;
	_cleanup_(freep) char *b = NULL;

	assert_int_equal(path_watch_follow(watch, "/", false, x, &a), 0);
	assert_string_equal(a, "/");
	assert_int_equal(path_watch_follow(watch, "/../..", false, x, &b), 0);
	assert_string_equal(b, "/");
}

static void tells(_unused_ void **state)
{
	run("mkdir a b; touch a/f a/other; ln -s a l");
	path_watch_begin(watch);
	check_follow("l/f", "a/f", 0);
	assert_int_equal(path_watch_end(watch), 0);
	run("touch a/other b/f; rm a/other");
	check_told("");
	run("mv a/f a/g");
	check_told("x");
	/* The link, swapped: gone under its old name, there again. */
	run("ln -s b n; mv -T n l");
	check_told("x");
	/* What the path no longer passes is not watched any more. */
	path_watch_begin(watch);
	check_follow("l/f", "b/f", 0);
	assert_int_equal(path_watch_end(watch), 0);
	run("touch a/f");
	check_told("");
	run("rm b/f");
	check_told("x");
}

static void tells_directory(_unused_ void **state)
{
	_cleanup_(freep) char *path = xasprintf("%s/a", home);

	run("mkdir a");
	path_watch_begin(watch);
	path_watch_directory(watch, path, d);
	path_watch_end(watch);
	run("ln -s none a/n");
	check_told("d:n");
	run("rm a/n");
	check_told("d:n");
	path_watch_forget(watch, d);
	run("ln -s none a/n");
	check_told("");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(resolves),
		TEST(root),
		TEST(tells),
		TEST(tells_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
