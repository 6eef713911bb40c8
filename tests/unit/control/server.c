/* SPDX-License-Identifier: GPL-2.0-or-later */
/* server.c - the control server on a real socket: slow, garbled, huge and many
 * clients, and answers that come later.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <json-c/json.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
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
#include "base/buf.h"
#include "bulkhead/control.h"
#include "control/server.h"

#define BIG (8U << 20)

struct fixture {
	struct loop *loop;
	struct control_server *server;
	char dir[32], path[64];
	struct control_call *held;
	unsigned calls, hangups;
	uid_t uid;
	pid_t pid;
	bool close; /* the server, from within a command */
};

static void on_hangup(void *arg)
{
	struct fixture *f = arg;

	f->hangups++;
	f->held = NULL;
}

static void reply_big(struct control_call *call)
{
	char *text = xcalloc(BIG + 1, 1);

	memset(text, 'x', BIG);
	control_reply(call, json_object_new_string(text));
	free(text);
}

static void on_command(void *arg, struct control_call *call,
		       const char *command, struct json_object *arguments)
{
	struct fixture *f = arg;

	f->calls++;
	f->uid = control_call_uid(call);
	f->pid = control_call_pid(call);
	if (f->close)
		control_close(TAKE_PTR(f->server));
	else if (!strcmp(command, "echo"))
		control_reply(call, json_object_get(arguments));
	else if (!strcmp(command, "big"))
		reply_big(call);
	else if (!strcmp(command, "later"))
		f->held = call;
	else if (!strcmp(command, "wait")) {
		f->held = call;
		control_call_on_hangup(call, on_hangup, f);
	} else
		control_fail(call, "unknown command '%s'", command);
}

static void start(struct fixture *f)
{
	assert_int_equal(control_listen(f->loop, f->path, (gid_t)-1, on_command,
					f, &f->server),
			 0);
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	assert_int_equal(loop_new(&f->loop), 0);
	strcpy(f->dir, "/tmp/bh-control.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/c.sock", f->dir);
	start(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	control_close(f->server);
	loop_free(f->loop);
	unlink(f->path);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static int dial(const struct fixture *f)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(a.sun_path, f->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL),
			 strlen(text));
}

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* The next line, running the server meanwhile; "" at the end. */
static const char *hear(struct fixture *f, int fd)
{
	static char line[4096];
	size_t n = 0;
	ssize_t r;

	for (;;) {
		while (!readable(fd))
			loop_run_once(f->loop);
		r = recv(fd, line + n, 1, 0);
		if (r <= 0 || line[n] == '\n')
			break;
		assert_true(++n < sizeof(line));
	}
	line[n] = '\0';
	return line;
}

static void test_answers(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	say(fd, "{\"command\":\"echo\",\"arguments\":{\"a\":\"b\"}}\n");
	assert_string_equal(hear(f, fd),
			    "{\"ok\":true,\"result\":{\"a\":\"b\"}}");
	assert_int_equal(f->uid, getuid());
	assert_int_equal(f->pid, getpid());
	/* The same connection takes the next one. */
	say(fd, "{\"command\":\"no\"}\n");
	assert_string_equal(
		hear(f, fd),
		"{\"ok\":false,\"error\":\"unknown command 'no'\"}");
	close(fd);
}

static void test_pieces_and_pipeline(void **state)
{
	struct fixture *f = *state;
	const char *text = "{\"command\":\"echo\"}\n{\"command\":\"echo\","
			   "\"arguments\":{\"n\":2}}\n{\"command\":\"x\"}\n";
	int fd = dial(f);

	for (const char *c = text; *c; c++) {
		assert_int_equal(send(fd, c, 1, 0), 1);
		if (c - text < 10)
			loop_run_once(f->loop);
	}
	/* Shut for writing, as nc does at its input's end: still answered. */
	shutdown(fd, SHUT_WR);
	assert_string_equal(hear(f, fd), "{\"ok\":true,\"result\":{}}");
	assert_string_equal(hear(f, fd), "{\"ok\":true,\"result\":{\"n\":2}}");
	assert_string_equal(hear(f, fd),
			    "{\"ok\":false,\"error\":\"unknown command 'x'\"}");
	assert_string_equal(hear(f, fd), "");
	close(fd);
}

/* Thousands of lines at once are answered one by one, not by recursion. */
static void test_long_pipeline(void **state)
{
	struct fixture *f = *state;
	_cleanup_(buf_fini) struct buf lines = BUF_INIT(BUF_UNBOUNDED);
	int fd = dial(f);
	size_t sent = 0;
	unsigned heard = 0;

	for (unsigned i = 0; i < 5000; i++)
		buf_adds(&lines, "{\"command\":\"echo\"}\n");
	while (heard < 5000) {
		ssize_t n = send(fd, lines.data + sent, lines.len - sent,
				 MSG_NOSIGNAL);

		if (n > 0)
			sent += (size_t)n;
		assert_string_equal(hear(f, fd), "{\"ok\":true,\"result\":{}}");
		heard++;
	}
	assert_int_equal(sent, lines.len);
	assert_int_equal(f->calls, 5000);
	close(fd);
}

static void test_garbage(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	say(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_string_equal(
		hear(f, fd),
		"{\"ok\":false,\"error\":\"the request is no JSON object\"}");
	assert_string_equal(hear(f, fd), "");
	assert_int_equal(f->calls, 0);
	close(fd);
}

static void test_too_long(void **state)
{
	struct fixture *f = *state;
	_cleanup_(freep) char *text = xcalloc(CONTROL_REQUEST_MAX, 1);
	int fd = dial(f);
	ssize_t n = 0, sent = 0;

	memset(text, ' ', CONTROL_REQUEST_MAX);
	/* As much as the server takes; it stops at its bound. */
	while (!readable(fd) && sent < 4 * (ssize_t)CONTROL_REQUEST_MAX) {
		n = send(fd, text, CONTROL_REQUEST_MAX / 4, MSG_NOSIGNAL);
		sent += n > 0 ? n : 0;
		loop_run_once(f->loop);
	}
	assert_non_null(strstr(hear(f, fd), "longer than 64 KiB"));
	close(fd);
}

static void test_longest(void **state)
{
	struct fixture *f = *state;
	_cleanup_(freep) char *text = xcalloc(CONTROL_REQUEST_MAX + 2, 1);
	int fd = dial(f);
	size_t sent = 0;

	memset(text, ' ', CONTROL_REQUEST_MAX);
	memcpy(text, "{\"command\":\"echo\"}", 18);
	text[CONTROL_REQUEST_MAX] = '\n';
	while (sent < CONTROL_REQUEST_MAX + 1) {
		ssize_t n = send(fd, text + sent,
				 CONTROL_REQUEST_MAX + 1 - sent, MSG_NOSIGNAL);

		if (n > 0)
			sent += (size_t)n;
		else
			loop_run_once(f->loop);
	}
	assert_string_equal(hear(f, fd), "{\"ok\":true,\"result\":{}}");
	close(fd);
}

static void run_until(struct fixture *f, const bool *done)
{
	while (!*done)
		loop_run_once(f->loop);
}

static void set_flag(void *arg)
{
	*(bool *)arg = true;
}

static void run_for(struct fixture *f, unsigned ms)
{
	bool over = false;
	struct loop_timer *t = loop_timer_new(f->loop, set_flag, &over);

	loop_timer_start(t, ms, 0);
	run_until(f, &over);
	loop_timer_close(t);
}

/* What the kernel holds for @fd, so that the server can go on writing. */
static size_t drain(int fd)
{
	static char chunk[65536];
	size_t got = 0;
	ssize_t n;

	while ((n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT)) > 0)
		got += (size_t)n;
	return got;
}

/* A reader that takes nothing neither blocks the others nor gets a second
 * answer made, and is closed when its time is over. */
static void test_slow_reader(void **state)
{
	struct fixture *f = *state;
	_cleanup_(buf_fini) struct buf lines = BUF_INIT(BUF_UNBOUNDED);
	int slow = dial(f), other = dial(f);
	size_t got;

	for (unsigned i = 0; i < 100; i++)
		buf_adds(&lines, "{\"command\":\"big\"}\n");
	say(slow, buf_str(&lines));
	while (!readable(slow))
		loop_run_once(f->loop);
	assert_int_equal(f->calls, 1);
	say(other, "{\"command\":\"echo\"}\n");
	assert_string_equal(hear(f, other), "{\"ok\":true,\"result\":{}}");
	assert_int_equal(f->calls, 2);
	/* It takes a little once more, from when its time counts, then nothing:
	 * it is closed, with most of its answer unwritten. */
	control_set_idle(f->server, 50);
	got = drain(slow);
	run_for(f, 200);
	got += drain(slow);
	assert_int_equal(recv(slow, &(char){ 0 }, 1, 0), 0);
	assert_true(got > 0 && got < BIG);
	assert_int_equal(f->calls, 2);
	close(slow);
	close(other);
}

static void test_big_answer(void **state)
{
	struct fixture *f = *state;
	static char chunk[65536];
	int fd = dial(f);
	size_t got = 0, want = BIG + strlen("{\"ok\":true,\"result\":\"\"}\n");
	ssize_t n;

	say(fd, "{\"command\":\"big\"}\n");
	while (got < want) {
		while (!readable(fd))
			loop_run_once(f->loop);
		n = recv(fd, chunk, sizeof(chunk), 0);
		assert_true(n > 0);
		got += (size_t)n;
	}
	assert_int_equal(got, want);
	assert_int_equal(chunk[n - 1], '\n');
	close(fd);
}

/* A client that is served, and whose idle time counts from its next bytes:
 * those are given away in the same turn, so no delay can come in between. */
static int dial_with_idle(struct fixture *f, unsigned ms)
{
	int fd = dial(f);

	say(fd, "{\"command\":\"echo\"}\n");
	assert_string_equal(hear(f, fd), "{\"ok\":true,\"result\":{}}");
	f->calls = 0;
	control_set_idle(f->server, ms);
	return fd;
}

/* Waiting for an answer is not idleness. */
static void test_answer_later(void **state)
{
	struct fixture *f = *state;
	int fd = dial_with_idle(f, 20);

	say(fd, "{\"command\":\"later\"}\n{\"command\":\"echo\"}\n");
	run_for(f, 100);
	assert_non_null(f->held);
	assert_false(readable(fd));
	assert_int_equal(f->calls, 1);
	control_set_idle(f->server, CONTROL_IDLE_MS);
	control_reply(TAKE_PTR(f->held), json_object_new_int(7));
	assert_string_equal(hear(f, fd), "{\"ok\":true,\"result\":7}");
	assert_string_equal(hear(f, fd), "{\"ok\":true,\"result\":{}}");
	close(fd);
}

static void test_client_gone(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	say(fd, "{\"command\":\"later\"}\n");
	while (!f->held)
		loop_run_once(f->loop);
	close(fd);
	run_for(f, 20);
	control_fail(TAKE_PTR(f->held), "too late");
}

static void test_hangup_is_told(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	say(fd, "{\"command\":\"wait\"}\n");
	while (!f->held)
		loop_run_once(f->loop);
	close(fd);
	while (!f->hangups)
		loop_run_once(f->loop);
	assert_null(f->held);
}

/* Half closed first, then gone: nothing reads any more, the timer finds out. */
static void test_half_closed_hangup(void **state)
{
	struct fixture *f = *state;
	int fd = dial_with_idle(f, 20);

	say(fd, "{\"command\":\"wait\"}\n");
	shutdown(fd, SHUT_WR);
	run_for(f, 60);
	assert_non_null(f->held);
	close(fd);
	run_for(f, 60);
	assert_int_equal(f->hangups, 1);
}

static void test_close_with_calls(void **state)
{
	struct fixture *f = *state;
	int a = dial(f), b = dial(f);

	say(a, "{\"command\":\"wait\"}\n");
	say(b, "{\"command\":\"later\"}\n");
	while (f->calls < 2)
		loop_run_once(f->loop);
	close(b);
	run_for(f, 20);
	control_close(TAKE_PTR(f->server));
	assert_int_equal(f->hangups, 0);
	assert_string_equal(hear(f, a), "");
	assert_int_equal(access(f->path, F_OK), -1);
	close(a);
}

static void test_close_within_command(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	f->close = true;
	say(fd, "{\"command\":\"echo\"}\n{\"command\":\"echo\"}\n");
	assert_string_equal(hear(f, fd), "");
	assert_int_equal(f->calls, 1);
	close(fd);
}

static void test_many_clients(void **state)
{
	struct fixture *f = *state;
	/* The tests run as root or not; without it some places are kept. */
	int max = getuid() == 0 ? CONTROL_CLIENTS_MAX : CONTROL_CLIENTS_MAX - 8;
	int fds[CONTROL_CLIENTS_MAX], fd;

	for (int i = 0; i < max; i++) {
		fds[i] = dial(f);
		say(fds[i], "{\"command\":\"echo\"}\n");
		assert_non_null(strstr(hear(f, fds[i]), "true"));
	}
	fd = dial(f);
	assert_non_null(strstr(hear(f, fd), "too many clients"));
	assert_string_equal(hear(f, fd), "");
	close(fd);
	close(fds[0]);
	run_for(f, 20);
	fds[0] = dial(f);
	say(fds[0], "{\"command\":\"echo\"}\n");
	assert_non_null(strstr(hear(f, fds[0]), "true"));
	for (int i = 0; i < max; i++)
		close(fds[i]);
}

static void test_mode_and_stale(void **state)
{
	struct fixture *f = *state;
	struct control_server *second;
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0660);
	assert_int_equal(st.st_gid, getegid());
	assert_int_equal(control_listen(f->loop, f->path, (gid_t)-1, on_command,
					f, &second),
			 -EADDRINUSE);

	/* An agent that was killed leaves its socket behind. */
	control_close(TAKE_PTR(f->server));
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(a.sun_path, f->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd);
	start(f);
	test_answers(state);
}

static void test_no_socket(void **state)
{
	struct fixture *f = *state;
	struct control_server *other;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/file", f->dir);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	assert_int_equal(
		control_listen(f->loop, path, (gid_t)-1, on_command, f, &other),
		-ENOTSOCK);
	assert_int_equal(unlink(path), 0);
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(
		control_listen(f->loop, path, (gid_t)-1, on_command, f, &other),
		-ENAMETOOLONG);
	/* Only the last directory is made. */
	snprintf(path, sizeof(path), "%s/a/b/c", f->dir);
	assert_int_equal(
		control_listen(f->loop, path, (gid_t)-1, on_command, f, &other),
		-ENOENT);
	snprintf(path, sizeof(path), "%s/a/c", f->dir);
	assert_int_equal(
		control_listen(f->loop, path, (gid_t)-1, on_command, f, &other),
		0);
	control_close(other);
	snprintf(path, sizeof(path), "%s/a", f->dir);
	assert_int_equal(rmdir(path), 0);
}

/* Somebody else, past a mode that an administrator opened. */
static void test_stranger(void **state)
{
	struct fixture *f = *state;
	char line[256] = "";
	int fds[2];
	pid_t pid;

	if (getuid() != 0)
		skip();
	assert_int_equal(chmod(f->dir, 0755), 0);
	assert_int_equal(chmod(f->path, 0666), 0);
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		int fd;

		if (setgroups(0, NULL) < 0 || setgid(65534) < 0 ||
		    setuid(65534) < 0)
			_exit(1);
		fd = dial(f);
		fcntl(fd, F_SETFL, 0);
		ssize_t n = recv(fd, line, sizeof(line) - 1, 0);

		_exit(write(fds[1], line, (size_t)n) == n ? 0 : 1);
	}
	close(fds[1]);
	while (!readable(fds[0]))
		run_for(f, 5);
	assert_true(read(fds[0], line, sizeof(line) - 1) > 0);
	assert_non_null(strstr(line, "only root"));
	close(fds[0]);
	waitpid(pid, NULL, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answers),	     TEST(test_pieces_and_pipeline),
		TEST(test_long_pipeline),    TEST(test_garbage),
		TEST(test_too_long),	     TEST(test_longest),
		TEST(test_slow_reader),	     TEST(test_big_answer),
		TEST(test_answer_later),     TEST(test_client_gone),
		TEST(test_hangup_is_told),   TEST(test_half_closed_hangup),
		TEST(test_close_with_calls), TEST(test_close_within_command),
		TEST(test_many_clients),     TEST(test_mode_and_stale),
		TEST(test_no_socket),	     TEST(test_stranger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
