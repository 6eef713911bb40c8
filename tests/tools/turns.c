/* SPDX-License-Identifier: GPL-2.0-or-later */
/* turns.c - how long a program's event loop is away from its poll.
 *
 * A library for LD_PRELOAD, for benches: it stands before epoll_wait() and
 * epoll_pwait(), and at the end it says on standard error how many turns there
 * were, and the longest of the first thread's, in ms of processor time and of
 * the clock's. On a busy machine only the former is the program's own doing.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

typedef int (*pwait_fn)(int fd, struct epoll_event *events, int max,
			int timeout, const sigset_t *mask);

static struct {
	double cpu, clock;
} began, longest;
static unsigned long turns, over[3];
static const double limits[3] = { 2e-3, 5e-3, 20e-3 };

static double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void turn_ends(void)
{
	double cpu = now(CLOCK_THREAD_CPUTIME_ID) - began.cpu;
	double clock = now(CLOCK_MONOTONIC) - began.clock;

	/* What comes before the first poll is the start. */
	if (!turns++)
		return;
	for (int i = 0; i < 3; i++)
		over[i] += cpu > limits[i];
	if (cpu > longest.cpu)
		longest.cpu = cpu;
	if (clock > longest.clock)
		longest.clock = clock;
}

static void turn_begins(void)
{
	began.cpu = now(CLOCK_THREAD_CPUTIME_ID);
	began.clock = now(CLOCK_MONOTONIC);
}

int epoll_pwait(int fd, struct epoll_event *events, int max, int timeout,
		const sigset_t *mask)
{
	static pwait_fn next;
	bool first = getpid() == gettid();
	int r;

	if (!next)
		next = (pwait_fn)dlsym(RTLD_NEXT, "epoll_pwait");
	if (first)
		turn_ends();
	r = next(fd, events, max, timeout, mask);
	if (first)
		turn_begins();
	return r;
}

int epoll_wait(int fd, struct epoll_event *events, int max, int timeout)
{
	return epoll_pwait(fd, events, max, timeout, NULL);
}

__attribute__((destructor)) static void report(void)
{
	if (!turns)
		return;
	dprintf(STDERR_FILENO,
		"turns %lu longest-cpu-ms %.1f longest-ms %.1f over-2-5-20-ms %lu %lu %lu\n",
		turns, longest.cpu * 1e3, longest.clock * 1e3, over[0], over[1],
		over[2]);
}
