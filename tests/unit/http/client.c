/* SPDX-License-Identifier: GPL-2.0-or-later */
/* client.c - requests to a server that behaves and to one that does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/clock.h"
#include "http/http.h"
#include "server.h"

static void send_forever(int fd, const char *text)
{
	for (;;)
		server_send(fd, text);
}

static bool serve_ok(int fd, const char *path)
{
	char pid[32];

	if (!strcmp(path, "/ok"))
		server_answer(fd, "fine");
	else if (!strcmp(path, "/connection"))
		snprintf(pid, sizeof(pid), "%d", getpid()),
			server_answer(fd, pid);
	else if (!strcmp(path, "/chunked"))
		server_send(
			fd,
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nab\r\n\r\n2\r\ncd\r\n0\r\n\r\n");
	else if (!strcmp(path, "/missing"))
		server_send(
			fd,
			"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone");
	else
		return false;
	return true;
}

/* Every path is one kind of wrong. */
static bool serve(int fd, const char *path)
{
	if (serve_ok(fd, path))
		return true;
	if (!strcmp(path, "/garbage"))
		server_send(fd, "\x16\x03\x01 this is something else\r\n\r\n");
	else if (!strcmp(path, "/half"))
		server_send(
			fd,
			"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
	else if (!strcmp(path, "/never"))
		pause();
	else if (!strcmp(path, "/huge"))
		server_send(fd, "HTTP/1.1 200 OK\r\n\r\n"),
			send_forever(fd, "0123456789abcdef");
	else if (!strcmp(path, "/headers"))
		server_send(fd, "HTTP/1.1 200 OK\r\n"),
			send_forever(fd, "A: 0123456789\r\n");
	else if (!strcmp(path, "/badchunk"))
		server_send(
			fd,
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nzz\r\n");
	else if (!strcmp(path, "/cut"))
		server_send(
			fd,
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
	else if (!strcmp(path, "/trickle"))
		server_send(
			fd,
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"),
			pause();
	return false;
}

struct fixture {
	struct server server;
	struct loop *loop;
	struct http_client *client;
	unsigned done, opened;
	int error, status;
	struct buf body, streamed;
	char message[512];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	server_init(&f->server);
	server_listen(&f->server, serve);
	assert_int_equal(loop_new(&f->loop), 0);
	f->client = http_client_new(f->loop, f->server.path);
	f->body = f->streamed = BUF_INIT(BUF_UNBOUNDED);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	http_client_free(f->client);
	loop_free(f->loop);
	server_stop(&f->server);
	buf_fini(&f->body);
	buf_fini(&f->streamed);
	free(f);
	return 0;
}

static void done(void *arg, const struct http_result *result)
{
	struct fixture *f = arg;

	f->done++;
	f->error = result->error;
	f->status = result->status;
	buf_clear(&f->body);
	buf_add(&f->body, result->body.ptr, result->body.len);
	snprintf(f->message, sizeof(f->message), "%s", result->message);
}

static void data(void *arg, struct slice piece)
{
	struct fixture *f = arg;

	buf_add(&f->streamed, piece.ptr, piece.len);
}

static void run_until_done(struct fixture *f, unsigned count)
{
	while (f->done < count)
		loop_run_once(f->loop);
}

static void get(struct fixture *f, const char *path)
{
	unsigned before = f->done;

	http_get(f->client, &(struct http_get){ .path = path,
						.max_body = 100000,
						.timeout_ms = 1000,
						.done = done,
						.arg = f });
	assert_int_equal(f->done, before);
	run_until_done(f, before + 1);
}

static void expect(struct fixture *f, const char *path, int error,
		   const char *words)
{
	get(f, path);
	assert_int_equal(f->error, error);
	if (!strstr(f->message, words) || !strstr(f->message, f->server.path))
		fail_msg("GET %s: %s", path, f->message);
}

static void answers_arrive(void **state)
{
	struct fixture *f = *state;

	get(f, "/ok");
	assert_int_equal(f->error, 0);
	assert_int_equal(f->status, 200);
	assert_string_equal(buf_str(&f->body), "fine");
	get(f, "/chunked");
	assert_string_equal(buf_str(&f->body), "ab\r\ncd");
	expect(f, "/missing", 0, "404");
	assert_int_equal(f->status, 404);
	assert_string_equal(buf_str(&f->body), "gone");
}

static void connections_are_kept(void **state)
{
	struct fixture *f = *state;
	char first[32];

	get(f, "/connection");
	snprintf(first, sizeof(first), "%s", buf_str(&f->body));
	get(f, "/connection");
	assert_string_equal(buf_str(&f->body), first);
}

static void broken_answers_are_told(void **state)
{
	struct fixture *f = *state;

	expect(f, "/garbage", -EPROTO, "does not speak HTTP");
	expect(f, "/badchunk", -EPROTO, "does not speak HTTP");
	expect(f, "/half", -ECONNRESET, "GET /half");
	expect(f, "/cut", -ECONNRESET, "GET /cut");
	expect(f, "/close", -ECONNRESET, "GET /close");
	expect(f, "/huge", -EMSGSIZE, "larger than 100000 bytes");
	expect(f, "/headers", -EMSGSIZE, "headers");
}

static void silence_is_timed(void **state)
{
	struct fixture *f = *state;
	uint64_t start = clock_monotonic(), ms;

	expect(f, "/never", -ETIMEDOUT, "within 1000 ms");
	ms = (clock_monotonic() - start) / 1000000;
	assert_in_range(ms, 990, 3000);
	expect(f, "/trickle", -ETIMEDOUT, "within 1000 ms");
}

static void opened(void *arg)
{
	struct fixture *f = arg;

	assert_int_equal(f->streamed.len, 0);
	f->opened++;
}

static void stream(struct fixture *f, const char *path)
{
	f->opened = 0;
	http_get(f->client, &(struct http_get){ .path = path,
						.opened = opened,
						.data = data,
						.done = done,
						.arg = f });
}

static void streams_are_handed_out(void **state)
{
	struct fixture *f = *state;

	stream(f, "/trickle");
	while (f->streamed.len < 2)
		loop_run_once(f->loop);
	assert_string_equal(buf_str(&f->streamed), "ab");
	assert_int_equal(f->opened, 1);
	assert_int_equal(f->done, 0);
	/* Others get through while it lasts. */
	get(f, "/ok");
	assert_int_equal(f->status, 200);
	buf_clear(&f->streamed);
	stream(f, "/cut");
	run_until_done(f, 2);
	assert_string_equal(buf_str(&f->streamed), "ab");
	assert_int_equal(f->error, -ECONNRESET);
}

static void refused_stream_has_a_body(void **state)
{
	struct fixture *f = *state;

	stream(f, "/missing");
	run_until_done(f, 1);
	assert_int_equal(f->status, 404);
	assert_int_equal(f->opened, 0);
	assert_int_equal(f->streamed.len, 0);
	assert_string_equal(buf_str(&f->body), "gone");
}

/* The server goes away under an open stream. */
static void server_dies(void **state)
{
	struct fixture *f = *state;

	stream(f, "/trickle");
	while (f->streamed.len < 2)
		loop_run_once(f->loop);
	server_kill(&f->server);
	run_until_done(f, 1);
	assert_int_equal(f->error, -ECONNRESET);
	expect(f, "/ok", -ECONNREFUSED, "nobody listens");
	server_listen(&f->server, serve);
	get(f, "/ok");
	assert_int_equal(f->status, 200);
}

static struct http_request *to_cancel;

static void cancel_it(void *arg, struct slice piece)
{
	data(arg, piece);
	http_cancel(TAKE_PTR(to_cancel));
}

static void cancelled_is_silent(void **state)
{
	struct fixture *f = *state;
	struct http_request *r;

	r = http_get(
		f->client,
		&(struct http_get){ .path = "/ok", .done = done, .arg = f });
	http_cancel(r);
	to_cancel = http_get(f->client, &(struct http_get){ .path = "/trickle",
							    .data = cancel_it,
							    .done = done,
							    .arg = f });
	while (f->streamed.len < 2)
		loop_run_once(f->loop);
	get(f, "/ok");
	assert_int_equal(f->done, 1);
	/* One more is under way when teardown frees the client. */
	http_get(f->client, &(struct http_get){
				    .path = "/never", .done = done, .arg = f });
	loop_run_once(f->loop);
}

static void free_client(void *arg, const struct http_result *result)
{
	struct fixture *f = arg;

	http_client_free(TAKE_PTR(f->client));
	done(f, result);
}

static void client_is_freed_in_a_callback(void **state)
{
	struct fixture *f = *state;

	stream(f, "/trickle");
	http_get(f->client, &(struct http_get){ .path = "/ok",
						.done = free_client,
						.arg = f });
	run_until_done(f, 1);
	assert_string_equal(buf_str(&f->body), "fine");
}

static void expect_at(struct fixture *f, const char *path, int error,
		      const char *words)
{
	http_client_free(f->client);
	f->client = http_client_new(f->loop, path);
	get(f, "/ok");
	assert_int_equal(f->error, error);
	if (!strstr(f->message, words) || !strstr(f->message, path))
		fail_msg("%s: %s", path, f->message);
}

static void socket_problems_are_named(void **state)
{
	struct fixture *f = *state;
	char longest[200];
	int fd;

	expect_at(f, "/nonexistent/docker.sock", -ENOENT, "no such file");
	expect_at(f, "/etc/passwd", -ECONNREFUSED, "is not a socket");
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	expect_at(f, longest, -ENAMETOOLONG, "too long");
	server_kill(&f->server);
	expect_at(f, f->server.path, -ECONNREFUSED, "nobody listens");
	unlink(f->server.path);
	fd = open(f->server.path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	expect_at(f, f->server.path, -ECONNREFUSED, "is not a socket");
}

static void permission_is_named(void **state)
{
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip();
	chmod(f->server.path, 0600);
	assert_int_equal(seteuid(65534), 0);
	/* mkdtemp's directory is 0700: not even to be searched. */
	get(f, "/ok");
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(f->error, -EACCES);
	assert_non_null(strstr(f->message, "permission denied"));
}

static void encoding(_unused_ void **state)
{
	char *text = http_encode("{\"id\":[\"a b\"]}/\xc3\xa9~");

	assert_string_equal(text,
			    "%7B%22id%22%3A%5B%22a%20b%22%5D%7D%2F%C3%A9~");
	free(text);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(answers_arrive),
		TEST(connections_are_kept),
		TEST(broken_answers_are_told),
		TEST(silence_is_timed),
		TEST(streams_are_handed_out),
		TEST(refused_stream_has_a_body),
		TEST(server_dies),
		TEST(cancelled_is_silent),
		TEST(client_is_freed_in_a_callback),
		TEST(socket_problems_are_named),
		TEST(permission_is_named),
		cmocka_unit_test(encoding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
