/* SPDX-License-Identifier: GPL-2.0-or-later */
/* contract.c - what runtime.h promises, of each runtime that there is and of one
 * more: a fake whose engine is a list in this file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "runtime/session.h"

#define NOWHERE "/nonexistent/engine.sock"

/* --- the fake -------------------------------------------------------------------- */

/* What runs there, and who watches. */
struct fake_engine {
	bool up;
	const char *names[8]; /* NULL: none */
	struct fake *watcher;
};

static struct fake_engine engine;

struct fake {
	struct session session;
	struct loop_timer *answer;
	bool asked; /* for a listing, else for a connection */
	bool connected;
};

static struct fake *fake_of(struct session *s)
{
	return container_of(s, struct fake, session);
}

static void put(struct fake *f, const char *name)
{
	struct endpoint *e = endpoint_new("fake", name);
	char *problem;

	free(e->name);
	e->name = xstrdup(name);
	e->state = ENDPOINT_RUNNING;
	endpoint_set_labels(e, NULL, 0, NULL, &problem);
	assert_null(problem);
	endpoint_store_put(f->session.host.store, e);
}

static void list_all(struct fake *f)
{
	size_t n = 0;

	endpoint_store_sync_begin(f->session.host.store, "fake");
	for (size_t i = 0; i < ARRAY_SIZE(engine.names); i++)
		if (engine.names[i]) {
			put(f, engine.names[i]);
			n++;
		}
	endpoint_store_sync_end(f->session.host.store, "fake");
	session_listed(&f->session, n, 0);
}

static void on_answer(void *arg)
{
	struct fake *f = arg;

	if (!engine.up) {
		session_fail(&f->session, -ECONNREFUSED, "%s: nobody listens",
			     f->session.socket);
	} else if (f->asked) {
		list_all(f);
	} else {
		f->connected = true;
		session_version(&f->session, "1.0");
		session_subscribed(&f->session);
	}
}

static void ask(struct session *s, bool listing)
{
	fake_of(s)->asked = listing;
	loop_timer_start(fake_of(s)->answer, 0, 0);
}

static void fake_connect(struct session *s)
{
	ask(s, false);
}

static void fake_list(struct session *s)
{
	ask(s, true);
}

static void fake_drop(struct session *s)
{
	loop_timer_stop(fake_of(s)->answer);
	fake_of(s)->connected = false;
}

static const struct session_kind fake_kind = {
	.connect = fake_connect,
	.list = fake_list,
	.drop = fake_drop,
};

static const struct runtime_ops runtime_fake;

static struct runtime *fake_open(const struct runtime_host *host,
				 const char *socket)
{
	struct fake *f = xnew(struct fake);

	f->answer = loop_timer_new(host->loop, on_answer, f);
	session_init(&f->session, &fake_kind, &runtime_fake, host, socket);
	session_start(&f->session);
	engine.watcher = f;
	return &f->session.base;
}

static void fake_close(struct runtime *r)
{
	struct fake *f = container_of(r, struct fake, session.base);

	engine.watcher = NULL;
	session_fini(&f->session);
	loop_timer_close(f->answer);
	free(f);
}

static const struct runtime_ops runtime_fake = {
	.name = "fake",
	.default_socket = "/run/fake.sock",
	.open = fake_open,
	.close = fake_close,
	.sync = session_sync,
	.status = session_status,
};

/* Its events. */
static void engine_starts(size_t i, const char *name)
{
	engine.names[i] = name;
	if (engine.watcher && engine.watcher->connected) {
		put(engine.watcher, name);
		engine.watcher->session.events++;
	}
}

static void engine_ends(void)
{
	engine.up = false;
	if (engine.watcher)
		session_fail(&engine.watcher->session, -ECONNRESET,
			     "the engine ended");
}

/* --- a watcher and who asks it ----------------------------------------------------- */

struct world {
	struct loop *loop;
	struct endpoint_store *store;
	struct runtime *runtime;
	unsigned changes, answers;
	int error; /* of the last answer */
};

static void changed(void *arg, _unused_ const struct runtime_status *status)
{
	((struct world *)arg)->changes++;
}

static void synced(void *arg, int error)
{
	struct world *w = arg;

	w->answers++;
	w->error = error;
}

static struct world *world_new(const struct runtime_ops *ops)
{
	struct world *w = xnew(struct world);
	struct runtime_host host = { .changed = changed, .arg = w };

	assert_int_equal(loop_new(&w->loop), 0);
	w->store = endpoint_store_new();
	host.loop = w->loop;
	host.store = w->store;
	w->runtime = ops->open(&host, NOWHERE);
	assert_ptr_equal(w->runtime->ops, ops);
	return w;
}

static void world_free(struct world *w)
{
	if (w->runtime)
		w->runtime->ops->close(w->runtime);
	loop_free(w->loop);
	endpoint_store_free(w->store);
	free(w);
}

static struct runtime_status status_of(const struct world *w)
{
	struct runtime_status status;

	w->runtime->ops->status(w->runtime, &status);
	return status;
}

static void until(struct world *w, enum runtime_state state)
{
	while (status_of(w).state != state)
		loop_run_once(w->loop);
}

/* The fake comes last. */
static const struct runtime_ops *nth(size_t i)
{
	size_t n = 0;

	while (runtime_all[n])
		n++;
	return i < n ? runtime_all[i] : i == n ? &runtime_fake : NULL;
}

#define EACH(ops)                      \
	const struct runtime_ops *ops; \
	for (size_t i_ = 0; (ops = nth(i_)); i_++)

/* --- what holds for all ------------------------------------------------------------- */

static void each_is_whole(_unused_ void **state)
{
	EACH(ops)
	{
		assert_true(ops->name[0] && ops->default_socket[0] == '/');
		assert_true(ops->open && ops->close && ops->sync &&
			    ops->status);
		for (size_t j = 0; j < i_; j++)
			assert_string_not_equal(nth(j)->name, ops->name);
	}
}

static void an_engine_that_is_not_there(_unused_ void **state)
{
	EACH(ops)
	{
		struct world *w = world_new(ops);
		struct runtime_status status;

		while (!status_of(w).detail[0])
			loop_run_once(w->loop);
		status = status_of(w);
		assert_int_equal(status.state, RUNTIME_CONNECTING);
		assert_string_equal(status.name, ops->name);
		assert_string_equal(status.socket, NOWHERE);
		assert_non_null(strstr(status.detail, NOWHERE));
		assert_true(w->changes > 0);
		world_free(w);
	}
}

static void who_asks_is_answered_once(_unused_ void **state)
{
	EACH(ops)
	{
		struct world *w = world_new(ops);

		ops->sync(w->runtime, synced, w);
		assert_int_equal(w->answers, 0);
		while (!w->answers)
			loop_run_once(w->loop);
		assert_true(w->error < 0);
		ops->sync(w->runtime, synced, w); /* tried at once */
		ops->sync(w->runtime, synced, w);
		assert_int_equal(w->answers, 1);
		while (w->answers < 3)
			loop_run_once(w->loop);
		ops->close(TAKE_PTR(w->runtime));
		assert_int_equal(w->answers, 3);
		world_free(w);
	}
}

static void nobody_is_answered_after_the_close(_unused_ void **state)
{
	EACH(ops)
	{
		struct world *w = world_new(ops);

		ops->sync(w->runtime, synced, w);
		ops->close(TAKE_PTR(w->runtime));
		loop_run(w->loop); /* until nothing is left */
		assert_int_equal(w->answers, 0);
		world_free(w);
	}
}

/* --- a life of the fake's ----------------------------------------------------------- */

static size_t known(const struct world *w)
{
	size_t n;

	(void)endpoint_store_all(w->store, &n);
	return n;
}

static void a_life(_unused_ void **state)
{
	struct world *w;

	engine = (struct fake_engine){ .up = true, .names = { "a", "b" } };
	w = world_new(&runtime_fake);
	until(w, RUNTIME_IN_STEP);
	assert_int_equal(known(w), 2);
	engine_starts(2, "c");
	assert_int_equal(known(w), 3);
	assert_int_equal(status_of(w).events, 1);
	engine_ends();
	assert_int_equal(status_of(w).state, RUNTIME_AWAY);
	assert_int_equal(known(w), 3); /* as it was */
	engine.names[0] = NULL;	       /* while nobody looks */
	engine_starts(3, "d");
	assert_int_equal(known(w), 3);
	engine.up = true;
	until(w, RUNTIME_IN_STEP);
	assert_int_equal(known(w), 3);
	assert_null(endpoint_store_by_id(w->store, "a"));
	assert_non_null(endpoint_store_by_id(w->store, "d"));
	assert_int_equal(status_of(w).reconnects, 1);
	assert_string_equal(status_of(w).version, "1.0");
	w->runtime->ops->sync(w->runtime, synced, w);
	while (!w->answers)
		loop_run_once(w->loop);
	assert_int_equal(w->error, 0);
	world_free(w);
	engine = (struct fake_engine){ 0 };
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_whole),
		cmocka_unit_test(an_engine_that_is_not_there),
		cmocka_unit_test(who_asks_is_answered_once),
		cmocka_unit_test(nobody_is_answered_after_the_close),
		cmocka_unit_test(a_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
