/* SPDX-License-Identifier: GPL-2.0-or-later */
/* docker_model.c - events and answers that overtake each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "base/buf.h"
#include "runtime/docker/model.h"

struct fixture {
	struct endpoint_store *store;
	struct docker_model *model;
	const struct namespace_rule *namespaces;
	struct buf asked; /* "c:a n:net i:a " */
};

static void ask_container(void *arg, const char *id)
{
	struct fixture *f = arg;

	buf_addf(&f->asked, "c:%s ", id);
}

static void ask_inspect(void *arg, const char *id)
{
	struct fixture *f = arg;

	buf_addf(&f->asked, "i:%s ", id);
}

static void ask_inspect_later(void *arg, const char *id)
{
	struct fixture *f = arg;

	buf_addf(&f->asked, "l:%s ", id);
}

static void ask_network(void *arg, const char *id)
{
	struct fixture *f = arg;

	buf_addf(&f->asked, "n:%s ", id);
}

static void new_model(struct fixture *f)
{
	docker_model_free(f->model);
	f->model = docker_model_new(
		f->store, "docker", f->namespaces,
		(struct docker_ask){ .container = ask_container,
				     .inspect = ask_inspect,
				     .inspect_later = ask_inspect_later,
				     .network = ask_network,
				     .arg = f });
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	f->store = endpoint_store_new();
	f->asked = BUF_INIT(BUF_UNBOUNDED);
	new_model(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	docker_model_free(f->model);
	endpoint_store_free(f->store);
	buf_fini(&f->asked);
	free(f);
	return 0;
}

static void expect_asked(struct fixture *f, const char *text)
{
	assert_string_equal(buf_str(&f->asked), text);
	buf_clear(&f->asked);
}

static uint64_t now(const struct fixture *f)
{
	return docker_model_now(f->model);
}

static void event(struct fixture *f, const char *action, const char *id)
{
	struct docker_event e = { .action = (char *)action, .id = (char *)id };

	assert_true(docker_model_event(f->model, &e));
}

static void network_event(struct fixture *f, const char *action,
			  const char *network, const char *container)
{
	struct docker_event e = {
		.network = true,
		.action = (char *)action,
		.id = (char *)network,
		.container = (char *)container,
	};

	assert_true(docker_model_event(f->model, &e));
}

/* The list entry of container @id, as an answer asked for at @when. */
static void entry(struct fixture *f, uint64_t when, const char *id,
		  const char *name, const char *state, const char *mode)
{
	struct docker_container c = {
		.id = (char *)id,
		.name = (char *)name,
		.image = (char *)"image",
		.state = (char *)state,
		.network_mode = (char *)mode,
	};

	docker_model_container(f->model, when, id, &c);
}

static struct docker_network make_network(const char *id, const char *driver)
{
	struct docker_network n = { .network = network_new("docker", id, id) };

	free(n.network->driver);
	n.network->driver = xstrdup(driver);
	if (!strcmp(driver, "bridge"))
		strcpy(n.network->bridge, "br0");
	return n;
}

static void add_member(struct docker_network *n, const char *container,
		       const char *v4)
{
	struct docker_member m = { .container = xstrdup(container) };

	assert_int_equal(addr_parse(slice_of(v4), &m.v4), 0);
	vec_push(&n->members, m);
}

/* Network "net" with one member (NULL: none), asked for at @when. */
static void answer(struct fixture *f, uint64_t when, const char *container,
		   const char *v4)
{
	struct docker_network n = make_network("net", "bridge");

	if (container)
		add_member(&n, container, v4);
	docker_model_network(f->model, when, "net", &n);
	docker_network_fini(&n);
}

/* What the store has of @id: "STATE ADDRESS", "STATE" or "nothing". */
static void expect(struct fixture *f, const char *id, const char *expected)
{
	const struct endpoint *e = endpoint_store_by_id(f->store, id);
	char text[100], v4[ADDR_STRLEN] = "";

	if (e && e->attachments.len)
		addr_format(&e->attachments.data[0].v4, v4);
	snprintf(text, sizeof(text), "%s%s%s",
		 e ? endpoint_state_name(e->state) : "nothing",
		 v4[0] ? " " : "", v4);
	assert_string_equal(text, expected);
}

/* A listing with network "net", which has a member that no list has. */
static void list_nothing_but(struct fixture *f, const char *member,
			     const char *v4)
{
	docker_networks networks = { 0 };
	docker_containers containers = { 0 };

	docker_model_list_begin(f->model);
	vec_push(&networks, make_network("net", "bridge"));
	docker_model_list_networks(f->model, now(f), &networks);
	docker_model_list_containers(f->model, now(f), &containers);
	docker_networks_fini(&networks);
	answer(f, now(f), member, v4);
	docker_model_list_end(f->model);
}

static void list_nothing(struct fixture *f)
{
	list_nothing_but(f, NULL, NULL);
}

/* "a" runs on "net" with 10.0.0.2. */
static void start_a(struct fixture *f)
{
	list_nothing(f);
	event(f, "create", "a");
	expect_asked(f, "c:a i:a ");
	entry(f, now(f), "a", "web", "created", "net");
	network_event(f, "connect", "net", "a");
	expect_asked(f, "n:net ");
	answer(f, now(f), "a", "10.0.0.2");
	expect(f, "a", "created 10.0.0.2");
	event(f, "start", "a");
	entry(f, now(f), "a", "web", "running", "net");
	expect(f, "a", "running 10.0.0.2");
	buf_clear(&f->asked);
}

static void one_life(void **state)
{
	struct fixture *f = *state;

	start_a(f);
	event(f, "die", "a");
	expect(f, "a", "exited");
	network_event(f, "disconnect", "net", "a");
	event(f, "destroy", "a");
	expect(f, "a", "nothing");
}

static void labels_may_come_last(void **state)
{
	struct fixture *f = *state;

	list_nothing(f);
	network_event(f, "connect", "net", "a");
	expect_asked(f, "n:net c:a ");
	answer(f, now(f), "a", "10.0.0.2");
	expect(f, "a", "nothing");
	entry(f, now(f), "a", "web", "created", "net");
	expect(f, "a", "created 10.0.0.2");
}

/* The engine shows a dying container's address until it releases it, and its
 * list says "running" even after die. */
static void late_answers_do_not_revive(void **state)
{
	struct fixture *f = *state;
	uint64_t before;

	start_a(f);
	before = now(f);
	event(f, "die", "a");
	answer(f, before, "a", "10.0.0.2");
	expect(f, "a", "exited");
	answer(f, now(f), "a", "10.0.0.2");
	expect(f, "a", "exited");
	entry(f, now(f), "a", "web", "running", "net");
	expect(f, "a", "exited");
	/* A restart does. */
	network_event(f, "connect", "net", "a");
	answer(f, now(f), "a", "10.0.0.3");
	expect(f, "a", "created 10.0.0.3");
}

/* An answer from before the connect does not know the container yet. */
static void early_answer_does_not_detach(void **state)
{
	struct fixture *f = *state;
	uint64_t before;

	start_a(f);
	before = now(f);
	event(f, "create", "b");
	entry(f, now(f), "b", "b", "created", "net");
	network_event(f, "connect", "net", "b");
	answer(f, before, "a", "10.0.0.2");
	expect(f, "a", "running 10.0.0.2");
	expect(f, "b", "created");
	/* One from after does. */
	answer(f, now(f), "b", "10.0.0.3");
	expect(f, "b", "created 10.0.0.3");
	expect(f, "a", "running");
}

/* b gets a's address before a's die arrives. */
static void address_is_reused_at_once(void **state)
{
	struct fixture *f = *state;
	struct addr a;

	start_a(f);
	event(f, "create", "b");
	entry(f, now(f), "b", "b", "created", "net");
	network_event(f, "connect", "net", "b");
	answer(f, now(f), "b", "10.0.0.2");
	event(f, "die", "a");
	network_event(f, "disconnect", "net", "a");
	event(f, "destroy", "a");
	expect(f, "b", "created 10.0.0.2");
	addr_parse(SLICE("10.0.0.2"), &a);
	assert_string_equal(endpoint_store_by_addr(f->store, &a)->id, "b");
}

static void the_dead_stay_dead(void **state)
{
	struct fixture *f = *state;
	uint64_t before;

	start_a(f);
	before = now(f);
	event(f, "destroy", "a");
	entry(f, before, "a", "web", "running", "net");
	expect(f, "a", "nothing");
	network_event(f, "destroy", "net", NULL);
	answer(f, before, NULL, NULL);
	assert_null(endpoint_store_network(f->store, "net"));
}

/* It may be there without an event that we got, or be gone already. */
static void an_unknown_container_is_asked_about(void **state)
{
	static const char id[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	struct fixture *f = *state;
	char asked[80];

	list_nothing(f);
	answer(f, now(f), id, "10.0.0.2");
	expect(f, id, "nothing");
	snprintf(asked, sizeof(asked), "c:%s ", id);
	expect_asked(f, asked);
	docker_model_container(f->model, now(f), id, NULL);
	expect(f, id, "nothing");
}

#define BUILD "qfw4t728qtd53ljdawxsuyszd" /* as BuildKit makes them */

static void a_build_is_an_endpoint(void **state)
{
	struct fixture *f = *state;
	const struct endpoint *e;

	list_nothing(f);
	docker_model_ports(f->model, "br1");
	expect_asked(f, "");
	docker_model_ports(f->model, "br0");
	expect_asked(f, "n:net ");
	answer(f, now(f), BUILD, "10.0.0.2");
	expect(f, BUILD, "running 10.0.0.2");
	e = endpoint_store_by_id(f->store, BUILD);
	assert_string_equal(e->name, "build-qfw4t728qtd5");
	assert_string_equal(e->namespace, "default");
	assert_string_equal(label_set_get(e->labels, "bulkhead/kind"), "build");
	/* No list has it, so none takes it away. */
	list_nothing_but(f, BUILD, "10.0.0.2");
	expect(f, BUILD, "running 10.0.0.2");
	expect_asked(f, "");
	docker_model_ports(f->model, "br0");
	answer(f, now(f), NULL, NULL);
	expect(f, BUILD, "nothing");
}

static void a_build_takes_no_old_answer(void **state)
{
	struct fixture *f = *state;
	uint64_t before;

	list_nothing(f);
	before = now(f);
	docker_model_ports(f->model, "br0");
	answer(f, before, BUILD, "10.0.0.2");
	expect(f, BUILD, "nothing");
	answer(f, now(f), BUILD, "10.0.0.2");
	answer(f, before, NULL, NULL);
	expect(f, BUILD, "running 10.0.0.2");
	network_event(f, "destroy", "net", NULL);
	expect(f, BUILD, "nothing");
}

/* Whatever an engine calls its containers: what has events is one. */
static void what_has_events_is_no_build(void **state)
{
	struct fixture *f = *state;

	list_nothing(f);
	answer(f, now(f), BUILD, "10.0.0.2");
	network_event(f, "disconnect", "net", BUILD);
	event(f, "die", BUILD);
	expect(f, BUILD, "exited");
	event(f, "rename", BUILD);
	entry(f, now(f), BUILD, "web", "exited", "net");
	assert_null(label_set_get(endpoint_store_by_id(f->store, BUILD)->labels,
				  "bulkhead/kind"));
	event(f, "destroy", BUILD);
	expect(f, BUILD, "nothing");
}

static void a_network_names_the_namespace(void **state)
{
	struct fixture *f = *state;
	struct namespace_rule rule = { .from_network = true };
	struct docker_network other = make_network("a_net", "bridge");

	vec_push(&rule.networks, (struct label){ "net", "mapped" });
	f->namespaces = &rule;
	new_model(f);
	start_a(f);
	assert_string_equal(endpoint_store_by_id(f->store, "a")->namespace,
			    "mapped");
	network_event(f, "connect", "a_net", "a");
	add_member(&other, "a", "10.1.0.2");
	docker_model_network(f->model, now(f), "a_net", &other);
	assert_string_equal(endpoint_store_by_id(f->store, "a")->namespace,
			    "a-net");
	docker_network_fini(&other);
	vec_fini(&rule.networks);
}

/* A thousand that were there before us are one change, not a thousand. */
static void later_inspections_are_told_together(void **state)
{
	struct fixture *f = *state;
	struct docker_inspect i = { .image = (char *)"image",
				    .escapable = (char *)"privileged",
				    .pid = 42 };
	uint64_t generation;

	start_a(f);
	event(f, "die", "a");
	event(f, "start", "a");
	expect_asked(f, "c:a c:a l:a ");
	generation = endpoint_store_generation(f->store);
	docker_model_inspect_quietly(f->model, now(f), "a", &i);
	assert_int_equal(endpoint_store_generation(f->store), generation);
	docker_model_publish(f->model);
	assert_int_equal(endpoint_store_by_id(f->store, "a")->pid, 42);
	assert_string_equal(endpoint_store_by_id(f->store, "a")->escapable,
			    "privileged");
	generation = endpoint_store_generation(f->store);
	docker_model_publish(f->model);
	assert_int_equal(endpoint_store_generation(f->store), generation);
}

static void rename_takes_the_newest_answer(void **state)
{
	struct fixture *f = *state;
	uint64_t first;

	start_a(f);
	event(f, "rename", "a");
	first = now(f);
	event(f, "rename", "a");
	expect_asked(f, "c:a c:a ");
	entry(f, now(f), "a", "second", "running", "net");
	entry(f, first, "a", "first", "running", "net");
	assert_string_equal(endpoint_store_by_id(f->store, "a")->name,
			    "second");
}

/* After a reconnect nothing is taken away before all is known. */
static void relisting_disturbs_nobody(void **state)
{
	struct fixture *f = *state;
	docker_networks networks = { 0 };
	docker_containers containers = { 0 };
	uint64_t generation;

	start_a(f);
	new_model(f);
	generation = endpoint_store_generation(f->store);
	docker_model_list_begin(f->model);
	vec_push(&networks, make_network("net", "bridge"));
	vec_push(&containers,
		 (struct docker_container){ .id = xstrdup("a"),
					    .name = xstrdup("web"),
					    .image = xstrdup("image"),
					    .state = xstrdup("running"),
					    .network_mode = xstrdup("net") });
	docker_model_list_networks(f->model, now(f), &networks);
	docker_model_list_containers(f->model, now(f), &containers);
	expect(f, "a", "running 10.0.0.2");
	/* Another starts meanwhile, whole in this connection's sight. */
	event(f, "create", "b");
	entry(f, now(f), "b", "b", "created", "net");
	network_event(f, "connect", "net", "b");
	{
		struct docker_network n = make_network("net", "bridge");

		add_member(&n, "a", "10.0.0.2");
		add_member(&n, "b", "10.0.0.3");
		docker_model_network(f->model, now(f), "net", &n);
		docker_network_fini(&n);
	}
	expect(f, "b", "created 10.0.0.3");
	docker_model_list_end(f->model);
	expect(f, "a", "running 10.0.0.2");
	/* b came (twice: without, with address) and a lost its start time,
	 * which the list does not tell: here it had none. */
	assert_int_equal(endpoint_store_generation(f->store), generation + 2);
	docker_networks_fini(&networks);
	docker_containers_fini(&containers);
}

/* What went while the engine was away is gone after the listing. */
static void listing_sweeps(void **state)
{
	struct fixture *f = *state;

	start_a(f);
	new_model(f);
	expect(f, "a", "running 10.0.0.2");
	list_nothing(f);
	expect(f, "a", "nothing");
	assert_non_null(endpoint_store_network(f->store, "net"));
}

/* Created after the list was asked for, known by its event. */
static void listing_spares_the_newer(void **state)
{
	struct fixture *f = *state;
	docker_networks networks = { 0 };
	docker_containers containers = { 0 };
	struct docker_network n = make_network("net2", "bridge");
	uint64_t asked;

	list_nothing(f);
	docker_model_list_begin(f->model);
	asked = now(f);
	network_event(f, "create", "net2", NULL);
	docker_model_network(f->model, now(f), "net2", &n);
	docker_network_fini(&n);
	event(f, "create", "b");
	entry(f, now(f), "b", "b", "created", "net");
	docker_model_list_networks(f->model, asked, &networks);
	docker_model_list_containers(f->model, asked, &containers);
	docker_model_list_end(f->model);
	expect(f, "b", "created");
	assert_non_null(endpoint_store_network(f->store, "net2"));
	assert_null(endpoint_store_network(f->store, "net"));
}

static void expect_unenforceable(struct fixture *f, const char *driver,
				 const char *mode, const char *why)
{
	struct docker_network n = make_network("other", driver);

	network_event(f, "create", "other", NULL);
	event(f, "create", "c");
	entry(f, now(f), "c", "c", "created", mode);
	network_event(f, "connect", "other", "c");
	add_member(&n, "c", "10.1.0.2");
	docker_model_network(f->model, now(f), "other", &n);
	docker_network_fini(&n);
	if (why)
		assert_string_equal(
			endpoint_store_by_id(f->store, "c")->unenforceable,
			why);
	else
		assert_null(endpoint_store_by_id(f->store, "c")->unenforceable);
	event(f, "destroy", "c");
	network_event(f, "destroy", "other", NULL);
}

static void unenforceable_has_a_reason(void **state)
{
	struct fixture *f = *state;

	list_nothing(f);
	expect_unenforceable(f, "bridge", "other", NULL);
	expect_unenforceable(f, "macvlan", "other", "macvlan network other");
	expect_unenforceable(f, "overlay", "other", "overlay network other");
	expect_unenforceable(f, "host", "host", "host network");
	expect_unenforceable(f, "null", "none", NULL);
}

static void overlabelled_gets_no_address(void **state)
{
	struct fixture *f = *state;
	struct docker_container c = {
		.id = (char *)"a",
		.name = (char *)"a",
		.image = (char *)"i",
		.state = (char *)"running",
		.network_mode = (char *)"net",
		.overlabelled = true,
	};

	start_a(f);
	docker_model_container(f->model, now(f), "a", &c);
	expect(f, "a", "running");
	assert_non_null(endpoint_store_by_id(f->store, "a")->unenforceable);
}

static uint16_t host_port(struct fixture *f, const char *id)
{
	const struct endpoint *e = endpoint_store_by_id(f->store, id);

	return e->published.len ? e->published.data[0].host_port : 0;
}

static void published_ports(void **state)
{
	struct fixture *f = *state;
	struct docker_inspect i = { .image = (char *)"image" };
	struct docker_container c = {
		.id = (char *)"a",
		.name = (char *)"a",
		.image = (char *)"image",
		.state = (char *)"running",
		.network_mode = (char *)"net",
	};

	list_nothing(f);
	vec_push(&i.bindings,
		 (struct published_port){ .host_port = 8080, .port = 80 });
	vec_push(&c.published,
		 (struct published_port){ .host_port = 32768, .port = 80 });
	event(f, "create", "a");
	entry(f, now(f), "a", "web", "created", "net");
	docker_model_inspect(f->model, now(f), "a", &i);
	assert_int_equal(host_port(f, "a"), 8080);
	event(f, "start", "a");
	docker_model_container(f->model, now(f), "a", &c);
	assert_int_equal(host_port(f, "a"), 32768);
	event(f, "die", "a");
	assert_int_equal(host_port(f, "a"), 0);
	vec_fini(&i.bindings);
	vec_fini(&c.published);
}

/* The list shows an image that lost its tag by number. */
static void image_keeps_its_name(void **state)
{
	struct fixture *f = *state;
	struct docker_inspect i = { .image = (char *)"web:1" };
	const struct endpoint *e;

	list_nothing(f);
	event(f, "create", "a");
	entry(f, now(f), "a", "web", "created", "net");
	docker_model_inspect(f->model, now(f), "a", &i);
	e = endpoint_store_by_id(f->store, "a");
	assert_string_equal(e->image, "web:1");
	assert_string_equal(label_set_get(e->labels, "bulkhead/image"),
			    "web:1");
}

static void noise_is_ignored(void **state)
{
	struct fixture *f = *state;
	static const char *const noise[] = { "exec_create: x", "kill",	 "oom",
					     "pause",	       "update", "" };
	uint64_t before = now(f);

	for (size_t i = 0; i < ARRAY_SIZE(noise); i++) {
		struct docker_event e = { .action = (char *)noise[i],
					  .id = (char *)"a" };

		assert_false(docker_model_event(f->model, &e));
	}
	assert_int_equal(now(f), before);
	expect_asked(f, "");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(one_life),
		TEST(labels_may_come_last),
		TEST(late_answers_do_not_revive),
		TEST(early_answer_does_not_detach),
		TEST(address_is_reused_at_once),
		TEST(the_dead_stay_dead),
		TEST(an_unknown_container_is_asked_about),
		TEST(a_build_is_an_endpoint),
		TEST(a_build_takes_no_old_answer),
		TEST(what_has_events_is_no_build),
		TEST(a_network_names_the_namespace),
		TEST(later_inspections_are_told_together),
		TEST(rename_takes_the_newest_answer),
		TEST(relisting_disturbs_nobody),
		TEST(listing_sweeps),
		TEST(listing_spares_the_newer),
		TEST(unenforceable_has_a_reason),
		TEST(overlabelled_gets_no_address),
		TEST(published_ports),
		TEST(image_keeps_its_name),
		TEST(noise_is_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
