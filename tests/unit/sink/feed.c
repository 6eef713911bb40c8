/* SPDX-License-Identifier: GPL-2.0-or-later */
/* feed.c - a real keeper with real writers: killed, stopped, and given files
 * that cannot be written. This program is its own keeper.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "sink/feed.h"
#include "sink/keeper.h"
#include "sink/writer.h"

#define ARGUMENT "--flow-writer"
/* So many fit into the queue of one sink, of 4 MiB: when its disk is slow, it
 * loses none of them. */
#define LINES	  16000
#define LINE_SIZE 210U

static struct {
	char dir[64];
	struct loop *loop;
	struct sink_feed *feed;
	sink_config_list sinks;
	uint64_t written;     /* lines handed over */
	uint64_t all;	      /* of them, when a writer had all last */
	uint64_t loss[4];     /* told, of each sink; the last: the writer's */
	char trouble[4][512]; /* … the last told */
	unsigned restarts;
} t;

/* ---- the writer's side -------------------------------------------------- */

/* The text is one path a line. */
static int configure(struct slice text, sink_config_list *ret)
{
	_cleanup_(freep) char *copy = xstrndup(text.ptr, text.len);
	char *rest = copy, *path;

	while ((path = strsep(&rest, "\n")) && *path) {
		struct sink_config c = { .kind = SINK_FILE,
					 .path = xstrdup(path) };

		vec_push(ret, c);
	}
	return 0;
}

static int run(int fd)
{
	return sink_writer_run(fd, configure);
}

/* ---- helpers ------------------------------------------------------------ */

static size_t index_of(const char *where)
{
	for (size_t i = 0; i < t.sinks.len; i++)
		if (!strcmp(t.sinks.data[i].name, where))
			return i;
	assert_string_equal(where, "writer");
	return 3;
}

static void on_loss(_unused_ void *arg, const char *where, uint64_t lines)
{
	t.loss[index_of(where)] += lines;
}

static void on_trouble(_unused_ void *arg, const char *where,
		       const char *problem)
{
	snprintf(t.trouble[index_of(where)], sizeof(t.trouble[0]), "%s",
		 problem);
}

static void on_handed_over(_unused_ void *arg)
{
	t.all = t.written;
}

static void open_feed(unsigned files, size_t queue_max)
{
	char program[] = "/proc/self/exe", argument[] = ARGUMENT;
	char *const command[] = { program, argument, NULL };
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);
	struct sink_feed_options options = {
		.keeper = command,
		.sinks = &t.sinks,
		.queue_max = queue_max,
		.observer = { .loss = on_loss,
			      .trouble = on_trouble,
			      .handed_over = on_handed_over },
	};

	for (unsigned i = 0; i < files; i++) {
		struct sink_config c = {
			.kind = SINK_FILE,
			.name = xasprintf("file%u", i),
			.path = xasprintf("%s/file%u", t.dir, i),
		};

		vec_push(&t.sinks, c);
		buf_addf(&text, "%s\n", c.path);
	}
	options.config = buf_slice(&text);
	assert_int_equal(sink_feed_open(t.loop, &options, &t.feed), 0);
}

static void write_lines(uint64_t n)
{
	char line[256];

	for (; n; n--) {
		snprintf(line, sizeof(line), "{\"line\":%0200llu}\n",
			 (unsigned long long)t.written++);
		sink_feed_write(t.feed, slice_of(line));
	}
}

static struct sink_feed_sink sink(size_t i)
{
	struct sink_feed_sink s;

	sink_feed_sink(t.feed, i, &s);
	return s;
}

static struct sink_feed_writer writer(void)
{
	struct sink_feed_writer w;

	sink_feed_writer(t.feed, &w);
	return w;
}

static void await_writer(void)
{
	while (!writer().pid)
		loop_run_once(t.loop);
}

/* Until nothing waits for sink @i. */
static void await_written(size_t i)
{
	while (sink(i).waiting)
		loop_run_once(t.loop);
}

static char *path_of(size_t i)
{
	return t.sinks.data[i].path;
}

/* How often each line is in the file: @ret_missing, @ret_double. Lines out of
 * order are only those that are written again. A writer that is killed within
 * write(2) leaves a part of a line, which its successor ends. */
static void count(size_t i, uint64_t *ret_missing, uint64_t *ret_double)
{
	_cleanup_(freep) uint8_t *seen = xcalloc(t.written + 1, 1);
	FILE *f = fopen(path_of(i), "re");
	uint64_t n, fragments = 0;
	char line[300];

	*ret_missing = *ret_double = 0;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (strlen(line) != LINE_SIZE) {
			assert_true(strlen(line) < LINE_SIZE);
			fragments++;
			continue;
		}
		n = strtoull(line + strlen("{\"line\":"), NULL, 10);
		assert_true(n < t.written);
		*ret_double += seen[n];
		seen[n] = 1;
	}
	for (n = 0; n < t.written; n++)
		*ret_missing += !seen[n];
	(void)fclose(f);
	assert_true(fragments <= (t.feed ? writer().restarts : 0));
}

static int set_up(_unused_ void **state)
{
	snprintf(t.dir, sizeof(t.dir), "/tmp/bulkhead-feed-XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	return loop_new(&t.loop);
}

static int tear_down(_unused_ void **state)
{
	sink_feed_close(t.feed);
	loop_free(t.loop);
	vec_foreach(c, &t.sinks) {
		unlink(c->path);
		rmdir(c->path);
		sink_config_fini(c);
	}
	vec_fini(&t.sinks);
	assert_int_equal(rmdir(t.dir), 0);
	memset(&t, 0, sizeof(t));
	return 0;
}

/* ---- tests -------------------------------------------------------------- */

static void lines_come_to_every_sink(_unused_ void **state)
{
	uint64_t missing, twice;

	open_feed(2, 64 << 20);
	write_lines(LINES);
	await_written(0);
	await_written(1);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(sink(i).written, LINES);
		assert_int_equal(sink(i).lost, 0);
		count(i, &missing, &twice);
		assert_int_equal(missing, 0);
		assert_int_equal(twice, 0);
	}
	assert_int_equal(writer().restarts, 0);
}

static void it_is_told_when_a_writer_has_all(_unused_ void **state)
{
	open_feed(1, 64 << 20);
	write_lines(3);
	/* Nobody is there yet. */
	assert_int_equal(t.all, 0);
	await_written(0);
	assert_int_equal(t.all, 3);
	write_lines(LINES);
	await_written(0);
	assert_int_equal(t.all, t.written);
}

static void closing_writes_what_was_handed_over(_unused_ void **state)
{
	uint64_t missing, twice;

	open_feed(1, 64 << 20);
	write_lines(LINES);
	sink_feed_close(t.feed);
	t.feed = NULL;
	count(0, &missing, &twice);
	assert_int_equal(missing, 0);
	assert_int_equal(twice, 0);
}

/* At any moment, again and again: nothing is missing, and twice is only what
 * could not be reported. */
static void a_killed_writer_costs_no_line(_unused_ void **state)
{
	uint64_t missing, twice;

	open_feed(2, 64 << 20);
	for (int round = 0; round < 5; round++) {
		pid_t before;

		await_writer();
		before = writer().pid;
		write_lines(LINES / 2);
		for (int i = 0; i < 5 * round && sink(0).waiting; i++)
			loop_run_once(t.loop);
		kill(before, SIGKILL);
		write_lines(LINES / 2);
		while (!writer().pid || writer().pid == before)
			loop_run_once(t.loop);
		await_written(0);
		await_written(1);
	}
	assert_int_equal(writer().restarts, 5);
	for (size_t i = 0; i < 2; i++) {
		count(i, &missing, &twice);
		assert_int_equal(sink(i).lost, 0);
		assert_int_equal(missing, 0);
	}
	assert_string_equal(t.trouble[3], "");
}

/* With a queue too small for it: missing is exactly what was counted. */
static void what_a_killed_writer_costs_is_counted(_unused_ void **state)
{
	uint64_t missing, twice, gone;

	open_feed(2, 1 << 20);
	for (int round = 0; round < 5; round++) {
		pid_t before;

		await_writer();
		before = writer().pid;
		for (int i = 0; i < 20; i++) {
			write_lines(LINES / 20);
			loop_run_once(t.loop);
		}
		kill(before, SIGKILL);
		while (!writer().pid || writer().pid == before)
			loop_run_once(t.loop);
	}
	write_lines(1);
	for (size_t i = 0; i < 2; i++) {
		await_written(i);
		count(i, &missing, &twice);
		gone = sink(i).lost + writer().lost;
		/* What was written and could not be reported counts as lost
		 * when it is not at hand any more. */
		assert_true(missing <= gone);
		assert_true(sink(i).written + gone == t.written);
	}
	while (t.loss[3] < writer().lost || t.loss[0] < sink(0).lost ||
	       t.loss[1] < sink(1).lost)
		loop_run_once(t.loop);
	assert_int_equal(t.loss[3], writer().lost);
	assert_int_equal(t.loss[0], sink(0).lost);
	assert_int_equal(t.loss[1], sink(1).lost);
}

/* Handing over does not wait, memory has its bound, and all is counted. */
static void a_stopped_writer_delays_nobody(_unused_ void **state)
{
	uint64_t missing, twice;

	open_feed(1, 2 << 20);
	await_writer();
	write_lines(1);
	await_written(0);
	kill(writer().pid, SIGSTOP);
	/* To wait for it would be for ever. */
	write_lines(5 * LINES);
	assert_true(writer().lost > 3 * LINES);
	while (!strstr(t.trouble[3], "takes no lines"))
		loop_run_once(t.loop);
	kill(writer().pid, SIGCONT);
	while (t.loss[3] != writer().lost)
		loop_run_once(t.loop);
	await_written(0);
	count(0, &missing, &twice);
	assert_int_equal(missing, writer().lost);
	assert_int_equal(twice, 0);
	assert_string_equal(t.trouble[3], "");
}

/* One of two files is a directory at first. */
static void a_broken_sink_holds_up_no_other(_unused_ void **state)
{
	uint64_t missing, twice;
	_cleanup_(freep) char *path = xasprintf("%s/file1", t.dir);

	assert_int_equal(mkdir(path, 0755), 0);
	open_feed(2, 64 << 20);
	write_lines(3 * LINES);
	await_written(0);
	assert_int_equal(sink(0).written, 3 * LINES);
	assert_int_equal(sink(1).written, 0);
	while (!strstr(t.trouble[1], "Is a directory"))
		loop_run_once(t.loop);
	assert_int_equal(rmdir(path), 0);
	await_written(1);
	write_lines(1);
	await_written(1);
	count(1, &missing, &twice);
	assert_true(missing > 0);
	assert_int_equal(missing, sink(1).lost);
	assert_int_equal(sink(1).written + sink(1).lost, t.written);
	assert_int_equal(twice, 0);
	assert_string_equal(t.trouble[1], "");
	while (t.loss[1] != missing)
		loop_run_once(t.loop);
}

/* It ends with us even when it is stopped: the keeper sees to that. */
static void nothing_stays_behind(_unused_ void **state)
{
	uint64_t begin = clock_monotonic();
	pid_t pid;

	open_feed(1, 2 << 20);
	await_writer();
	pid = writer().pid;
	write_lines(10);
	kill(pid, SIGSTOP);
	sink_feed_close(t.feed);
	t.feed = NULL;
	while (kill(pid, 0) == 0)
		usleep(1000);
	assert_true(clock_monotonic() - begin < 20000000000U);
}

static void files_are_reopened(_unused_ void **state)
{
	_cleanup_(freep) char *other = xasprintf("%s/rotated", t.dir);
	struct stat st;

	open_feed(1, 2 << 20);
	write_lines(1);
	await_written(0);
	assert_int_equal(rename(path_of(0), other), 0);
	sink_feed_reopen(t.feed);
	write_lines(1);
	await_written(0);
	assert_int_equal(stat(path_of(0), &st), 0);
	assert_int_equal(st.st_size, LINE_SIZE);
	assert_int_equal(unlink(other), 0);
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		UNIT(lines_come_to_every_sink),
		UNIT(it_is_told_when_a_writer_has_all),
		UNIT(closing_writes_what_was_handed_over),
		UNIT(a_killed_writer_costs_no_line),
		UNIT(what_a_killed_writer_costs_is_counted),
		UNIT(a_stopped_writer_delays_nobody),
		UNIT(a_broken_sink_holds_up_no_other),
		UNIT(nothing_stays_behind),
		UNIT(files_are_reopened),
	};

	if (argc == 2 && !strcmp(argv[1], ARGUMENT))
		return sink_keeper_serve(SINK_KEEPER_FD, run) < 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
