/* SPDX-License-Identifier: GPL-2.0-or-later */
/* feed.c - the agent's end of its flow writer.
 *
 * A process of its own, the keeper, starts writers. Lines wait in a backlog
 * (backlog.h) from where a dead writer's successor gets them again; what became
 * of them is in a ledger (ledger.h), from the writers' reports.
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
#include "sink/backlog.h"
#include "sink/keeper.h"
#include "sink/ledger.h"

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

	struct backlog backlog;
	struct ledger ledger;
	struct loop_timer *join;
	uint64_t sent_at;    /* monotonic ns */
	struct buf preamble; /* goes before the backlog, to a new writer */
	struct loop_timer *tell;
	bool closing;
};

static void writer_gone(struct sink_feed *f, const char *why);

/* ---- losses and troubles ----------------------------------------------- */

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
	uint64_t n;

	/* Only where the line that tells it has a place. */
	if (backlog_is_tight(&f->backlog)) {
		if (f->fd >= 0)
			set_writer_problem(
				f, "takes no lines; what comes now is lost");
		loop_timer_start(f->tell, TELL_MS, 0);
		return;
	}
	n = ledger_tell(&f->ledger);
	if (n)
		f->observer.loss(f->observer.arg, "writer", n);
	for (size_t i = 0; i < f->configs->len; i++) {
		n = ledger_tell_sink(&f->ledger, i);
		if (n)
			f->observer.loss(f->observer.arg,
					 f->configs->data[i].name, n);
	}
}

static void note_losses(struct sink_feed *f)
{
	if (!f->closing && ledger_has_untold(&f->ledger) &&
	    !loop_timer_active(f->tell))
		loop_timer_start(f->tell, TELL_MS, 0);
}

static void set_sink_problem(struct sink_feed *f, size_t i, const char *problem)
{
	const char *name = f->configs->data[i].name;

	if (!ledger_set_problem(&f->ledger, i, problem))
		return;
	if (*problem)
		log_warning("flow log %s: %s", name, problem);
	else
		log_warning("flow log %s is written again; records lost: %llu",
			    name,
			    (unsigned long long)ledger_lost(&f->ledger, i));
	if (!f->closing)
		f->observer.trouble(f->observer.arg, name, problem);
}

/* ---- sending ----------------------------------------------------------- */

static bool has_unsent(const struct sink_feed *f)
{
	return f->preamble.len || backlog_unsent(&f->backlog).len;
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
		struct slice bytes = f->preamble.len
					     ? buf_slice(&f->preamble)
					     : backlog_unsent(&f->backlog);
		ssize_t n = send(f->fd, bytes.ptr, bytes.len,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0)
			return -errno;
		if (f->preamble.len)
			buf_consume(&f->preamble, (size_t)n);
		else
			backlog_sent(&f->backlog, (size_t)n);
	}
	if (f->observer.handed_over && f->ledger.lost == f->ledger.told)
		f->observer.handed_over(f->observer.arg);
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
	if (backlog_unsent(&f->backlog).len >= SEND_BYTES)
		(void)send_some(f);
	else if (first && clock_monotonic() - f->sent_at > JOIN_NS)
		send_now(f);
	else if (first)
		loop_timer_start(f->join, JOIN_MS, 0);
}

void sink_feed_write(struct sink_feed *f, struct slice line)
{
	bool first = !has_unsent(f);

	if (!backlog_add_line(&f->backlog, line)) {
		f->ledger.lost++;
		note_losses(f);
		return;
	}
	send_soon(f, first);
}

void sink_feed_reopen(struct sink_feed *f)
{
	/* Without room there is a writer that hangs; its successor opens all
	 * files anew. */
	if (backlog_add_reopen(&f->backlog))
		send_soon(f, true);
}

/* ---- reports ----------------------------------------------------------- */

static int take_report(struct sink_feed *f, const struct sink_entry *frame)
{
	struct ledger_news news;
	int r = ledger_take(&f->ledger, frame, f->backlog.next, &news);

	if (r == 0 && news.tried)
		set_sink_problem(f, news.sink, news.problem);
	return r;
}

static void forget_settled(struct sink_feed *f)
{
	backlog_forget(&f->backlog,
		       ledger_settled(&f->ledger, f->backlog.next));
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
		buf_add(&f->preamble, &f->ledger.sinks[i].report.settled,
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

static void writer_gone(struct sink_feed *f, const char *why)
{
	_cleanup_(freep) char *text = NULL;

	loop_fd_close(f->watch);
	f->watch = NULL;
	close(f->fd);
	f->fd = -1;
	sink_frames_fini(&f->frames);
	backlog_rewind(&f->backlog);
	ledger_end_writer(&f->ledger, backlog_oldest(&f->backlog));
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
	backlog_init(&f->backlog, options->queue_max);
	ledger_init(&f->ledger, options->sinks->len);
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
		uint64_t n = ledger_tell_end(&f->ledger, i, f->backlog.next);

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
	backlog_fini(&f->backlog);
	ledger_fini(&f->ledger);
	sink_frames_fini(&f->frames);
	buf_fini(&f->preamble);
	free(f->config);
	free(f->problem);
	free(f);
}

/* ---- how it stands ----------------------------------------------------- */

void sink_feed_sink(const struct sink_feed *f, size_t i,
		    struct sink_feed_sink *ret)
{
	ledger_stand(&f->ledger, i, f->backlog.next, ret);
}

void sink_feed_writer(const struct sink_feed *f, struct sink_feed_writer *ret)
{
	*ret = (struct sink_feed_writer){
		.pid = f->writer,
		.restarts = f->restarts,
		.waiting = backlog_lines_unsent(&f->backlog),
		.lost = f->ledger.lost,
		.problem = f->problem ? f->problem : "",
	};
}
