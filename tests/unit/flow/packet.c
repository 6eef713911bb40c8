/* SPDX-License-Identifier: GPL-2.0-or-later */
/* packet.c - heads of packets, written out by hand, and what they tell. */
#include "flow/packet.h"

#include <net/ethernet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/macro.h"

/* Hex with spaces, in memory of exactly that size: one byte more is a fault. */
static struct flow_packet decode_part(uint16_t ethertype, const char *hex,
				      size_t max)
{
	_cleanup_(freep) uint8_t *bytes = NULL;
	uint8_t all[512];
	struct flow_packet p;
	size_t n = 0;
	unsigned byte;

	for (; *hex; hex++) {
		if (*hex == ' ')
			continue;
		assert_int_equal(sscanf(hex++, "%2x", &byte), 1);
		all[n++] = (uint8_t)byte;
	}
	n = MIN(n, max);
	bytes = xmemdup(all, n);
	flow_packet_decode(ethertype, (struct slice){ (char *)bytes, n }, &p);
	return p;
}

static struct flow_packet decode(uint16_t ethertype, const char *hex)
{
	return decode_part(ethertype, hex, SIZE_MAX);
}

static void assert_addr(const struct addr *a, const char *text)
{
	char got[ADDR_STRLEN];

	assert_string_equal(addr_format(a, got), text);
}

static void assert_proto(const struct flow_packet *p, const char *name)
{
	char got[FLOW_PROTO_MAX];

	assert_string_equal(flow_packet_proto(p, got), name);
}

/* IPv4 header of @proto with total length @len; the rest is constant. */
#define V4(len, fragment, proto) \
	"45000" len " 0001 " fragment " 40 " proto " 0000 0a000001 0a000002 "
#define SYN	"9c41 1538 00000001 00000000 a002 ffff 0000 0000 "
#define OPTIONS "020405b4 0402080a 00000000 00000000 01030307"

/* IPv6 header with payload length @len and next header @next. */
#define V6(len, next)                        \
	"60000000 " len " " next " 40 "      \
	"fd99000000000000 0000000000000001 " \
	"fd99000000000000 0000000000000002 "

static void tcp_has_ports_and_flags(_unused_ void **state)
{
	struct flow_packet p =
		decode(ETHERTYPE_IP, V4("03c", "4000", "06") SYN OPTIONS);

	assert_true(p.complete);
	assert_addr(&p.src, "10.0.0.1");
	assert_addr(&p.dst, "10.0.0.2");
	assert_proto(&p, "tcp");
	assert_true(p.has_ports);
	assert_int_equal(p.sport, 40001);
	assert_int_equal(p.dport, 5432);
	assert_true(p.has_tcp_flags);
	assert_int_equal(p.tcp_flags, 0x02);
	assert_int_equal(p.length, 60);
	assert_int_equal(p.transport, 20);
	assert_false(p.later_fragment);
}

static void ports_stand_behind_ip_options(_unused_ void **state)
{
	struct flow_packet p = decode(ETHERTYPE_IP,
				      "46000020 0001 0000 40 11 0000 0a000001 "
				      "0a000002 94040000 0035 9c41 0008 0000");

	assert_true(p.complete);
	assert_proto(&p, "udp");
	assert_int_equal(p.sport, 53);
	assert_int_equal(p.dport, 40001);
	assert_int_equal(p.transport, 24);
	assert_false(p.has_tcp_flags);
}

static void other_protocols_have_what_they_have(_unused_ void **state)
{
	struct flow_packet p =
		decode(ETHERTYPE_IP,
		       V4("020", "0000", "84") "0007 0050 00000000 0000");

	assert_proto(&p, "sctp");
	assert_int_equal(p.dport, 80);
	p = decode(ETHERTYPE_IP, V4("018", "0000", "2f") "00000800");
	assert_true(p.complete);
	assert_proto(&p, "gre");
	assert_false(p.has_ports);
	p = decode(ETHERTYPE_IP, V4("018", "0000", "fd") "00000800");
	assert_true(p.complete);
	assert_proto(&p, "253");
	/* ICMP of the other family is carried, and means nothing. */
	p = decode(ETHERTYPE_IP, V4("01c", "0000", "3a") "8000 0000 0001 0001");
	assert_true(p.complete);
	assert_proto(&p, "icmpv6");
	assert_false(p.has_icmp);
}

static void icmp_has_type_and_code(_unused_ void **state)
{
	struct flow_packet p = decode(
		ETHERTYPE_IP, V4("01c", "0000", "01") "0800 0000 1234 0001");

	assert_true(p.complete && p.has_icmp);
	assert_proto(&p, "icmp");
	assert_int_equal(p.icmp_type, 8);
	assert_int_equal(p.icmp_code, 0);
	assert_int_equal(p.echo_id, 0x1234);
	p = decode(ETHERTYPE_IP, V4("01c", "0000", "01") "0303 0000 1234 0001");
	assert_int_equal(p.icmp_type, 3);
	assert_int_equal(p.icmp_code, 3);
	assert_int_equal(p.echo_id, 0);
	p = decode(ETHERTYPE_IPV6, V6("0008", "3a") "8000 0000 0007 0001");
	assert_true(p.complete && p.has_icmp);
	assert_proto(&p, "icmpv6");
	assert_int_equal(p.icmp_type, 128);
	assert_int_equal(p.echo_id, 7);
	assert_int_equal(p.length, 48);
}

static void a_fragment_has_ports_if_it_is_the_first(_unused_ void **state)
{
	struct flow_packet p = decode(
		ETHERTYPE_IP, V4("01c", "2000", "11") "9c41 0035 0100 0000");

	assert_true(p.complete && p.has_ports);
	assert_false(p.later_fragment);
	p = decode(ETHERTYPE_IP, V4("01c", "00b9", "11") "9c41 0035 0100 0000");
	assert_true(p.complete && p.later_fragment);
	assert_proto(&p, "udp");
	assert_false(p.has_ports);
	p = decode(ETHERTYPE_IPV6, V6("0010", "2c") "11 00 0001 00000001 "
						    "9c41 0035 0008 0000");
	assert_true(p.complete && p.has_ports);
	p = decode(ETHERTYPE_IPV6, V6("0010", "2c") "11 00 00b8 00000001 "
						    "9c41 0035 0008 0000");
	assert_true(p.complete && p.later_fragment);
	assert_false(p.has_ports);
	assert_proto(&p, "udp");
}

#define PADDED "00 0104 00000000 " /* 8 bytes with the next header before */

static void extension_headers_are_walked(_unused_ void **state)
{
	struct flow_packet p = decode(ETHERTYPE_IPV6,
				      V6("002c", "00") "3c " PADDED "2b " PADDED
						       "06 " PADDED SYN);

	assert_true(p.complete);
	assert_int_equal(p.transport, 40 + 3 * 8);
	assert_addr(&p.src, "fd99::1");
	assert_proto(&p, "tcp");
	assert_int_equal(p.dport, 5432);
	assert_int_equal(p.tcp_flags, 0x02);
	/* AH counts its length in words, less two. */
	p = decode(ETHERTYPE_IPV6,
		   V6("0014", "33") "11 01 0000 00000001 00000001 "
				    "9c41 0035 0008 0000");
	assert_true(p.complete);
	assert_int_equal(p.dport, 53);
	/* Behind ESP and "no next header" nothing can be read. */
	p = decode(ETHERTYPE_IPV6, V6("0008", "32") "00000001 00000001");
	assert_true(p.complete);
	assert_proto(&p, "esp");
	p = decode(ETHERTYPE_IPV6, V6("0000", "3b"));
	assert_true(p.complete);
	assert_proto(&p, "59");
}

static void an_endless_chain_ends(_unused_ void **state)
{
	struct flow_packet p =
		decode(ETHERTYPE_IPV6,
		       V6("0048", "3c") "3c " PADDED "3c " PADDED "3c " PADDED
					"3c " PADDED "3c " PADDED "3c " PADDED
					"3c " PADDED "3c " PADDED "06 " PADDED);

	assert_false(p.complete);
	assert_false(p.has_proto);
	assert_addr(&p.dst, "fd99::2");
	assert_proto(&p, "ipv6");
}

static void arp_has_its_two_addresses(_unused_ void **state)
{
	struct flow_packet p = decode(ETHERTYPE_ARP,
				      "0001 0800 06 04 0001 020000000001 "
				      "0a000001 000000000000 0a000002");

	assert_true(p.complete);
	assert_proto(&p, "arp");
	assert_addr(&p.src, "10.0.0.1");
	assert_addr(&p.dst, "10.0.0.2");
	p = decode(ETHERTYPE_ARP, "0001 86dd 06 10 0001 020000000001");
	assert_false(p.complete);
	assert_proto(&p, "arp");
}

static void vlan_tags_are_looked_through(_unused_ void **state)
{
#define UDP V4("01c", "0000", "11") "9c41 0035 0008 0000"
	struct flow_packet p = decode(ETHERTYPE_VLAN, "6005 0800" UDP);

	assert_true(p.complete && p.has_vlan);
	assert_int_equal(p.vlan, 5);
	assert_int_equal(p.dport, 53);
	p = decode(0x88a8, "0007 8100 0005 0800" UDP);
	assert_true(p.complete);
	assert_int_equal(p.vlan, 7);
	assert_int_equal(p.dport, 53);
	p = decode(ETHERTYPE_VLAN, "0007 8100 0005 8100 0003 0800" UDP);
	assert_false(p.complete);
	assert_false(p.has_ports);
	p = decode(0x88cc, "0207040011");
	assert_true(p.complete);
	assert_proto(&p, "0x88cc");
	assert_int_equal(p.length, 5);
}

static void nonsense_is_left_out(_unused_ void **state)
{
	struct flow_packet p = decode(ETHERTYPE_IP, "");

	assert_false(p.complete);
	assert_proto(&p, "ipv4");
	assert_false(addr_is_set(&p.src));
	/* An IPv6 packet that calls itself IPv4; a header of 16 bytes; a
	 * packet shorter than its own header. */
	assert_false(decode(ETHERTYPE_IP, V6("0000", "06")).complete);
	p = decode(ETHERTYPE_IP,
		   "4400003c 0001 4000 40 06 0000 0a000001 0a000002" SYN);
	assert_false(p.complete || p.has_proto);
	p = decode(ETHERTYPE_IP, V4("013", "4000", "06") SYN);
	assert_false(p.complete || p.has_proto);
}

static void padding_of_the_frame_is_no_payload(_unused_ void **state)
{
	struct flow_packet p =
		decode(ETHERTYPE_IP, V4("014", "4000", "06") SYN);

	assert_false(p.complete || p.has_ports);
	assert_true(p.has_proto);
	assert_int_equal(p.length, 20);
	p = decode(ETHERTYPE_IPV6, V6("0002", "11") "9c41 0035 0008 0000");
	assert_false(p.complete || p.has_ports);
}

/* Segments that the card will cut have no length yet. */
static void no_length_means_unknown(_unused_ void **state)
{
	struct flow_packet p =
		decode(ETHERTYPE_IP, V4("000", "4000", "06") SYN);

	assert_true(p.complete);
	assert_int_equal(p.length, 40);
}

/* Cut anywhere, a packet tells less, never something else. */
static void a_cut_packet_tells_less(_unused_ void **state)
{
	static const struct {
		uint16_t ethertype;
		const char *hex;
		size_t len;
	} cases[] = {
		{ ETHERTYPE_IP, V4("028", "4000", "06") SYN, 40 },
		{ ETHERTYPE_IPV6, V6("001c", "3c") "06 " PADDED SYN, 68 },
		{ ETHERTYPE_VLAN, "6005 0800" UDP, 32 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t n = 0; n <= cases[i].len; n++) {
			struct flow_packet p = decode_part(cases[i].ethertype,
							   cases[i].hex, n);

			/* TCP's window and sums are not asked for. */
			assert_true(p.complete ||
				    n < cases[i].len - (i < 2 ? 6 : 4));
			if (p.has_ports)
				assert_int_equal(p.sport, 40001);
			if (p.has_tcp_flags)
				assert_int_equal(p.tcp_flags, 0x02);
			assert_true(p.complete || !p.has_tcp_flags);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_has_ports_and_flags),
		cmocka_unit_test(ports_stand_behind_ip_options),
		cmocka_unit_test(other_protocols_have_what_they_have),
		cmocka_unit_test(icmp_has_type_and_code),
		cmocka_unit_test(a_fragment_has_ports_if_it_is_the_first),
		cmocka_unit_test(extension_headers_are_walked),
		cmocka_unit_test(an_endless_chain_ends),
		cmocka_unit_test(arp_has_its_two_addresses),
		cmocka_unit_test(vlan_tags_are_looked_through),
		cmocka_unit_test(nonsense_is_left_out),
		cmocka_unit_test(padding_of_the_frame_is_no_payload),
		cmocka_unit_test(no_length_means_unknown),
		cmocka_unit_test(a_cut_packet_tells_less),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
