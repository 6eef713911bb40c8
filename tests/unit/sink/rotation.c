/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rotation.c - rotated files, compressed: whole at every moment.
 *
 * On a small file system in a private mount namespace; needs root.
 */
#include "sink/rotation.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"

#define KEEP 3

static char top[] = "/tmp/bulkhead-rotation-XXXXXX";
static struct rotation rotation;
static char base[64];

static int make_namespace(_unused_ void **state)
{
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", "", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    !mkdtemp(top)) {
		print_message("needs root for a mount namespace\n");
		return -1;
	}
	snprintf(base, sizeof(base), "%s/log", top);
	return 0;
}

static int drop_namespace(_unused_ void **state)
{
	return rmdir(top);
}

static int set_up(_unused_ void **state)
{
	rotation_init(&rotation, base, KEEP);
	return mount("disk", top, "tmpfs", 0, "size=16m");
}

static int tear_down(_unused_ void **state)
{
	rotation_fini(&rotation);
	return umount(top);
}

static char *path_of(const char *ending)
{
	return xasprintf("%s%s", base, ending);
}

static bool exists(const char *ending)
{
	_cleanup_(freep) char *path = path_of(ending);

	return access(path, F_OK) == 0;
}

static void make(const char *ending, const void *bytes, size_t n)
{
	_cleanup_(freep) char *path = path_of(ending);
	_cleanup_(closep) int fd =
		open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, bytes, n), n);
}

/* Plain or compressed: zlib reads both. */
static void assert_content(const char *ending, const char *want, size_t n)
{
	_cleanup_(freep) char *path = path_of(ending);
	_cleanup_(freep) char *bytes = xcalloc(n + 1, 1);
	gzFile gz = gzopen(path, "rb");

	assert_non_null(gz);
	assert_int_equal(gzread(gz, bytes, (unsigned)n + 1), (int)n);
	assert_memory_equal(bytes, want, n);
	assert_int_equal(gzclose_r(gz), Z_OK);
}

static void assert_text(const char *ending, const char *want)
{
	assert_content(ending, want, strlen(want));
}

static void the_oldest_is_compressed_first(_unused_ void **state)
{
	_cleanup_(freep) char *plain = path_of(".2"), *gz = path_of(".2.gz");
	struct stat before, after;

	make("", "now", 3);
	make(".1", "first", 5);
	make(".2", "second", 6);
	assert_int_equal(stat(plain, &before), 0);
	assert_int_equal(rotation_compress(&rotation), 1);
	assert_false(exists(".2"));
	assert_text(".2.gz", "second");
	assert_int_equal(stat(gz, &after), 0);
	assert_int_equal(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
	assert_true(exists(".1"));
	assert_int_equal(rotation_compress(&rotation), 1);
	assert_text(".1.gz", "first");
	assert_int_equal(rotation_compress(&rotation), 0);
	assert_text("", "now");
	assert_true(exists(""));
}

static void both_forms_move_and_go(_unused_ void **state)
{
	make("", "0", 1);
	make(".1.gz", "1", 1);
	make(".2", "2", 1);
	make(".3.gz", "3", 1);
	assert_int_equal(rotation_shift(&rotation), 0);
	assert_false(exists(""));
	assert_text(".1", "0");
	assert_text(".2.gz", "1");
	assert_text(".3", "2");
	assert_false(exists(".1.gz") || exists(".2") || exists(".3.gz"));
	assert_int_equal(rotation_shift(&rotation), 0);
	assert_text(".2", "0");
	assert_text(".3.gz", "1");
	assert_false(exists(".1") || exists(".3") || exists(".4"));
}

/* Between the rename and the removal: the plain one is the truth. */
static void a_crash_leaves_what_is_done_again(_unused_ void **state)
{
	make(".1", "first", 5);
	make(".1.gz", "of another time", 15);
	make(".gz-part", "torn", 4);
	assert_int_equal(rotation_compress(&rotation), 1);
	assert_text(".1.gz", "first");
	assert_false(exists(".1") || exists(".gz-part"));
	make(".gz-part", "torn", 4);
	assert_int_equal(rotation_compress(&rotation), 0);
	assert_false(exists(".gz-part"));
}

static char *random_bytes(size_t n)
{
	_cleanup_(closep) int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	char *bytes = xcalloc(n, 1);

	assert_int_equal(read(fd, bytes, n), n);
	return bytes;
}

static void a_full_disk_is_told(_unused_ void **state)
{
	size_t n = 10 << 20;
	_cleanup_(freep) char *bytes = random_bytes(n);

	make(".1", bytes, n);
	assert_int_equal(rotation_compress(&rotation), -ENOSPC);
	assert_content(".1", bytes, n);
	assert_false(exists(".1.gz") || exists(".gz-part"));
}

static void *shift_twice(_unused_ void *arg)
{
	rotation_shift(&rotation);
	usleep(10000);
	rotation_shift(&rotation);
	return NULL;
}

static void it_is_found_where_it_was_shifted_to(_unused_ void **state)
{
	size_t n = 6 << 20;
	_cleanup_(freep) char *bytes = random_bytes(n);
	pthread_t thread;

	make(".1", bytes, n);
	assert_int_equal(pthread_create(&thread, NULL, shift_twice, NULL), 0);
	assert_int_equal(rotation_compress(&rotation), 1);
	pthread_join(thread, NULL);
	assert_content(".3.gz", bytes, n);
	assert_false(exists(".1") || exists(".2") || exists(".3"));
}

static void it_stops_when_it_is_told(_unused_ void **state)
{
	make(".1", "first", 5);
	rotation.stop = true;
	assert_int_equal(rotation_compress(&rotation), 0);
	assert_text(".1", "first");
	assert_false(exists(".1.gz") || exists(".gz-part"));
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(the_oldest_is_compressed_first),
		UNIT(both_forms_move_and_go),
		UNIT(a_crash_leaves_what_is_done_again),
		UNIT(a_full_disk_is_told),
		UNIT(it_is_found_where_it_was_shifted_to),
		UNIT(it_stops_when_it_is_told),
	};

	return cmocka_run_group_tests(tests, make_namespace, drop_namespace);
}
