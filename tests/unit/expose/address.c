/* SPDX-License-Identifier: GPL-2.0-or-later */
/* address.c - where to listen. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/macro.h"
#include "expose/address.h"

static void refuse(const char *text)
{
	struct address a = { .len = 4711 };
	const char *error = NULL;

	assert_int_equal(address_parse(text, &a, &error), -EINVAL);
	assert_non_null(error);
	assert_int_equal(a.len, 4711);
}

static void wrong(_unused_ void **state)
{
	char path[200] = "unix:/";

	memset(path + 6, 'x', 150);
	refuse(path);
	refuse("");
	refuse("9477");
	refuse("127.0.0.1");
	refuse("127.0.0.1:");
	refuse("127.0.0.1:65536");
	refuse("127.0.0.1:-1");
	refuse("127.0.0.1:+80");
	refuse("127.0.0.1:http");
	refuse("127.0.0.1:000080");
	refuse("localhost:80");
	refuse(":80");
	refuse("::1:80");
	refuse("[127.0.0.1]:80");
	refuse("[::1:80");
	refuse("unix:");
	refuse("unix:x.sock");
}

static struct address parse(const char *text)
{
	struct address a;
	const char *error;

	assert_int_equal(address_parse(text, &a, &error), 0);
	return a;
}

static void locality(_unused_ void **state)
{
	static const struct {
		const char *text;
		bool local;
	} table[] = { { "127.0.0.1:9477", true },  { "127.9.9.9:0", true },
		      { "[::1]:9477", true },	   { "unix:/x", true },
		      { "0.0.0.0:9477", false },   { "192.0.2.1:1", false },
		      { "[::]:9477", false },	   { "[2001:db8::1]:1", false },
		      { "128.0.0.1:65535", false } };

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct address a = parse(table[i].text);

		assert_int_equal(address_is_local(&a), table[i].local);
	}
}

/* What it says is what another run can be told. */
static void round_trip(const char *text)
{
	struct address a = parse(text), again;
	char told[ADDRESS_STRLEN];
	int fd, other;

	assert_int_equal(address_listen(&a, &fd), 0);
	again = parse(address_format(fd, told));
	assert_int_equal(address_listen(&again, &other), -EADDRINUSE);
	close(fd);
	assert_int_equal(address_listen(&again, &other), 0);
	close(other);
	address_unlink(&again);
}

static void listens(_unused_ void **state)
{
	char dir[] = "/tmp/bh-address.XXXXXX", text[64];
	struct address a;
	struct stat st;
	int fd;

	round_trip("127.0.0.1:0");
	assert_non_null(mkdtemp(dir));
	snprintf(text, sizeof(text), "unix:%s/s", dir);
	round_trip(text);
	a = parse(text);
	assert_int_equal(access(a.un.sun_path, F_OK), -1);
	assert_int_equal(address_listen(&a, &fd), 0);
	assert_int_equal(stat(a.un.sun_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	close(fd);
	address_unlink(&a);

	/* Something else there is left alone. */
	fd = open(a.un.sun_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(address_listen(&a, &fd), -ENOTSOCK);
	assert_int_equal(unlink(a.un.sun_path), 0);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong),
		cmocka_unit_test(locality),
		cmocka_unit_test(listens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
