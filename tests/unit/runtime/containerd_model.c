/* SPDX-License-Identifier: GPL-2.0-or-later */
/* containerd_model.c - events, answers and interfaces in every order that
 * matters, on a kernel of our own making.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>

#include "runtime/containerd/model.h"

/* A process, the namespace that it is in, and what is in there. */
struct process {
	unsigned pid;
	int netns;
};

struct interface {
	struct runtime_port port;
	struct runtime_address v4;
};

struct world {
	struct endpoint_store *store;
	struct containerd_model *m;
	VEC(struct process) processes;
	VEC(struct interface) interfaces;
	bool no_bridge;
	unsigned asked;
};

static int netns_of(void *arg, unsigned pid, int *ret)
{
	struct world *w = arg;

	vec_foreach(p, &w->processes)
		if (p->pid == pid) {
			*ret = p->netns;
			return 0;
		}
	return -ESRCH;
}

static void ports(void *arg, runtime_ports *ret)
{
	struct world *w = arg;

	ret->len = 0;
	vec_foreach(i, &w->interfaces)
		vec_push(ret, i->port);
}

static int addresses(void *arg, unsigned veth, struct runtime_address *ret_v4,
		     struct runtime_address *ret_v6)
{
	struct world *w = arg;

	vec_foreach(i, &w->interfaces)
		if (i->port.veth == veth) {
			*ret_v4 = i->v4;
			*ret_v6 = (struct runtime_address){ .len = 0 };
			return 0;
		}
	return -ENOENT;
}

static bool has_bridge(void *arg, _unused_ const char *bridge)
{
	return !((struct world *)arg)->no_bridge;
}

static void ask_record(void *arg, _unused_ const char *namespace,
		       _unused_ const char *id)
{
	((struct world *)arg)->asked++;
}

static struct containerd_model *new_model(struct world *w, bool kubernetes)
{
	struct runtime_host host = { .store = w->store,
				     .kubernetes = kubernetes,
				     .links = { .netns_of = netns_of,
						.ports = ports,
						.addresses = addresses,
						.has_bridge = has_bridge,
						.arg = w } };
	struct containerd_model *m = containerd_model_new(
		&host, (struct containerd_ask){ ask_record, w });

	return m;
}

static int setup(void **state)
{
	struct world *w = xnew(struct world);

	w->store = endpoint_store_new();
	w->m = new_model(w, false);
	containerd_model_list_begin(w->m);
	containerd_model_list_end(w->m, 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	containerd_model_free(w->m);
	endpoint_store_free(w->store);
	vec_fini(&w->processes);
	vec_fini(&w->interfaces);
	free(w);
	return 0;
}

/* ---- what happens ------------------------------------------------------- */

static struct addr address(const char *text)
{
	struct addr a = { 0 };

	if (text[0])
		assert_int_equal(addr_parse(slice_of(text), &a), 0);
	return a;
}

static void process(struct world *w, unsigned pid, int netns)
{
	vec_push(&w->processes, (struct process){ pid, netns });
}

static void interface(struct world *w, unsigned veth, int netns, const char *v4)
{
	struct interface i = {
		.port = { .veth = veth,
			  .netns = netns,
			  .bridge = "cni0",
			  .mac = { { 2, 0, 0, 0, 0, (uint8_t)veth } } },
		.v4 = { address(v4), 24 }
	};

	vec_foreach(old, &w->interfaces)
		if (old->port.veth == veth) {
			*old = i;
			return;
		}
	vec_push(&w->interfaces, i);
}

static void event(struct world *w, enum containerd_event_kind kind,
		  const char *id, unsigned pid)
{
	struct containerd_event e = { .kind = kind,
				      .namespace = (char *)"shop_a.b",
				      .id = (char *)id,
				      .pid = pid,
				      .time = 1 };

	containerd_model_event(w->m, &e);
}

static struct containerd_record record_of(const char *id)
{
	return (struct containerd_record){ .id = (char *)id,
					   .image = (char *)"img",
					   .created = 5 };
}

static void record(struct world *w, const char *id)
{
	struct containerd_record r = record_of(id);

	containerd_model_record(w->m, containerd_model_now(w->m), "shop_a.b",
				id, &r);
}

/* As CNI does: a process that waits, an interface, an address, the start. */
static void run(struct world *w, const char *id, unsigned pid, unsigned veth,
		const char *v4)
{
	event(w, CONTAINERD_CONTAINER_CHANGED, id, 0);
	record(w, id);
	process(w, pid, (int)pid);
	event(w, CONTAINERD_TASK_CREATED, id, pid);
	interface(w, veth, (int)pid, "");
	containerd_model_links(w->m);
	interface(w, veth, (int)pid, v4);
	containerd_model_links(w->m);
	event(w, CONTAINERD_TASK_STARTED, id, pid);
}

/* ---- what the store has ------------------------------------------------- */

static struct endpoint *find(struct world *w, const char *id)
{
	char key[128];

	snprintf(key, sizeof(key), "shop_a.b/%s", id);
	return endpoint_store_by_id(w->store, key);
}

static void expect(struct world *w, const char *id, enum endpoint_state state,
		   const char *v4)
{
	struct endpoint *e = find(w, id);
	char text[ADDR_STRLEN] = "";

	assert_non_null(e);
	assert_int_equal(e->state, state);
	if (e->attachments.len)
		addr_format(&e->attachments.data[0].v4, text);
	assert_string_equal(text, v4);
}

/* ---- tests -------------------------------------------------------------- */

static void enforced_before_it_starts(void **state)
{
	struct world *w = *state;
	const struct network *n;
	struct endpoint *e;

	event(w, CONTAINERD_CONTAINER_CHANGED, "c1", 0);
	assert_int_equal(w->asked, 1);
	record(w, "c1");
	expect(w, "c1", ENDPOINT_CREATED, "");
	process(w, 7, 7);
	event(w, CONTAINERD_TASK_CREATED, "c1", 7);
	interface(w, 3, 7, "10.88.0.2");
	containerd_model_links(w->m);
	expect(w, "c1", ENDPOINT_CREATED, "10.88.0.2");
	event(w, CONTAINERD_TASK_STARTED, "c1", 7);
	expect(w, "c1", ENDPOINT_RUNNING, "10.88.0.2");
	e = find(w, "c1");
	assert_string_equal(e->namespace, "shop-a-b");
	assert_string_equal(e->name, "c1");
	assert_int_equal(e->pid, 7);
	assert_int_equal(e->attachments.data[0].veth, 3);
	n = endpoint_store_network(w->store, "containerd/cni0");
	assert_string_equal(n->bridge, "cni0");
	assert_int_equal(n->subnets.len, 1);
	assert_int_equal(n->subnets.data[0].addr.bytes[3], 0);
}

static void the_record_may_come_last(void **state)
{
	struct world *w = *state;

	process(w, 7, 7);
	interface(w, 3, 7, "10.88.0.2");
	event(w, CONTAINERD_TASK_CREATED, "c1", 7);
	assert_int_equal(w->asked, 1);
	assert_null(find(w, "c1"));
	record(w, "c1");
	expect(w, "c1", ENDPOINT_CREATED, "10.88.0.2");
}

static void nothing_changes_after_the_start(void **state)
{
	struct world *w = *state;

	run(w, "c1", 7, 3, "10.88.0.2");
	interface(w, 3, 7, "10.88.0.99");
	containerd_model_links(w->m);
	expect(w, "c1", ENDPOINT_RUNNING, "10.88.0.2");
	containerd_model_list_begin(w->m);
	containerd_model_list_end(w->m, containerd_model_now(w->m));
}

static void a_late_interface_counts(void **state)
{
	struct world *w = *state;

	event(w, CONTAINERD_CONTAINER_CHANGED, "c1", 0);
	record(w, "c1");
	process(w, 7, 7);
	event(w, CONTAINERD_TASK_CREATED, "c1", 7);
	event(w, CONTAINERD_TASK_STARTED, "c1", 7);
	expect(w, "c1", ENDPOINT_RUNNING, "");
	interface(w, 3, 7, "10.88.0.2");
	containerd_model_links(w->m);
	expect(w, "c1", ENDPOINT_RUNNING, "10.88.0.2");
}

static void an_address_stays_with_who_has_it(void **state)
{
	struct world *w = *state;

	run(w, "c1", 7, 3, "10.88.0.2");
	run(w, "c2", 8, 4, "10.88.0.2");
	expect(w, "c1", ENDPOINT_RUNNING, "10.88.0.2");
	expect(w, "c2", ENDPOINT_RUNNING, "");
	/* Its port is gone, and with it its claim. */
	event(w, CONTAINERD_TASK_EXITED, "c1", 7);
	expect(w, "c1", ENDPOINT_EXITED, "");
	expect(w, "c2", ENDPOINT_RUNNING, "10.88.0.2");
}

static void an_address_is_reused(void **state)
{
	struct world *w = *state;

	run(w, "c1", 7, 3, "10.88.0.2");
	/* The next one is there before the end of the first is told. */
	w->interfaces.len = w->processes.len = 0;
	run(w, "c2", 8, 4, "10.88.0.2");
	expect(w, "c2", ENDPOINT_RUNNING, "10.88.0.2");
	event(w, CONTAINERD_TASK_EXITED, "c1", 7);
	expect(w, "c2", ENDPOINT_RUNNING, "10.88.0.2");
}

static void a_namespace_id_is_reused(void **state)
{
	struct world *w = *state;

	run(w, "c1", 7, 3, "10.88.0.2");
	/* c1 died unheard; its namespace's id is another's now. */
	w->interfaces.len = w->processes.len = 0;
	process(w, 8, 7);
	interface(w, 4, 7, "10.88.0.3");
	containerd_model_links(w->m);
	expect(w, "c1", ENDPOINT_RUNNING, "");
}

static void who_shares_has_no_address(void **state)
{
	struct world *w = *state;
	struct containerd_record r = record_of("c2");

	run(w, "c1", 7, 3, "10.88.0.2");
	r.joins_network = true;
	r.created = 1;
	event(w, CONTAINERD_CONTAINER_CHANGED, "c2", 0);
	containerd_model_record(w->m, containerd_model_now(w->m), "shop_a.b",
				"c2", &r);
	process(w, 8, 7);
	event(w, CONTAINERD_TASK_CREATED, "c2", 8);
	event(w, CONTAINERD_TASK_STARTED, "c2", 8);
	expect(w, "c1", ENDPOINT_RUNNING, "10.88.0.2");
	expect(w, "c2", ENDPOINT_RUNNING, "");
	/* Who made the namespace is gone: it is the other's. */
	event(w, CONTAINERD_TASK_EXITED, "c1", 7);
	expect(w, "c2", ENDPOINT_RUNNING, "10.88.0.2");
}

static void late_ends_end_nothing_new(void **state)
{
	struct world *w = *state;

	run(w, "c1", 7, 3, "10.88.0.2");
	event(w, CONTAINERD_TASK_EXITED, "c1", 6);
	event(w, CONTAINERD_TASK_DELETED, "c1", 6);
	expect(w, "c1", ENDPOINT_RUNNING, "10.88.0.2");
	event(w, CONTAINERD_CONTAINER_DELETED, "c1", 0);
	assert_null(find(w, "c1"));
}

static void vanished_between_event_and_question(void **state)
{
	struct world *w = *state;

	event(w, CONTAINERD_CONTAINER_CHANGED, "c1", 0);
	containerd_model_record(w->m, containerd_model_now(w->m), "shop_a.b",
				"c1", NULL);
	assert_null(find(w, "c1"));
	record(w, "c1"); /* nobody asks any more */
	assert_null(find(w, "c1"));
}

static void an_older_answer_is_ignored(void **state)
{
	struct world *w = *state;
	struct containerd_record r = record_of("c1");
	uint64_t when = containerd_model_now(w->m);

	event(w, CONTAINERD_CONTAINER_CHANGED, "c1", 0);
	containerd_model_record(w->m, when, "shop_a.b", "c1", &r);
	assert_null(find(w, "c1"));
	record(w, "c1");
	assert_non_null(find(w, "c1"));
}

/* The listing's answers are from before what happens while it runs. */
static void a_listing_is_overtaken(void **state)
{
	struct world *w = *state;
	struct containerd_record r = record_of("c1");
	struct containerd_task t = { (char *)"c1", 7, CONTAINERD_TASK_RUNNING };
	containerd_tasks tasks = { &t, 1, 1 };
	uint64_t when = containerd_model_now(w->m);

	process(w, 7, 7);
	interface(w, 3, 7, "10.88.0.2");
	containerd_model_list_begin(w->m);
	event(w, CONTAINERD_TASK_EXITED, "c1", 7);
	event(w, CONTAINERD_CONTAINER_DELETED, "c1", 0);
	containerd_model_list_record(w->m, when, "shop_a.b", &r);
	containerd_model_list_tasks(w->m, when, "shop_a.b", &tasks);
	containerd_model_list_end(w->m, when);
	assert_null(find(w, "c1"));
	/* A later one knows. */
	when = containerd_model_now(w->m);
	containerd_model_list_begin(w->m);
	containerd_model_list_tasks(w->m, when, "shop_a.b", &tasks);
	containerd_model_list_record(w->m, when, "shop_a.b", &r);
	containerd_model_list_end(w->m, when);
	expect(w, "c1", ENDPOINT_RUNNING, "10.88.0.2");
	/* And what is not in it is gone. */
	containerd_model_list_begin(w->m);
	containerd_model_list_end(w->m, when);
	assert_null(find(w, "c1"));
}

static void labels(struct containerd_record *r, struct label *list, size_t n)
{
	r->labels.data = list;
	r->labels.len = n;
}

static void kubernetes_is_left_alone(void **state)
{
	struct world *w = *state;
	struct label pod[] = { { "io.cri-containerd.kind", "sandbox" },
			       { "io.kubernetes.pod.name", "web-0" },
			       { "io.kubernetes.pod.namespace", "prod" } };
	struct containerd_record r = record_of("c1");

	labels(&r, pod, 3);
	process(w, 7, 7);
	interface(w, 3, 7, "10.88.0.2");
	for (int enforce = 0; enforce < 2; enforce++) {
		containerd_model_free(w->m);
		w->m = new_model(w, enforce);
		containerd_model_list_begin(w->m);
		containerd_model_list_record(w->m, 0, "shop_a.b", &r);
		containerd_model_list_end(w->m, 0);
		event(w, CONTAINERD_TASK_CREATED, "c1", 7);
		assert_int_equal(find(w, "c1") != NULL, enforce);
		assert_int_equal(containerd_model_endpoint(w->m, "shop_a.b",
							   "c1") != NULL,
				 enforce);
		assert_int_equal(endpoint_store_network(
					 w->store, "containerd/cni0") != NULL,
				 enforce);
	}
	assert_string_equal(find(w, "c1")->namespace, "prod");
	assert_string_equal(find(w, "c1")->name, "web-0");
	expect(w, "c1", ENDPOINT_CREATED, "10.88.0.2");
}

/* Its sandbox, which made the namespace, is what a pod is, whichever of the two
 * a listing shows first. */
static void a_pod_is_one_endpoint(void **state)
{
	struct label pod[] = { { "io.cri-containerd.kind", "sandbox" },
			       { "io.kubernetes.pod.name", "web-0" } };
	struct label member[] = { { "io.cri-containerd.kind", "container" },
				  { "io.kubernetes.pod.name", "web-0" } };
	struct containerd_record records[] = { record_of("s"), record_of("c") };
	struct containerd_task of[] = {
		{ (char *)"s", 7, CONTAINERD_TASK_RUNNING },
		{ (char *)"c", 8, CONTAINERD_TASK_RUNNING },
	};
	struct world *w = *state;

	labels(&records[0], pod, 2);
	labels(&records[1], member, 2);
	records[0].joins_network = records[1].joins_network = true;
	process(w, 7, 7);
	process(w, 8, 7);
	interface(w, 3, 7, "10.88.0.2");
	for (size_t first = 0; first < 2; first++) {
		containerd_tasks tasks = { of, 2, 2 };

		containerd_model_free(w->m);
		w->m = new_model(w, true);
		containerd_model_list_begin(w->m);
		for (size_t i = 0; i < 2; i++)
			containerd_model_list_record(w->m, 0, "shop_a.b",
						     &records[first ^ i]);
		containerd_model_list_tasks(w->m, 0, "shop_a.b", &tasks);
		containerd_model_list_end(w->m, 0);
		assert_null(find(w, "c"));
		assert_string_equal(find(w, "s")->name, "web-0");
		expect(w, "s", ENDPOINT_RUNNING, "10.88.0.2");
		assert_string_equal(
			containerd_model_endpoint(w->m, "shop_a.b", "c"),
			"shop_a.b/s");
	}
}

static void nerdctl_names(void **state)
{
	static const char id[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	struct world *w = *state;
	struct label list[] = { { "nerdctl/name", "web" },
				{ "com.docker.compose.project", "shop" } };
	struct containerd_record r = record_of(id);
	struct endpoint *e;

	labels(&r, list, 2);
	event(w, CONTAINERD_CONTAINER_CHANGED, id, 0);
	containerd_model_record(w->m, containerd_model_now(w->m), "shop_a.b",
				id, &r);
	e = endpoint_store_by_id(w->store, id);
	assert_string_equal(e->name, "web");
	assert_string_equal(e->namespace, "shop");
}

static void docker_is_believed_first(void **state)
{
	static const char id[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	struct world *w = *state;

	endpoint_store_put(w->store, endpoint_new("docker", id));
	event(w, CONTAINERD_CONTAINER_CHANGED, id, 0);
	record(w, id);
	assert_string_equal(endpoint_store_by_id(w->store, id)->runtime,
			    "docker");
	event(w, CONTAINERD_CONTAINER_DELETED, id, 0);
	assert_non_null(endpoint_store_by_id(w->store, id));
}

static void a_bridge_that_goes(void **state)
{
	struct world *w = *state;

	run(w, "c1", 7, 3, "10.88.0.2");
	assert_non_null(endpoint_store_network(w->store, "containerd/cni0"));
	w->interfaces.len = 0;
	w->no_bridge = true;
	containerd_model_links(w->m);
	assert_null(endpoint_store_network(w->store, "containerd/cni0"));
	expect(w, "c1", ENDPOINT_RUNNING, "");
}

static void host_network(void **state)
{
	struct world *w = *state;
	struct containerd_record r = record_of("c1");

	r.host_network = true;
	event(w, CONTAINERD_CONTAINER_CHANGED, "c1", 0);
	containerd_model_record(w->m, containerd_model_now(w->m), "shop_a.b",
				"c1", &r);
	assert_string_equal(find(w, "c1")->unenforceable, "host network");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(enforced_before_it_starts),
		TEST(the_record_may_come_last),
		TEST(nothing_changes_after_the_start),
		TEST(a_late_interface_counts),
		TEST(an_address_stays_with_who_has_it),
		TEST(an_address_is_reused),
		TEST(a_namespace_id_is_reused),
		TEST(who_shares_has_no_address),
		TEST(late_ends_end_nothing_new),
		TEST(vanished_between_event_and_question),
		TEST(an_older_answer_is_ignored),
		TEST(a_listing_is_overtaken),
		TEST(kubernetes_is_left_alone),
		TEST(a_pod_is_one_endpoint),
		TEST(nerdctl_names),
		TEST(docker_is_believed_first),
		TEST(a_bridge_that_goes),
		TEST(host_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
