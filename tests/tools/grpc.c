/* SPDX-License-Identifier: GPL-2.0-or-later */
/* grpc.c - one gRPC call over a unix socket.
 *
 *	grpc SOCKET /PACKAGE.SERVICE/METHOD [HEADER...] <REQUEST >ANSWER
 *
 * Request and answer are messages in their bytes. Exit status 1 and a line on
 * standard error when the server refused or is none.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "grpc/grpc.h"

#define REQUEST_MAX (1U << 20)
#define TIMEOUT_MS  60000

struct call {
	struct loop *loop;
	int status;
};

static void on_message(_unused_ void *arg, struct slice message)
{
	fwrite(message.ptr, 1, message.len, stdout);
}

static void on_done(void *arg, const struct grpc_result *result)
{
	struct call *call = arg;

	call->status = result->error != 0;
	if (result->error)
		fprintf(stderr, "%s\n", result->message);
	loop_stop(call->loop);
}

static int read_request(struct buf *ret)
{
	char bytes[4096];
	ssize_t n;

	while ((n = read(STDIN_FILENO, bytes, sizeof(bytes))) > 0)
		if (buf_add(ret, bytes, (size_t)n) < 0)
			return -1;
	return n < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	_cleanup_(buf_fini) struct buf request = BUF_INIT(REQUEST_MAX);
	struct call call = { .status = 1 };
	struct http_client *client;

	if (argc < 3 || read_request(&request) < 0) {
		fprintf(stderr, "usage: grpc SOCKET METHOD [HEADER...]\n");
		return 2;
	}
	if (loop_new(&call.loop) < 0)
		return 1;
	client = http_client_new_h2(call.loop, argv[1]);
	grpc_send(client, &(struct grpc_call){
				  .method = argv[2],
				  .metadata = (const char *const *)argv + 3,
				  .request = buf_slice(&request),
				  .timeout_ms = TIMEOUT_MS,
				  .message = on_message,
				  .done = on_done,
				  .arg = &call,
			  });
	loop_run(call.loop);
	http_client_free(client);
	loop_free(call.loop);
	return call.status;
}
