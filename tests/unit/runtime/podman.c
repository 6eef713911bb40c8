/* SPDX-License-Identifier: GPL-2.0-or-later */
/* podman.c - answers of a real Podman (podman-4.3/, as recorded) through the
 * model into the store, and what none should answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "runtime/podman/early.h"
#include "runtime/podman/model.h"

#define C1    "7bc53f8d4c26ba4ea292103bb2bf62c9837eb513e9358bd6e903b9966c1389ec"
#define C3    "ffd46f8a9880e9f6c15ea7a1f4972b6eaf00e51ff49eb491b055917bd02fd06c"
#define INFRA "71543bb6c920c4f50ad744f83442bb749d1cd18b9783f7a518588d15ae738843"
#define SL1   "b9295bf83ec861fdc24e77d4ebf081298359757d431826fbef66df921cd9f872"
#define POD   "f3fe1bcf6c5d04691b37078abd6d50d1eb307eb682c1d9329cd083eb4b1d7951"

static struct buf recorded(const char *name)
{
	_cleanup_(freep) char *path =
		xasprintf("%s/podman-4.3/%s", TEST_DATA, name);
	struct buf text = BUF_INIT(BUF_UNBOUNDED);

	assert_int_equal(buf_read_file(&text, path), 0);
	return text;
}

/* A model, its store, and what it asked for. */
struct world {
	struct endpoint_store *store;
	struct podman_model *model;
	char asked[128]; /* the last container */
	unsigned containers, networks, pods, labels;
};

static void ask_container(void *arg, const char *id)
{
	struct world *w = arg;

	w->containers++;
	snprintf(w->asked, sizeof(w->asked), "%s", id);
}

static void ask_networks(void *arg)
{
	((struct world *)arg)->networks++;
}

static void ask_pod(void *arg, _unused_ const char *id)
{
	((struct world *)arg)->pods++;
}

static void ask_labels(void *arg, _unused_ const char *id)
{
	((struct world *)arg)->labels++;
}

static struct world *world_unhosted(void)
{
	struct world *w = xnew(struct world);

	w->store = endpoint_store_new();
	w->model = podman_model_new(w->store, NULL,
				    (struct podman_ask){ ask_container,
							 ask_networks, ask_pod,
							 ask_labels, w });
	return w;
}

static struct world *world_new(void)
{
	struct world *w = world_unhosted();

	podman_model_host(w->model, false);
	return w;
}

static void world_free(struct world *w)
{
	podman_model_free(w->model);
	endpoint_store_free(w->store);
	free(w);
}

static void inspected(struct world *w, const char *file, uint64_t when)
{
	_cleanup_(buf_fini) struct buf text = recorded(file);
	_cleanup_(freep) char *id = NULL;
	struct podman_container c;

	assert_int_equal(podman_json_container(buf_slice(&text), &c), 0);
	id = xstrdup(c.entry.id);
	podman_model_container(w->model, id, when, &c);
	podman_container_fini(&c);
}

static void networks_listed(struct world *w)
{
	_cleanup_(buf_fini) struct buf text = recorded("networks.json");
	docker_networks list;

	assert_int_equal(
		podman_json_networks(buf_slice(&text), "podman", &list), 0);
	assert_int_equal(list.len, 2);
	podman_model_networks(w->model, &list);
	docker_networks_fini(&list);
}

static void pods_listed(struct world *w)
{
	_cleanup_(buf_fini) struct buf text = recorded("pods.json");
	podman_pods list;

	assert_int_equal(podman_json_pods(buf_slice(&text), &list), 0);
	assert_int_equal(list.len, 1);
	podman_model_pods(w->model, &list);
	podman_pods_fini(&list);
}

static bool told(struct world *w, const char *text)
{
	struct podman_event e;
	bool taken;

	assert_int_equal(podman_json_event(slice_of(text), &e), 0);
	taken = podman_model_event(w->model, &e);
	podman_event_fini(&e);
	return taken;
}

static void expect_addr(const struct addr *a, const char *expected)
{
	char text[ADDR_STRLEN];

	assert_string_equal(addr_format(a, text), expected);
}

static const char *label(const struct endpoint *e, const char *key)
{
	for (size_t i = 0; i < e->labels->n; i++)
		if (!strcmp(e->labels->labels[i].key, key))
			return e->labels->labels[i].value;
	return NULL;
}

static void a_container(_unused_ void **state)
{
	struct world *w = world_new();
	struct endpoint *e;

	networks_listed(w);
	inspected(w, "inspect-c3.json", 1);
	e = endpoint_store_by_id(w->store, C3);
	assert_non_null(e);
	assert_string_equal(e->name, "c3");
	assert_string_equal(e->runtime, "podman");
	assert_string_equal(e->namespace, "default");
	assert_string_equal(e->image, "localhost/probe:latest");
	assert_int_equal(e->state, ENDPOINT_RUNNING);
	assert_int_equal(e->pid, 2014);
	assert_string_equal(label(e, "name"), "hello");
	assert_null(e->unenforceable);
	assert_int_equal(e->attachments.len, 1);
	expect_addr(&e->attachments.data[0].v4, "10.99.0.4");
	expect_addr(&e->attachments.data[0].v6, "fd99::4");
	assert_string_equal(e->attachments.data[0].bridge, "podman1");
	assert_int_equal(e->attachments.data[0].mac.bytes[5], 0x38);
	/* 8080 of both families, 5353 of one address */
	assert_int_equal(e->published.len, 3);
	world_free(w);
}

static void a_network_is_asked_for(_unused_ void **state)
{
	struct world *w = world_new();

	inspected(w, "inspect-c3.json", 1);
	assert_int_equal(w->networks, 1);
	assert_int_equal(endpoint_store_by_id(w->store, C3)->attachments.len,
			 0);
	networks_listed(w);
	assert_int_equal(endpoint_store_by_id(w->store, C3)->attachments.len,
			 1);
	world_free(w);
}

static void a_pod_is_one_endpoint(_unused_ void **state)
{
	struct world *w = world_new();
	struct endpoint *e;

	networks_listed(w);
	inspected(w, "inspect-infra.json", 1);
	assert_null(endpoint_store_by_id(w->store, INFRA)); /* its name? */
	assert_int_equal(w->pods, 1);
	pods_listed(w);
	inspected(w, "inspect-infra.json", 2);
	e = endpoint_store_by_id(w->store, INFRA);
	assert_string_equal(e->name, "p1");
	assert_string_equal(e->namespace, "shop");
	assert_string_equal(label(e, "app"), "podweb");
	assert_int_equal(e->attachments.len, 1);
	inspected(w, "inspect-m1.json", 3);
	e = endpoint_store_find(w->store, "m1", &(bool){ false });
	assert_non_null(e);
	assert_int_equal(e->attachments.len, 0); /* although told some */
	assert_int_equal(e->published.len, 0);
	assert_null(e->unenforceable);
	world_free(w);
}

static void out_of_reach(_unused_ void **state)
{
	struct world *w = world_new();
	bool ambiguous;

	networks_listed(w);
	inspected(w, "inspect-h1.json", 1);
	inspected(w, "inspect-sl1.json", 1);
	assert_string_equal(
		endpoint_store_find(w->store, "h1", &ambiguous)->unenforceable,
		"host network");
	assert_non_null(strstr(
		endpoint_store_find(w->store, "sl1", &ambiguous)->unenforceable,
		"slirp4netns"));
	podman_model_host(w->model, true);
	inspected(w, "inspect-c1.json", 2);
	assert_non_null(strstr(
		endpoint_store_by_id(w->store, C1)->unenforceable, "rootless"));
	assert_int_equal(endpoint_store_by_id(w->store, C1)->attachments.len,
			 0);
	world_free(w);
}

static podman_ports one_port(void)
{
	struct podman_port p = { .bridge = "podman0" };
	podman_ports ports = { 0 };

	assert_int_equal(addr_parse(slice_of("10.88.0.77"), &p.v4), 0);
	assert_int_equal(mac_parse(slice_of("02:00:00:00:00:77"), &p.mac), 0);
	vec_push(&ports, p);
	return ports;
}

#define CREATION(name, pod)                                                     \
	"{\"Type\":\"container\",\"Action\":\"create\",\"Actor\":{\"ID\":\"" C1 \
	"\",\"Attributes\":{\"app\":\"web\",\"image\":\"i\",\"name\":\"" name   \
	"\",\"podId\":\"" pod "\",\"containerExitCode\":\"0\"}},"               \
	"\"timeNano\":5}"

static void before_the_first_instruction(_unused_ void **state)
{
	struct world *w = world_new();
	podman_ports ports = one_port();
	struct endpoint *e;

	networks_listed(w);
	/* Nobody was told of it. */
	podman_model_early(w->model, C1, 10, &ports);
	assert_true(told(w, CREATION("c1", "")));
	assert_string_equal(w->asked, C1);
	assert_int_equal(w->labels, 1);
	/* A label may be hidden behind "name": not yet. */
	podman_model_early(w->model, C1, 10, &ports);
	assert_int_equal(w->labels, 2);
	assert_null(endpoint_store_by_id(w->store, C1));
	podman_model_whole(w->model, C1);
	e = endpoint_store_by_id(w->store, C1);
	assert_int_equal(e->state, ENDPOINT_CREATED);
	assert_string_equal(e->name, "c1");
	assert_string_equal(label(e, "app"), "web");
	assert_null(label(e, "podId"));
	expect_addr(&e->attachments.data[0].v4, "10.88.0.77");
	/* What inspect says afterwards holds. */
	inspected(w, "inspect-c1.json", 11);
	e = endpoint_store_by_id(w->store, C1);
	assert_int_equal(e->state, ENDPOINT_RUNNING);
	assert_true(e->attachments.data[0].v4.bytes[3] != 77);
	vec_fini(&ports);
	world_free(w);
}

/* Nothing is waited for when the network stands. */
static void labels_that_are_known_sooner(_unused_ void **state)
{
	struct world *w = world_new();
	podman_ports ports = one_port();

	networks_listed(w);
	told(w, CREATION("c1", ""));
	podman_model_whole(w->model, C1);
	assert_null(endpoint_store_by_id(w->store, C1));
	podman_model_early(w->model, C1, 10, &ports);
	assert_int_equal(endpoint_store_by_id(w->store, C1)->attachments.len,
			 1);
	assert_int_equal(w->labels, 1);
	vec_fini(&ports);
	world_free(w);
}

static void members_are_not_asked_about(_unused_ void **state)
{
	struct world *w = world_new();

	told(w, CREATION("member", POD));
	assert_int_equal(w->labels, 0);
	podman_model_free(w->model);
	w->model = podman_model_new(w->store, NULL,
				    (struct podman_ask){ ask_container,
							 ask_networks, ask_pod,
							 ask_labels, w });
	podman_model_host(w->model, true);
	told(w, CREATION("c1", "")); /* a user's */
	assert_int_equal(w->labels, 0);
	world_free(w);
}

/* What was seen of the start is applied once more when its end is known. */
static void a_start_that_is_over(_unused_ void **state)
{
	struct world *w = world_new();
	podman_ports ports = one_port();

	networks_listed(w);
	inspected(w, "inspect-sl1.json", 11); /* has stopped */
	podman_model_early(w->model, SL1, 10, &ports);
	assert_int_equal(endpoint_store_by_id(w->store, SL1)->attachments.len,
			 0);
	podman_model_early(w->model, SL1, 12, &ports);
	assert_int_equal(endpoint_store_by_id(w->store, SL1)->attachments.len,
			 1);
	vec_fini(&ports);
	world_free(w);
}

/* `podman init`: the start comes later, and has nothing to set up. */
static void a_network_before_the_start(_unused_ void **state)
{
	static const char now[] = "\"Status\":\"running\",\"Running\":true,";
	static const char then[] = "\"Status\":\"initialized\"           ,";
	_cleanup_(buf_fini) struct buf text = recorded("inspect-c1.json");
	struct world *w = world_new();
	struct podman_container c;
	char *at = strstr(text.data, now);
	struct endpoint *e;

	assert_non_null(at);
	static_assert(sizeof(now) == sizeof(then), "in place");
	memcpy(at, then, sizeof(then) - 1);
	networks_listed(w);
	assert_int_equal(podman_json_container(buf_slice(&text), &c), 0);
	podman_model_container(w->model, C1, 1, &c);
	podman_container_fini(&c);
	e = endpoint_store_by_id(w->store, C1);
	assert_int_equal(e->state, ENDPOINT_CREATED);
	assert_int_equal(e->attachments.len, 1);
	assert_true(addr_is_set(&e->attachments.data[0].v4));
	world_free(w);
}

static void an_answer_from_before_the_start(_unused_ void **state)
{
	struct world *w = world_new();
	podman_ports ports = one_port();

	networks_listed(w);
	inspected(w, "inspect-s1.json", 1);
	inspected(w, "inspect-h1.json", 1); /* exited, and known */
	told(w, CREATION("c1", ""));
	podman_model_early(w->model, C1, 10, &ports);
	podman_model_whole(w->model, C1);
	assert_int_equal(endpoint_store_by_id(w->store, C1)->attachments.len,
			 1);
	podman_model_container(w->model, C1, 20, NULL);
	assert_null(endpoint_store_by_id(w->store, C1));
	vec_fini(&ports);
	world_free(w);
}

static void who_joins_a_namespace_does_not_own_it(_unused_ void **state)
{
	struct world *w = world_new();
	podman_ports ports = one_port();

	networks_listed(w);
	told(w, CREATION("member", POD));
	podman_model_early(w->model, C1, 10, &ports);
	podman_model_whole(w->model, C1);
	assert_null(endpoint_store_by_id(w->store, C1));
	inspected(w, "inspect-c3.json", 1);
	assert_int_equal(
		mac_parse(slice_of("46:15:f8:4f:42:38"), &ports.data[0].mac),
		0);
	podman_model_container(w->model, C1, 11, NULL);
	told(w, CREATION("c1", ""));
	podman_model_whole(w->model, C1);
	podman_model_early(w->model, C1, 12, &ports);
	assert_null(endpoint_store_by_id(w->store, C1));
	vec_fini(&ports);
	world_free(w);
}

static void recorded_events(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf text = recorded("events.jsonl");
	struct world *w = world_new();
	char *line, *rest = NULL;
	unsigned taken = 0;

	for (line = strtok_r((char *)buf_str(&text), "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		taken += told(w, line);
	assert_true(taken > 30);
	assert_true(w->containers > 30);
	world_free(w);
}

static void a_listing_forgets(_unused_ void **state)
{
	struct world *w = world_new();
	podman_ids none = { 0 }, ask;

	networks_listed(w);
	inspected(w, "inspect-c1.json", 1);
	podman_model_list_begin(w->model);
	ask = podman_model_list(w->model, &none);
	assert_int_equal(ask.len, 1); /* not listed: is it gone? */
	podman_model_container(w->model, ask.data[0], 2, NULL);
	podman_model_list_end(w->model);
	assert_null(endpoint_store_by_id(w->store, C1));
	podman_ids_fini(&ask);
	world_free(w);
}

static void the_namespace_in_a_spec(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf text = recorded("config.json");
	_cleanup_(freep) char *path = podman_early_netns(buf_slice(&text));

	assert_string_equal(
		path, "/run/netns/netns-c56b5257-335e-4fae-2ec9-fe04462c83dc");
	assert_null(podman_early_netns(slice_of("{}")));
	assert_null(podman_early_netns(slice_of("[")));
	assert_null(podman_early_netns(slice_of(
		"{\"linux\":{\"namespaces\":[{\"type\":\"network\"}]}}")));
}

static void the_engine_itself(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf text = recorded("info.json");
	_cleanup_(buf_fini) struct buf answer = recorded("version.json");
	struct podman_info info;
	struct docker_version v;

	assert_int_equal(podman_json_info(buf_slice(&text), &info), 0);
	assert_false(info.rootless);
	assert_string_equal(info.driver, "overlay");
	assert_string_equal(info.graph_root, "/run/bh/podman/root");
	podman_info_fini(&info);
	assert_int_equal(docker_json_version(buf_slice(&answer), &v), 0);
	assert_true(v.podman);
	assert_int_equal(v.engine_major, 4);
	docker_version_fini(&v);
}

static bool parsed_oom(struct buf *text)
{
	struct podman_container c;
	bool oom;

	assert_int_equal(podman_json_container(buf_slice(text), &c), 0);
	oom = c.oom;
	podman_container_fini(&c);
	return oom;
}

static void an_end_without_memory(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf text = recorded("inspect-c1.json");
	struct world *w = world_new();
	char *at = strstr(text.data, "\"OOMKilled\":false");

	assert_false(parsed_oom(&text));
	assert_non_null(at);
	memcpy(at + strlen("\"OOMKilled\":"), "true ", 5);
	assert_true(parsed_oom(&text));
	assert_false(podman_model_runs(w->model, C1));
	inspected(w, "inspect-c1.json", 1);
	assert_true(podman_model_runs(w->model, C1));
	world_free(w);
}

static void where_containers_are_kept(_unused_ void **state)
{
	struct world *w = world_new();
	_cleanup_(freep) char *directory = NULL;

	assert_null(podman_model_directory(w->model));
	inspected(w, "inspect-c1.json", 1);
	directory = podman_model_directory(w->model);
	assert_non_null(directory);
	assert_string_equal(strrchr(directory, '/'), "/overlay-containers");
	world_free(w);
}

static void the_version_in_a_head(_unused_ void **state)
{
	static const char *const others[] = {
		"HTTP/1.1 200 OK\r\nServer: Docker/20.10.24 (linux)\r\n",
		"HTTP/1.1 200 OK\r\nServer: Libpod/\r\n",
		"HTTP/1.1 200 OK\r\nServer: Libpo\r\n",
		"HTTP/1.1 200 OK\r\nServer: Libpod/x.y (linux)\r\n",
		"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\n",
		"",
	};
	struct docker_version v;

	assert_int_equal(
		podman_head_version(
			slice_of(
				"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nServer: Libpod/4.3.1 (linux)\r\n\r\n"),
			&v),
		0);
	assert_true(v.podman);
	assert_int_equal(v.engine_major, 4);
	assert_string_equal(v.engine, "4.3.1");
	docker_version_fini(&v);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_int_equal(podman_head_version(slice_of(others[i]), &v),
				 -EBADMSG);
}

/* A user's addresses would be taken for the host's. */
static void nothing_is_told_before_it_is_known_whose(_unused_ void **state)
{
	struct world *w = world_unhosted();

	inspected(w, "inspect-c1.json", 1);
	assert_null(endpoint_store_by_id(w->store, C1));
	assert_int_equal(w->networks, 0);
	podman_model_host(w->model, true);
	assert_non_null(strstr(
		endpoint_store_by_id(w->store, C1)->unenforceable, "rootless"));
	world_free(w);
}

static void nonsense(_unused_ void **state)
{
	static const char *const texts[] = { "",
					     "{",
					     "[]x",
					     "null",
					     "[{\"Id\":\"../x\"}]",
					     "[1]",
					     "{\"Id\":\"a\"}" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct slice s = slice_of(texts[i]);
		struct podman_container c;
		struct podman_event e;
		struct podman_info info;
		docker_networks nets;
		podman_ids ids;
		podman_pods pods;

		assert_int_equal(podman_json_container(s, &c), -EBADMSG);
		assert_int_equal(podman_json_event(s, &e), -EBADMSG);
		assert_int_equal(podman_json_info(s, &info), -EBADMSG);
		assert_int_equal(podman_json_networks(s, "podman", &nets),
				 -EBADMSG);
		assert_int_equal(podman_json_ids(s, &ids), -EBADMSG);
		assert_int_equal(podman_json_pods(s, &pods), -EBADMSG);
	}
}

#define TEST(f) cmocka_unit_test(f)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_container),
		TEST(a_network_is_asked_for),
		TEST(a_pod_is_one_endpoint),
		TEST(out_of_reach),
		TEST(before_the_first_instruction),
		TEST(labels_that_are_known_sooner),
		TEST(members_are_not_asked_about),
		TEST(a_start_that_is_over),
		TEST(a_network_before_the_start),
		TEST(an_answer_from_before_the_start),
		TEST(who_joins_a_namespace_does_not_own_it),
		TEST(recorded_events),
		TEST(a_listing_forgets),
		TEST(the_namespace_in_a_spec),
		TEST(the_engine_itself),
		TEST(an_end_without_memory),
		TEST(where_containers_are_kept),
		TEST(the_version_in_a_head),
		TEST(nothing_is_told_before_it_is_known_whose),
		TEST(nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
