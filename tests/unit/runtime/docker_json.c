/* SPDX-License-Identifier: GPL-2.0-or-later */
/* docker_json.c - answers of a real engine (docker-20.10/, as recorded), and
 * what no engine should answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/buf.h"
#include "runtime/docker/json.h"

static struct buf recorded(const char *name)
{
	_cleanup_(freep) char *path =
		xasprintf("%s/docker-20.10/%s", TEST_DATA, name);
	struct buf text = BUF_INIT(BUF_UNBOUNDED);

	assert_int_equal(buf_read_file(&text, path), 0);
	return text;
}

static void expect_addr(const struct addr *a, const char *expected)
{
	char text[ADDR_STRLEN];

	assert_string_equal(addr_format(a, text), expected);
}

static void version(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf text = recorded("version.json");
	struct docker_version v;

	assert_int_equal(docker_json_version(buf_slice(&text), &v), 0);
	assert_string_equal(v.engine, "20.10.24+dfsg1");
	assert_int_equal(v.api_major, 1);
	assert_int_equal(v.api_minor, 41);
	assert_int_equal(v.min_major, 1);
	assert_int_equal(v.min_minor, 12);
	docker_version_fini(&v);
}

static const struct docker_container *named(const docker_containers *list,
					    const char *name)
{
	vec_foreach(c, list)
		if (!strcmp(c->name, name))
			return c;
	fail_msg("no container %s", name);
	return NULL;
}

static const char *label(const struct docker_container *c, const char *key)
{
	vec_foreach(l, &c->labels)
		if (!strcmp(l->key, key))
			return l->value;
	return NULL;
}

static void containers(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf text = recorded("containers.json");
	_cleanup_(docker_containers_fini) docker_containers list = { 0 };
	const struct docker_container *c;
	size_t bad;

	assert_int_equal(docker_json_containers(buf_slice(&text), &list, &bad),
			 0);
	assert_int_equal(bad, 0);
	assert_int_equal(list.len, 5);
	c = named(&list, "web");
	assert_string_equal(c->image, "bb");
	assert_string_equal(c->state, "running");
	assert_string_equal(c->network_mode, "net2");
	assert_string_equal(label(c, "app"), "web");
	assert_string_equal(label(c, "bulkhead.ports"), "http=80/tcp");
	/* 8080 and the chosen one on both families, 8053 on loopback. */
	assert_int_equal(c->published.len, 5);
	assert_string_equal(named(&list, "idle")->state, "created");
	assert_string_equal(named(&list, "done")->state, "exited");
	assert_string_equal(named(&list, "onhost")->network_mode, "host");
	assert_memory_equal(named(&list, "sidecar")->network_mode,
			    "container:", 10);
}

static void networks(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf text = recorded("networks.json");
	_cleanup_(docker_networks_fini) docker_networks list = { 0 };
	bool net2 = false, docker0 = false;
	char made[IFNAMSIZ];
	size_t bad;

	assert_int_equal(
		docker_json_networks(buf_slice(&text), "docker", &list, &bad),
		0);
	assert_int_equal(list.len, 5);
	vec_foreach(i, &list) {
		const struct network *n = i->network;

		if (!strcmp(n->name, "bridge")) {
			docker0 = true;
			assert_string_equal(n->bridge, "docker0");
		}
		if (!strcmp(n->name, "host") || !strcmp(n->name, "none"))
			assert_string_equal(n->bridge, "");
		if (strcmp(n->name, "net2"))
			continue;
		net2 = true;
		snprintf(made, sizeof(made), "br-%.12s", n->id);
		assert_string_equal(n->bridge, made);
		assert_int_equal(n->subnets.len, 2);
		/* Not told by this engine, but known. */
		expect_addr(&n->gateways.data[0], "172.30.2.1");
		expect_addr(&n->gateways.data[1], "fd00:2::1");
	}
	assert_true(net2 && docker0);
}

static void network_with_members(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf text = recorded("network.json");
	struct docker_network n;
	char mac[MAC_STRLEN];

	assert_int_equal(docker_json_network(buf_slice(&text), "docker", &n),
			 0);
	assert_int_equal(n.members.len, 1);
	expect_addr(&n.members.data[0].v4, "172.30.2.2");
	expect_addr(&n.members.data[0].v6, "fd00:2::2");
	assert_string_equal(mac_format(&n.members.data[0].mac, mac),
			    "02:42:ac:1e:02:02");
	assert_int_equal(strlen(n.members.data[0].container), 64);
	docker_network_fini(&n);
}

static void expect_escapes(const char *config, const char *mounts,
			   const char *expected)
{
	struct docker_inspect i;
	_cleanup_(freep) char *text =
		xasprintf("{\"Id\":\"a\",\"State\":{},\"HostConfig\":{%s},"
			  "\"Mounts\":[%s]}",
			  config, mounts);

	assert_int_equal(docker_json_inspect(slice_of(text), &i), 0);
	assert_string_equal(i.escapable ?: "", expected);
	docker_inspect_fini(&i);
}

static void escapes_are_found(_unused_ void **state)
{
	expect_escapes("\"Privileged\":true", "", "privileged");
	expect_escapes("\"PidMode\":\"host\"", "", "host's processes");
	expect_escapes("\"CapAdd\":[\"NET_ADMIN\",\"CAP_SYS_ADMIN\",\"ALL\"]",
		       "", "capability SYS_ADMIN, capability ALL");
	expect_escapes("\"CapAdd\":null",
		       "{\"Source\":\"/srv/\\ndocker.sock/docker.sock\"}",
		       "mounts docker.sock");
	expect_escapes("", "{\"Source\":\"/\"},{\"Source\":\"/run\"}",
		       "mounts the host's /, mounts the host's /run");
	expect_escapes("\"Privileged\":false,\"PidMode\":\"\"",
		       "{\"Source\":\"/srv/run\"},{\"Source\":7},7", "");
}

static void inspect(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf web = recorded("inspect.json");
	_cleanup_(buf_fini) struct buf idle = recorded("inspect-idle.json");
	struct docker_inspect i;

	assert_int_equal(docker_json_inspect(buf_slice(&web), &i), 0);
	assert_true(i.pid > 0);
	assert_true(i.started > 1600000000000000000U);
	assert_string_equal(i.image, "bb");
	/* 8080 on both families and 127.0.0.1:8053; 9090 is not chosen yet. */
	assert_int_equal(i.bindings.len, 3);
	vec_foreach(b, &i.bindings) {
		assert_int_equal(b->host_port, b->port == 80 ? 8080 : 8053);
		assert_int_equal(b->proto,
				 b->port == 80 ? IPPROTO_TCP : IPPROTO_UDP);
		if (b->port == 53)
			expect_addr(&b->host, "127.0.0.1");
	}
	docker_inspect_fini(&i);
	assert_int_equal(docker_json_inspect(buf_slice(&idle), &i), 0);
	assert_int_equal(i.pid, 0);
	assert_int_equal(i.started, 0);
	assert_int_equal(i.bindings.len, 0);
	docker_inspect_fini(&i);
}

static void every_recorded_event(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf text = recorded("events.jsonl");
	unsigned connects = 0, starts = 0, n = 0;
	char *save = NULL;

	for (char *line = strtok_r(text.data, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save), n++) {
		struct docker_event e;

		assert_int_equal(docker_json_event(slice_of(line), &e), 0);
		assert_int_equal(strlen(e.id), 64);
		assert_true(e.time > 1600000000000000000U);
		assert_non_null(e.name);
		if (e.network && !strcmp(e.action, "connect")) {
			assert_int_equal(strlen(e.container), 64);
			connects++;
		}
		starts += !e.network && !strcmp(e.action, "start");
		docker_event_fini(&e);
	}
	assert_int_equal(n, 32);
	assert_int_equal(connects, 4);
	assert_int_equal(starts, 4);
}

/* Whatever it is, all of them refuse it. */
static void junk_is_refused(_unused_ void **state)
{
	static const char *const junk[] = {
		"",	      "{",
		"null",	      "[",
		"\"a\"",      "{}x",
		"1",	      "nul",
		"{\"Id\":1}", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
		"<html>",     "{\"Type\":\"container\",\"Action\":",
	};

	for (size_t i = 0; i < ARRAY_SIZE(junk); i++) {
		struct slice text = slice_of(junk[i]);
		struct docker_version v;
		struct docker_event e;
		struct docker_network n;
		struct docker_inspect in;
		docker_containers cs;
		docker_networks ns;
		size_t bad;

		assert_int_equal(docker_json_version(text, &v), -EBADMSG);
		assert_int_equal(docker_json_event(text, &e), -EBADMSG);
		assert_int_equal(docker_json_network(text, "docker", &n),
				 -EBADMSG);
		assert_int_equal(docker_json_inspect(text, &in), -EBADMSG);
		assert_int_equal(docker_json_containers(text, &cs, &bad),
				 -EBADMSG);
		assert_int_equal(
			docker_json_networks(text, "docker", &ns, &bad),
			-EBADMSG);
	}
}

/* An id goes into the path of later requests. */
static void ids_are_plain(_unused_ void **state)
{
	static const char *const bad[] = {
		"", "a/b", "a%20", "../x", "a b", "a\\u0000b", "ep-1",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_(freep) char *text =
			xasprintf("[{\"Id\":\"%s\"}]", bad[i]);
		docker_containers list;
		size_t n = 0;

		assert_int_equal(
			docker_json_containers(slice_of(text), &list, &n), 0);
		assert_int_equal(list.len, 0);
		assert_int_equal(n, 1);
		docker_containers_fini(&list);
	}
}

static struct docker_container with_labels(const char *labels)
{
	_cleanup_(freep) char *text = xasprintf(
		"[{\"Id\":\"a\",\"Names\":[\"/a\"],\"Labels\":{%s}}]", labels);
	docker_containers list = { 0 };
	struct docker_container c;
	size_t bad;

	assert_int_equal(docker_json_containers(slice_of(text), &list, &bad),
			 0);
	assert_int_equal(list.len, 1);
	c = list.data[0];
	vec_fini(&list);
	return c;
}

static void long_labels_are_cut(_unused_ void **state)
{
	char value[1001], text[4096];
	struct docker_container c;

	memset(value, 'v', 1000);
	value[1000] = '\0';
	snprintf(
		text, sizeof(text),
		"\"a\":\"%s\",\"%s\":\"b\",\"bulkhead.ports\":\"%s\",\"n\":\"x\\u0000y\",\"ok\":\"1\"",
		value, value, value);
	c = with_labels(text);
	/* Still longer than what a selector can ask for. */
	assert_int_equal(strlen(label(&c, "a")), BOUNDS_VALUE);
	assert_null(label(&c, value));
	assert_int_equal(strlen(label(&c, "bulkhead.ports")), 1000);
	assert_null(label(&c, "n"));
	assert_string_equal(label(&c, "ok"), "1");
	assert_int_equal(c.cut, 3);
	assert_int_equal(c.cut_own, 0);
	assert_false(c.overlabelled);
	docker_container_fini(&c);
}

static void too_many_labels_keep_none(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);
	struct docker_container c;

	for (int i = 0; i < DOCKER_LABELS_MAX; i++)
		buf_addf(&text, "%s\"l%d\":\"\"", i ? "," : "", i);
	c = with_labels(buf_str(&text));
	assert_false(c.overlabelled);
	assert_int_equal(c.labels.len, DOCKER_LABELS_MAX);
	docker_container_fini(&c);
	buf_adds(&text, ",\"one\":\"more\"");
	c = with_labels(buf_str(&text));
	assert_true(c.overlabelled);
	assert_int_equal(c.labels.len, 0);
	docker_container_fini(&c);
}

static struct docker_network network(const char *text)
{
	struct docker_network n;

	assert_int_equal(docker_json_network(slice_of(text), "docker", &n), 0);
	return n;
}

static void bridges_and_gateways(_unused_ void **state)
{
	struct docker_network n = network(
		"{\"Id\":\"0123456789abcdef\",\"Name\":\"n\",\"Driver\":\"bridge\",\"Options\":{\"com.docker.network.bridge.name\":\"my0\"},\"IPAM\":{\"Config\":[{\"Subnet\":\"10.0.0.0/24\",\"Gateway\":\"10.0.0.254\"}]}}");

	assert_string_equal(n.network->bridge, "my0");
	expect_addr(&n.network->gateways.data[0], "10.0.0.254");
	docker_network_fini(&n);

	n = network("{\"Id\":\"0123456789abcdef\",\"Driver\":\"macvlan\"}");
	assert_string_equal(n.network->bridge, "");
	docker_network_fini(&n);

	/* A name that no interface can have: none, not a cut one. */
	n = network(
		"{\"Id\":\"0123456789abcdef\",\"Driver\":\"bridge\",\"Options\":{\"com.docker.network.bridge.name\":\"averyveryverylongname\"}}");
	assert_string_equal(n.network->bridge, "");
	docker_network_fini(&n);

	/* Its gateway is somewhere in the range. */
	n = network(
		"{\"Id\":\"0123456789abcdef\",\"Driver\":\"bridge\",\"IPAM\":{\"Config\":[{\"Subnet\":\"10.0.0.0/24\",\"IPRange\":\"10.0.0.128/25\"}]}}");
	assert_string_equal(n.network->bridge, "br-0123456789ab");
	assert_int_equal(n.network->gateways.len, 0);
	docker_network_fini(&n);
}

static void refusals_have_a_message(_unused_ void **state)
{
	char *text = docker_json_message(SLICE("{\"message\":\"no such\"}"));

	assert_string_equal(text, "no such");
	free(text);
	assert_null(docker_json_message(SLICE("<html>")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version),
		cmocka_unit_test(containers),
		cmocka_unit_test(networks),
		cmocka_unit_test(network_with_members),
		cmocka_unit_test(inspect),
		cmocka_unit_test(escapes_are_found),
		cmocka_unit_test(every_recorded_event),
		cmocka_unit_test(junk_is_refused),
		cmocka_unit_test(ids_are_plain),
		cmocka_unit_test(long_labels_are_cut),
		cmocka_unit_test(too_many_labels_keep_none),
		cmocka_unit_test(bridges_and_gateways),
		cmocka_unit_test(refusals_have_a_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
