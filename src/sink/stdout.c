/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stdout.c - lines to the standard output that the agent was started with.
 *
 * It is somebody else's file, and may be a pipe that nobody reads: then the
 * thread waits, and the sink's queue bounds what waits with it.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/alloc.h"
#include "sink/driver.h"
#include "sink/text.h"

#define WAIT_MS 1000

struct output {
	const struct sink_config *config;
	int fd;
	size_t partial; /* bytes of the first line that are written */
};

static int wait_writable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int n = poll(&p, 1, WAIT_MS);

	return n < 0 ? -errno : n ? 0 : -ETIMEDOUT;
}

/* Pipes take up to PIPE_BUF bytes without blocking once they are writable. */
#define CHUNK 4096

static int write_line(struct output *o, struct slice line)
{
	while (o->partial < line.len) {
		size_t left = MIN(line.len - o->partial, (size_t)CHUNK);
		int r = wait_writable(o->fd);
		ssize_t n;

		if (r < 0)
			return r;
		n = write(o->fd, line.ptr + o->partial, left);
		if (n >= 0)
			o->partial += (size_t)n;
		else if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
	o->partial = 0;
	return 0;
}

static void *output_open(_unused_ struct loop *loop,
			 const struct sink_config *config,
			 _unused_ loop_fn changed, _unused_ void *arg)
{
	struct output *o = xnew(struct output);

	o->config = config;
	o->fd = STDOUT_FILENO;
	return o;
}

static void output_deliver(void *state, const struct sink_lines *lines,
			   struct sink_result *result)
{
	struct sink_formatted formatted = { 0 };
	struct output *o = state;
	int r = 0;

	sink_format_lines(o->config->format, lines, &formatted);
	while (r == 0 && result->written < lines->n) {
		r = write_line(o, formatted.lines.lines[result->written]);
		if (r == 0)
			result->written++;
	}
	sink_formatted_fini(&formatted);
	if (r == -ETIMEDOUT)
		sink_fail(result, "standard output: nobody reads it");
	else if (r < 0)
		sink_fail(result, "standard output: %s", strerror(-r));
}

const struct sink_driver sink_stdout_driver = { .open = output_open,
						.deliver = output_deliver,
						.close = free };
