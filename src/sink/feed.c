/* SPDX-License-Identifier: GPL-2.0-or-later */
/* feed.c - the agent's end of its flow writer.
 *
 * The queue holds every line from `oldest`, the first that some sink has not
 * settled, to `next`. Of its bytes the first `sent` are with the present
 * writer. When the queue is full, what was sent makes room, settled or not: it
 * is only kept for the case that the writer dies. If that is not enough, the
 * new line is lost for every sink; it gets no number.
 *
 * When a writer dies, each sink goes on at the first line that it had not
 * settled; those of them that are not in the queue any more are lost for it.
 */
#include "sink/feed.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "sink/frame.h"
#include "sink/keeper.h"

#define RESTART_FIRST_MS 100
#define RESTART_LAST_MS	 30000
/* A writer that lived this long was no failure. */
#define GOOD_LIFE_NS 60000000000U
/* A line is sent at once, unless the one before was just now: then it has this
 * long to be joined by others, up to so many bytes. To wake the writer takes
 * more than a line itself. */
#define JOIN_MS	   1
#define JOIN_NS	   (JOIN_MS * 1000000U)
#define SEND_BYTES 65536
/* Losses are told at most that often. */
#define TELL_MS	     1000
#define SOCKET_BYTES (1 << 20)
#define CLOSE_MS     5000

#define NO_KEEPER \
	"its keeper has ended: records cannot be written when it ends too; restart bulkheadd"

struct feed_sink {
	struct sink_report report; /* of the present writer */
	uint64_t written, lost;	   /* by those before */
	uint64_t told;		   /* of the lost ones */
	char problem[SINK_PROBLEM_MAX];
};

struct sink_feed {
	struct loop *loop;
	const sink_config_list *configs;
	struct sink_feed_observer observer;
	char *config;
	size_t config_len;

	pid_t keeper;
	int keeper_fd;
	struct loop_fd *keeper_watch;

	pid_t writer;
	int fd; /* -1: no writer */
	struct loop_fd *watch;
	struct sink_frames frames;
	struct loop_timer *restart;
	uint64_t pause_ms, started, restarts;
	char *problem; /* the writer's; NULL: none */

	struct sink_queue queue;
	struct loop_timer *join;
	uint64_t sent_at;    /* monotonic ns */
	struct buf preamble; /* goes before the queue, to a new writer */
	size_t sent;	     /* bytes of the queue */
	uint64_t next;	     /* number of the next line */
	uint64_t lost, told; /* had no room */

	struct feed_sink *sinks;
	struct loop_timer *tell;
	bool closing;
};

static void writer_gone(struct sink_feed *f, const char *why);

/* ---- the queue --------------------------------------------------------- */

static uint64_t oldest(const struct sink_feed *f)
{
	struct sink_entry first;

	return sink_queue_at(&f->queue, 0, &first) ? first.head.number
						   : f->next;
}

static void pop(struct sink_feed *f)
{
	struct sink_entry first;
	size_t size;

	if (!sink_queue_at(&f->queue, 0, &first))
		return;
	size = sink_queue_next(0, &first);
	f->sent -= MIN(f->sent, size);
	sink_queue_pop(&f->queue);
}

/* True while the first entry is wholly with the writer. */
static bool first_is_sent(const struct sink_feed *f)
{
	struct sink_entry first;

	return sink_queue_at(&f->queue, 0, &first) &&
	       sink_queue_next(0, &first) <= f->sent;
}

static void forget_settled(struct sink_feed *f)
{
	uint64_t settled = f->next;

	for (size_t i = 0; i < f->configs->len; i++)
		settled = MIN(settled, f->sinks[i].report.settled);
	while (first_is_sent(f) && oldest(f) < settled)
		pop(f);
}

static bool enqueue(struct sink_feed *f, enum sink_frame_type type,
		    struct slice content)
{
	struct sink_head head = { .len = (uint32_t)content.len,
				  .type = type,
				  .number = f->next,
				  .time = clock_monotonic() };

	while (!sink_queue_add(&f->queue, &head, content)) {
		if (!first_is_sent(f))
			return false;
		pop(f);
	}
	return true;
}

/* ---- losses and troubles ----------------------------------------------- */

static uint64_t lost_of(const struct feed_sink *s)
{
	return s->lost + s->report.lost;
}

static bool loss_untold(const struct sink_feed *f)
{
	for (size_t i = 0; i < f->configs->len; i++)
		if (lost_of(&f->sinks[i]) > f->sinks[i].told)
			return true;
	return f->lost > f->told;
}

static void set_writer_problem(struct sink_feed *f, const char *problem)
{
	if (!strcmp(f->problem ? f->problem : "", problem))
		return;
	free(f->problem);
	f->problem = *problem ? xstrdup(problem) : NULL;
	if (*problem)
		log_warning("flow writer: %s", problem);
	else
		log_info("flow writer: works again");
	if (!f->closing)
		f->observer.trouble(f->observer.arg, "writer", problem);
}

static void tell_losses(void *arg)
{
	struct sink_feed *f = arg;
	uint64_t n = f->lost - f->told;

	/* Only where the line that tells it has a place. */
	if (sink_queue_bytes(&f->queue).len > f->queue.max / 2 &&
	    !first_is_sent(f)) {
		if (f->fd >= 0)
			set_writer_problem(
				f, "takes no lines; what comes now is lost");
		loop_timer_start(f->tell, TELL_MS, 0);
		return;
	}
	f->told = f->lost;
	if (n)
		f->observer.loss(f->observer.arg, "writer", n);
	for (size_t i = 0; i < f->configs->len; i++) {
		struct feed_sink *s = &f->sinks[i];

		n = lost_of(s) - MIN(s->told, lost_of(s));
		s->told += n;
		if (n)
			f->observer.loss(f->observer.arg,
					 f->configs->data[i].name, n);
	}
}

static void note_losses(struct sink_feed *f)
{
	if (!f->closing && loss_untold(f) && !loop_timer_active(f->tell))
		loop_timer_start(f->tell, TELL_MS, 0);
}

static void set_sink_problem(struct sink_feed *f, size_t i, const char *problem)
{
	struct feed_sink *s = &f->sinks[i];
	const char *name = f->configs->data[i].name;

	if (!strcmp(s->problem, problem))
		return;
	snprintf(s->problem, sizeof(s->problem), "%s", problem);
	if (*problem)
		log_warning("flow log %s: %s", name, problem);
	else
		log_warning("flow log %s is written again; records lost: %llu",
			    name, (unsigned long long)lost_of(s));
	if (!f->closing)
		f->observer.trouble(f->observer.arg, name, problem);
}

/* ---- sending ----------------------------------------------------------- */

static bool has_unsent(const struct sink_feed *f)
{
	return f->preamble.len || sink_queue_bytes(&f->queue).len > f->sent;
}

static void want(struct sink_feed *f)
{
	if (f->watch)
		loop_fd_set(f->watch,
			    LOOP_READABLE |
				    (has_unsent(f) ? LOOP_WRITABLE : 0));
}

/* Returns 0, or -errno; -EAGAIN when the socket is full. */
static int send_some(struct sink_feed *f)
{
	while (has_unsent(f)) {
		struct slice rest = sink_queue_bytes(&f->queue);
		struct slice bytes =
			f->preamble.len ? buf_slice(&f->preamble)
					: (struct slice){ rest.ptr + f->sent,
							  rest.len - f->sent };
		ssize_t n = send(f->fd, bytes.ptr, bytes.len,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0)
			return -errno;
		if (f->preamble.len)
			buf_consume(&f->preamble, (size_t)n);
		else
			f->sent += (size_t)n;
	}
	return 0;
}

static void on_stuck(struct sink_feed *f, int r)
{
	if (r == 0 && f->problem)
		set_writer_problem(f, f->keeper_watch ? "" : NO_KEEPER);
}

static void send_now(void *arg)
{
	struct sink_feed *f = arg;
	int r = f->fd < 0 ? -EAGAIN : send_some(f);

	f->sent_at = clock_monotonic();

	if (r < 0 && r != -EAGAIN) {
		/* Its end comes as an event of the socket. */
		log_debug("flow writer: %s", strerror(-r));
	}
	on_stuck(f, r);
	want(f);
}

/* Whoever waits for room in the socket is told of it by that. */
static void send_soon(struct sink_feed *f, bool first)
{
	if (f->fd < 0)
		return;
	if (sink_queue_bytes(&f->queue).len - f->sent >= SEND_BYTES)
		(void)send_some(f);
	else if (first && clock_monotonic() - f->sent_at > JOIN_NS)
		send_now(f);
	else if (first)
		loop_timer_start(f->join, JOIN_MS, 0);
}

void sink_feed_write(struct sink_feed *f, struct slice line)
{
	bool first = !has_unsent(f);

	if (line.len > SINK_LINE_MAX || !enqueue(f, SINK_FRAME_LINE, line)) {
		f->lost++;
		note_losses(f);
		return;
	}
	f->next++;
	send_soon(f, first);
}

void sink_feed_reopen(struct sink_feed *f)
{
	/* Without room there is a writer that hangs; its successor opens all
	 * files anew. */
	if (enqueue(f, SINK_FRAME_REOPEN, SLICE("")))
		send_soon(f, true);
}

/* ---- reports ----------------------------------------------------------- */

/* A new writer that has not tried yet knows of no problem: that is no
 * recovery. */
static bool is_untried(const struct sink_feed *f,
		       const struct sink_report *report)
{
	return !report->written &&
	       (report->spooled || report->settled < f->next);
}

static int take_report(struct sink_feed *f, const struct sink_entry *frame)
{
	char problem[SINK_PROBLEM_MAX];
	struct sink_report report;
	struct feed_sink *s;
	int r = sink_report_parse(frame, &report, problem);

	if (r < 0)
		return r;
	if (frame->head.number >= f->configs->len)
		return -EBADMSG;
	s = &f->sinks[frame->head.number];
	if (report.settled < s->report.settled || report.settled > f->next ||
	    report.lost < s->report.lost || report.written < s->report.written)
		return -EBADMSG;
	s->report = report;
	if (*problem || !is_untried(f, &report))
		set_sink_problem(f, frame->head.number, problem);
	return 0;
}

static int take_reports(struct sink_feed *f)
{
	struct sink_entry frame;
	int r;

	while ((r = sink_frames_next(&f->frames, &frame)) > 0) {
		r = take_report(f, &frame);
		if (r < 0)
			return r;
	}
	forget_settled(f);
	note_losses(f);
	return r;
}

/* Returns 0 when there is no more for now; -EPIPE at the end; -EBADMSG. */
static int read_reports(struct sink_feed *f)
{
	for (;;) {
		int n = sink_frames_read(&f->frames, f->fd);

		if (n == -EAGAIN || n == -EINTR)
			return 0;
		if (n <= 0)
			return -EPIPE;
		n = take_reports(f);
		if (n < 0)
			return n;
	}
}

static void on_socket(void *arg, int events, int error)
{
	struct sink_feed *f = arg;
	int r = error;

	if (r == 0 && events & LOOP_READABLE)
		r = read_reports(f);
	if (r == -EBADMSG) {
		sink_keeper_kill(f->keeper_fd);
		writer_gone(f, "sent what is no report");
	} else if (r < 0) {
		writer_gone(f, "ended");
	} else if (events & LOOP_WRITABLE) {
		send_now(f);
	}
}

/* ---- the writer's life ------------------------------------------------- */

/* What its successor needs before any line. */
static void make_preamble(struct sink_feed *f)
{
	struct sink_head head = { .type = SINK_FRAME_CONFIG,
				  .len = (uint32_t)f->config_len };

	buf_clear(&f->preamble);
	buf_add(&f->preamble, &head, sizeof(head));
	buf_add(&f->preamble, f->config, f->config_len);
	head = (struct sink_head){ .type = SINK_FRAME_BEGIN,
				   .len = sizeof(uint64_t) };
	for (size_t i = 0; i < f->configs->len; i++) {
		head.number = i;
		buf_add(&f->preamble, &head, sizeof(head));
		buf_add(&f->preamble, &f->sinks[i].report.settled,
			sizeof(uint64_t));
	}
}

static void start_writer(void *arg)
{
	struct sink_feed *f = arg;
	int pair[2] = { -1, -1 }, bytes = SOCKET_BYTES, r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		r = -errno;
	} else {
		(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &bytes,
				 sizeof(bytes));
		r = sink_keeper_ask(f->keeper_fd, pair[1]);
		close(pair[1]);
	}
	if (r < 0) {
		_cleanup_(freep) char *why =
			xasprintf("cannot be started: %s", strerror(-r));

		closep(&pair[0]);
		set_writer_problem(f, f->keeper_watch ? why : NO_KEEPER);
		loop_timer_start(f->restart, RESTART_LAST_MS, 0);
		return;
	}
	f->fd = pair[0];
	f->started = clock_monotonic();
	make_preamble(f);
	f->watch = loop_fd_new(f->loop, f->fd, LOOP_READABLE | LOOP_WRITABLE,
			       on_socket, f);
}

/* Lines that a sink had not settled, and that nobody has any more. */
static void settle_accounts(struct sink_feed *f)
{
	uint64_t first = oldest(f);

	for (size_t i = 0; i < f->configs->len; i++) {
		struct feed_sink *s = &f->sinks[i];
		uint64_t begin = MAX(s->report.settled, first);

		s->written += s->report.written;
		s->lost += s->report.lost + (begin - s->report.settled);
		s->report = (struct sink_report){ .settled = begin };
	}
}

static void writer_gone(struct sink_feed *f, const char *why)
{
	_cleanup_(freep) char *text = NULL;

	loop_fd_close(f->watch);
	f->watch = NULL;
	close(f->fd);
	f->fd = -1;
	sink_frames_fini(&f->frames);
	f->sent = 0;
	settle_accounts(f);
	forget_settled(f);
	f->writer = 0;
	f->restarts++;
	if (clock_monotonic() - f->started > GOOD_LIFE_NS)
		f->pause_ms = RESTART_FIRST_MS;
	text = xasprintf("%s; a new one is started", why);
	set_writer_problem(f, f->keeper_watch ? text : NO_KEEPER);
	note_losses(f);
	loop_timer_start(f->restart, f->pause_ms, 0);
	f->pause_ms = MIN(2 * f->pause_ms, (uint64_t)RESTART_LAST_MS);
}

/* ---- the keeper -------------------------------------------------------- */

static void keeper_gone(struct sink_feed *f)
{
	loop_fd_close(f->keeper_watch);
	f->keeper_watch = NULL;
	set_writer_problem(f, NO_KEEPER);
}

static void on_news(struct sink_feed *f, const struct sink_keeper_news *news)
{
	if (!news->ended)
		f->writer = news->pid;
	else if (WIFSIGNALED(news->status))
		log_warning("flow writer %d was ended by signal %d (%s)",
			    (int)news->pid, WTERMSIG(news->status),
			    strsignal(WTERMSIG(news->status)));
	else
		log_warning("flow writer %d ended with status %d",
			    (int)news->pid, WEXITSTATUS(news->status));
}

static void on_keeper(void *arg, _unused_ int events, _unused_ int error)
{
	struct sink_keeper_news news;
	struct sink_feed *f = arg;
	int r;

	while ((r = sink_keeper_news(f->keeper_fd, &news)) > 0)
		on_news(f, &news);
	if (r < 0)
		keeper_gone(f);
}

/* ---- start and stop ---------------------------------------------------- */

int sink_feed_open(struct loop *loop, const struct sink_feed_options *options,
		   struct sink_feed **ret)
{
	struct sink_feed *f = xnew(struct sink_feed);
	int r = sink_keeper_start(options->keeper, &f->keeper, &f->keeper_fd);

	if (r < 0) {
		free(f);
		return r;
	}
	f->loop = loop;
	f->configs = options->sinks;
	f->observer = options->observer;
	f->config = xmemdup(options->config.ptr, options->config.len);
	f->config_len = options->config.len;
	f->keeper_watch =
		loop_fd_new(loop, f->keeper_fd, LOOP_READABLE, on_keeper, f);
	f->fd = -1;
	f->pause_ms = RESTART_FIRST_MS;
	f->restart = loop_timer_new(loop, start_writer, f);
	f->tell = loop_timer_new(loop, tell_losses, f);
	f->join = loop_timer_new(loop, send_now, f);
	f->preamble = BUF_INIT(BUF_UNBOUNDED);
	f->sinks = xcalloc(options->sinks->len + 1, sizeof(*f->sinks));
	sink_queue_init(&f->queue, options->queue_max);
	sink_frames_init(&f->frames,
			 sizeof(struct sink_report) + SINK_PROBLEM_MAX);
	start_writer(f);
	*ret = f;
	return 0;
}

static int wait_for(int fd, short events, uint64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	uint64_t now = clock_monotonic();

	if (now >= deadline)
		return -ETIMEDOUT;
	poll(&p, 1, (int)((deadline - now) / 1000000U) + 1);
	return 0;
}

/* Hand over the rest and hear what became of it, within a limit. */
static int drain(struct sink_feed *f)
{
	uint64_t deadline = clock_monotonic() + CLOSE_MS * 1000000ULL;
	int r;

	while ((r = send_some(f)) == -EAGAIN && r != -ETIMEDOUT) {
		if (read_reports(f) < 0 ||
		    wait_for(f->fd, POLLIN | POLLOUT, deadline) < 0)
			return -ETIMEDOUT;
	}
	shutdown(f->fd, SHUT_WR);
	while ((r = read_reports(f)) == 0)
		if (wait_for(f->fd, POLLIN, deadline) < 0)
			return -ETIMEDOUT;
	return r == -EPIPE ? 0 : r;
}

static void tell_the_end(const struct sink_feed *f)
{
	for (size_t i = 0; i < f->configs->len; i++) {
		const struct feed_sink *s = &f->sinks[i];
		uint64_t n = lost_of(s) + f->next - s->report.settled - s->told;

		if (n)
			log_warning(
				"flow log %s: %llu records could not be written",
				f->configs->data[i].name,
				(unsigned long long)n);
	}
}

void sink_feed_close(struct sink_feed *f)
{
	if (!f)
		return;
	f->closing = true;
	if (f->fd >= 0) {
		if (drain(f) < 0)
			sink_keeper_kill(f->keeper_fd);
		loop_fd_close(f->watch);
		close(f->fd);
	}
	tell_the_end(f);
	loop_fd_close(f->keeper_watch);
	sink_keeper_stop(f->keeper, f->keeper_fd);
	loop_timer_close(f->restart);
	loop_timer_close(f->tell);
	loop_timer_close(f->join);
	sink_queue_fini(&f->queue);
	sink_frames_fini(&f->frames);
	buf_fini(&f->preamble);
	free(f->sinks);
	free(f->config);
	free(f->problem);
	free(f);
}

/* ---- how it stands ----------------------------------------------------- */

void sink_feed_sink(const struct sink_feed *f, size_t i,
		    struct sink_feed_sink *ret)
{
	const struct feed_sink *s = &f->sinks[i];

	*ret = (struct sink_feed_sink){
		.written = s->written + s->report.written,
		.waiting = f->next - s->report.settled - s->report.dropping +
			   s->report.spooled,
		.lost = lost_of(s) + s->report.dropping,
		.lag_ns = s->report.lag_ns,
		.problem = s->problem,
	};
}

/* Lines of the queue that the writer does not have as a whole. */
static uint64_t unsent(const struct sink_feed *f)
{
	struct sink_entry entry;
	size_t offset = 0;

	while (sink_queue_at(&f->queue, offset, &entry)) {
		offset = sink_queue_next(offset, &entry);
		if (offset > f->sent)
			return f->next - entry.head.number;
	}
	return 0;
}

void sink_feed_writer(const struct sink_feed *f, struct sink_feed_writer *ret)
{
	*ret = (struct sink_feed_writer){
		.pid = f->writer,
		.restarts = f->restarts,
		.waiting = unsent(f),
		.lost = f->lost,
		.problem = f->problem ? f->problem : "",
	};
}
