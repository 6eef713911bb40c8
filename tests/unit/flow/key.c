/* SPDX-License-Identifier: GPL-2.0-or-later */
/* key.c - a denied packet and the element that counts it name one flow. */
#include "flow/key.h"

#include <net/ethernet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <linux/netfilter.h>

#include <cmocka.h>

static struct flow_record denied(uint8_t proto, const char *src,
				 const char *dst)
{
	struct flow_record r = { .direction = DENY_INGRESS,
				 .packet = { .has_proto = true,
					     .proto = proto } };

	assert_int_equal(addr_parse(slice_of(src), &r.packet.src), 0);
	assert_int_equal(addr_parse(slice_of(dst), &r.packet.dst), 0);
	return r;
}

static struct flow_key key_of(const struct flow_record *r)
{
	struct flow_nflog_packet packet = { .family = NFPROTO_IPV4 };
	struct flow_key key;

	assert_true(flow_key_of(&packet, r, "", &key));
	return key;
}

/* As the kernel tells it, and back. */
static struct flow_record through_element(const struct flow_key *key)
{
	struct flow_record r = { 0 };
	struct flow_key again;

	assert_true(
		flow_key_from_element(key->set, key->bytes, key->len, &again));
	assert_memory_equal(&again, key, sizeof(again));
	flow_key_tell(&again, &r);
	return r;
}

static void assert_same(const struct flow_record *a,
			const struct flow_record *b)
{
	assert_int_equal(a->direction, b->direction);
	assert_int_equal(a->reason, b->reason);
	assert_int_equal(a->packet.proto, b->packet.proto);
	assert_true(addr_eq(&a->packet.src, &b->packet.src));
	assert_true(addr_eq(&a->packet.dst, &b->packet.dst));
}

static void a_tuple_is_told_by_its_element(_unused_ void **state)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP,
					  IPPROTO_SCTP };
	static const char *const ends[][2] = { { "10.0.0.1", "192.0.2.7" },
					       { "fd00::1", "2001:db8::7" } };

	for (size_t i = 0; i < ARRAY_SIZE(protos); i++)
		for (size_t k = 0; k < ARRAY_SIZE(ends); k++) {
			struct flow_record r =
				denied(protos[i], ends[k][0], ends[k][1]);
			struct flow_record told;
			struct flow_key key;

			r.packet.has_ports = true;
			r.packet.sport = 40000;
			r.packet.dport = 443;
			key = key_of(&r);
			told = through_element(&key);
			assert_same(&told, &r);
			assert_true(told.packet.has_dport);
			assert_int_equal(told.packet.dport, 443);
			assert_false(told.packet.has_ports);
		}
}

static void a_source_port_makes_no_other_flow(_unused_ void **state)
{
	struct flow_record r = denied(IPPROTO_TCP, "10.0.0.1", "10.0.0.2");
	struct flow_key one, other;

	r.packet.has_ports = true;
	r.packet.dport = 80;
	one = key_of(&r);
	r.packet.sport = 999;
	other = key_of(&r);
	assert_memory_equal(&one, &other, sizeof(one));
	r.packet.dport = 81;
	other = key_of(&r);
	assert_memory_not_equal(&one, &other, sizeof(one));
	r.packet.dport = 80;
	r.direction = DENY_EGRESS;
	other = key_of(&r);
	assert_memory_not_equal(&one, &other, sizeof(one));
}

static void icmp_has_type_and_code(_unused_ void **state)
{
	struct flow_record r = denied(IPPROTO_ICMP, "10.0.0.1", "10.0.0.2");
	struct flow_record told;
	struct flow_key key;

	r.packet.has_head = true;
	r.packet.head = 8 << 8 | 3;
	key = key_of(&r);
	told = through_element(&key);
	assert_same(&told, &r);
	assert_true(told.packet.has_icmp);
	assert_int_equal(told.packet.icmp_type, 8);
	assert_int_equal(told.packet.icmp_code, 3);
}

static void what_has_no_element_is_told_so(_unused_ void **state)
{
	struct flow_nflog_packet packet = { .family = NFPROTO_IPV4 };
	struct flow_record r = denied(IPPROTO_TCP, "10.0.0.1", "10.0.0.2");
	struct flow_key key;

	r.packet.has_proto = false;
	assert_false(flow_key_of(&packet, &r, "", &key));
	r = (struct flow_record){ 0 };
	assert_false(flow_key_of(&packet, &r, "", &key));
	packet.family = NFPROTO_BRIDGE;
	r.reason = DENY_SPOOFED;
	assert_false(flow_key_of(&packet, &r, "", &key));
}

/* Of the length that its set's type has, and no other. */
static void another_length_is_no_element(_unused_ void **state)
{
	uint8_t bytes[64] = { 0 };
	struct flow_key key;

	for (size_t set = 0; set < flow_key_sets(); set++) {
		unsigned fits = 0;

		for (size_t n = 0; n <= sizeof(bytes); n++)
			fits += flow_key_from_element(set, bytes, n, &key);
		assert_int_equal(fits, 1);
	}
}

static void a_forged_frame_is_told_by_its_element(_unused_ void **state)
{
	struct flow_nflog_packet packet = {
		.family = NFPROTO_BRIDGE,
		.ethertype = ETHERTYPE_ARP,
		.src_mac = { .bytes = { 2, 0, 0, 0, 0, 9 } },
	};
	struct flow_record r = { .reason = DENY_SPOOFED }, told;
	struct flow_key key;
	char mac[MAC_STRLEN];

	assert_true(flow_key_of(&packet, &r, "veth0123456789a", &key));
	told = through_element(&key);
	assert_int_equal(told.reason, DENY_SPOOFED);
	assert_string_equal(told.phys_in, "veth0123456789a");
	assert_string_equal(mac_format(&told.src.mac, mac),
			    "02:00:00:00:00:09");
	assert_int_equal(told.packet.ethertype, ETHERTYPE_ARP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tuple_is_told_by_its_element),
		cmocka_unit_test(a_source_port_makes_no_other_flow),
		cmocka_unit_test(icmp_has_type_and_code),
		cmocka_unit_test(what_has_no_element_is_told_so),
		cmocka_unit_test(another_length_is_no_element),
		cmocka_unit_test(a_forged_frame_is_told_by_its_element),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
