/* SPDX-License-Identifier: GPL-2.0-or-later */
/* static.c - the file's schema, its errors, and that it is watched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/runtime.h"
#include "runtime/static/file.h"

static const char good[] = "networks:\n"
			   "- name: lab\n"
			   "  bridge: br-lab\n"
			   "  subnets: [10.9.0.0/24, 'fd09::/64']\n"
			   "endpoints:\n"
			   "- name: vm1\n"
			   "  namespace: test\n"
			   "  labels: {app: web}\n"
			   "  bridge: br-lab\n"
			   "  addresses: [10.9.0.2, 'fd09::2']\n"
			   "  mac: '52:54:00:00:00:01'\n"
			   "  ports: {http: 8080/tcp, dns: 53/udp}\n"
			   "- name: vm2\n"
			   "  bridge: br1\n"
			   "- name: outside\n"
			   "  addresses: [203.0.113.7]\n";

static void expect_vm1(const struct endpoint *e)
{
	const struct attachment *a = &e->attachments.data[0];
	char text[ADDR_STRLEN], mac[MAC_STRLEN];

	assert_string_equal(e->id, "static/test/vm1");
	assert_string_equal(e->namespace, "test");
	assert_int_equal(e->state, ENDPOINT_RUNNING);
	assert_string_equal(label_set_get(e->labels, "app"), "web");
	assert_string_equal(label_set_get(e->labels, "bulkhead/name"), "vm1");
	assert_int_equal(endpoint_named_port(e, "http", IPPROTO_TCP), 8080);
	assert_int_equal(endpoint_named_port(e, "dns", IPPROTO_UDP), 53);
	assert_string_equal(a->network, "lab");
	assert_string_equal(a->bridge, "br-lab");
	assert_string_equal(addr_format(&a->v4, text), "10.9.0.2");
	assert_string_equal(addr_format(&a->v6, text), "fd09::2");
	assert_string_equal(mac_format(&a->mac, mac), "52:54:00:00:00:01");
	assert_null(e->unenforceable);
}

static void schema(_unused_ void **state)
{
	_cleanup_(static_file_freep) struct static_file *f = NULL;
	_cleanup_(diag_fini) struct diag_list diag = { 0 };

	assert_int_equal(static_file_parse(slice_of(good), "f", &diag, &f), 0);
	assert_int_equal(f->endpoints.len, 3);
	expect_vm1(f->endpoints.data[0]);
	/* A bridge that no network names is one of its own. */
	assert_int_equal(f->networks.len, 2);
	assert_string_equal(f->networks.data[1]->name, "br1");
	assert_string_equal(f->endpoints.data[1]->attachments.data[0].network,
			    "br1");
	assert_string_equal(f->endpoints.data[2]->unenforceable, "no bridge");
}

static void errors_have_a_place(_unused_ void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "endpoints:\n- nmae: a\n",
		  "f:2:3: error: an endpoint has no key \"nmae\"" },
		{ "endpoint: []\n",
		  "f:1:1: error: the document has no key \"endpoint\"" },
		{ "endpoints: {}\n",
		  "f:1:12: error: endpoints must be a list, not a mapping" },
		{ "endpoints:\n- {name: a, addresses: [1.2.3]}\n",
		  "\"1.2.3\" is no IP address" },
		{ "endpoints:\n- {name: a, addresses: [1.2.3.4, 1.2.3.5]}\n",
		  "one of each family at most" },
		{ "endpoints:\n- {name: a, mac: x}\n",
		  "\"x\" is no MAC address" },
		{ "endpoints:\n- {name: a}\n- {name: a}\n",
		  "f:3:3: error: endpoint default/a is listed twice" },
		{ "endpoints:\n- {name: a, namespace: A_B}\n",
		  "is no namespace name" },
		{ "endpoints:\n- {name: a, ports: {http: 99999}}\n",
		  "has no port from 1 to 65535" },
		{ "endpoints:\n- {name: a, labels: {x: 1}}\n",
		  "must be a string: put it in quotes" },
		{ "endpoints:\n- {name: a, bridge: a/b}\n",
		  "is no interface name" },
		{ "endpoints:\n- {name: a, interface: interface-too-long}\n",
		  "interface: \"interface-too-long\" is no interface name" },
		{ "endpoints:\n- {name: a, interface: t0}\n- {name: b, interface: t0}\n",
		  "f:3:3: error: interface t0 is that of endpoint default/a already" },
		{ "networks:\n- {name: a}\n",
		  "a network needs a name and a bridge" },
		{ "networks:\n- {name: a, bridge: b, subnets: [1.2.3.4]}\n",
		  "\"1.2.3.4\" is no network address" },
		{ "networks:\n- {name: a, bridge: b}\n- {name: c, bridge: b}\n",
		  "another network has bridge b already" },
		{ "endpoints: [\n", "error" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(diag_fini) struct diag_list diag = { 0 };
		struct static_file *f = NULL;
		char text[512] = "";

		assert_int_equal(static_file_parse(slice_of(cases[i].text), "f",
						   &diag, &f),
				 -EINVAL);
		assert_null(f);
		diag_format(&diag.entries.data[0], text, sizeof(text));
		if (!strstr(text, cases[i].error))
			fail_msg("%s: %s", cases[i].text, text);
	}
}

static void nothing_is_fine(_unused_ void **state)
{
	static const char *const texts[] = { "", "endpoints:\n", "{}",
					     "networks: []\n" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_(static_file_freep) struct static_file *f = NULL;
		_cleanup_(diag_fini) struct diag_list diag = { 0 };

		assert_int_equal(
			static_file_parse(slice_of(texts[i]), "f", &diag, &f),
			0);
		assert_int_equal(f->endpoints.len, 0);
	}
}

struct fixture {
	char dir[32], path[128], part[64];
	struct loop *loop;
	struct endpoint_store *store;
	struct runtime *runtime;
	/* loop_run_once() runs timers, then waits for something else. */
	struct loop_timer *tick;
	unsigned synced;
	int error;
	runtime_interfaces interfaces; /* that the kernel has */
};

static void tick(_unused_ void *arg)
{
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	strcpy(f->dir, "/tmp/bulkhead-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/endpoints.yaml", f->dir);
	snprintf(f->part, sizeof(f->part), "%s/part", f->dir);
	assert_int_equal(loop_new(&f->loop), 0);
	f->store = endpoint_store_new();
	f->tick = loop_timer_new(f->loop, tick, NULL);
	loop_timer_start(f->tick, 10, 10);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	runtime_static.close(f->runtime);
	loop_timer_close(f->tick);
	loop_free(f->loop);
	endpoint_store_free(f->store);
	vec_fini(&f->interfaces);
	unlink(f->path);
	rmdir(f->dir);
	free(f);
	return 0;
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	fputs(text, file);
	fclose(file);
}

static void interfaces(void *arg, runtime_interfaces *ret)
{
	struct fixture *f = arg;

	ret->len = 0;
	vec_foreach(i, &f->interfaces)
		vec_push(ret, *i);
}

static void watch(struct fixture *f)
{
	struct runtime_host host = { .loop = f->loop,
				     .store = f->store,
				     .links = { .interfaces = interfaces,
						.arg = f } };

	f->runtime = runtime_static.open(&host, f->path);
}

static struct runtime_status status(const struct fixture *f)
{
	struct runtime_status s;

	runtime_static.status(f->runtime, &s);
	return s;
}

static size_t count(struct fixture *f)
{
	size_t n;

	endpoint_store_all(f->store, &n);
	return n;
}

static void a_write_is_seen(void **state)
{
	struct fixture *f = *state;
	FILE *file;

	watch(f);
	assert_int_equal(status(f).state, RUNTIME_CONNECTING);
	assert_non_null(strstr(status(f).detail, "No such file"));
	/* Slowly, in pieces that would be valid each. */
	file = fopen(f->path, "w");
	fputs("endpoints:\n- name: a\n", file);
	fflush(file);
	fputs("- name: b\n", file);
	fclose(file);
	while (status(f).state != RUNTIME_IN_STEP)
		loop_run_once(f->loop);
	assert_int_equal(count(f), 2);
	assert_int_equal(status(f).resyncs, 1);
}

/* Where there was no directory, and one that becomes another. */
static void a_directory_may_come_later(void **state)
{
	struct fixture *f = *state;
	char etc[80], other[80], file[100];

	snprintf(etc, sizeof(etc), "%s/etc", f->dir);
	snprintf(other, sizeof(other), "%s/other", f->dir);
	snprintf(file, sizeof(file), "%s/endpoints.yaml", other);
	snprintf(f->path, sizeof(f->path), "%s/endpoints.yaml", etc);
	watch(f);
	mkdir(etc, 0755);
	loop_run_once(f->loop);
	write_file(f->path, "endpoints:\n- name: a\n");
	while (status(f).state != RUNTIME_IN_STEP)
		loop_run_once(f->loop);
	assert_int_equal(count(f), 1);
	mkdir(other, 0755);
	write_file(file, "endpoints:\n- name: a\n- name: b\n");
	rename(etc, f->part);
	assert_int_equal(symlink(other, etc), 0);
	while (count(f) != 2)
		loop_run_once(f->loop);
	write_file(file, "endpoints:\n- name: c\n");
	while (count(f) != 1)
		loop_run_once(f->loop);
	unlink(file);
	unlink(etc);
	rmdir(other);
	snprintf(file, sizeof(file), "%s/endpoints.yaml", f->part);
	unlink(file);
	rmdir(f->part);
}

static void a_broken_one_changes_nothing(void **state)
{
	struct fixture *f = *state;

	write_file(f->path, "endpoints:\n- name: a\n- name: b\n");
	watch(f);
	assert_int_equal(status(f).state, RUNTIME_IN_STEP);
	write_file(f->path, "endpoints:\n- name: [\n");
	while (status(f).state != RUNTIME_AWAY)
		loop_run_once(f->loop);
	assert_int_equal(count(f), 2);
	assert_non_null(strstr(status(f).detail, f->path));
	/* By rename, as editors do. */
	write_file(f->part, "endpoints:\n- name: b\n");
	rename(f->part, f->path);
	while (status(f).state != RUNTIME_IN_STEP)
		loop_run_once(f->loop);
	assert_int_equal(count(f), 1);
}

/* The kernel has port @name of @bridge from now on; "": of none. */
static void set_interface(struct fixture *f, const char *name,
			  const char *bridge, bool veth)
{
	struct runtime_interface new = { .veth = veth };

	for (size_t i = f->interfaces.len; i > 0; i--)
		if (!strcmp(f->interfaces.data[i - 1].name, name))
			vec_remove(&f->interfaces, i - 1);
	strcpy(new.name, name);
	strcpy(new.bridge, bridge);
	if (bridge[0])
		vec_push(&f->interfaces, new);
	runtime_static.links_changed(f->runtime);
}

static void assert_place(struct fixture *f, const char *id, const char *network,
			 const char *bridge)
{
	const struct endpoint *e = endpoint_store_by_id(f->store, id);

	assert_non_null(e);
	assert_string_equal(e->attachments.data[0].bridge, bridge);
	assert_string_equal(e->attachments.data[0].network, network);
	if (bridge[0])
		assert_null(e->unenforceable);
	else
		assert_string_equal(e->unenforceable,
				    "tap0 is no port of a bridge");
}

static void an_interface_tells_the_bridge(void **state)
{
	struct fixture *f = *state;
	uint64_t before;

	write_file(f->path, "networks:\n- {name: lab, bridge: br1}\n"
			    "endpoints:\n- {name: fixed, bridge: br9}\n"
			    "- {name: a, interface: tap0}\n"
			    "- {name: b, interface: v0}\n");
	watch(f);
	assert_place(f, "static/default/a", "", "");
	set_interface(f, "v0", "br0", true);
	assert_place(f, "static/default/b", "br0", "br0");
	assert_string_equal(status(f).detail, "");
	set_interface(f, "tap0", "br1", false);
	assert_place(f, "static/default/a", "lab", "br1");
	assert_non_null(strstr(status(f).detail, "default/a: tap0 is no veth"));
	assert_int_equal(status(f).state, RUNTIME_IN_STEP);
	/* What the file does not name is no news. */
	before = endpoint_store_generation(f->store);
	set_interface(f, "tap7", "br0", false);
	/* Where it was last is where it will be. */
	set_interface(f, "tap0", "", false);
	assert_int_equal(endpoint_store_generation(f->store), before);
	write_file(f->part, "endpoints:\n- {name: a, interface: tap0, "
			    "mac: '52:54:00:00:00:01'}\n");
	rename(f->part, f->path);
	while (count(f) != 1)
		loop_run_once(f->loop);
	assert_place(f, "static/default/a", "br1", "br1");
	assert_string_equal(status(f).detail, "");
	/* The last good file is followed while the present one is broken. */
	write_file(f->path, "endpoints: [\n");
	while (status(f).state != RUNTIME_AWAY)
		loop_run_once(f->loop);
	set_interface(f, "tap0", "br2", false);
	assert_place(f, "static/default/a", "br2", "br2");
	assert_int_equal(status(f).state, RUNTIME_AWAY);
	assert_non_null(strstr(status(f).detail, f->path));
}

static void on_synced(void *arg, int error)
{
	struct fixture *f = arg;

	f->synced++;
	f->error = error;
}

static void sync_reads_now(void **state)
{
	struct fixture *f = *state;

	write_file(f->path, "endpoints:\n- name: a\n");
	watch(f);
	runtime_static.sync(f->runtime, on_synced, f);
	assert_int_equal(f->synced, 0);
	while (!f->synced)
		loop_run_once(f->loop);
	assert_int_equal(f->error, 0);
	unlink(f->path);
	runtime_static.sync(f->runtime, on_synced, f);
	while (f->synced < 2)
		loop_run_once(f->loop);
	assert_int_equal(f->error, -ENOENT);
	assert_int_equal(count(f), 1);
	/* One that gets no answer, as it is closed. */
	runtime_static.sync(f->runtime, on_synced, f);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schema),
		cmocka_unit_test(errors_have_a_place),
		cmocka_unit_test(nothing_is_fine),
		TEST(a_write_is_seen),
		TEST(a_directory_may_come_later),
		TEST(a_broken_one_changes_nothing),
		TEST(an_interface_tells_the_bridge),
		TEST(sync_reads_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
