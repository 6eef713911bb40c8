/* SPDX-License-Identifier: GPL-2.0-or-later */
/* containerd_wire.c - messages as each containerd sends them, and broken ones.
 *
 * containerd-1.6/ holds the bodies of 1.6.20's answers, frames and all: to `ctr
 * run --cni` of c1 (labels app=web, nerdctl/name=shop-web), exec, pause and
 * resume, `ctr run --net-host --privileged` of c2, a new label of c1, then kill,
 * task rm, and container rm of c1. containerd-2.3/ has the same life, made by
 * its make.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>

#include "base/alloc.h"
#include "grpc/frame.h"
#include "runtime/containerd/wire.h"

struct release {
	const char *name, *version;
};

static const struct release recorded = { "1.6", "1.6.20~ds1" };
static const struct release described = { "2.3", "v2.3.4" };

struct recording {
	struct buf text;
	struct frames frames;
	struct slice rest;
};

static void start(struct recording *r, const struct release *of,
		  const char *name)
{
	_cleanup_(freep) char *path =
		xasprintf("%s/containerd-%s/%s", TEST_DATA, of->name, name);

	r->text = BUF_INIT(BUF_UNBOUNDED);
	r->frames = FRAMES_INIT(BUF_UNBOUNDED);
	assert_int_equal(buf_read_file(&r->text, path), 0);
	r->rest = buf_slice(&r->text);
}

static struct slice next(struct recording *r)
{
	struct slice message;

	assert_int_equal(frames_next(&r->frames, &r->rest, &message), 1);
	return message;
}

static void end(struct recording *r)
{
	assert_int_equal(r->rest.len, 0);
	frames_fini(&r->frames);
	buf_fini(&r->text);
}

static const char *label(const struct containerd_record *r, const char *key)
{
	vec_foreach(l, &r->labels)
		if (!strcmp(l->key, key))
			return l->value;
	return "";
}

static void events(void **state)
{
	static const struct {
		enum containerd_event_kind kind;
		const char *id;
		bool pid;
	} expected[] = {
		{ CONTAINERD_OTHER, NULL, false }, /* snapshot */
		{ CONTAINERD_CONTAINER_CHANGED, "c1", false },
		{ CONTAINERD_TASK_CREATED, "c1", true },
		{ CONTAINERD_TASK_STARTED, "c1", true },
		{ CONTAINERD_OTHER, NULL, false }, /* exec added, … */
		{ CONTAINERD_EXEC_STARTED, "c1", true },
		{ CONTAINERD_OTHER, "c1", true },  /* and over */
		{ CONTAINERD_OTHER, NULL, false }, /* paused, resumed */
		{ CONTAINERD_OTHER, NULL, false },
		{ CONTAINERD_OTHER, NULL, false }, /* snapshot */
		{ CONTAINERD_CONTAINER_CHANGED, "c2", false },
		{ CONTAINERD_TASK_CREATED, "c2", true },
		{ CONTAINERD_TASK_STARTED, "c2", true },
		{ CONTAINERD_CONTAINER_CHANGED, "c1", false },
		{ CONTAINERD_TASK_EXITED, "c1", true },
		{ CONTAINERD_TASK_DELETED, "c1", true },
		{ CONTAINERD_OTHER, NULL, false }, /* snapshot */
		{ CONTAINERD_CONTAINER_DELETED, "c1", false },
	};
	struct recording r;

	start(&r, *state, "events.bin");
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		struct containerd_event e;

		assert_int_equal(containerd_wire_event(next(&r), &e), 0);
		assert_int_equal(e.kind, expected[i].kind);
		assert_string_equal(e.namespace, "default");
		assert_string_equal(e.id ?: "", expected[i].id ?: "");
		assert_int_equal(e.pid != 0, expected[i].pid);
		assert_true(e.time > 1700000000000000000);
		containerd_event_fini(&e);
	}
	end(&r);
}

static void records(void **state)
{
	struct containerd_record c;
	struct recording r;

	start(&r, *state, "list.bin");
	assert_int_equal(containerd_wire_record(next(&r), &c), 0);
	assert_string_equal(c.id, "c1");
	assert_string_equal(c.image, "docker.io/library/probe:latest");
	assert_string_equal(label(&c, "app"), "api");
	assert_string_equal(label(&c, "nerdctl/name"), "shop-web");
	assert_false(c.host_network || c.joins_network || c.overlabelled);
	assert_null(c.escapable);
	assert_true(c.created > 1700000000000000000);
	containerd_record_fini(&c);
	assert_int_equal(containerd_wire_record(next(&r), &c), 0);
	assert_string_equal(c.id, "c2");
	assert_true(c.host_network);
	assert_non_null(strstr(c.escapable, "capability SYS_ADMIN"));
	containerd_record_fini(&c);
	end(&r);
	start(&r, *state, "get.bin");
	assert_int_equal(containerd_wire_record(next(&r), &c), 0);
	assert_string_equal(c.id, "c1");
	containerd_record_fini(&c);
	end(&r);
}

static void lists(void **state)
{
	containerd_names names;
	containerd_tasks tasks;
	struct recording r;
	char *version;

	start(&r, *state, "tasks.bin");
	assert_int_equal(containerd_wire_tasks(next(&r), &tasks), 0);
	assert_int_equal(tasks.len, 2);
	assert_string_equal(tasks.data[0].id, "c1");
	assert_string_equal(tasks.data[1].id, "c2");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(tasks.data[i].state, CONTAINERD_TASK_RUNNING);
		assert_true(tasks.data[i].pid > 1);
	}
	containerd_tasks_fini(&tasks);
	end(&r);
	start(&r, *state, "namespaces.bin");
	assert_int_equal(containerd_wire_namespaces(next(&r), &names), 0);
	assert_int_equal(names.len, 1);
	assert_string_equal(names.data[0], "default");
	containerd_names_fini(&names);
	end(&r);
	start(&r, *state, "version.bin");
	assert_int_equal(containerd_wire_version(next(&r), &version), 0);
	assert_string_equal(version, ((const struct release *)*state)->version);
	free(version);
	end(&r);
}

static void out_of_memory(_unused_ void **state)
{
	/* An envelope of namespace "n", topic, and an Any with its type. */
	static const char bytes[] = "\x12\x01n\x1a\x0a/tasks/oom"
				    "\x22\x21\x0a\x19"
				    "containerd.events.TaskOOM"
				    "\x12\x04\x0a\x02"
				    "c1";
	struct containerd_event e;

	assert_int_equal(
		containerd_wire_event(
			(struct slice){ bytes, sizeof(bytes) - 1 }, &e),
		0);
	assert_int_equal(e.kind, CONTAINERD_OOM);
	assert_string_equal(e.id, "c1");
	containerd_event_fini(&e);
}

/* Each lies in memory of exactly its size, under the address sanitizer. */
static void cut_messages_are_survived(_unused_ void **state)
{
	static const char *const files[] = { "events.bin", "get.bin",
					     "tasks.bin" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct recording r;
		struct slice whole;

		start(&r, &recorded, files[i]);
		whole = next(&r);
		for (size_t n = 0; n < whole.len; n++) {
			_cleanup_(freep) char *copy = xmemdup(whole.ptr, n);
			struct slice cut = { copy, n };
			struct containerd_event e;
			struct containerd_record c;
			containerd_tasks t;

			if (containerd_wire_event(cut, &e) == 0)
				containerd_event_fini(&e);
			if (containerd_wire_record(cut, &c) == 0)
				containerd_record_fini(&c);
			if (containerd_wire_tasks(cut, &t) == 0)
				containerd_tasks_fini(&t);
		}
		frames_fini(&r.frames);
		buf_fini(&r.text);
	}
}

/* ---- made by hand ------------------------------------------------------- */

static void add_field(struct buf *out, int number, struct slice content)
{
	uint64_t n = content.len;
	uint8_t b = (uint8_t)(number << 3 | 2);

	buf_add(out, &b, 1);
	for (; n >= 0x80; n >>= 7) {
		b = (uint8_t)(n | 0x80);
		buf_add(out, &b, 1);
	}
	b = (uint8_t)n;
	buf_add(out, &b, 1);
	buf_add(out, content.ptr, content.len);
}

static void add_label(struct buf *record, const char *key, const char *value)
{
	_cleanup_(buf_fini) struct buf entry = BUF_INIT(BUF_UNBOUNDED);

	add_field(&entry, 1, slice_of(key));
	add_field(&entry, 2, slice_of(value));
	add_field(record, 2, buf_slice(&entry));
}

static int read_back(struct buf *record, struct containerd_record *ret)
{
	_cleanup_(buf_fini) struct buf message = BUF_INIT(BUF_UNBOUNDED);

	add_field(&message, 1, buf_slice(record));
	return containerd_wire_record(buf_slice(&message), ret);
}

static void labels_are_bounded(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf record = BUF_INIT(BUF_UNBOUNDED);
	_cleanup_(freep) char *value = xcalloc(10001, 1);
	struct containerd_record c;

	memset(value, 'x', 10000);
	add_field(&record, 1, SLICE("c1"));
	add_label(&record, "a", value);
	add_label(&record, "bulkhead.ports", value);
	add_label(&record, "b", "short");
	assert_int_equal(read_back(&record, &c), 0);
	assert_int_equal(c.labels.len, 2);
	assert_int_equal(strlen(label(&c, "a")), 128);
	assert_string_equal(label(&c, "b"), "short");
	assert_int_equal(c.cut_own, 1);
	containerd_record_fini(&c);
	for (int i = 0; i < 1024; i++)
		add_label(&record, "b", "short");
	assert_int_equal(read_back(&record, &c), 0);
	assert_true(c.overlabelled);
	assert_int_equal(c.labels.len, 0);
	containerd_record_fini(&c);
	for (int i = 0; i < 10000; i++)
		add_field(&record, 2, SLICE(""));
	assert_int_equal(read_back(&record, &c), -EBADMSG);
}

static void record_with(const char *key, const char *value,
			struct containerd_record *ret)
{
	_cleanup_(buf_fini) struct buf record = BUF_INIT(BUF_UNBOUNDED);

	add_field(&record, 1, SLICE("c1"));
	add_label(&record, key, value);
	assert_int_equal(read_back(&record, ret), 0);
}

/* The shapes are gocni.PortMapping's; the labels are longer than what is kept
 * of others. */
static void nerdctl_ports_are_read(_unused_ void **state)
{
	static const char ports[] =
		"[{\"HostPort\":8080,\"ContainerPort\":80,\"Protocol\":\"tcp\",\"HostIP\":\"0.0.0.0\"},"
		"{\"HostPort\":53,\"ContainerPort\":5353,\"Protocol\":\"udp\",\"HostIP\":\"::1\"},"
		"{\"HostPort\":8443,\"ContainerPort\":443,\"Protocol\":\"tcp\",\"HostIP\":\"\"},"
		"{\"HostPort\":0,\"ContainerPort\":1,\"Protocol\":\"tcp\"},"
		"{\"HostPort\":1,\"ContainerPort\":70000,\"Protocol\":\"tcp\"},"
		"{\"HostPort\":1,\"ContainerPort\":1,\"Protocol\":\"\"},"
		"{\"HostPort\":1,\"ContainerPort\":1,\"Protocol\":\"tcp\",\"HostIP\":\"x\"},7]";
	static const char *const broken[] = { "", "[", "{}", "7", "null" };
	struct containerd_record c;

	record_with("nerdctl/ports", ports, &c);
	assert_int_equal(c.published.len, 4);
	assert_int_equal(c.published.data[0].host.family, AF_INET);
	assert_int_equal(c.published.data[0].host_port, 8080);
	assert_int_equal(c.published.data[0].port, 80);
	assert_int_equal(c.published.data[1].proto, IPPROTO_UDP);
	assert_int_equal(c.published.data[1].host.bytes[15], 1);
	assert_int_equal(c.published.data[2].host.family, AF_INET);
	assert_int_equal(c.published.data[3].host.family, AF_INET6);
	containerd_record_fini(&c);
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		record_with("nerdctl/ports", broken[i], &c);
		assert_int_equal(c.published.len, 0);
		containerd_record_fini(&c);
	}
}

static void nerdctl_networks_are_read(_unused_ void **state)
{
	struct containerd_record c;

	record_with("nerdctl/networks", "[\"bridge\"]", &c);
	assert_string_equal(c.network, "bridge");
	containerd_record_fini(&c);
	record_with("nerdctl/networks", "[\"a\",\"b\"]", &c);
	assert_null(c.network);
	containerd_record_fini(&c);
	record_with("nerdctl/state-dir", "relative", &c);
	assert_null(c.state_dir);
	containerd_record_fini(&c);
}

static void ids_are_checked(_unused_ void **state)
{
	static const char *const bad[] = { "",	   "a/b",      "a b",
					   "a\nb", "\xc3\xa9", "{}" };
	struct containerd_record c;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_(buf_fini) struct buf record = BUF_INIT(BUF_UNBOUNDED);

		add_field(&record, 1, slice_of(bad[i]));
		assert_int_equal(read_back(&record, &c), -EBADMSG);
	}
}

static int read_spec(const char *text, struct containerd_record *ret)
{
	_cleanup_(buf_fini) struct buf any = BUF_INIT(BUF_UNBOUNDED);
	_cleanup_(buf_fini) struct buf record = BUF_INIT(BUF_UNBOUNDED);

	add_field(&any, 2, slice_of(text));
	add_field(&record, 1, SLICE("c1"));
	add_field(&record, 5, buf_slice(&any));
	return read_back(&record, ret);
}

static void specs(_unused_ void **state)
{
	static const struct {
		const char *text, *escapable;
		bool host, joins;
	} cases[] = {
		{ "{\"linux\":{\"namespaces\":[{\"type\":\"pid\"},"
		  "{\"type\":\"network\"}]}}",
		  NULL, false, false },
		{ "{\"linux\":{\"namespaces\":[{\"type\":\"pid\"}]}}", NULL,
		  true, false },
		{ "{\"linux\":{\"namespaces\":[{\"type\":\"pid\"},"
		  "{\"type\":\"network\",\"path\":\"/proc/7/ns/net\"}]}}",
		  NULL, false, true },
		{ "{\"linux\":{\"namespaces\":[{\"type\":\"network\"}]},"
		  "\"mounts\":[{\"type\":\"bind\",\"source\":\"/run/x/docker.sock\"},"
		  "{\"type\":\"tmpfs\",\"source\":\"/\"},"
		  "{\"type\":\"bind\",\"source\":\"/\"}]}",
		  "host's processes, mounts docker.sock, mounts the host's /",
		  false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct containerd_record c;

		assert_int_equal(read_spec(cases[i].text, &c), 0);
		assert_int_equal(c.host_network, cases[i].host);
		assert_int_equal(c.joins_network, cases[i].joins);
		assert_string_equal(c.escapable ?: "",
				    cases[i].escapable ?: "");
		containerd_record_fini(&c);
	}
}

static void broken_specs(_unused_ void **state)
{
	static const char *const bad[] = { "{", "[]", "7", "{}",
					   "{\"windows\":{}}" };
	struct containerd_record c;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(read_spec(bad[i], &c), -EBADMSG);
}

int main(void)
{
#define EACH(f)                                          \
	cmocka_unit_test_prestate(f, (void *)&recorded), \
		cmocka_unit_test_prestate(f, (void *)&described)
	const struct CMUnitTest tests[] = {
		EACH(events),
		EACH(records),
		EACH(lists),
		cmocka_unit_test(out_of_memory),
		cmocka_unit_test(cut_messages_are_survived),
		cmocka_unit_test(labels_are_bounded),
		cmocka_unit_test(nerdctl_ports_are_read),
		cmocka_unit_test(nerdctl_networks_are_read),
		cmocka_unit_test(ids_are_checked),
		cmocka_unit_test(specs),
		cmocka_unit_test(broken_specs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
