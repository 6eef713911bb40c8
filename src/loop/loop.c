/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loop.c - the one event loop, over libuv.
 *
 * libuv wants a handle's memory until its close callback has run, so every
 * handle here is a heap object that is freed there and nowhere else. A closed
 * one has its function cleared first: nothing is called after a close.
 */
#include "loop/loop.h"

#include <assert.h>
#include <errno.h>
#include <uv.h>

#include "base/alloc.h"

struct loop {
	uv_loop_t uv;
	bool once; /* within loop_run_once() */
};

/* One of 0 ms is an idle handle: libuv runs timers until none is due, so one
 * that starts itself again would keep everybody else from the loop. */
struct loop_timer {
	uv_timer_t uv;
	struct loop *loop;
	uv_idle_t next_turn;
	uint64_t repeat_ms; /* after the next turn */
	int open;	    /* handles */
	loop_fn fn;
	void *arg;
};

struct loop_fd {
	uv_poll_t uv;
	loop_fd_fn fn;
	void *arg;
	int events; /* asked for */
};

struct loop_signal {
	uv_signal_t uv;
	loop_signal_fn fn;
	void *arg;
};

struct work {
	uv_work_t uv;
	loop_fn work, done;
	void *arg;
};

/* A libuv call that fails only when its caller is wrong. */
static void must(int r)
{
	assert(r == 0);
	(void)r;
}

int loop_new(struct loop **ret)
{
	struct loop *loop = xnew(struct loop);
	int r = uv_loop_init(&loop->uv);

	if (r < 0) {
		free(loop);
		return r;
	}
	*ret = loop;
	return 0;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	must(uv_loop_close(&loop->uv));
	free(loop);
}

void loop_run(struct loop *loop)
{
	uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
	uv_stop(&loop->uv);
}

void loop_run_once(struct loop *loop)
{
	loop->once = true;
	uv_run(&loop->uv, UV_RUN_ONCE);
	loop->once = false;
}

static void free_handle(uv_handle_t *handle)
{
	free(handle->data);
}

/* libuv runs timers, and what is idle, before it waits for anything else. */
static void end_once(struct loop *loop)
{
	if (loop->once)
		uv_stop(&loop->uv);
}

static void on_timer(uv_timer_t *uv)
{
	struct loop_timer *timer = uv->data;

	timer->fn(timer->arg);
	end_once(timer->loop);
}

static void on_next_turn(uv_idle_t *uv)
{
	struct loop_timer *timer = uv->data;

	must(uv_idle_stop(uv));
	if (timer->repeat_ms)
		loop_timer_start(timer, timer->repeat_ms, timer->repeat_ms);
	timer->fn(timer->arg);
	end_once(timer->loop);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_fn fn, void *arg)
{
	struct loop_timer *timer = xnew(struct loop_timer);

	timer->loop = loop;
	timer->fn = fn;
	timer->arg = arg;
	timer->open = 2;
	must(uv_timer_init(&loop->uv, &timer->uv));
	must(uv_idle_init(&loop->uv, &timer->next_turn));
	timer->uv.data = timer->next_turn.data = timer;
	return timer;
}

void loop_timer_start(struct loop_timer *timer, uint64_t ms, uint64_t repeat_ms)
{
	loop_timer_stop(timer);
	if (!ms) {
		timer->repeat_ms = repeat_ms;
		must(uv_idle_start(&timer->next_turn, on_next_turn));
		return;
	}
	/* The loop's cached time may be old after long work: a timer counts
	 * from now. */
	uv_update_time(timer->uv.loop);
	must(uv_timer_start(&timer->uv, on_timer, ms, repeat_ms));
}

void loop_timer_stop(struct loop_timer *timer)
{
	must(uv_timer_stop(&timer->uv));
	must(uv_idle_stop(&timer->next_turn));
}

bool loop_timer_active(const struct loop_timer *timer)
{
	return uv_is_active((const uv_handle_t *)&timer->uv) ||
	       uv_is_active((const uv_handle_t *)&timer->next_turn);
}

static void free_timer(uv_handle_t *handle)
{
	struct loop_timer *timer = handle->data;

	if (!--timer->open)
		free(timer);
}

void loop_timer_close(struct loop_timer *timer)
{
	if (!timer)
		return;
	uv_close((uv_handle_t *)&timer->uv, free_timer);
	uv_close((uv_handle_t *)&timer->next_turn, free_timer);
}

static void on_fd(uv_poll_t *uv, int status, int events)
{
	struct loop_fd *watch = uv->data;
	int ours = (events & UV_READABLE ? LOOP_READABLE : 0) |
		   (events & UV_WRITABLE ? LOOP_WRITABLE : 0);

	/* libuv stops watching at POLLERR and calls it EBADF. It is a pending
	 * socket error: on netlink, that messages were lost. Whoever reads or
	 * writes next meets it and clears it, and the socket lives on. */
	if (status == UV_EBADF) {
		ours = watch->events;
		loop_fd_set(watch, ours);
		status = 0;
	}
	watch->fn(watch->arg, ours, status < 0 ? status : 0);
}

struct loop_fd *loop_fd_new(struct loop *loop, int fd, int events,
			    loop_fd_fn fn, void *arg)
{
	struct loop_fd *watch = xnew(struct loop_fd);

	watch->fn = fn;
	watch->arg = arg;
	must(uv_poll_init(&loop->uv, &watch->uv, fd));
	watch->uv.data = watch;
	loop_fd_set(watch, events);
	return watch;
}

void loop_fd_set(struct loop_fd *watch, int events)
{
	int uv = (events & LOOP_READABLE ? UV_READABLE : 0) |
		 (events & LOOP_WRITABLE ? UV_WRITABLE : 0);

	watch->events = events;
	if (uv)
		must(uv_poll_start(&watch->uv, uv, on_fd));
	else
		must(uv_poll_stop(&watch->uv));
}

void loop_fd_close(struct loop_fd *watch)
{
	if (!watch)
		return;
	/* Stop at once: the caller may close the descriptor next. */
	uv_poll_stop(&watch->uv);
	uv_close((uv_handle_t *)&watch->uv, free_handle);
}

static void on_signal(uv_signal_t *uv, int signum)
{
	struct loop_signal *watch = uv->data;

	watch->fn(watch->arg, signum);
}

struct loop_signal *loop_signal_new(struct loop *loop, int signum,
				    loop_signal_fn fn, void *arg)
{
	struct loop_signal *watch = xnew(struct loop_signal);

	watch->fn = fn;
	watch->arg = arg;
	must(uv_signal_init(&loop->uv, &watch->uv));
	watch->uv.data = watch;
	must(uv_signal_start(&watch->uv, on_signal, signum));
	return watch;
}

void loop_signal_close(struct loop_signal *watch)
{
	if (watch)
		uv_close((uv_handle_t *)&watch->uv, free_handle);
}

static void run_work(uv_work_t *uv)
{
	struct work *w = uv->data;

	w->work(w->arg);
}

static void finish_work(uv_work_t *uv, _unused_ int status)
{
	_cleanup_(freep) struct work *w = uv->data;

	w->done(w->arg);
}

void loop_work(struct loop *loop, loop_fn work, loop_fn done, void *arg)
{
	struct work *w = xnew(struct work);

	w->work = work;
	w->done = done;
	w->arg = arg;
	w->uv.data = w;
	must(uv_queue_work(&loop->uv, &w->uv, run_work, finish_work));
}
