/* SPDX-License-Identifier: GPL-2.0-or-later */
/* allowed.c - what is told of connections as they begin and end. */
#include "flow/allowed.h"

#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "firewall/conntrack.h"

static struct {
	struct loop *loop;
	struct flow_allowed *allowed;
	struct endpoint *client, *web; /* who has the addresses now */
	bool governed;
	unsigned told;
	struct flow_record last;
	char policies[64], src[64], dst[64];
	char state_file[64];
} t;

static void connection(_unused_ void *arg,
		       _unused_ const struct conntrack_entry *e,
		       void (*add)(void *to, const char *policy), void *to,
		       struct flow_connection *ret)
{
	add(to, "default/a");
	add(to, "default/b");
	add(to, "default/a");
	*ret = (struct flow_connection){ t.governed, t.client, t.web };
}

static void on_record(_unused_ void *arg, struct flow_record *r)
{
	t.told++;
	t.last = *r;
	t.policies[0] = '\0';
	vec_foreach(p, &r->policies) {
		size_t len = strlen(t.policies);

		snprintf(t.policies + len, sizeof(t.policies) - len, "%s ", *p);
	}
	snprintf(t.src, sizeof(t.src), "%s",
		 r->src.owner ? r->src.owner->name : "");
	snprintf(t.dst, sizeof(t.dst), "%s",
		 r->dst.owner ? r->dst.owner->name : "");
}

static void on_lost(_unused_ void *arg, _unused_ uint64_t events)
{
}

static struct endpoint *named(const char *name)
{
	struct endpoint *e = endpoint_new("static", name);

	free(e->name);
	e->name = xstrdup(name);
	return e;
}

static void open_it(void)
{
	static const struct flow_resolver resolver = { .connection =
							       connection };
	struct flow_allowed_options options = {
		.resolver = &resolver,
		.listener = { .record = on_record, .lost = on_lost },
		.state_file = t.state_file,
		.boot_id = "boot",
	};

	assert_int_equal(flow_allowed_open(t.loop, &options, &t.allowed), 0);
}

static int set_up(_unused_ void **state)
{
	memset(&t, 0, sizeof(t));
	t.client = named("client");
	t.web = named("web");
	t.governed = true;
	strcpy(t.state_file, "/tmp/bulkhead-live-XXXXXX");
	if (close(mkstemp(t.state_file)) || loop_new(&t.loop))
		return -1;
	open_it();
	return 0;
}

static int tear_down(_unused_ void **state)
{
	flow_allowed_close(t.allowed);
	loop_free(t.loop);
	unlink(t.state_file);
	endpoint_unref(t.client);
	endpoint_unref(t.web);
	return 0;
}

static struct conntrack_entry entry(uint16_t sport)
{
	struct conntrack_entry e = { .proto = IPPROTO_TCP,
				     .has_ports = true,
				     .id = 7 };

	addr_parse(slice_of("192.0.2.9"), &e.original.src);
	addr_parse(slice_of("203.0.113.1"), &e.original.dst);
	addr_parse(slice_of("10.0.0.2"), &e.reply.src);
	addr_parse(slice_of("10.0.0.1"), &e.reply.dst);
	e.original.sport = sport;
	e.original.dport = 8080;
	e.reply.sport = 80;
	e.reply.dport = 50000;
	return e;
}

static void begin(const struct conntrack_entry *e)
{
	flow_allowed_event(t.allowed, e, false);
}

static void end(const struct conntrack_entry *e)
{
	flow_allowed_event(t.allowed, e, true);
}

static void address_is(const struct addr *a, const char *text)
{
	char got[ADDR_STRLEN];

	assert_string_equal(addr_format(a, got), text);
}

/* DNAT done, SNAT not yet: as the policies see it. */
static void a_begin_is_told(_unused_ void **state)
{
	struct conntrack_entry e = entry(40000);

	begin(&e);
	assert_int_equal(t.told, 1);
	assert_int_equal(t.last.state, FLOW_NEW);
	assert_true(t.last.allowed && t.last.no_reason && t.last.id);
	assert_true(t.last.uncounted && !t.last.has_duration);
	address_is(&t.last.packet.src, "192.0.2.9");
	address_is(&t.last.packet.dst, "10.0.0.2");
	assert_int_equal(t.last.packet.sport, 40000);
	assert_int_equal(t.last.packet.dport, 80);
	address_is(&t.last.published, "203.0.113.1");
	assert_int_equal(t.last.published_port, 8080);
	assert_string_equal(t.policies, "default/a default/b ");
	begin(&e);
	assert_int_equal(t.told, 1);
	assert_int_equal(flow_allowed_live(t.allowed), 1);
}

static void an_end_has_what_its_begin_had(_unused_ void **state)
{
	struct conntrack_entry e = entry(40000);
	uint64_t id, first;

	begin(&e);
	id = t.last.id;
	first = t.last.first;
	/* The addresses change hands meanwhile. */
	endpoint_unref(t.web);
	t.web = named("heir");
	e.has_counts = true;
	e.sent = (struct conntrack_count){ 5, 500 };
	e.answered = (struct conntrack_count){ 3, 3000 };
	e.stop = first + 2500000000U;
	end(&e);
	assert_int_equal(t.told, 2);
	assert_int_equal(t.last.state, FLOW_END);
	assert_true(t.last.id == id && t.last.first == first);
	assert_string_equal(t.src, "client");
	assert_string_equal(t.dst, "web");
	assert_true(!t.last.uncounted && t.last.has_reply);
	assert_int_equal(t.last.packets, 5);
	assert_int_equal(t.last.new_packets, 5);
	assert_int_equal(t.last.bytes, 500);
	assert_int_equal(t.last.packets_reply, 3);
	assert_int_equal(t.last.bytes_reply, 3000);
	assert_true(t.last.has_duration);
	assert_int_equal(t.last.duration_ns, 2500000000U);
	assert_int_equal(flow_allowed_live(t.allowed), 0);
}

/* The kernel uses a slot of its memory again, and a client its port. */
static void the_same_again_is_another_flow(_unused_ void **state)
{
	struct conntrack_entry e = entry(123);
	uint64_t id;

	begin(&e);
	id = t.last.id;
	end(&e);
	begin(&e);
	assert_int_equal(t.told, 3);
	assert_true(t.last.id && t.last.id != id);
}

static void counted(struct conntrack_entry *e, uint64_t sent, uint64_t answered)
{
	e->has_counts = true;
	e->sent = (struct conntrack_count){ sent, 100 * sent };
	e->answered = (struct conntrack_count){ answered, 100 * answered };
}

static void one_that_goes_on_is_told_by_differences(_unused_ void **state)
{
	struct conntrack_entry e = entry(40000);
	uint64_t id;

	begin(&e);
	id = t.last.id;
	counted(&e, 10, 4);
	flow_allowed_entry(t.allowed, &e);
	assert_int_equal(t.told, 2);
	assert_int_equal(t.last.state, FLOW_UPDATE);
	assert_true(t.last.id == id && !t.last.has_duration);
	assert_int_equal(t.last.packets, 10);
	assert_int_equal(t.last.new_packets, 10);
	/* Nothing since. */
	flow_allowed_entry(t.allowed, &e);
	assert_int_equal(t.told, 2);
	/* Answers alone are something. */
	counted(&e, 10, 5);
	flow_allowed_entry(t.allowed, &e);
	assert_int_equal(t.told, 3);
	assert_int_equal(t.last.new_packets, 0);
	assert_int_equal(t.last.packets_reply, 5);
	counted(&e, 17, 9);
	end(&e);
	assert_int_equal(t.last.state, FLOW_END);
	assert_int_equal(t.last.packets, 17);
	assert_int_equal(t.last.new_packets, 7);
	assert_int_equal(t.last.new_bytes, 700);
}

/* What it was told by, how much, and since when goes on. */
static void the_next_agent_goes_on(_unused_ void **state)
{
	struct conntrack_entry e = entry(40000), gone = entry(40001);
	uint64_t id, first;

	begin(&gone);
	begin(&e);
	id = t.last.id;
	first = t.last.first;
	counted(&e, 10, 4);
	flow_allowed_entry(t.allowed, &e);
	flow_allowed_close(t.allowed);
	open_it();
	counted(&e, 15, 4);
	flow_allowed_entry(t.allowed, &e);
	assert_int_equal(t.told, 3);
	assert_int_equal(flow_allowed_live(t.allowed), 1);
	counted(&e, 16, 4);
	e.stop = first + 1000;
	end(&e);
	assert_int_equal(t.told, 4);
	assert_true(t.last.id == id && t.last.first == first);
	assert_int_equal(t.last.new_packets, 6);
	assert_int_equal(t.last.duration_ns, 1000);
	/* One that ends before the dump has come to it. */
	end(&gone);
	assert_int_equal(t.told, 5);
	assert_true(t.last.first && t.last.first <= first);
	/* Once only. */
	flow_allowed_close(t.allowed);
	open_it();
	end(&e);
	assert_true(t.last.id != id && t.last.first == 0);
}

/* Nothing is known of its begin. */
static void an_end_alone_is_told_without_duration(_unused_ void **state)
{
	struct conntrack_entry e = entry(40000);

	end(&e);
	assert_int_equal(t.told, 1);
	assert_true(t.last.id && t.last.first == 0);
	assert_false(t.last.has_duration);
	assert_string_equal(t.dst, "web");
	/* Unless the kernel keeps time. */
	e.start = 1000000000;
	e.stop = 3000000000U;
	end(&e);
	assert_true(t.last.has_duration);
	assert_int_equal(t.last.duration_ns, 2000000000);
	/* A clock that jumped back makes no age of centuries. */
	e.stop = 500000000;
	end(&e);
	assert_int_equal(t.last.duration_ns, 0);
}

static void what_nobody_governs_is_not_told(_unused_ void **state)
{
	struct conntrack_entry e = entry(40000);

	t.governed = false;
	begin(&e);
	end(&e);
	assert_int_equal(t.told, 0);
	assert_int_equal(flow_allowed_live(t.allowed), 0);
}

/* Beyond the table's bound each is told still, begin and end. */
static void more_than_the_table_holds(_unused_ void **state)
{
	struct conntrack_entry e = entry(0);

	for (uint32_t i = 0; i < FLOW_ALLOWED_MAX + 10; i++) {
		e.id = i + 1;
		begin(&e);
	}
	assert_int_equal(t.told, FLOW_ALLOWED_MAX + 10);
	assert_int_equal(flow_allowed_live(t.allowed), FLOW_ALLOWED_MAX);
	for (uint32_t i = 0; i < FLOW_ALLOWED_MAX + 10; i++) {
		e.id = i + 1;
		end(&e);
	}
	assert_int_equal(t.told, 2 * (FLOW_ALLOWED_MAX + 10));
	assert_int_equal(flow_allowed_live(t.allowed), 0);
}

/* A namespace without connections: the dump finds none. */
static int enter_namespace(_unused_ void **state)
{
	return unshare(CLONE_NEWNET);
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_begin_is_told),
		UNIT(an_end_has_what_its_begin_had),
		UNIT(the_same_again_is_another_flow),
		UNIT(one_that_goes_on_is_told_by_differences),
		UNIT(the_next_agent_goes_on),
		UNIT(an_end_alone_is_told_without_duration),
		UNIT(what_nobody_governs_is_not_told),
		UNIT(more_than_the_table_holds),
	};

	return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
