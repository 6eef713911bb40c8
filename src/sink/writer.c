/* SPDX-License-Identifier: GPL-2.0-or-later */
/* writer.c - the flow writer: the process that puts lines into the sinks.
 *
 * The agent sends the configuration, for each sink the number of its first
 * line, then lines. Back go reports of how the sinks stand: soon after
 * something changed, and never when nothing did. A report tells all since the
 * start, so while the agent has not read the last ones there are no new ones:
 * what waits for it is bounded, and always ends with a frame.
 */
#include "sink/writer.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "loop/loop.h"
#include "sink/frame.h"
#include "sink/sink.h"

/* Bytes of lines that wait for one sink. */
#define QUEUE_MAX (4U << 20)
/* Reports wait for each other so long. */
#define REPORT_MS 20
/* The last reports are read within this or not at all. */
#define SEND_MS 1000
/* For what waits when the agent is gone. */
#define FINISH_MS 3000
/* Bytes read before the sinks get their turn. */
#define READS_MAX 16

struct writer {
	struct loop *loop;
	int fd;
	struct loop_fd *watch;
	struct loop_timer *report, *deadline;
	struct buf out; /* reports that the socket has no room for */
	bool news;	/* … and there are newer ones */
	struct sink_frames frames;
	sink_writer_configure_fn configure;
	sink_config_list configs;
	VEC(uint64_t) begin; /* of each sink, as far as told */
	VEC(struct sink *) sinks;
	bool paused; /* nothing is read for now */
	bool finishing;
	int error;
};

/* ---- reports ----------------------------------------------------------- */

/* What is wanted of the socket now. */
static void watch(struct writer *w)
{
	if (w->watch)
		loop_fd_set(w->watch, (w->paused ? 0 : LOOP_READABLE) |
					      (w->out.len ? LOOP_WRITABLE : 0));
}

/* Returns 0 when nothing is left, or -errno; -EAGAIN: the socket is full. */
static int send_some(struct writer *w)
{
	while (w->out.len) {
		ssize_t n = send(w->fd, w->out.data, w->out.len,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0)
			return -errno;
		buf_consume(&w->out, (size_t)n);
	}
	return 0;
}

static void add_report(struct buf *out, const struct sink *s, uint64_t i)
{
	struct sink_report report;
	struct sink_head head = { .type = SINK_FRAME_REPORT, .number = i };
	const char *problem;
	size_t len;

	sink_report(s, &report, &problem);
	len = MIN(strlen(problem), (size_t)SINK_PROBLEM_MAX - 1);
	head.len = (uint32_t)(sizeof(report) + len);
	head.time = clock_monotonic();
	buf_add(out, &head, sizeof(head));
	buf_add(out, &report, sizeof(report));
	buf_add(out, problem, len);
}

static void add_reports(struct writer *w)
{
	w->news = false;
	for (size_t i = 0; i < w->sinks.len; i++)
		add_report(&w->out, w->sinks.data[i], i);
}

/* When the agent is gone, reading tells. */
static void send_reports(void *arg)
{
	struct writer *w = arg;

	if (w->out.len)
		w->news = true;
	else
		add_reports(w);
	(void)send_some(w);
	watch(w);
}

static void send_the_last(struct writer *w)
{
	struct pollfd p = { .fd = w->fd, .events = POLLOUT };
	int r;

	while ((r = send_some(w)) == -EAGAIN && poll(&p, 1, SEND_MS) > 0)
		;
	if (r < 0)
		return;
	add_reports(w);
	while (send_some(w) == -EAGAIN && poll(&p, 1, SEND_MS) > 0)
		;
}

static void on_room(struct writer *w)
{
	if (send_some(w) == 0 && w->news)
		send_reports(w);
	else
		watch(w);
}

static bool all_idle(const struct writer *w)
{
	vec_foreach(s, &w->sinks)
		if (!sink_idle(*s))
			return false;
	return true;
}

/* The fastest of the sinks that work sets the pace: while it is behind, lines
 * wait with the agent. The slower ones lose what their queues do not hold. */
static bool must_pause(const struct writer *w)
{
	bool some = false;

	vec_foreach(s, &w->sinks) {
		if (sink_is_stuck(*s))
			continue;
		if (!sink_is_behind(*s))
			return false;
		some = true;
	}
	return some;
}

static void on_change(void *arg, bool urgent)
{
	struct writer *w = arg;

	if (w->paused && !must_pause(w)) {
		w->paused = false;
		watch(w);
	}

	if (w->finishing && all_idle(w))
		loop_stop(w->loop);
	else if (urgent)
		loop_timer_start(w->report, 0, 0);
	else if (!loop_timer_active(w->report))
		loop_timer_start(w->report, REPORT_MS, 0);
}

/* ---- what the agent sends ---------------------------------------------- */

/* Threads for what each sink can have under way at once, so that those that
 * hang leave the others theirs. libuv reads this at the first use. */
static void size_pool(const struct writer *w)
{
	char text[32];

	snprintf(text, sizeof(text), "%zu", MAX(2 * w->configs.len, 1U));
	setenv("UV_THREADPOOL_SIZE", text, true);
}

static void open_sinks(struct writer *w)
{
	size_pool(w);
	for (size_t i = 0; i < w->configs.len; i++)
		vec_push(&w->sinks,
			 sink_open(w->loop, &w->configs.data[i],
				   w->begin.data[i], QUEUE_MAX, on_change, w));
}

static int take_begin(struct writer *w, const struct sink_entry *frame)
{
	uint64_t first;

	if (frame->content.len != sizeof(first) ||
	    frame->head.number != w->begin.len ||
	    w->begin.len == w->configs.len)
		return -EBADMSG;
	memcpy(&first, frame->content.ptr, sizeof(first));
	vec_push(&w->begin, first);
	if (w->begin.len == w->configs.len)
		open_sinks(w);
	return 0;
}

static int take_frame(struct writer *w, const struct sink_entry *frame)
{
	switch (frame->head.type) {
	case SINK_FRAME_CONFIG:
		return w->configs.len
			       ? -EBADMSG
			       : w->configure(frame->content, &w->configs);
	case SINK_FRAME_BEGIN:
		return take_begin(w, frame);
	case SINK_FRAME_REOPEN:
		vec_foreach(s, &w->sinks)
			sink_reopen(*s);
		return 0;
	case SINK_FRAME_LINE:
		vec_foreach(s, &w->sinks)
			sink_offer(*s, frame);
		return 0;
	default: /* what only goes the other way */
		return -EBADMSG;
	}
}

static int take_frames(struct writer *w)
{
	struct sink_entry frame;
	int r;

	while ((r = sink_frames_next(&w->frames, &frame)) > 0) {
		r = take_frame(w, &frame);
		if (r < 0)
			return r;
	}
	return r;
}

static void finish(struct writer *w, int error)
{
	w->error = error;
	w->finishing = true;
	w->paused = false;
	loop_fd_close(w->watch);
	w->watch = NULL;
	vec_foreach(s, &w->sinks)
		sink_finish(*s);
	if (all_idle(w))
		loop_stop(w->loop);
	else
		loop_timer_start(w->deadline, FINISH_MS, 0);
}

static void read_some(struct writer *w, int error)
{
	for (int i = 0; i < READS_MAX && !error; i++) {
		int n = sink_frames_read(&w->frames, w->fd);

		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			finish(w, n);
			return;
		}
		error = take_frames(w);
		if (must_pause(w)) {
			w->paused = true;
			watch(w);
			break;
		}
	}
	if (error < 0) {
		log_error("flow writer: the agent sent what is no frame: %s",
			  strerror(-error));
		finish(w, error);
	}
}

static void on_socket(void *arg, int events, int error)
{
	struct writer *w = arg;

	if (events & LOOP_WRITABLE && !error)
		on_room(w);
	if (events & LOOP_READABLE || error)
		read_some(w, error);
}

static void on_deadline(void *arg)
{
	struct writer *w = arg;

	loop_stop(w->loop);
}

/* ---- its life ---------------------------------------------------------- */

/* A thread that hangs cannot be joined: the process ends all the same. */
static void end(struct writer *w)
{
	bool idle = all_idle(w);

	send_the_last(w);
	if (!idle)
		_exit(EXIT_SUCCESS);
	loop_timer_close(w->report);
	loop_timer_close(w->deadline);
	vec_foreach(s, &w->sinks)
		sink_close(*s);
	vec_fini(&w->sinks);
	loop_free(w->loop);
	vec_foreach(c, &w->configs)
		sink_config_fini(c);
	vec_fini(&w->configs);
	vec_fini(&w->begin);
	sink_frames_fini(&w->frames);
	buf_fini(&w->out);
	close(w->fd);
}

int sink_writer_run(int fd, sink_writer_configure_fn configure)
{
	struct writer w = { .fd = fd, .configure = configure };
	int r = loop_new(&w.loop);

	if (r < 0)
		return r;
	signal(SIGPIPE, SIG_IGN);
	sink_frames_init(&w.frames, SINK_LINE_MAX);
	w.out = BUF_INIT(BUF_UNBOUNDED);
	w.report = loop_timer_new(w.loop, send_reports, &w);
	w.deadline = loop_timer_new(w.loop, on_deadline, &w);
	w.watch = loop_fd_new(w.loop, fd, LOOP_READABLE, on_socket, &w);
	loop_run(w.loop);
	end(&w);
	return w.error;
}
