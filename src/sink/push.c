/* SPDX-License-Identifier: GPL-2.0-or-later */
/* push.c - sinks that are sent to over HTTP, from a spool on disk.
 *
 * deliver() only puts lines into the spool, so the sink proper is never stuck
 * for the receiver's sake. From there batches go out one after the other, each
 * by a *step*: a thread marks as taken what the last answer said, reads the
 * next batch and makes a body of it; then the loop sends that. A receiver that
 * fails makes us wait, longer each time; what it refuses for good is halved
 * until the line is found that it will not have.
 */
#include "sink/push.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "sink/spool.h"

#define BATCH_LINES    2000U
#define BATCH_BYTES    (1U << 20)
#define TIMEOUT_MS     30000
#define ANSWER_MAX     65536
#define HEADERS_MAX    (64U << 10)
#define RETRY_FIRST_MS 500
#define RETRY_LAST_MS  60000
/* Why something was refused stands so long, also when all else is taken:
 * reports of how a sink stands are only made now and then. */
#define REFUSED_NS 1000000000U

struct push {
	const struct sink_config *config;
	struct loop *loop;
	loop_fn changed;
	void *arg;
	char *path; /* of the URL */
	/* NULL until deliver() could open it, and until the loop knows. */
	struct spool *opened, *spool;
	uint64_t delivered; /* spool's next line, when deliver() last ended */

	struct http_client *client;
	struct http_request *request;
	struct loop_timer *retry;
	uint64_t pause_ms;
	size_t limit; /* lines of a batch */
	bool stepping, finishing;

	/* The step's. */
	struct spool_batch batch;
	size_t taken; /* of it, by the last answer */
	struct buf body;
	VEC(char *) headers;
	int error;
	char error_text[SINK_PROBLEM_MAX];

	uint64_t written, refused;
	uint64_t refused_at; /* monotonic ns; 0: never */
	char *problem;	     /* NULL: none */
};

static void set_problem(struct push *p, const char *text)
{
	free(p->problem);
	p->problem = text && *text ? xstrdup(text) : NULL;
	p->refused_at = 0;
}

static void set_refusal(struct push *p, const char *text)
{
	set_problem(p, text);
	p->refused_at = clock_monotonic();
}

/* ---- a step ------------------------------------------------------------ */

static void add_header(struct push *p, const char *line, size_t len)
{
	while (len && strchr(" \t\r", line[len - 1]))
		len--;
	if (len)
		vec_push(&p->headers, xstrndup(line, len));
}

/* Anew each time: a token in it may have been replaced. */
static int read_headers(struct push *p)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(HEADERS_MAX);
	const char *path = p->config->headers_file;
	const char *at;
	int r = path ? buf_read_file(&text, path) : 0;

	if (r < 0)
		return r;
	vec_foreach(header, &p->headers)
		free(*header);
	p->headers.len = 0;
	vec_push(&p->headers, xstrdup("Content-Type: application/json"));
	vec_foreach(header, &p->config->headers)
		vec_push(&p->headers, xstrdup(*header));
	for (at = buf_str(&text); *at; at += strcspn(at, "\n"), at += !!*at)
		add_header(p, at, strcspn(at, "\n"));
	vec_push(&p->headers, NULL);
	return 0;
}

static void encode(struct push *p)
{
	struct sink_lines lines = { p->batch.lines.data, p->batch.lines.len };

	buf_clear(&p->body);
	if (p->config->kind == SINK_OTLP)
		otlp_encode(p->config, &lines, &p->body);
	else
		loki_encode(p->config, &lines, &p->body);
}

static void run_step(void *arg)
{
	struct push *p = arg;
	const char *what = p->config->spool;

	if (p->batch.lines.len)
		p->error = spool_taken(p->spool, &p->batch, p->taken);
	p->taken = 0;
	spool_batch_fini(&p->batch);
	if (p->error == 0)
		p->error =
			spool_read(p->spool, p->limit, BATCH_BYTES, &p->batch);
	if (p->error == 0 && p->batch.lines.len) {
		what = p->config->headers_file;
		p->error = read_headers(p);
	}
	if (p->error < 0)
		snprintf(p->error_text, sizeof(p->error_text), "%s: %s", what,
			 strerror(-p->error));
	else if (p->batch.lines.len)
		encode(p);
}

static void on_step_done(void *arg);

static void step(struct push *p)
{
	if (p->stepping || p->finishing || p->request || !p->spool ||
	    loop_timer_active(p->retry))
		return;
	p->stepping = true;
	p->error = 0;
	loop_work(p->loop, run_step, on_step_done, p);
}

/* ---- the answer -------------------------------------------------------- */

static void wait_and_retry(struct push *p, uint64_t at_least_ms)
{
	uint64_t ms = p->pause_ms;

	ms = ms - ms / 4 + (uint64_t)random() % (ms / 2 + 1);
	loop_timer_start(p->retry, MAX(ms, at_least_ms), 0);
	p->pause_ms = MIN(2 * p->pause_ms, (uint64_t)RETRY_LAST_MS);
}

static void on_taken(struct push *p, const struct http_result *result)
{
	_cleanup_(freep) char *why = NULL;
	uint64_t n = p->batch.lines.len, rejected = 0;

	if (p->config->kind == SINK_OTLP)
		rejected = MIN(n, otlp_rejected(result->body, &why));
	p->written += n - rejected;
	p->refused += rejected;
	p->taken = n;
	p->limit = MIN(2 * p->limit, (size_t)BATCH_LINES);
	p->pause_ms = RETRY_FIRST_MS;
	if (!p->refused_at || clock_monotonic() - p->refused_at > REFUSED_NS)
		set_problem(p, NULL);
	if (rejected) {
		_cleanup_(freep) char *text = xasprintf(
			"%s: rejected %llu records: %s", p->config->url,
			(unsigned long long)rejected, why ? why : "no reason");

		set_refusal(p, text);
	}
}

/* Halved until it is one line, which then is given up. */
static void on_refused(struct push *p, const struct http_result *result)
{
	_cleanup_(freep) char *text = NULL;

	p->limit = MAX(p->batch.lines.len / 2, 1U);
	if (p->batch.lines.len > 1)
		return;
	p->taken = 1;
	p->refused++;
	text = xasprintf("%s: refused a record, which is given up: %.200s",
			 result->message, result->body.ptr);
	set_refusal(p, text);
}

/* It may mend itself, or somebody mends it. */
static void on_later(struct push *p, const struct http_result *result)
{
	_cleanup_(freep) char *text = NULL;
	struct slice place;

	if (result->status / 100 == 3 &&
	    http_header(result->head, "location", &place))
		text = xasprintf(
			"%s: redirections are not followed, this one leads to %.*s",
			result->message, (int)MIN(place.len, 200U), place.ptr);
	set_problem(p, text ? text : result->message);
	wait_and_retry(p, push_retry_after(result->head, clock_realtime()));
}

static void on_answer(void *arg, const struct http_result *result)
{
	struct push *p = arg;

	p->request = NULL;
	switch (push_judge(result)) {
	case PUSH_TAKEN:
		on_taken(p, result);
		break;
	case PUSH_REFUSED:
		on_refused(p, result);
		break;
	case PUSH_LATER:
		on_later(p, result);
		break;
	}
	step(p);
	p->changed(p->arg);
}

static void send_batch(struct push *p)
{
	struct http_get get = { .path = p->path,
				.max_body = ANSWER_MAX,
				.timeout_ms = TIMEOUT_MS,
				.keep_head = true,
				.cut = true,
				.done = on_answer,
				.arg = p };
	struct http_body body = { (const char *const *)p->headers.data,
				  buf_slice(&p->body) };

	p->request = http_post(p->client, &get, &body);
}

static void on_step_done(void *arg)
{
	struct push *p = arg;

	p->stepping = false;
	if (p->error < 0) {
		set_problem(p, p->error_text);
		wait_and_retry(p, 0);
	} else if (p->batch.lines.len && !p->finishing) {
		send_batch(p);
	} else {
		buf_fini(&p->body);
	}
	p->changed(p->arg);
}

static void on_retry(void *arg)
{
	step(arg);
}

/* ---- the driver -------------------------------------------------------- */

/* "https://host:4318/v1/logs": the path begins at the third slash. */
static void split_url(const char *url, char **ret_origin, char **ret_path)
{
	const char *host = strstr(url, "://");
	size_t n = host ? (size_t)(host + 3 - url) : 0;

	n += strcspn(url + n, "/?#");
	*ret_origin = xstrndup(url, n);
	*ret_path = xasprintf("%s%s", url[n] == '/' ? "" : "/", url + n);
}

static void *push_open(struct loop *loop, const struct sink_config *config,
		       loop_fn changed, void *arg)
{
	struct http_tls tls = { config->ca_file, config->cert_file,
				config->key_file };
	_cleanup_(freep) char *origin = NULL;
	struct push *p = xnew(struct push);

	p->config = config;
	p->loop = loop;
	p->changed = changed;
	p->arg = arg;
	split_url(config->url, &origin, &p->path);
	p->client = http_client_new_remote(loop, origin, &tls);
	p->retry = loop_timer_new(loop, on_retry, p);
	p->pause_ms = RETRY_FIRST_MS;
	p->limit = BATCH_LINES;
	p->body = BUF_INIT(BUF_UNBOUNDED); /* spool_read() bounds it */
	return p;
}

static void push_deliver(void *state, const struct sink_lines *lines,
			 struct sink_result *result)
{
	struct push *p = state;
	int r = 0;

	if (!p->opened)
		r = spool_open(p->config->spool, p->config->spool_size,
			       &p->opened);
	if (r == 0)
		r = spool_append(p->opened, lines, &result->written);
	if (r < 0)
		sink_fail(result, "%s: %s", p->config->spool, strerror(-r));
}

static void push_delivered(void *state)
{
	struct push *p = state;
	struct spool_stats stats = { 0 };

	p->spool = p->opened;
	if (p->spool)
		spool_stats(p->spool, &stats);
	p->delivered = stats.next;
	step(p);
}

/* SIGHUP: somebody has mended something. */
static void push_reopen(void *state)
{
	struct push *p = state;

	loop_timer_stop(p->retry);
	p->pause_ms = RETRY_FIRST_MS;
	step(p);
}

/* What is under way stays in the spool. */
static void push_finish(void *state)
{
	struct push *p = state;

	p->finishing = true;
	loop_timer_stop(p->retry);
	http_cancel(p->request);
	p->request = NULL;
}

static bool push_idle(const void *state)
{
	const struct push *p = state;

	return !p->stepping;
}

static void push_backlog(const void *state, struct sink_backlog *ret)
{
	const struct push *p = state;
	struct spool_stats stats = { 0 };
	uint64_t now = clock_realtime();

	if (p->spool)
		spool_stats(p->spool, &stats);
	/* What a deliver() under way has appended counts as not taken yet. */
	stats.waiting -= MIN(stats.waiting, stats.next - p->delivered);
	*ret = (struct sink_backlog){
		.written = p->written,
		.lost = stats.lost + p->refused,
		/* Taken, but the spool does not know yet. */
		.waiting = stats.waiting -
			   (p->stepping ? 0 : MIN(stats.waiting, p->taken)),
		.lag_ns = stats.oldest && now > stats.oldest
				  ? now - stats.oldest
				  : 0,
		.problem = p->problem ? p->problem : "",
	};
}

static void push_close(void *state)
{
	struct push *p = state;

	http_client_free(p->client);
	loop_timer_close(p->retry);
	/* An answer that came last. */
	if (p->spool && p->batch.lines.len && p->taken)
		(void)spool_taken(p->spool, &p->batch, p->taken);
	spool_batch_fini(&p->batch);
	spool_close(p->opened);
	buf_fini(&p->body);
	vec_foreach(header, &p->headers)
		free(*header);
	vec_fini(&p->headers);
	free(p->problem);
	free(p->path);
	free(p);
}

const struct sink_driver sink_push_driver = { .open = push_open,
					      .deliver = push_deliver,
					      .delivered = push_delivered,
					      .reopen = push_reopen,
					      .finish = push_finish,
					      .idle = push_idle,
					      .backlog = push_backlog,
					      .close = push_close };
