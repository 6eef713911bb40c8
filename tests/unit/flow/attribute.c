/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attribute.c - whose packet it was, and which policies decided. */
#include "flow/attribute.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <linux/netfilter.h>

#include <cmocka.h>

#include "endpoint/store.h"

#define THEN 1000
#define NOW  2000

static struct {
	struct endpoint_store *store;
	struct endpoint *web, *db;
	struct flow_ifaces ifaces;
	struct flow_record record;
} t;

static struct endpoint *add_endpoint(const char *name, const char *address,
				     unsigned veth)
{
	struct endpoint *e = endpoint_new("static", name);
	struct attachment *a = endpoint_attach(e, "net", "net");

	free(e->name);
	e->name = xstrdup(name);
	e->state = ENDPOINT_RUNNING;
	a->veth = veth;
	assert_int_equal(addr_parse(slice_of(address), &a->v4), 0);
	endpoint_store_put(t.store, e);
	return e;
}

static int set_up(_unused_ void **state)
{
	memset(&t, 0, sizeof(t));
	t.store = endpoint_store_new();
	t.web = add_endpoint("web", "10.0.0.1", 11);
	t.db = add_endpoint("db", "10.0.0.2", 12);
	return 0;
}

static int tear_down(_unused_ void **state)
{
	flow_record_fini(&t.record);
	endpoint_store_free(t.store);
	return 0;
}

static struct endpoint *owner(_unused_ void *arg, const struct addr *a,
			      uint64_t realtime)
{
	assert_true(realtime == THEN);
	return endpoint_store_by_addr(t.store, a);
}

static struct endpoint *sender(_unused_ void *arg, unsigned ifindex,
			       uint64_t realtime)
{
	assert_true(realtime == THEN);
	return ifindex == 12 ? t.db : NULL;
}

static void policies(_unused_ void *arg, const struct endpoint *e, bool ingress,
		     void (*add)(void *to, const char *policy), void *to)
{
	char text[64];

	snprintf(text, sizeof(text), "%s/%s", e->name,
		 ingress ? "ingress" : "egress");
	add(to, text);
	add(to, "default/all");
}

static void attribute(enum deny_direction direction, enum deny_reason reason,
		      const char *src, const char *dst,
		      struct flow_nflog_packet packet)
{
	struct flow_resolver resolver = { .owner = owner,
					  .sender = sender,
					  .policies = policies };

	flow_record_fini(&t.record);
	t.record = (struct flow_record){ .time = THEN,
					 .direction = direction,
					 .reason = reason };
	assert_int_equal(addr_parse(slice_of(src), &t.record.packet.src), 0);
	assert_int_equal(addr_parse(slice_of(dst), &t.record.packet.dst), 0);
	flow_attribute_ends(&packet, &resolver, &t.record);
	flow_attribute_rest(&packet, &resolver, &t.ifaces, NOW, &t.record);
}

static const struct flow_nflog_packet plain = { .family = NFPROTO_IPV4 };

static void the_deciding_end_names_the_policies(_unused_ void **state)
{
	attribute(DENY_INGRESS, DENY_NO_POLICY_ALLOWS, "10.0.0.1", "10.0.0.2",
		  plain);
	assert_ptr_equal(t.record.src.owner, t.web);
	assert_ptr_equal(t.record.dst.owner, t.db);
	assert_int_equal(t.record.policies.len, 2);
	assert_string_equal(t.record.policies.data[0], "db/ingress");
	assert_string_equal(t.record.policies.data[1], "default/all");
	attribute(DENY_EGRESS, DENY_NO_POLICY_ALLOWS, "10.0.0.1", "10.0.0.2",
		  plain);
	assert_string_equal(t.record.policies.data[0], "web/egress");
}

static void an_unknown_end_has_no_container(_unused_ void **state)
{
	attribute(DENY_INGRESS, DENY_NO_POLICY_ALLOWS, "192.0.2.7", "10.0.0.2",
		  plain);
	assert_null(t.record.src.owner);
	assert_string_equal(t.record.policies.data[0], "db/ingress");
	attribute(DENY_INGRESS, DENY_NO_POLICY_ALLOWS, "10.0.0.1", "192.0.2.7",
		  plain);
	assert_null(t.record.dst.owner);
	assert_int_equal(t.record.policies.len, 0);
}

static struct endpoint *must_not_ask(_unused_ void *arg,
				     _unused_ const struct addr *a,
				     _unused_ uint64_t realtime)
{
	fail_msg("asked for the owner of nobody's address");
	return NULL;
}

static void nobody_owns_a_shared_address(_unused_ void **state)
{
	static const char *const shared[] = { "224.0.0.251", "255.255.255.255",
					      "0.0.0.0", "ff02::1", "::" };
	struct flow_resolver resolver = { .owner = must_not_ask,
					  .policies = policies };
	struct flow_record record = { .time = THEN };

	for (size_t i = 0; i < ARRAY_SIZE(shared); i++) {
		assert_int_equal(
			addr_parse(slice_of(shared[i]), &record.packet.src), 0);
		record.packet.dst = record.packet.src;
		flow_attribute_ends(&plain, &resolver, &record);
		assert_null(record.src.owner);
		assert_null(record.dst.owner);
	}
}

static void a_spoofed_address_is_not_believed(_unused_ void **state)
{
	struct flow_nflog_packet packet = { .family = NFPROTO_BRIDGE,
					    .in = 3,
					    .phys_in = 12 };

	attribute(DENY_EGRESS, DENY_SPOOFED, "10.0.0.1", "10.0.0.9", packet);
	assert_ptr_equal(t.record.src.owner, t.db);
	assert_int_equal(t.record.policies.len, 0);
	packet.phys_in = 99;
	attribute(DENY_EGRESS, DENY_SPOOFED, "10.0.0.1", "10.0.0.9", packet);
	assert_null(t.record.src.owner);
}

static void a_routers_mac_is_not_the_receivers(_unused_ void **state)
{
	struct flow_nflog_packet packet = { .family = NFPROTO_IPV4,
					    .src_mac = { { 2, 0, 0, 0, 0, 1 } },
					    .dst_mac = {
						    { 2, 0, 0, 0, 0, 2 } } };

	attribute(DENY_EGRESS, DENY_NO_POLICY_ALLOWS, "10.0.0.1", "10.0.0.2",
		  packet);
	assert_true(mac_is_set(&t.record.src.mac));
	assert_false(mac_is_set(&t.record.dst.mac));
	packet.phys_out = 12;
	attribute(DENY_EGRESS, DENY_NO_POLICY_ALLOWS, "10.0.0.1", "10.0.0.2",
		  packet);
	assert_true(mac_is_set(&t.record.dst.mac));
}

static void interfaces_have_their_names(_unused_ void **state)
{
	struct flow_nflog_packet packet = { .family = NFPROTO_IPV4,
					    .in = if_nametoindex("lo"),
					    .phys_in = 1999999999 };

	attribute(DENY_INGRESS, DENY_NO_POLICY_ALLOWS, "10.0.0.1", "10.0.0.2",
		  packet);
	assert_string_equal(t.record.in, "lo");
	assert_string_equal(t.record.out, "");
	assert_string_equal(t.record.phys_in, "");
}

static void published(const char *src, uint16_t sport, const char *dst,
		      uint16_t dport)
{
	struct flow_nflog_packet packet = { .family = NFPROTO_IPV4,
					    .has_original = true };
	struct flow_resolver resolver = { .owner = owner,
					  .sender = sender,
					  .policies = policies };

	assert_int_equal(addr_parse(slice_of(src), &packet.original.src), 0);
	assert_int_equal(addr_parse(slice_of(dst), &packet.original.dst), 0);
	packet.original.sport = sport;
	packet.original.dport = dport;
	flow_record_fini(&t.record);
	t.record = (struct flow_record){
		.time = THEN,
		.packet = { .has_ports = true, .sport = 40000, .dport = 80 }
	};
	addr_parse(slice_of("192.0.2.9"), &t.record.packet.src);
	addr_parse(slice_of("10.0.0.1"), &t.record.packet.dst);
	flow_attribute_ends(&packet, &resolver, &t.record);
}

static void a_published_port_is_told(_unused_ void **state)
{
	char text[ADDR_STRLEN];

	published("192.0.2.9", 40000, "203.0.113.1", 8080);
	assert_string_equal(addr_format(&t.record.published, text),
			    "203.0.113.1");
	assert_int_equal(t.record.published_port, 8080);
	published("192.0.2.9", 40000, "10.0.0.1", 8080);
	assert_int_equal(t.record.published_port, 8080);
	/* It was addressed to the container itself. */
	published("192.0.2.9", 40000, "10.0.0.1", 80);
	assert_false(addr_is_set(&t.record.published));
	/* An answer, whose connection goes the other way. */
	published("10.0.0.1", 80, "203.0.113.1", 40000);
	assert_false(addr_is_set(&t.record.published));
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(the_deciding_end_names_the_policies),
		UNIT(an_unknown_end_has_no_container),
		UNIT(nobody_owns_a_shared_address),
		UNIT(a_spoofed_address_is_not_believed),
		UNIT(a_routers_mac_is_not_the_receivers),
		UNIT(interfaces_have_their_names),
		UNIT(a_published_port_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
