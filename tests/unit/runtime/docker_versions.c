/* SPDX-License-Identifier: GPL-2.0-or-later */
/* docker_versions.c - one container's life as each Docker Engine tells it: the
 * fields differ, what the store ends up with does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "runtime/docker/model.h"

#define WEB "1b56c3084112e88d6c30c4c5ad10273c1590e42c4c1aec22c4310876550e7f1c"

struct release {
	const char *name;
	unsigned minor; /* of the API that both speak */
	const char *mac;
};

static const struct release releases[] = {
	{ "24", 43, "02:42:ac:1e:00:02" }, { "25", 44, "02:42:ac:1e:00:02" },
	{ "26", 45, "02:42:ac:1e:00:02" }, { "27", 47, "02:42:ac:1e:00:02" },
	{ "28", 51, "4e:9d:31:7c:02:a5" }, { "29", 52, "4e:9d:31:7c:02:a5" },
};

static struct buf described(const struct release *r, const char *name)
{
	_cleanup_(freep) char *path =
		xasprintf("%s/docker-%s/%s", TEST_DATA, r->name, name);
	struct buf text = BUF_INIT(BUF_UNBOUNDED);

	assert_int_equal(buf_read_file(&text, path), 0);
	return text;
}

static void asked(_unused_ void *arg, _unused_ const char *id)
{
}

static const struct docker_ask ask = { asked, asked, asked, asked, NULL };

static void list(struct docker_model *m, const struct release *r)
{
	_cleanup_(buf_fini) struct buf nets = described(r, "networks.json");
	_cleanup_(buf_fini) struct buf all = described(r, "containers.json");
	docker_networks networks;
	docker_containers containers;
	size_t bad;

	assert_int_equal(docker_json_networks(buf_slice(&nets), "docker",
					      &networks, &bad),
			 0);
	assert_int_equal(bad, 0);
	assert_int_equal(
		docker_json_containers(buf_slice(&all), &containers, &bad), 0);
	assert_int_equal(bad, 0);
	docker_model_list_networks(m, docker_model_now(m), &networks);
	docker_model_list_containers(m, docker_model_now(m), &containers);
	docker_networks_fini(&networks);
	docker_containers_fini(&containers);
}

static void answer_network(struct docker_model *m, const struct release *r)
{
	_cleanup_(buf_fini) struct buf text = described(r, "network.json");
	_cleanup_(freep) char *id = NULL;
	struct docker_network n;

	assert_int_equal(docker_json_network(buf_slice(&text), "docker", &n),
			 0);
	id = xstrdup(n.network->id);
	docker_model_network(m, docker_model_now(m), id, &n);
	docker_network_fini(&n);
}

static void answer_container(struct docker_model *m, const struct release *r)
{
	_cleanup_(buf_fini) struct buf all = described(r, "containers.json");
	_cleanup_(buf_fini) struct buf one = described(r, "inspect.json");
	docker_containers containers;
	struct docker_inspect i;
	size_t bad;

	assert_int_equal(
		docker_json_containers(buf_slice(&all), &containers, &bad), 0);
	docker_model_container(m, docker_model_now(m), WEB,
			       &containers.data[0]);
	docker_containers_fini(&containers);
	assert_int_equal(docker_json_inspect(buf_slice(&one), &i), 0);
	docker_model_inspect(m, docker_model_now(m), WEB, &i);
	docker_inspect_fini(&i);
}

static void expect_addr(const struct addr *a, const char *expected)
{
	char text[ADDR_STRLEN];

	assert_string_equal(addr_format(a, text), expected);
}

static void expect_running(const struct endpoint_store *s,
			   const struct release *r)
{
	const struct endpoint *e = endpoint_store_by_id(s, WEB);
	struct mac mac;

	assert_non_null(e);
	assert_string_equal(e->name, "web");
	assert_string_equal(e->image, "registry.example:5000/web:1");
	assert_int_equal(e->state, ENDPOINT_RUNNING);
	assert_int_equal(e->pid, 4711);
	assert_int_equal(e->attachments.len, 1);
	expect_addr(&e->attachments.data[0].v4, "172.30.0.2");
	expect_addr(&e->attachments.data[0].v6, "fd00:30::2");
	assert_string_equal(e->attachments.data[0].bridge, "br-330f8741d803");
	assert_int_equal(mac_parse(slice_of(r->mac), &mac), 0);
	assert_memory_equal(&e->attachments.data[0].mac, &mac, sizeof(mac));
	assert_int_equal(e->published.len, 2); /* of both families */
	assert_int_equal(e->published.data[0].host_port, 8080);
}

/* What is there when the agent comes. */
static void listed(const struct release *r)
{
	struct endpoint_store *s = endpoint_store_new();
	struct docker_model *m = docker_model_new(s, "docker", NULL, ask);

	docker_model_list_begin(m);
	list(m, r);
	answer_network(m, r);
	docker_model_list_end(m);
	answer_container(m, r);
	expect_running(s, r);
	docker_model_free(m);
	endpoint_store_free(s);
}

/* What comes while it is there; each event is answered before the next. */
static void lived(const struct release *r)
{
	_cleanup_(buf_fini) struct buf events = described(r, "events.jsonl");
	struct endpoint_store *s = endpoint_store_new();
	struct docker_model *m = docker_model_new(s, "docker", NULL, ask);
	char *line, *rest = NULL;

	docker_model_list_begin(m);
	docker_model_list_end(m);
	for (line = strtok_r((char *)buf_str(&events), "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		struct docker_event e;

		assert_int_equal(docker_json_event(slice_of(line), &e), 0);
		assert_true(docker_model_event(m, &e));
		if (!strcmp(e.action, "connect")) {
			answer_network(m, r);
			answer_container(m, r);
			/* Before its process runs. */
			assert_int_equal(
				endpoint_store_by_id(s, WEB)->attachments.len,
				1);
		} else if (!strcmp(e.action, "start")) {
			answer_container(m, r);
			expect_running(s, r);
		} else if (!strcmp(e.action, "die")) {
			assert_int_equal(
				endpoint_store_by_id(s, WEB)->attachments.len,
				0);
		}
		docker_event_fini(&e);
	}
	assert_null(endpoint_store_by_id(s, WEB));
	docker_model_free(m);
	endpoint_store_free(s);
}

static void each_is_listed(_unused_ void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(releases); i++)
		listed(&releases[i]);
}

static void each_is_followed(_unused_ void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(releases); i++)
		lived(&releases[i]);
}

static void each_is_spoken_to(_unused_ void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(releases); i++) {
		_cleanup_(buf_fini) struct buf text =
			described(&releases[i], "version.json");
		struct docker_version v;
		unsigned minor;

		assert_int_equal(docker_json_version(buf_slice(&text), &v), 0);
		assert_int_equal(docker_version_choose(&v, &minor), 0);
		assert_int_equal(minor, releases[i].minor);
		docker_version_fini(&v);
	}
}

static void others(_unused_ void **state)
{
	unsigned minor;

	/* Newer than all of them, but still polite to the older. */
	assert_int_equal(docker_version_choose(
				 &(struct docker_version){ .api_major = 1,
							   .api_minor = 60,
							   .min_major = 1,
							   .min_minor = 44 },
				 &minor),
			 0);
	assert_int_equal(minor, DOCKER_API_MINOR_MAX);
	assert_int_equal(docker_version_choose(
				 &(struct docker_version){ .api_major = 1,
							   .api_minor = 80,
							   .min_major = 1,
							   .min_minor = 70 },
				 &minor),
			 -EOVERFLOW);
	assert_int_equal(docker_version_choose(
				 &(struct docker_version){ .api_major = 1,
							   .api_minor = 23 },
				 &minor),
			 -EPROTONOSUPPORT);
	assert_int_equal(
		docker_version_choose(
			&(struct docker_version){ .api_major = 2 }, &minor),
		-EPROTONOSUPPORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_listed),
		cmocka_unit_test(each_is_followed),
		cmocka_unit_test(each_is_spoken_to),
		cmocka_unit_test(others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
