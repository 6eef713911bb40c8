/* SPDX-License-Identifier: GPL-2.0-or-later */
/* count.c - what adds up under which names. */
#include "flow/count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"

static struct {
	size_t rows;
	uint64_t packets, flows;
	char text[1024];
} got;

static void on_count(_unused_ void *arg, const struct flow_count *c)
{
	size_t len = strlen(got.text);

	got.rows++;
	got.packets += c->packets;
	got.flows += c->flows;
	snprintf(got.text + len, sizeof(got.text) - len,
		 "%s|%s|%s|%s|%s %llu %llu %llu\n", c->namespace, c->policies,
		 c->verdict, c->direction, c->reason,
		 (unsigned long long)c->packets, (unsigned long long)c->bytes,
		 (unsigned long long)c->flows);
}

static void read_all(const struct flow_counts *c)
{
	memset(&got, 0, sizeof(got));
	flow_counts_each(c, on_count, NULL);
}

static struct endpoint *in_namespace(const char *name)
{
	struct endpoint *e = endpoint_new("static", name);

	free(e->namespace);
	e->namespace = xstrdup(name);
	return e;
}

static void a_flow_is_counted_once_its_packets_all(_unused_ void **state)
{
	_cleanup_(endpoint_unrefp) struct endpoint *shop = in_namespace("shop");
	_cleanup_(endpoint_unrefp) struct endpoint *bank = in_namespace("bank");
	_cleanup_(flow_record_fini) struct flow_record r = {
		.id = 7,
		.direction = DENY_EGRESS,
		.packets = 1,
		.new_packets = 1,
		.new_bytes = 60,
		.src = { .owner = shop },
		.dst = { .owner = bank },
	};
	struct flow_counts *c = flow_counts_new();

	vec_push(&r.policies, xstrdup("shop/a"));
	vec_push(&r.policies, xstrdup("shop/b"));
	flow_counts_add(c, &r);
	r.state = FLOW_UPDATE;
	r.packets = 10;
	r.new_packets = 9;
	r.new_bytes = 540;
	flow_counts_add(c, &r);
	read_all(c);
	assert_string_equal(
		got.text,
		"shop|shop/a,shop/b|denied|egress|no-policy-allows 10 600 1\n");
	flow_counts_free(c);
	flow_counts_free(NULL);
}

/* Of the other direction the other end decides. */
static void verdicts_and_directions_are_apart(_unused_ void **state)
{
	_cleanup_(endpoint_unrefp) struct endpoint *shop = in_namespace("shop");
	_cleanup_(endpoint_unrefp) struct endpoint *bank = in_namespace("bank");
	struct flow_record r = { .id = 7,
				 .direction = DENY_INGRESS,
				 .reason = DENY_QUARANTINE,
				 .new_packets = 1,
				 .src = { .owner = shop },
				 .dst = { .owner = bank } };
	struct flow_counts *c = flow_counts_new();

	flow_counts_add(c, &r);
	r.audit = true;
	flow_counts_add(c, &r);
	r.audit = false;
	r.allowed = r.no_reason = true;
	flow_counts_add(c, &r);
	r = (struct flow_record){ .no_reason = true, .new_packets = 5 };
	flow_counts_add(c, &r);
	read_all(c);
	assert_string_equal(got.text, "bank||denied|ingress|quarantine 1 0 1\n"
				      "bank||audit|ingress|quarantine 1 0 1\n"
				      "bank||allowed|| 1 0 1\n"
				      "||denied|| 5 0 0\n");
	flow_counts_free(c);
}

/* Whoever names policies cannot fill the memory, and nothing is left out. */
static void what_is_over_has_no_names(_unused_ void **state)
{
	struct flow_counts *c = flow_counts_new();

	for (unsigned i = 0; i < 3 * FLOW_COUNTS_MAX; i++) {
		_cleanup_(flow_record_fini) struct flow_record r = {
			.id = 1, .new_packets = 2
		};

		vec_push(&r.policies, xasprintf("a/%u", i));
		flow_counts_add(c, &r);
	}
	read_all(c);
	assert_int_equal(got.rows, FLOW_COUNTS_MAX);
	assert_int_equal(got.packets, 2 * 3 * FLOW_COUNTS_MAX);
	assert_int_equal(got.flows, 3 * FLOW_COUNTS_MAX);
	flow_counts_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flow_is_counted_once_its_packets_all),
		cmocka_unit_test(verdicts_and_directions_are_apart),
		cmocka_unit_test(what_is_over_has_no_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
