/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loop.c - the event loop: timers, descriptors, signals, work. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "loop/loop.h"

#define MS 1000000U

struct test {
	struct loop *loop;
	struct loop_timer *timer;
	struct loop_fd *watch;
	int fd, calls, error, events;
};

static int set_up(void **state)
{
	struct test *t = xnew(struct test);

	t->fd = -1;
	*state = t;
	return loop_new(&t->loop);
}

/* loop_free() asserts that nothing is left open. */
static int tear_down(void **state)
{
	struct test *t = *state;

	loop_free(t->loop);
	free(t);
	return 0;
}

static void count_to_three(void *arg)
{
	struct test *t = arg;

	if (++t->calls == 3)
		loop_stop(t->loop);
}

static void timer_repeats(void **state)
{
	struct test *t = *state;
	uint64_t start = clock_monotonic();

	t->timer = loop_timer_new(t->loop, count_to_three, t);
	assert_false(loop_timer_active(t->timer));
	loop_timer_start(t->timer, 20, 10);
	assert_true(loop_timer_active(t->timer));
	loop_run(t->loop);
	assert_int_equal(t->calls, 3);
	assert_true(clock_monotonic() - start >= 39 * MS);
	loop_timer_stop(t->timer);
	assert_false(loop_timer_active(t->timer));
	loop_timer_close(t->timer);
	loop_timer_close(NULL);
}

static void close_self(void *arg)
{
	struct test *t = arg;

	t->calls++;
	loop_timer_close(TAKE_PTR(t->timer));
}

static void timer_closes_itself(void **state)
{
	struct test *t = *state;

	t->timer = loop_timer_new(t->loop, close_self, t);
	loop_timer_start(t->timer, 0, 1);
	loop_run(t->loop);
	assert_int_equal(t->calls, 1);
}

static void timer_counts_from_its_start(void **state)
{
	struct test *t = *state;
	uint64_t start;

	t->timer = loop_timer_new(t->loop, close_self, t);
	usleep(50000); /* the loop's idea of now is old */
	start = clock_monotonic();
	loop_timer_start(t->timer, 30, 0);
	loop_run(t->loop);
	assert_true(clock_monotonic() - start >= 29 * MS);
}

static void on_ready(void *arg, int events, int error)
{
	struct test *t = arg;

	t->calls++;
	t->events = events;
	t->error = error;
	loop_stop(t->loop);
}

static void descriptor_becomes_ready(void **state)
{
	struct test *t = *state;
	char byte;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	t->watch = loop_fd_new(t->loop, pair[0], LOOP_READABLE, on_ready, t);
	assert_int_equal(write(pair[1], "x", 1), 1);
	loop_run(t->loop);
	assert_int_equal(t->events, LOOP_READABLE);
	assert_int_equal(t->error, 0);
	/* Not read: told again. */
	loop_run(t->loop);
	assert_int_equal(t->calls, 2);
	assert_int_equal(read(pair[0], &byte, 1), 1);
	loop_fd_set(t->watch, LOOP_WRITABLE);
	loop_run(t->loop);
	assert_int_equal(t->events, LOOP_WRITABLE);
	loop_fd_set(t->watch, LOOP_READABLE | LOOP_WRITABLE);
	close(pair[1]);
	loop_run(t->loop);
	assert_true(t->events & LOOP_READABLE);
	loop_fd_set(t->watch, 0);
	loop_fd_close(t->watch);
	loop_fd_close(NULL);
	close(pair[0]);
}

static void go_on(void *arg)
{
	struct test *t = arg;

	t->calls++;
	loop_timer_start(t->timer, 0, 0);
}

static void stop_after_some(void *arg)
{
	struct test *t = arg;

	if (t->calls > 3)
		loop_stop(t->loop);
}

/* One that always has more to do lets descriptors and other timers in. */
static void timer_of_0_ms_lets_others_in(void **state)
{
	struct test *t = *state;
	struct loop_timer *other = loop_timer_new(t->loop, stop_after_some, t);
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	t->watch = loop_fd_new(t->loop, pair[0], LOOP_READABLE, on_ready, t);
	t->timer = loop_timer_new(t->loop, go_on, t);
	loop_timer_start(t->timer, 1, 0);
	assert_int_equal(write(pair[1], "x", 1), 1);
	loop_run(t->loop);
	assert_int_equal(t->events, LOOP_READABLE);
	loop_fd_close(t->watch);
	loop_timer_start(other, 5, 5);
	loop_run(t->loop);
	assert_true(loop_timer_active(t->timer));
	assert_true(t->calls > 3);
	loop_timer_stop(t->timer);
	assert_false(loop_timer_active(t->timer));
	loop_timer_close(t->timer);
	loop_timer_close(other);
	close(pair[0]);
	close(pair[1]);
}

static void nothing_after_close(void **state)
{
	struct test *t = *state;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	t->watch = loop_fd_new(t->loop, pair[0], LOOP_READABLE, on_ready, t);
	assert_int_equal(write(pair[1], "x", 1), 1);
	loop_fd_close(t->watch);
	close(pair[0]);
	close(pair[1]);
	loop_run(t->loop);
	assert_int_equal(t->calls, 0);
}

static void receive_all(void *arg, int events, int error)
{
	struct test *t = arg;
	char data[4096];
	ssize_t n;

	assert_int_equal(events, LOOP_READABLE);
	assert_int_equal(error, 0);
	t->calls++;
	while ((n = recv(t->fd, data, sizeof(data), MSG_DONTWAIT)) > 0 ||
	       (n < 0 && errno == ENOBUFS))
		if (n < 0)
			t->error = errno;
	loop_stop(t->loop);
}

/* A netlink socket that overflows has a socket error pending; libuv would stop
 * watching it. Two sockets of one's own speak NETLINK_USERSOCK. */
static void lost_messages_do_not_end_the_watch(void **state)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	struct test *t = *state;
	char data[1000] = "";
	int sender, small = 1;

	t->fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK);
	sender = socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK);
	assert_int_equal(bind(t->fd, (struct sockaddr *)&to, sizeof(to)), 0);
	setsockopt(t->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	t->watch = loop_fd_new(t->loop, t->fd, LOOP_READABLE, receive_all, t);
	for (int i = 0; i < 100; i++)
		sendto(sender, data, sizeof(data), 0, (struct sockaddr *)&to,
		       sizeof(to));
	loop_run(t->loop);
	assert_int_equal(t->error, ENOBUFS);
	assert_int_equal(t->calls, 1);
	sendto(sender, data, sizeof(data), 0, (struct sockaddr *)&to,
	       sizeof(to));
	loop_run(t->loop);
	assert_int_equal(t->calls, 2);
	loop_fd_close(t->watch);
	close(t->fd);
	close(sender);
}

static void on_signal(void *arg, int signum)
{
	struct test *t = arg;

	t->events = signum;
	loop_stop(t->loop);
}

static void signals(void **state)
{
	struct test *t = *state;
	struct loop_signal *watch =
		loop_signal_new(t->loop, SIGUSR1, on_signal, t);

	raise(SIGUSR1);
	loop_run(t->loop);
	assert_int_equal(t->events, SIGUSR1);
	loop_signal_close(watch);
	loop_signal_close(NULL);
}

struct job {
	struct test *test;
	pthread_t main, worked, finished;
};

static void job_work(void *arg)
{
	((struct job *)arg)->worked = pthread_self();
}

static void job_done(void *arg)
{
	struct job *job = arg;

	job->finished = pthread_self();
	loop_stop(job->test->loop);
}

static void work_runs_elsewhere_and_ends_here(void **state)
{
	struct test *t = *state;
	struct job job = { .test = t, .main = pthread_self() };

	loop_work(t->loop, job_work, job_done, &job);
	loop_run(t->loop);
	assert_false(pthread_equal(job.worked, job.main));
	assert_true(pthread_equal(job.finished, job.main));
}

static void no_call(_unused_ void *arg, _unused_ int events, _unused_ int error)
{
	fail();
}

/* Nothing else ever happens: to wait for more would be for ever. */
static void a_timer_is_one_batch(void **state)
{
	struct test *t = *state;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	t->watch = loop_fd_new(t->loop, fds[0], LOOP_READABLE, no_call, t);
	t->timer = loop_timer_new(t->loop, count_to_three, t);
	for (int i = 1; i < 3; i++) {
		loop_timer_start(t->timer, i == 1 ? 1 : 0, 0);
		usleep(i == 1 ? 5000 : 0);
		loop_run_once(t->loop);
		assert_int_equal(t->calls, i);
	}
	loop_timer_close(t->timer);
	loop_fd_close(t->watch);
	close(fds[0]);
	close(fds[1]);
}

#define WITH_LOOP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LOOP(timer_repeats),
		WITH_LOOP(timer_closes_itself),
		WITH_LOOP(timer_counts_from_its_start),
		WITH_LOOP(timer_of_0_ms_lets_others_in),
		WITH_LOOP(descriptor_becomes_ready),
		WITH_LOOP(nothing_after_close),
		WITH_LOOP(lost_messages_do_not_end_the_watch),
		WITH_LOOP(signals),
		WITH_LOOP(work_runs_elsewhere_and_ends_here),
		WITH_LOOP(a_timer_is_one_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
