/* SPDX-License-Identifier: GPL-2.0-or-later */
/* writer.c - a flow writer whose agent does not read its reports. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "sink/frame.h"
#include "sink/writer.h"

/* Their reports are more than the smallest socket takes at once … */
#define SINKS 70U
/* … and come each 20 ms, for longer than the writer once waited for room. */
#define LINES	 80U
#define PAUSE_US 25000

static char dir[] = "/tmp/bulkhead-writer-XXXXXX";

static int configure(_unused_ struct slice text, sink_config_list *ret)
{
	for (unsigned i = 0; i < SINKS; i++) {
		struct sink_config c = {
			.kind = SINK_FILE,
			.path = xasprintf("%s/file%u", dir, i),
		};

		vec_push(ret, c);
	}
	return 0;
}

static void hand_over(int fd, enum sink_frame_type type, uint64_t number,
		      struct slice content)
{
	struct sink_head head = { .len = (uint32_t)content.len,
				  .type = type,
				  .number = number,
				  .time = clock_monotonic() };

	assert_int_equal(send(fd, &head, sizeof(head), MSG_NOSIGNAL),
			 sizeof(head));
	assert_int_equal(send(fd, content.ptr, content.len, MSG_NOSIGNAL),
			 content.len);
}

static void begin(int fd)
{
	uint64_t first = 0;

	hand_over(fd, SINK_FRAME_CONFIG, 0, SLICE("x"));
	for (unsigned i = 0; i < SINKS; i++)
		hand_over(fd, SINK_FRAME_BEGIN, i,
			  (struct slice){ (char *)&first, sizeof(first) });
}

/* All reports up to the end: how many lines the last of each sink tells. */
static void read_reports(int fd, uint64_t ret_settled[SINKS])
{
	char problem[SINK_PROBLEM_MAX];
	struct sink_frames frames;
	struct sink_entry frame;
	struct sink_report report;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n, r;

	sink_frames_init(&frames, sizeof(report) + SINK_PROBLEM_MAX);
	while (poll(&p, 1, 20000) == 1 && (n = sink_frames_read(&frames, fd))) {
		assert_true(n > 0);
		while ((r = sink_frames_next(&frames, &frame)) > 0) {
			assert_int_equal(
				sink_report_parse(&frame, &report, problem), 0);
			assert_true(frame.head.number < SINKS);
			assert_string_equal(problem, "");
			ret_settled[frame.head.number] = report.settled;
		}
		assert_int_equal(r, 0);
	}
	assert_int_equal(frames.bytes.len, frames.taken);
	sink_frames_fini(&frames);
}

static void reports_that_nobody_reads_stay_whole(_unused_ void **state)
{
	uint64_t settled[SINKS] = { 0 };
	int pair[2], small = 1, status;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &small,
				    sizeof(small)),
			 0);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		_exit(sink_writer_run(pair[1], configure) < 0);
	}
	close(pair[1]);
	begin(pair[0]);
	for (uint64_t i = 0; i < LINES; i++) {
		hand_over(pair[0], SINK_FRAME_LINE, i, SLICE("{}\n"));
		usleep(PAUSE_US);
	}
	shutdown(pair[0], SHUT_WR);
	read_reports(pair[0], settled);
	for (unsigned i = 0; i < SINKS; i++)
		assert_int_equal(settled[i], LINES);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(pair[0]);
}

static int set_up(_unused_ void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(_unused_ void **state)
{
	for (unsigned i = 0; i < SINKS; i++) {
		_cleanup_(freep) char *path = xasprintf("%s/file%u", dir, i);

		unlink(path);
	}
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports_that_nobody_reads_stay_whole),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
