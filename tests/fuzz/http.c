/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http.c - any bytes as the answer to a request, cut where the input says. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/macro.h"
#include "http/http.h"

static const char path[] = "/tmp/bulkhead-fuzz-http.sock";
static int listener = -1;
static unsigned ended;

static void listen_once(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (listener >= 0)
		return;
	memcpy(address.sun_path, path, sizeof(path));
	unlink(path);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listener, 8) < 0)
		abort();
}

static void data(_unused_ void *arg, struct slice piece)
{
	if (piece.len && !memchr(piece.ptr, piece.ptr[0], piece.len))
		abort();
}

static void done(_unused_ void *arg, const struct http_result *result)
{
	if (!result->message || result->error > 0 ||
	    result->body.len > (64U << 20))
		abort();
	ended++;
}

/* First byte: a stream or a whole answer, and where it is cut in two. */
struct server {
	struct loop_timer *timer;
	const uint8_t *bytes;
	size_t first, size;
	int fd;
};

static void send_first(void *arg, _unused_ int events, _unused_ int error)
{
	struct server *s = arg;

	/* Again, when libcurl tries a second time. */
	if (s->fd >= 0)
		close(s->fd);
	s->fd = accept(listener, NULL, NULL);
	(void)!send(s->fd, s->bytes, s->first, MSG_NOSIGNAL);
	loop_timer_start(s->timer, 0, 0);
}

static void send_rest(void *arg)
{
	struct server *s = arg;

	(void)!send(s->fd, s->bytes + s->first, s->size - s->first,
		    MSG_NOSIGNAL);
	shutdown(s->fd, SHUT_WR);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct server s = { .bytes = bytes + 1, .size = size - 1, .fd = -1 };
	struct http_client *client;
	struct loop_fd *accepting;
	struct loop *loop;

	if (size < 1 || size > 60000)
		return 0;
	listen_once();
	if (loop_new(&loop) < 0)
		abort();
	s.first = s.size * (bytes[0] >> 1) / 127;
	s.timer = loop_timer_new(loop, send_rest, &s);
	accepting = loop_fd_new(loop, listener, LOOP_READABLE, send_first, &s);
	client = http_client_new(loop, path);
	ended = 0;
	http_get(client, &(struct http_get){ .path = "/x",
					     .max_body = 1000,
					     .timeout_ms = 1000,
					     .data = bytes[0] & 1 ? data : NULL,
					     .done = done });
	while (!ended)
		loop_run_once(loop);
	if (s.fd >= 0)
		close(s.fd);
	loop_fd_close(accepting);
	loop_timer_close(s.timer);
	http_client_free(client);
	loop_free(loop);
	return 0;
}
