/* SPDX-License-Identifier: GPL-2.0-or-later */
/* endpoint.c - copies are equal and independent, every field counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <string.h>

#include "endpoint/endpoint.h"

static struct addr parse(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(slice_of(text), &a), 0);
	return a;
}

static struct endpoint *sample(void)
{
	static const struct label labels[] = { { "app", "web" } };
	struct endpoint *e = endpoint_new("docker", "0123");
	struct attachment *a;
	char *problem;

	free(e->name);
	e->name = xstrdup("web");
	free(e->image);
	e->image = xstrdup("nginx");
	e->pid = 7;
	e->started = 8;
	e->unenforceable = xstrdup("because");
	e->escapable = xstrdup("privileged");
	e->kind = "build";
	a = endpoint_attach(e, "net", "abcd");
	a->v4 = parse("10.0.0.2");
	a->v6 = parse("fd00::2");
	a->veth = 3;
	strcpy(a->bridge, "br0");
	vec_push(&e->published,
		 (struct published_port){ parse("0.0.0.0"), 8080, 80, 6 });
	endpoint_set_labels(e, labels, 1, NULL, &problem);
	assert_null(problem);
	vec_push(&e->ports, (struct named_port){ xstrdup("http"), 6, 80 });
	return e;
}

static void copy_is_equal_and_independent(_unused_ void **state)
{
	_cleanup_(endpoint_unrefp) struct endpoint *e = sample();
	_cleanup_(endpoint_unrefp) struct endpoint *copy = endpoint_copy(e);

	assert_true(endpoint_equal(e, copy));
	copy->attachments.data[0].v4 = parse("10.0.0.3");
	assert_false(endpoint_equal(e, copy));
	assert_string_equal(e->attachments.data[0].network, "net");
	assert_ptr_not_equal(e->attachments.data[0].network,
			     copy->attachments.data[0].network);
}

/* Each alteration alone makes a difference. */
#define DIFFERS(change)                                                   \
	do {                                                              \
		_cleanup_(endpoint_unrefp) struct endpoint *e = sample(); \
		_cleanup_(endpoint_unrefp) struct endpoint *c =           \
			endpoint_copy(e);                                 \
		change;                                                   \
		assert_false(endpoint_equal(e, c));                       \
	} while (0)

static void every_field_counts(_unused_ void **state)
{
	DIFFERS(c->state = ENDPOINT_RUNNING);
	DIFFERS(c->name[0] = 'x');
	DIFFERS(c->namespace[0] = 'x');
	DIFFERS(c->image[0] = 'x');
	DIFFERS(c->pid++);
	DIFFERS(c->started++);
	DIFFERS(c->unenforceable[0] = 'x');
	DIFFERS(c->escapable[0] = 'x');
	DIFFERS(c->kind = NULL);
	DIFFERS(label_set_unref(c->labels); c->labels = label_set_new(NULL, 0));
	DIFFERS(c->attachments.data[0].bridge[0] = 'x');
	DIFFERS(c->attachments.data[0].network[0] = 'x');
	DIFFERS(c->attachments.data[0].network_id[0] = 'x');
	DIFFERS(c->attachments.data[0].mac.bytes[5]++);
	DIFFERS(c->attachments.data[0].veth++);
	DIFFERS(c->attachments.data[0].interface[0] = 'x');
	DIFFERS(c->attachments.data[0].v6 = (struct addr){ 0 });
	DIFFERS(endpoint_attach(c, "more", "id"));
	DIFFERS(c->ports.data[0].port++);
	DIFFERS(c->ports.data[0].name[0] = 'x');
	DIFFERS(c->published.data[0].host_port++);
	DIFFERS(c->published.len = 0);
}

/* What a policy cannot ask about changes no right. */
static void rights_are_what_policies_ask_about(_unused_ void **state)
{
	_cleanup_(endpoint_unrefp) struct endpoint *e = sample();
	_cleanup_(endpoint_unrefp) struct endpoint *c = endpoint_copy(e);

	c->state = ENDPOINT_RUNNING;
	c->name[0] = 'x';
	c->pid++;
	c->attachments.data[0].network[0] = 'x';
	c->attachments.data[0].veth++;
	assert_true(endpoint_same_rights(e, c));
	c->attachments.data[0].mac.bytes[5]++;
	assert_false(endpoint_same_rights(e, c));
	c->attachments.data[0].mac.bytes[5]--;
	c->attachments.data[0].interface[0] = 'x';
	assert_false(endpoint_same_rights(e, c));
	c->attachments.data[0].interface[0] = '\0';
	assert_true(endpoint_same_rights(e, c));
	c->published.data[0].port++;
	assert_false(endpoint_same_rights(e, c));
}

static void states_have_names(_unused_ void **state)
{
	assert_string_equal(endpoint_state_name(ENDPOINT_CREATED), "created");
	assert_string_equal(endpoint_state_name(ENDPOINT_RUNNING), "running");
	assert_string_equal(endpoint_state_name(ENDPOINT_EXITED), "exited");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copy_is_equal_and_independent),
		cmocka_unit_test(every_field_counts),
		cmocka_unit_test(rights_are_what_policies_ask_about),
		cmocka_unit_test(states_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
