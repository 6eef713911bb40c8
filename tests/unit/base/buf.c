/* SPDX-License-Identifier: GPL-2.0-or-later */
/* buf.c - the bound of a buffer, and files read into one. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"

static void empty(_unused_ void **state)
{
	struct buf b = BUF_INIT(10);
	char *s;

	assert_string_equal(buf_str(&b), "");
	assert_int_equal(buf_slice(&b).len, 0);
	buf_consume(&b, 0);
	buf_clear(&b);
	s = buf_take(&b);
	assert_string_equal(s, "");
	free(s);
	buf_fini(&b);
}

static void the_bound_counts_content_only(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT(5);

	assert_int_equal(buf_adds(&b, "hello"), 0);
	assert_int_equal(b.len, 5);
	assert_int_equal(b.data[5], '\0');
	assert_int_equal(buf_error(&b), 0);
	assert_int_equal(buf_add(&b, "", 0), 0);
	assert_int_equal(buf_adds(&b, "!"), -ENOBUFS);
	assert_string_equal(buf_str(&b), "hello");
}

static void a_full_buffer_stays_full(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT(5);

	assert_int_equal(buf_adds(&b, "ab"), 0);
	assert_int_equal(buf_adds(&b, "cdef"), -ENOBUFS);
	/* It would fit, but what is in between is missing. */
	assert_int_equal(buf_adds(&b, "g"), -ENOBUFS);
	assert_int_equal(buf_addf(&b, "%d", 1), -ENOBUFS);
	assert_string_equal(buf_str(&b), "ab");
	assert_int_equal(buf_error(&b), -ENOBUFS);
	buf_clear(&b);
	assert_int_equal(buf_error(&b), 0);
	assert_int_equal(buf_adds(&b, "fits"), 0);
}

static void huge_lengths_do_not_wrap(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT(100);

	assert_int_equal(buf_adds(&b, "x"), 0);
	assert_int_equal(buf_add(&b, "y", SIZE_MAX), -ENOBUFS);
	assert_int_equal(b.len, 1);
}

static void formatted(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT(BUF_UNBOUNDED);

	for (int i = 0; i < 1000; i++)
		assert_int_equal(buf_addf(&b, "%d,", i), 0);
	assert_int_equal(b.len, 10 * 2 + 90 * 3 + 900 * 4);
	assert_string_equal(buf_str(&b) + b.len - 8, "998,999,");
}

static void consumed_from_the_front(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT(6);

	buf_adds(&b, "abcdef");
	buf_consume(&b, 2);
	assert_string_equal(buf_str(&b), "cdef");
	assert_int_equal(buf_adds(&b, "gh"), 0);
	assert_string_equal(buf_str(&b), "cdefgh");
	buf_consume(&b, 6);
	assert_string_equal(buf_str(&b), "");
}

static void bytes_with_nul(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT(6);

	assert_int_equal(buf_add(&b, "a\0b", 3), 0);
	assert_int_equal(buf_slice(&b).len, 3);
	assert_memory_equal(buf_slice(&b).ptr, "a\0b", 4);
}

static void taken(_unused_ void **state)
{
	struct buf b = BUF_INIT(6);
	char *s;

	buf_adds(&b, "mine");
	s = buf_take(&b);
	assert_string_equal(s, "mine");
	assert_string_equal(buf_str(&b), "");
	assert_int_equal(buf_adds(&b, "anew"), 0);
	assert_string_equal(s, "mine");
	free(s);
	buf_fini(&b);
}

static void files(_unused_ void **state)
{
	char dir[] = "/tmp/test-buf.XXXXXX", file[64], fifo[64];
	_cleanup_(buf_fini) struct buf b = BUF_INIT(5);
	FILE *f;

	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/file", dir);
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	f = fopen(file, "w");
	assert_non_null(f);
	fputs("12345", f);
	fclose(f);
	assert_int_equal(mkfifo(fifo, 0600), 0);

	assert_int_equal(buf_read_file(&b, file), 0);
	assert_string_equal(buf_str(&b), "12345");
	assert_int_equal(buf_read_file(&b, file), -EFBIG);
	buf_clear(&b);
	assert_int_equal(buf_read_file(&b, dir), -EISDIR);
	assert_int_equal(buf_read_file(&b, fifo), -EINVAL);
	assert_int_equal(buf_read_file(&b, "/dev/zero"), -EINVAL);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(buf_read_file(&b, file), -ENOENT);
	assert_int_equal(unlink(fifo), 0);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty),
		cmocka_unit_test(the_bound_counts_content_only),
		cmocka_unit_test(a_full_buffer_stays_full),
		cmocka_unit_test(huge_lengths_do_not_wrap),
		cmocka_unit_test(formatted),
		cmocka_unit_test(consumed_from_the_front),
		cmocka_unit_test(bytes_with_nul),
		cmocka_unit_test(taken),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
