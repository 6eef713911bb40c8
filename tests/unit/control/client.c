/* SPDX-License-Identifier: GPL-2.0-or-later */
/* client.c - asking, and every way of getting no answer. */
#include <errno.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "control/client.h"

struct fixture {
	char dir[32], path[64];
	int fd;
	pid_t server;
};

static int setup(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct fixture *f = xnew(struct fixture);

	strcpy(f->dir, "/tmp/bh-client.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/c.sock", f->dir);
	strcpy(a.sun_path, f->path);
	f->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(f->fd, 1), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->server)
		waitpid(f->server, NULL, 0);
	close(f->fd);
	unlink(f->path);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

/* A server of one connection: it reads a request unless @deaf, says @text and
 * hangs up @ms later. */
static void serve(struct fixture *f, bool deaf, const char *text, unsigned ms)
{
	char line[4096];
	int fd;

	f->server = fork();
	if (f->server)
		return;
	fd = accept(f->fd, NULL, NULL);
	if (!deaf && read(fd, line, sizeof(line)) <= 0)
		_exit(1);
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		_exit(1);
	usleep(ms * 1000);
	_exit(0);
}

static void fails(struct fixture *f, int timeout_ms, int want, const char *why)
{
	struct json_object *result = NULL;
	char *error = NULL;

	assert_int_equal(control_request(f->path, "status", NULL, timeout_ms,
					 &result, &error),
			 want);
	assert_null(result);
	if (!strstr(error, why))
		fail_msg("%s: not in: %s", why, error);
	free(error);
}

static void test_result(void **state)
{
	struct fixture *f = *state;
	struct json_object *result;
	char *error = NULL;

	serve(f, false, "{\"ok\":true,\"result\":{\"n\":1}}\n", 0);
	assert_int_equal(
		control_request(f->path, "status", NULL, 5000, &result, &error),
		0);
	assert_int_equal(
		json_object_get_int(json_object_object_get(result, "n")), 1);
	json_object_put(result);
}

static void test_remote_error(void **state)
{
	serve(*state, false, "{\"ok\":false,\"error\":\"not so\"}\n", 0);
	fails(*state, -1, -EREMOTEIO, "not so");
}

static void test_no_message(void **state)
{
	serve(*state, false, "HTTP/1.1 400 Bad Request\r\n", 0);
	fails(*state, -1, -EPROTO, "no message");
}

static void test_neither(void **state)
{
	serve(*state, false, "{\"ok\":true}\n", 0);
	fails(*state, -1, -EPROTO, "no message");
}

static void test_hangs_up(void **state)
{
	serve(*state, false, "{\"ok\":true,", 0);
	fails(*state, -1, -ECONNRESET, "hung up");
}

/* The reason is found although the request could not be sent whole. */
static void test_turned_away(void **state)
{
	serve(*state, true, "{\"ok\":false,\"error\":\"too many\"}\n", 0);
	fails(*state, -1, -EREMOTEIO, "too many");
}

static void test_timeout(void **state)
{
	serve(*state, false, "{\"ok\":", 400);
	fails(*state, 50, -ETIMEDOUT, "time limit");
}

/* Nobody accepts and the backlog is full. */
static void test_full_backlog(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fds[8], n = 0;

	strcpy(a.sun_path, f->path);
	for (; n < 8; n++) {
		fds[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(fds[n], (struct sockaddr *)&a, sizeof(a)) < 0)
			break;
	}
	assert_true(n < 8);
	fails(f, 50, -ETIMEDOUT, "time limit");
	for (int i = 0; i <= n; i++)
		close(fds[i]);
}

static void test_not_running(void **state)
{
	struct fixture *f = *state;

	close(f->fd);
	f->fd = -1;
	fails(f, -1, -ECONNREFUSED, "systemctl start bulkheadd");
	unlink(f->path);
	fails(f, -1, -ENOENT, "no socket at");
}

static void ask_as_nobody(struct fixture *f)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(1);
		fails(f, -1, -EACCES, "a member of group 'daemon'");
		_exit(0);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static void test_permission(void **state)
{
	struct fixture *f = *state;

	if (getuid() != 0)
		skip();
	assert_int_equal(chmod(f->dir, 0755), 0);
	assert_int_equal(chown(f->path, 0, 1), 0); /* daemon, in Debian */
	assert_int_equal(chmod(f->path, 0660), 0);
	ask_as_nobody(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_result),	TEST(test_remote_error),
		TEST(test_no_message),	TEST(test_neither),
		TEST(test_hangs_up),	TEST(test_turned_away),
		TEST(test_timeout),	TEST(test_full_backlog),
		TEST(test_not_running), TEST(test_permission),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
