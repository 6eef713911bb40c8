/* SPDX-License-Identifier: GPL-2.0-or-later */
/* grpc.c - calls to servers that answer well, badly, or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <cmocka.h>
#include <errno.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "grpc/grpc.h"
#include "h2.h"

struct fixture {
	struct loop *loop;
	struct server server;
	struct http_client *client;
	struct grpc_request *request;
	struct buf got; /* messages, each followed by '|' */
	bool cancel;	/* in the first message */
	unsigned done;
	int error, status;
	char *words;
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	assert_int_equal(loop_new(&f->loop), 0);
	server_init(&f->server);
	f->client = http_client_new_h2(f->loop, f->server.path);
	f->got = BUF_INIT(BUF_UNBOUNDED);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	http_client_free(f->client);
	server_stop(&f->server);
	loop_free(f->loop);
	buf_fini(&f->got);
	free(f->words);
	free(f);
	return 0;
}

static void on_message(void *arg, struct slice message)
{
	struct fixture *f = arg;

	buf_add(&f->got, message.ptr, message.len);
	buf_adds(&f->got, "|");
	if (f->cancel)
		grpc_cancel(f->request);
}

static void on_done(void *arg, const struct grpc_result *result)
{
	struct fixture *f = arg;

	f->done++;
	f->error = result->error;
	f->status = result->status;
	free(f->words);
	f->words = xstrdup(result->message);
}

static void call(struct fixture *f, h2_fn fn, bool stream)
{
	static const char *const metadata[] = { "containerd-namespace: x",
						NULL };

	h2_listen(&f->server, fn);
	f->request = grpc_send(f->client, &(struct grpc_call){
						  .method = "/a.B/C",
						  .metadata = metadata,
						  .request = SLICE("hello"),
						  .timeout_ms = 2000,
						  .max_message = 1000,
						  .stream = stream,
						  .message = on_message,
						  .done = on_done,
						  .arg = f,
					  });
}

static void run(struct fixture *f)
{
	while (!f->done)
		loop_run_once(f->loop);
	assert_int_equal(f->done, 1);
}

static void expect(struct fixture *f, h2_fn fn, bool stream, int error,
		   const char *got, const char *words)
{
	call(f, fn, stream);
	run(f);
	if (f->error != error || strcmp(buf_str(&f->got), got) != 0 ||
	    !strstr(f->words, words))
		fail_msg("error %d, got %s, %s", f->error, buf_str(&f->got),
			 f->words);
}

static void one_message(int fd)
{
	h2_open(fd);
	h2_data(fd, "\0\0\0\0\3abc", 8);
	h2_close(fd, "0", "");
}

static void two_messages(int fd)
{
	h2_open(fd);
	h2_data(fd, "\0\0\0\0\3abc\0\0", 10);
	h2_data(fd, "\0\0\2de", 5);
	h2_close(fd, "0", NULL);
}

static void no_message(int fd)
{
	h2_open(fd);
	h2_close(fd, "0", NULL);
}

static void half_a_message(int fd)
{
	h2_open(fd);
	h2_data(fd, "\0\0\0\0\3ab", 7);
	h2_close(fd, "0", NULL);
}

static void unary_is_one_message(void **state)
{
	expect(*state, one_message, false, 0, "abc|", "");
}

static void unary_is_no_more(void **state)
{
	expect(*state, two_messages, false, -EBADMSG, "abc|",
	       "/a.B/C: sent a message that cannot be read");
}

static void unary_is_no_less(void **state)
{
	expect(*state, no_message, false, -EBADMSG, "", "not complete");
}

static void stream_is_any_number(void **state)
{
	expect(*state, two_messages, true, 0, "abc|de|", "");
}

static void stream_may_be_empty(void **state)
{
	expect(*state, no_message, true, 0, "", "");
}

static void stream_ends_between_messages(void **state)
{
	expect(*state, half_a_message, true, -EBADMSG, "", "not complete");
}

/* Trailers alone, which are the headers then. */
static void refuse(int fd, const char *status, const char *message)
{
	char block[512] = "\x88";
	size_t n = 1;

	n += h2_header(block + n, "content-type", "application/grpc");
	n += h2_header(block + n, "grpc-status", status);
	n += h2_header(block + n, "grpc-message", message);
	h2_frame(fd, H2_HEADERS, H2_END_HEADERS | H2_END_STREAM, 1, block, n);
}

static void not_found(int fd)
{
	refuse(fd, "5", "container \"c9\" in namespace %22x%22: not found");
}

static void unimplemented(int fd)
{
	refuse(fd, "12", "unknown service%0a%1b[31m %zz%");
}

static void strange_status(int fd)
{
	refuse(fd, "99", "");
}

static void no_number(int fd)
{
	refuse(fd, "-1", "");
}

static void a_refusal_is_told(void **state)
{
	struct fixture *f = *state;

	expect(f, not_found, false, -ENOENT, "",
	       "/a.B/C: NOT_FOUND: container \"c9\" in namespace \"x\": not found");
	assert_int_equal(f->status, GRPC_NOT_FOUND);
}

static void its_words_are_made_harmless(void **state)
{
	expect(*state, unimplemented, true, -EOPNOTSUPP, "",
	       "UNIMPLEMENTED: unknown service  [31m %zz%");
}

static void a_code_beyond_the_known(void **state)
{
	expect(*state, strange_status, false, -EREMOTEIO, "", "no known code");
}

static void a_status_that_is_none(void **state)
{
	expect(*state, no_number, false, -EPROTO, "", "is no gRPC service");
}

#define MANY  20
#define FRAME 16384 /* what a server puts into one, if there is so much */

/* All in one piece, so that the client reads more at once than it hands on. */
static void many_at_once(int fd)
{
	static char messages[MANY][1000], all[64 << 10];
	int ends[2];
	ssize_t n;

	for (int i = 0; i < MANY; i++)
		memcpy(messages[i], "\0\0\0\3\xe3", 5); /* 995 */
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		_exit(1);
	h2_open(ends[0]);
	h2_data(ends[0], messages, FRAME);
	h2_data(ends[0], (char *)messages + FRAME, sizeof(messages) - FRAME);
	h2_close(ends[0], "0", NULL);
	n = read(ends[1], all, sizeof(all));
	usleep(200000); /* the client waits for nothing else by now */
	server_bytes(fd, all, (size_t)n);
}

static void an_answer_in_one_piece_is_not_left(void **state)
{
	struct fixture *f = *state;

	call(f, many_at_once, true);
	run(f);
	assert_int_equal(f->error, 0);
	assert_int_equal(f->got.len, MANY * (995 + 1));
}

static void without_trailers(int fd)
{
	h2_open(fd);
	h2_frame(fd, H2_DATA, H2_END_STREAM, 1, "\0\0\0\0\1a", 6);
}

static void a_web_server(int fd)
{
	h2_frame(fd, H2_HEADERS, H2_END_HEADERS | H2_END_STREAM, 1, "\x8d", 1);
}

static void no_trailers_is_no_grpc(void **state)
{
	expect(*state, without_trailers, false, -EPROTO, "a|",
	       "is no gRPC service");
}

static void http_404_is_no_grpc(void **state)
{
	expect(*state, a_web_server, false, -EPROTO, "",
	       "HTTP status 404: is no gRPC service");
}

static void huge_message(int fd)
{
	h2_open(fd);
	h2_data(fd, "\0\0\0\3\xe9", 5); /* 1001 */
	pause();
}

static void compressed(int fd)
{
	h2_open(fd);
	h2_data(fd, "\1\0\0\0\1a", 6);
	pause();
}

static void a_message_is_bounded(void **state)
{
	expect(*state, huge_message, true, -EMSGSIZE, "",
	       "more than 1000 bytes");
}

static void nobody_asked_for_compression(void **state)
{
	expect(*state, compressed, true, -EBADMSG, "", "cannot be read");
}

static void hang(_unused_ int fd)
{
	pause();
}

static void die(int fd)
{
	h2_open(fd);
	h2_data(fd, "\0\0\0\0\1a", 6);
	_exit(0);
}

static void reset(int fd)
{
	h2_open(fd);
	h2_frame(fd, H2_RESET, 0, 1, "\0\0\0\2", 4);
	pause();
}

static void garbage(int fd)
{
	server_bytes(fd, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		     12);
	pause();
}

static void http1(int fd)
{
	server_answer(fd, "{}");
	pause();
}

static void silence_is_timed(void **state)
{
	expect(*state, hang, false, -ETIMEDOUT, "", "no complete answer");
}

static void the_server_dies(void **state)
{
	struct fixture *f = *state;

	call(f, die, true);
	run(f);
	assert_int_equal(f->error, -ECONNRESET);
	assert_non_null(strstr(f->words, "/a.B/C"));
	/* The kernel tells of the reset before what came ahead of it, where
	 * the server had not read all that we sent. */
	assert_true(!strcmp(buf_str(&f->got), "a|") ||
		    !strcmp(buf_str(&f->got), ""));
}

static void the_server_resets(void **state)
{
	expect(*state, reset, true, -ECONNRESET, "", "/a.B/C");
}

static void what_is_no_http2(void **state)
{
	struct fixture *f = *state;

	call(f, garbage, false);
	run(f);
	assert_true(f->error < 0);
}

static void an_older_http(void **state)
{
	struct fixture *f = *state;

	call(f, http1, false);
	run(f);
	assert_true(f->error < 0);
	assert_true(f->words[0]);
}

static void nobody_there(void **state)
{
	struct fixture *f = *state;

	call(f, hang, false);
	grpc_cancel(f->request);
	server_kill(&f->server);
	f->request = grpc_send(f->client, &(struct grpc_call){
						  .method = "/a.B/C",
						  .request = SLICE(""),
						  .message = on_message,
						  .done = on_done,
						  .arg = f,
					  });
	run(f);
	assert_int_equal(f->error, -ECONNREFUSED);
}

static void cancelled_in_a_message(void **state)
{
	struct fixture *f = *state;

	f->cancel = true;
	call(f, two_messages, true);
	while (!f->got.len)
		loop_run_once(f->loop);
	assert_int_equal(f->done, 0);
	assert_string_equal(buf_str(&f->got), "abc|");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(unary_is_one_message),
		TEST(unary_is_no_more),
		TEST(unary_is_no_less),
		TEST(stream_is_any_number),
		TEST(stream_may_be_empty),
		TEST(stream_ends_between_messages),
		TEST(a_refusal_is_told),
		TEST(its_words_are_made_harmless),
		TEST(a_code_beyond_the_known),
		TEST(a_status_that_is_none),
		TEST(an_answer_in_one_piece_is_not_left),
		TEST(no_trailers_is_no_grpc),
		TEST(http_404_is_no_grpc),
		TEST(a_message_is_bounded),
		TEST(nobody_asked_for_compression),
		TEST(silence_is_timed),
		TEST(the_server_dies),
		TEST(the_server_resets),
		TEST(what_is_no_http2),
		TEST(an_older_http),
		TEST(nobody_there),
		TEST(cancelled_in_a_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
