/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sink.c - one sink: a queue of its own, tries and pauses, and exact counts.
 *
 * States: *idle*, nothing waits; *busy*, a batch is with the driver in a
 * thread; *stuck*, the last try failed and a timer waits for the next. Lines
 * stay in the queue until the driver has answered for them, and are settled
 * from the front only: `settled` is the number below which every line is
 * written or lost. Of the numbers above it those that are neither in the queue
 * nor still to come were dropped.
 */
#include "sink/sink.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "sink/driver.h"

#define RETRY_FIRST_MS 500
#define RETRY_LAST_MS  30000
/* One batch; a longer line is one of its own. */
#define BATCH_BYTES (512U << 10)
#define BATCH_LINES 4096U

struct sink {
	struct loop *loop;
	const struct sink_driver *driver;
	void *state; /* the driver's */
	struct loop_timer *retry;
	uint64_t pause_ms;
	sink_changed_fn changed;
	void *arg;

	struct sink_queue queue;
	uint64_t settled, offered; /* numbers: see above; the next to come */
	uint64_t written, lost;	   /* of the settled ones */
	bool busy, stuck, reopen, finishing;
	bool probing;  /* nothing was tried yet that succeeded */
	char *problem; /* NULL: none */

	/* What the thread works on. */
	struct buf text;
	VEC(struct slice) lines;
	struct sink_result result;
};

static const struct sink_driver *const drivers[SINK_KINDS] = {
	[SINK_FILE] = &sink_file_driver,
	[SINK_STDOUT] = &sink_stdout_driver,
	[SINK_JOURNALD] = &sink_journal_driver,
	[SINK_SYSLOG] = &sink_syslog_driver,
	[SINK_SQLITE] = &sink_sqlite_driver,
	[SINK_OTLP] = &sink_push_driver,
	[SINK_LOKI] = &sink_push_driver,
};

void sink_fail(struct sink_result *result, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(result->problem, sizeof(result->problem), fmt, args);
	va_end(args);
}

/* ---- a batch ----------------------------------------------------------- */

static void run_batch(void *arg)
{
	struct sink *s = arg;
	struct sink_lines lines = { s->lines.data, s->lines.len };

	s->driver->deliver(s->state, &lines, &s->result);
}

/* The queue may move while the thread runs: it gets a copy. */
static void take_batch(struct sink *s)
{
	struct sink_entry entry;
	size_t offset = 0, at = 0;

	buf_clear(&s->text);
	s->lines.len = 0;
	while (s->lines.len < BATCH_LINES && s->text.len < BATCH_BYTES &&
	       sink_queue_at(&s->queue, offset, &entry)) {
		buf_add(&s->text, entry.content.ptr, entry.content.len);
		vec_push(&s->lines, (struct slice){ NULL, entry.content.len });
		offset = sink_queue_next(offset, &entry);
	}
	vec_foreach(line, &s->lines) {
		line->ptr = s->text.data + at;
		at += line->len;
	}
}

static void on_batch_done(void *arg);

static void start(struct sink *s)
{
	if (s->busy || s->stuck || (!s->queue.lines && !s->probing))
		return;
	if (s->reopen && s->driver->reopen)
		s->driver->reopen(s->state);
	s->reopen = false;
	s->busy = true;
	s->result = (struct sink_result){ 0 };
	take_batch(s);
	loop_work(s->loop, run_batch, on_batch_done, s);
}

/* ---- its outcome ------------------------------------------------------- */

static void settle_first(struct sink *s, bool written)
{
	struct sink_entry first = { 0 };
	bool some = sink_queue_at(&s->queue, 0, &first);

	assert(some);
	(void)some;
	s->lost += first.head.number - s->settled;
	if (written)
		s->written++;
	else
		s->lost++;
	s->settled = first.head.number + 1;
	sink_queue_pop(&s->queue);
}

static void settle(struct sink *s, const struct sink_result *result)
{
	for (size_t i = 0; i < result->written; i++)
		settle_first(s, true);
	for (size_t i = 0; i < result->refused; i++)
		settle_first(s, false);
	if (s->queue.lines)
		return;
	s->lost += s->offered - s->settled;
	s->settled = s->offered;
}

/* Not all sinks that came back at once try again at once. */
static uint64_t jitter(uint64_t ms)
{
	return ms - ms / 4 + (uint64_t)random() % (ms / 2 + 1);
}

/* Returns true when it is another problem than before, or none any more. */
static bool set_problem(struct sink *s, const char *text)
{
	const char *old = s->problem ? s->problem : "";
	bool news = strcmp(old, text) != 0;

	if (news) {
		free(s->problem);
		s->problem = *text ? xstrdup(text) : NULL;
	}
	return news;
}

static void pause_after(struct sink *s)
{
	s->stuck = true;
	if (s->finishing)
		return;
	loop_timer_start(s->retry, jitter(s->pause_ms), 0);
	s->pause_ms = MIN(2 * s->pause_ms, (uint64_t)RETRY_LAST_MS);
}

static void on_batch_done(void *arg)
{
	struct sink *s = arg;
	const struct sink_result *result = &s->result;
	bool all = result->written + result->refused == s->lines.len;
	bool urgent;

	assert(result->written + result->refused <= s->lines.len);
	s->busy = false;
	settle(s, result);
	urgent = set_problem(s, result->problem);
	if (result->written + result->refused)
		s->pause_ms = RETRY_FIRST_MS;
	s->probing &= *result->problem != '\0';
	if (!all || s->probing)
		pause_after(s);
	if (!s->queue.lines) {
		buf_fini(&s->text);
		vec_fini(&s->lines);
	}
	if (s->driver->delivered)
		s->driver->delivered(s->state);
	start(s);
	s->changed(s->arg, urgent);
}

static void on_retry(void *arg)
{
	struct sink *s = arg;

	s->stuck = false;
	start(s);
}

static void on_backlog(void *arg)
{
	struct sink *s = arg;

	s->changed(s->arg, false);
}

/* ---- the rest ---------------------------------------------------------- */

struct sink *sink_open(struct loop *loop, const struct sink_config *config,
		       uint64_t first, size_t queue_max,
		       sink_changed_fn changed, void *arg)
{
	struct sink *s = xnew(struct sink);

	s->loop = loop;
	s->driver = drivers[config->kind];
	assert(s->driver);
	s->retry = loop_timer_new(loop, on_retry, s);
	s->pause_ms = RETRY_FIRST_MS;
	s->changed = changed;
	s->arg = arg;
	s->settled = s->offered = first;
	s->text = BUF_INIT(BUF_UNBOUNDED); /* take_batch() bounds it */
	sink_queue_init(&s->queue, queue_max);
	s->state = s->driver->open(loop, config, on_backlog, s);
	/* Without a line, to see whether it will take one. */
	s->probing = true;
	start(s);
	return s;
}

void sink_close(struct sink *s)
{
	if (!s)
		return;
	assert(!s->busy);
	s->driver->close(s->state);
	loop_timer_close(s->retry);
	sink_queue_fini(&s->queue);
	buf_fini(&s->text);
	vec_fini(&s->lines);
	free(s->problem);
	free(s);
}

void sink_offer(struct sink *s, const struct sink_entry *line)
{
	if (line->head.number < s->offered)
		return;
	s->offered = line->head.number + 1;
	if (sink_queue_add(&s->queue, &line->head, line->content))
		start(s);
}

static void try_now(struct sink *s)
{
	loop_timer_stop(s->retry);
	s->stuck = false;
	start(s);
}

void sink_reopen(struct sink *s)
{
	s->reopen = true;
	if (!s->busy && s->driver->reopen) {
		s->driver->reopen(s->state);
		s->reopen = false;
	}
	try_now(s);
}

void sink_finish(struct sink *s)
{
	s->finishing = true;
	if (s->driver->finish)
		s->driver->finish(s->state);
	try_now(s);
}

bool sink_idle(const struct sink *s)
{
	if (s->busy || (s->driver->idle && !s->driver->idle(s->state)))
		return false;
	return s->stuck || (!s->queue.lines && !s->probing);
}

bool sink_is_stuck(const struct sink *s)
{
	return s->stuck;
}

bool sink_is_behind(const struct sink *s)
{
	return sink_queue_bytes(&s->queue).len > s->queue.max / 2;
}

static uint64_t age(uint64_t time)
{
	uint64_t now = clock_monotonic();

	return now > time ? now - time : 0;
}

void sink_report(const struct sink *s, struct sink_report *ret,
		 const char **ret_problem)
{
	struct sink_backlog backlog = { .problem = "" };
	struct sink_entry first;

	*ret = (struct sink_report){
		.settled = s->settled,
		.written = s->written,
		.lost = s->lost,
		.dropping = s->offered - s->settled - s->queue.lines,
	};
	if (sink_queue_at(&s->queue, 0, &first))
		ret->lag_ns = age(first.head.time);
	*ret_problem = s->problem ? s->problem : "";
	if (!s->driver->backlog)
		return;
	s->driver->backlog(s->state, &backlog);
	ret->written = backlog.written;
	ret->lost += backlog.lost;
	ret->spooled = backlog.waiting;
	ret->lag_ns = MAX(ret->lag_ns, backlog.lag_ns);
	if (!s->problem)
		*ret_problem = backlog.problem;
}
