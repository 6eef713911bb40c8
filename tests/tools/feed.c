/* SPDX-License-Identifier: GPL-2.0-or-later */
/* feed.c - bulkheadd's flow writer without the agent: lines from standard input
 * go to the sinks of a configuration.
 *
 * usage: feed CONFIG
 *
 * A line "!status" is not handed over but answered on standard error with one
 * line of JSON; "!reopen" has files opened anew. Losses and troubles are told
 * there too. At the end of the input it closes the feed as the agent does.
 */
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "agent/writer.h"
#include "base/buf.h"
#include "config/config.h"
#include "sink/feed.h"

static struct {
	struct loop *loop;
	struct loop_fd *input;
	struct sink_feed *feed;
	struct config config;
	struct buf rest; /* no whole line yet */
	uint64_t lines;
} t;

static void print(struct json_object *o)
{
	fprintf(stderr, "%s\n",
		json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	json_object_put(o);
}

static void put(struct json_object *o, const char *key, uint64_t n)
{
	json_object_object_add(o, key, json_object_new_uint64(n));
}

static void put_text(struct json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, json_object_new_string(text));
}

static void on_loss(void *arg, const char *where, uint64_t lines)
{
	struct json_object *o = json_object_new_object();

	(void)arg;
	put_text(o, "loss", where);
	put(o, "lines", lines);
	print(o);
}

static void on_trouble(void *arg, const char *where, const char *problem)
{
	struct json_object *o = json_object_new_object();

	(void)arg;
	put_text(o, "trouble", where);
	put_text(o, "problem", problem);
	print(o);
}

static void status(void)
{
	struct json_object *o = json_object_new_object();
	struct sink_feed_writer w;
	struct sink_feed_sink s;

	sink_feed_writer(t.feed, &w);
	put(o, "lines", t.lines);
	put(o, "pid", (uint64_t)w.pid);
	put(o, "restarts", w.restarts);
	put(o, "lost", w.lost);
	put_text(o, "problem", w.problem);
	for (size_t i = 0; i < t.config.sinks.len; i++) {
		struct json_object *item = json_object_new_object();

		sink_feed_sink(t.feed, i, &s);
		put(item, "written", s.written);
		put(item, "waiting", s.waiting);
		put(item, "lost", s.lost);
		put(item, "lag_ms", s.lag_ns / 1000000);
		put_text(item, "problem", s.problem);
		json_object_object_add(o, t.config.sinks.data[i].name, item);
	}
	print(o);
}

static void take_line(struct slice line)
{
	if (slice_eq_str(line, "!status\n")) {
		status();
	} else if (slice_eq_str(line, "!reopen\n")) {
		sink_feed_reopen(t.feed);
	} else {
		t.lines++;
		sink_feed_write(t.feed, line);
	}
}

static void on_input(void *arg, int events, int error)
{
	char chunk[65536];
	ssize_t n = read(STDIN_FILENO, chunk, sizeof(chunk));
	size_t at = 0;
	const char *end;

	(void)arg;
	(void)events;
	(void)error;
	if (n <= 0) {
		loop_stop(t.loop);
		return;
	}
	buf_add(&t.rest, chunk, (size_t)n);
	while ((end = memchr(t.rest.data + at, '\n', t.rest.len - at))) {
		size_t len = (size_t)(end + 1 - t.rest.data) - at;

		take_line((struct slice){ t.rest.data + at, len });
		at += len;
	}
	buf_consume(&t.rest, at);
}

static int load(const char *path)
{
	struct diag_list diag = { 0 };
	int r = config_load(path, true, &diag, &t.config);

	diag_print(&diag, stderr);
	diag_fini(&diag);
	return r;
}

static int run(void)
{
	char *command[WRITER_ARGS];
	struct sink_feed_options options = {
		.keeper = command,
		.config = slice_of(t.config.text),
		.sinks = &t.config.sinks,
		.queue_max = 8 << 20,
		.observer = { .loss = on_loss, .trouble = on_trouble },
	};
	int r = loop_new(&t.loop);

	writer_command(NULL, command);
	r = r ?: sink_feed_open(t.loop, &options, &t.feed);
	if (r < 0)
		return r;
	t.rest = BUF_INIT(BUF_UNBOUNDED);
	t.input = loop_fd_new(t.loop, STDIN_FILENO, LOOP_READABLE, on_input,
			      NULL);
	loop_run(t.loop);
	sink_feed_close(t.feed);
	loop_fd_close(t.input);
	loop_free(t.loop);
	buf_fini(&t.rest);
	return 0;
}

int main(int argc, char **argv)
{
	int r;

	if (writer_wanted(argc, argv))
		return writer_main(argv[2]);
	if (argc != 2) {
		fputs("usage: feed CONFIG\n", stderr);
		return 2;
	}
	if (load(argv[1]) < 0)
		return 1;
	r = run();
	config_fini(&t.config);
	if (r < 0)
		fprintf(stderr, "feed: %s\n", strerror(-r));
	return r < 0;
}
