/* SPDX-License-Identifier: GPL-2.0-or-later */
/* docker.c - the watcher against engines that answer as recorded, badly, or
 * not at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "../http/server.h"
#include "base/buf.h"
#include "base/clock.h"
#include "runtime/runtime.h"

static void answer_recorded(int fd, const char *name)
{
	_cleanup_(freep) char *path =
		xasprintf("%s/docker-20.10/%s", TEST_DATA, name);
	struct buf text = BUF_INIT(BUF_UNBOUNDED);

	if (buf_read_file(&text, path) < 0)
		_exit(1);
	server_answer(fd, buf_str(&text));
	buf_fini(&text);
}

static void refuse(int fd, const char *status, const char *message)
{
	_cleanup_(freep) char *body =
		xasprintf("{\"message\":\"%s\"}", message);
	_cleanup_(freep) char *text =
		xasprintf("HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s",
			  status, strlen(body), body);

	server_send(fd, text);
}

static bool starts(const char *path, const char *prefix)
{
	return !strncmp(path, prefix, strlen(prefix));
}

/* The head of an endless answer, which stays open. */
static void open_stream(int fd)
{
	server_send(fd,
		    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
}

static void send_chunk(int fd, const char *text)
{
	_cleanup_(freep) char *chunk =
		xasprintf("%zx\r\n%s\r\n", strlen(text), text);

	server_send(fd, chunk);
}

static void answer_network(int fd, const char *id)
{
	_cleanup_(freep) char *name = xasprintf("network-%.12s.json", id);

	answer_recorded(fd, name);
}

/* Everything but the events, as the engine of the recording answered. */
static bool serve_recorded(int fd, const char *path)
{
	if (!strcmp(path, "/version"))
		answer_recorded(fd, "version.json");
	else if (!strcmp(path, "/v1.41/networks"))
		answer_recorded(fd, "networks.json");
	else if (starts(path, "/v1.41/networks/"))
		answer_network(fd, path + strlen("/v1.41/networks/"));
	else if (starts(path, "/v1.41/containers/json"))
		answer_recorded(fd, "containers.json");
	else if (starts(path, "/v1.41/containers/"))
		answer_recorded(fd, "inspect-idle.json");
	else
		refuse(fd, "404 Not Found", "page not found");
	return true;
}

static bool serve_well(int fd, const char *path)
{
	if (!starts(path, "/v1.41/events?since="))
		return serve_recorded(fd, path);
	open_stream(fd);
	pause();
	return false;
}

struct fixture {
	struct server server;
	struct loop *loop;
	struct endpoint_store *store;
	struct runtime *runtime;
	struct loop_timer *limit;
	bool late;
	unsigned synced;
	int sync_error;
};

static void on_limit(void *arg)
{
	struct fixture *f = arg;

	f->late = true;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	server_init(&f->server);
	assert_int_equal(loop_new(&f->loop), 0);
	f->store = endpoint_store_new();
	f->limit = loop_timer_new(f->loop, on_limit, f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->runtime)
		runtime_docker.close(f->runtime);
	loop_timer_close(f->limit);
	loop_free(f->loop);
	endpoint_store_free(f->store);
	server_stop(&f->server);
	free(f);
	return 0;
}

static void watch(struct fixture *f, server_fn fn)
{
	struct runtime_host host = { .loop = f->loop, .store = f->store };

	if (fn)
		server_listen(&f->server, fn);
	if (!f->runtime)
		f->runtime = runtime_docker.open(&host, f->server.path);
}

static struct runtime_status status(const struct fixture *f)
{
	struct runtime_status s;

	runtime_docker.status(f->runtime, &s);
	return s;
}

static void expect_state(struct fixture *f, enum runtime_state state)
{
	loop_timer_start(f->limit, 20000, 0);
	while (status(f).state != state && !f->late)
		loop_run_once(f->loop);
	loop_timer_stop(f->limit);
	if (f->late)
		fail_msg("state %s, detail: %s",
			 runtime_state_name(status(f).state), status(f).detail);
}

static void expect_detail(struct fixture *f, const char *words)
{
	loop_timer_start(f->limit, 20000, 0);
	while (!strstr(status(f).detail, words) && !f->late)
		loop_run_once(f->loop);
	loop_timer_stop(f->limit);
	if (f->late)
		fail_msg("no \"%s\", but: %s", words, status(f).detail);
	/* Each names the socket. */
	assert_non_null(strstr(status(f).detail, f->server.path));
}

static void on_synced(void *arg, int error)
{
	struct fixture *f = arg;

	f->synced++;
	f->sync_error = error;
}

static int sync_now(struct fixture *f)
{
	unsigned before = f->synced;

	runtime_docker.sync(f->runtime, on_synced, f);
	assert_int_equal(f->synced, before);
	while (f->synced == before)
		loop_run_once(f->loop);
	return f->sync_error;
}

static void expect_recorded_store(struct fixture *f)
{
	struct endpoint *e;
	size_t n;
	bool ambiguous;

	endpoint_store_all(f->store, &n);
	assert_int_equal(n, 5);
	e = endpoint_store_find(f->store, "web", &ambiguous);
	assert_int_equal(e->state, ENDPOINT_RUNNING);
	assert_int_equal(e->attachments.len, 2);
	assert_string_equal(label_set_get(e->labels, "app"), "web");
	assert_int_equal(e->published.len, 5);
	e = endpoint_store_find(f->store, "shop/idle", &ambiguous);
	assert_int_equal(e->state, ENDPOINT_CREATED);
	e = endpoint_store_find(f->store, "onhost", &ambiguous);
	assert_string_equal(e->unenforceable, "host network");
	e = endpoint_store_find(f->store, "sidecar", &ambiguous);
	assert_int_equal(e->attachments.len, 0);
	assert_null(e->unenforceable);
	e = endpoint_store_find(f->store, "done", &ambiguous);
	assert_int_equal(e->state, ENDPOINT_EXITED);
}

static void listing(void **state)
{
	struct fixture *f = *state;

	watch(f, serve_well);
	assert_int_equal(status(f).state, RUNTIME_CONNECTING);
	expect_state(f, RUNTIME_IN_STEP);
	assert_string_equal(status(f).version, "20.10.24+dfsg1");
	assert_string_equal(status(f).detail, "");
	expect_recorded_store(f);
	assert_int_equal(sync_now(f), 0);
	assert_int_equal(status(f).resyncs, 2);
	expect_recorded_store(f);
}

static void appears_later(void **state)
{
	struct fixture *f = *state;

	watch(f, NULL);
	expect_detail(f, "no such file");
	assert_int_equal(sync_now(f), -ENOENT);
	watch(f, serve_well);
	expect_state(f, RUNTIME_IN_STEP);
	expect_recorded_store(f);
}

/* Everything stays while the engine is away, and is judged anew then. */
static void engine_restarts(void **state)
{
	struct fixture *f = *state;
	uint64_t generation;

	watch(f, serve_well);
	expect_state(f, RUNTIME_IN_STEP);
	generation = endpoint_store_generation(f->store);
	server_kill(&f->server);
	expect_state(f, RUNTIME_AWAY);
	expect_detail(f, "nobody listens");
	expect_recorded_store(f);
	assert_int_not_equal(sync_now(f), 0);
	server_listen(&f->server, serve_well);
	expect_state(f, RUNTIME_IN_STEP);
	assert_int_equal(status(f).reconnects, 1);
	expect_recorded_store(f);
	assert_int_equal(endpoint_store_generation(f->store), generation);
}

#define WEB "1b56c3084112e88d6c30c4c5ad10273c1590e42c4c1aec22c4310876550e7f1c"

/* Half a line now, the rest later, then one of another kind. */
static bool serve_events(int fd, const char *path)
{

	if (!starts(path, "/v1.41/events?"))
		return serve_recorded(fd, path);
	open_stream(fd);
	usleep(300000);
	send_chunk(fd, "{\"Type\":\"container\",\"Acti");
	usleep(10000);
	send_chunk(
		fd,
		"on\":\"destroy\",\"Actor\":{\"ID\":\"123\"}}\n{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"");
	usleep(10000);
	send_chunk(fd, WEB "\"}}\n");
	pause();
	return false;
}

static void events_in_pieces(void **state)
{
	struct fixture *f = *state;

	watch(f, serve_events);
	expect_state(f, RUNTIME_IN_STEP);
	while (status(f).events < 2)
		loop_run_once(f->loop);
	assert_int_equal(status(f).state, RUNTIME_IN_STEP);
}

static bool serve_garbage_event(int fd, const char *path)
{
	if (!starts(path, "/v1.41/events?"))
		return serve_recorded(fd, path);
	open_stream(fd);
	usleep(200000);
	send_chunk(fd, "this is no event\n");
	pause();
	return false;
}

static void garbage_event(void **state)
{
	struct fixture *f = *state;

	watch(f, serve_garbage_event);
	expect_state(f, RUNTIME_IN_STEP);
	expect_detail(f, "sent an event that cannot be read: this is no event");
	assert_int_equal(status(f).state, RUNTIME_AWAY);
	expect_recorded_store(f);
	expect_state(f, RUNTIME_IN_STEP);
}

static bool serve_huge_event(int fd, const char *path)
{
	char text[65537];

	if (!starts(path, "/v1.41/events?"))
		return serve_recorded(fd, path);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	open_stream(fd);
	usleep(200000);
	for (;;)
		send_chunk(fd, text);
}

static void huge_event(void **state)
{
	struct fixture *f = *state;

	watch(f, serve_huge_event);
	expect_state(f, RUNTIME_IN_STEP);
	expect_detail(f, "sent an event of more than");
	expect_recorded_store(f);
}

static bool serve_ended_stream(int fd, const char *path)
{
	if (!starts(path, "/v1.41/events?"))
		return serve_recorded(fd, path);
	open_stream(fd);
	usleep(200000);
	server_send(fd, "0\r\n\r\n");
	return true;
}

static void stream_ends(void **state)
{
	struct fixture *f = *state;

	watch(f, serve_ended_stream);
	expect_state(f, RUNTIME_IN_STEP);
	expect_detail(f, "the engine ended its events");
	expect_state(f, RUNTIME_IN_STEP);
}

/* What /version answers, where nothing else matters. */
#define SERVE_VERSION(name, body)                  \
	static bool name(int fd, const char *path) \
	{                                          \
		if (strcmp(path, "/version"))      \
			return false;              \
		server_answer(fd, body);           \
		return true;                       \
	}

SERVE_VERSION(serve_old, "{\"Version\":\"1.9\",\"ApiVersion\":\"1.21\"}")
SERVE_VERSION(
	serve_future,
	"{\"Version\":\"99\",\"ApiVersion\":\"1.99\",\"MinAPIVersion\":\"1.90\"}")
SERVE_VERSION(serve_other, "{\"Version\":\"1\"}")
SERVE_VERSION(serve_html, "<html>welcome</html>")

static bool serve_bytes(int fd, const char *path)
{
	(void)path;
	server_send(fd, "SSH-2.0-OpenSSH_9.2\r\n");
	return false;
}

static bool serve_403(int fd, const char *path)
{
	if (!strcmp(path, "/version"))
		answer_recorded(fd, "version.json");
	else
		refuse(fd, "403 Forbidden", "not allowed");
	return true;
}

static bool serve_silence(int fd, const char *path)
{
	(void)fd;
	(void)path;
	pause();
	return false;
}

static void expect_refused(void **state, server_fn fn, const char *words)
{
	struct fixture *f = *state;
	size_t n;

	watch(f, fn);
	expect_detail(f, words);
	assert_int_equal(status(f).state, RUNTIME_CONNECTING);
	endpoint_store_all(f->store, &n);
	assert_int_equal(n, 0);
}

static void too_old(void **state)
{
	expect_refused(state, serve_old, "engine 1.9 speaks API 1.21");
	assert_int_equal(status(*state).support, RUNTIME_TOO_OLD);
}

static void too_new(void **state)
{
	expect_refused(state, serve_future, "wants API 1.90 or later");
	assert_int_equal(status(*state).support, RUNTIME_NEWER);
}

static void another_api(void **state)
{
	expect_refused(state, serve_other, "does not speak the Docker API");
}

static void a_web_page(void **state)
{
	expect_refused(state, serve_html, "does not speak the Docker API");
}

static void another_protocol(void **state)
{
	expect_refused(state, serve_bytes, "does not speak HTTP");
}

static void a_proxy_that_denies(void **state)
{
	expect_refused(state, serve_403, "a proxy must allow GET of");
}

static void hung_engine(void **state)
{
	uint64_t start = clock_monotonic();

	expect_refused(state, serve_silence, "no complete answer");
	assert_in_range((clock_monotonic() - start) / 1000000, 4900, 8000);
}

/* It subscribes us, and then one of the lists never comes: nothing is put
 * by halves. Closing in the middle is teardown's part. */
static bool serve_half_a_listing(int fd, const char *path)
{
	if (starts(path, "/v1.41/containers/json"))
		pause();
	return serve_well(fd, path);
}

static void half_a_listing(void **state)
{
	struct fixture *f = *state;
	size_t n;

	watch(f, serve_half_a_listing);
	loop_timer_start(f->limit, 500, 0);
	while (!f->late)
		loop_run_once(f->loop);
	assert_int_equal(status(f).state, RUNTIME_CONNECTING);
	endpoint_store_all(f->store, &n);
	assert_int_equal(n, 0);
	runtime_docker.sync(f->runtime, on_synced, f);
}

static void table_of_runtimes(_unused_ void **state)
{
	assert_ptr_equal(runtime_all[0], &runtime_docker);
	for (size_t i = 0; runtime_all[i]; i++)
		assert_non_null(runtime_all[i]->default_socket);
}

#define MANY 1000

/* Shared with the server's processes: inspections under way, and their most. */
static struct {
	_Atomic int now, most;
} * inspections;

static void answer_many(int fd)
{
	struct buf list = BUF_INIT(BUF_UNBOUNDED);

	for (int i = 0; i < MANY; i++)
		buf_addf(
			&list,
			"%s{\"Id\":\"%064x\",\"Names\":[\"/c%d\"],\"State\":\"running\"}",
			i ? "," : "[", i, i);
	buf_adds(&list, "]");
	server_answer(fd, buf_str(&list));
	buf_fini(&list);
}

static void answer_inspection(int fd)
{
	int now = ++inspections->now;

	while (inspections->most < now)
		inspections->most = now;
	usleep(1000);
	inspections->now--;
	server_answer(fd, "{\"Id\":\"a\",\"State\":{\"Pid\":42}}");
}

static bool serve_many(int fd, const char *path)
{
	if (!strcmp(path, "/v1.41/networks"))
		server_answer(fd, "[]");
	else if (starts(path, "/v1.41/containers/json"))
		answer_many(fd);
	else if (starts(path, "/v1.41/containers/"))
		answer_inspection(fd);
	else
		return serve_well(fd, path);
	return true;
}

static size_t count_pids(struct fixture *f)
{
	struct endpoint *const *all;
	size_t n, pids = 0;

	all = endpoint_store_all(f->store, &n);
	for (size_t i = 0; i < n; i++)
		pids += all[i]->pid == 42;
	return pids;
}

/* Those that were there before us: a few at a time, and told at once. */
static void many_are_inspected_gently(void **state)
{
	struct fixture *f = *state;

	inspections = mmap(NULL, sizeof(*inspections), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(inspections, MAP_FAILED);
	watch(f, serve_many);
	expect_state(f, RUNTIME_IN_STEP);
	assert_int_equal(count_pids(f), 0);
	loop_timer_start(f->limit, 60000, 0);
	while (!count_pids(f) && !f->late)
		loop_run_once(f->loop);
	assert_int_equal(count_pids(f), MANY);
	assert_in_range(inspections->most, 1, 4);
	munmap(inspections, sizeof(*inspections));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(listing),
		TEST(appears_later),
		TEST(engine_restarts),
		TEST(events_in_pieces),
		TEST(garbage_event),
		TEST(huge_event),
		TEST(stream_ends),
		TEST(too_old),
		TEST(too_new),
		TEST(another_api),
		TEST(a_web_page),
		TEST(another_protocol),
		TEST(a_proxy_that_denies),
		TEST(hung_engine),
		TEST(half_a_listing),
		cmocka_unit_test(table_of_runtimes),
		TEST(many_are_inspected_gently),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
