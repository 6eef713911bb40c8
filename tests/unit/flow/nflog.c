/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nflog.c - netlink messages, well-formed and not. */
#include "flow/nflog.h"

#include <arpa/inet.h>
#include <endian.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>

#include <cmocka.h>

#include "base/alloc.h"

#define GROUP 2748

/* A message that grows attribute by attribute. */
struct message {
	_Alignas(8) char bytes[1024];
	size_t len;
};

static struct message begin(uint8_t family, uint16_t group)
{
	struct message m = { .len = NLMSG_HDRLEN + sizeof(struct nfgenmsg) };
	struct nlmsghdr nlh = {
		.nlmsg_len = (uint32_t)m.len,
		.nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET,
	};
	struct nfgenmsg nfg = { .nfgen_family = family,
				.res_id = htons(group) };

	memcpy(m.bytes, &nlh, sizeof(nlh));
	memcpy(m.bytes + NLMSG_HDRLEN, &nfg, sizeof(nfg));
	return m;
}

static void set_len(struct message *m)
{
	uint32_t len = (uint32_t)m->len;

	memcpy(m->bytes, &len, sizeof(len));
}

static void add(struct message *m, uint16_t type, const void *value, size_t n)
{
	struct nlattr attr = { (uint16_t)(NLA_HDRLEN + n), type };

	memcpy(m->bytes + m->len, &attr, sizeof(attr));
	memcpy(m->bytes + m->len + NLA_HDRLEN, value, n);
	m->len += NLA_HDRLEN + NLA_ALIGN(n);
	set_len(m);
}

static void add_u32(struct message *m, uint16_t type, uint32_t value)
{
	value = htonl(value);
	add(m, type, &value, sizeof(value));
}

static struct {
	unsigned n;
	struct flow_nflog_packet packet;
	char prefix[64];
	size_t payload_len;
} got;

static void on_packet(_unused_ void *arg, const struct flow_nflog_packet *p)
{
	got.n++;
	got.packet = *p;
	got.payload_len = p->payload.len;
	assert_true(p->prefix.len < sizeof(got.prefix));
	memcpy(got.prefix, p->prefix.ptr, p->prefix.len);
	got.prefix[p->prefix.len] = '\0';
}

/* In memory of exactly that size: one byte more is a fault. */
static void parse_part(const struct message *m, size_t len)
{
	_cleanup_(freep) char *bytes = xmemdup(m->bytes, len);

	memset(&got, 0, sizeof(got));
	flow_nflog_parse((struct slice){ bytes, len }, GROUP, on_packet, NULL);
}

static void parse(const struct message *m)
{
	parse_part(m, m->len);
}

static const char frame[14] = "\x02\0\0\0\0\2\x02\0\0\0\0\1\x08";

static struct message full(void)
{
	struct message m = begin(NFPROTO_IPV4, GROUP);
	struct nfulnl_msg_packet_hdr header = { .hw_protocol = 0 };
	struct nfulnl_msg_packet_timestamp time = { .sec = htobe64(1700000000),
						    .usec = htobe64(123456) };
	uint16_t ethernet = htons(ARPHRD_ETHER);

	add(&m, NFULA_PACKET_HDR, &header, sizeof(header));
	add(&m, NFULA_PREFIX, "bulkhead ingress invalid", 25);
	add_u32(&m, NFULA_IFINDEX_INDEV, 1);
	add_u32(&m, NFULA_IFINDEX_OUTDEV, 2);
	add_u32(&m, NFULA_IFINDEX_PHYSINDEV, 3);
	add_u32(&m, NFULA_IFINDEX_PHYSOUTDEV, 4);
	add(&m, NFULA_HWTYPE, &ethernet, sizeof(ethernet));
	add(&m, NFULA_HWHEADER, frame, sizeof(frame));
	add(&m, NFULA_TIMESTAMP, &time, sizeof(time));
	add_u32(&m, NFULA_SEQ, 77);
	add(&m, NFULA_PAYLOAD, "payload", 7);
	return m;
}

static void a_whole_message_is_read(_unused_ void **state)
{
	struct message m = full();
	char mac[MAC_STRLEN];

	parse(&m);
	assert_int_equal(got.n, 1);
	assert_string_equal(got.prefix, "bulkhead ingress invalid");
	assert_int_equal(got.packet.ethertype, ETHERTYPE_IP);
	assert_int_equal(got.packet.in, 1);
	assert_int_equal(got.packet.out, 2);
	assert_int_equal(got.packet.phys_in, 3);
	assert_int_equal(got.packet.phys_out, 4);
	assert_string_equal(mac_format(&got.packet.src_mac, mac),
			    "02:00:00:00:00:01");
	assert_string_equal(mac_format(&got.packet.dst_mac, mac),
			    "02:00:00:00:00:02");
	assert_true(got.packet.time == UINT64_C(1700000000123456000));
	assert_true(got.packet.has_seq);
	assert_int_equal(got.packet.seq, 77);
	assert_int_equal(got.payload_len, 7);
	assert_false(got.packet.has_vlan);
}

static void another_groups_packets_are_passed_over(_unused_ void **state)
{
	struct message m = begin(NFPROTO_IPV4, GROUP + 1);
	struct nlmsghdr nlh;

	parse(&m);
	assert_int_equal(got.n, 0);
	/* Likewise messages of another kind. */
	m = full();
	memcpy(&nlh, m.bytes, sizeof(nlh));
	nlh.nlmsg_type = NLMSG_DONE;
	memcpy(m.bytes, &nlh, sizeof(nlh));
	parse(&m);
	assert_int_equal(got.n, 0);
}

static void a_bridge_frame_has_type_and_tag(_unused_ void **state)
{
	struct message m = begin(NFPROTO_BRIDGE, GROUP);
	struct nfulnl_msg_packet_hdr header = { .hw_protocol =
							htons(ETHERTYPE_ARP) };
	struct {
		struct nlattr attr;
		uint16_t tci, pad;
	} tag = { { 6, NFULA_VLAN_TCI }, htons(0x6005), 0 };

	add(&m, NFULA_PACKET_HDR, &header, sizeof(header));
	add(&m, NFULA_VLAN | NLA_F_NESTED, &tag, sizeof(tag));
	parse(&m);
	assert_int_equal(got.packet.ethertype, ETHERTYPE_ARP);
	assert_true(got.packet.has_vlan);
	assert_int_equal(got.packet.vlan, 5);
}

static void other_media_have_no_mac(_unused_ void **state)
{
	struct message m = begin(NFPROTO_IPV6, GROUP);
	uint16_t tunnel = htons(ARPHRD_TUNNEL6);

	add(&m, NFULA_HWTYPE, &tunnel, sizeof(tunnel));
	add(&m, NFULA_HWHEADER, frame, sizeof(frame));
	parse(&m);
	assert_int_equal(got.n, 1);
	assert_int_equal(got.packet.ethertype, ETHERTYPE_IPV6);
	assert_false(mac_is_set(&got.packet.src_mac));
}

static void short_attributes_count_as_absent(_unused_ void **state)
{
	struct message m = begin(NFPROTO_IPV4, GROUP);
	uint16_t ethernet = htons(ARPHRD_ETHER);

	add(&m, NFULA_PACKET_HDR, "", 1);
	add(&m, NFULA_IFINDEX_INDEV, "\1\1\1", 3);
	add(&m, NFULA_TIMESTAMP, "12345678", 8);
	add(&m, NFULA_SEQ, "", 0);
	add(&m, NFULA_HWTYPE, &ethernet, sizeof(ethernet));
	add(&m, NFULA_HWHEADER, frame, 11);
	add(&m, NFULA_PREFIX, "no end", 6);
	add(&m, NFULA_PAYLOAD, "", 0);
	parse(&m);
	assert_int_equal(got.n, 1);
	assert_int_equal(got.packet.in, 0);
	assert_true(got.packet.time == 0);
	assert_false(got.packet.has_seq);
	assert_false(mac_is_set(&got.packet.src_mac));
	assert_string_equal(got.prefix, "no end");
	assert_int_equal(got.payload_len, 0);
}

/* A year that does not fit would be worse than the reader's own clock. */
static void an_absurd_time_is_none(_unused_ void **state)
{
	struct nfulnl_msg_packet_timestamp time = { .sec = htobe64(1ULL
								   << 40) };
	struct message m = begin(NFPROTO_IPV4, GROUP);

	add(&m, NFULA_TIMESTAMP, &time, sizeof(time));
	parse(&m);
	assert_true(got.packet.time == 0);
}

static void a_cut_message_is_passed_over(_unused_ void **state)
{
	struct message m = full();

	for (size_t n = 0; n < m.len; n++) {
		parse_part(&m, n);
		assert_int_equal(got.n, 0);
	}
}

static void a_lying_length_is_no_message(_unused_ void **state)
{
	static const size_t lies[] = { 0,	   15,	       4096,
				       0x7fffffff, 0x80000000, 0xfffffffc,
				       0xffffffff };
	struct message m = full();
	size_t len = m.len;

	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		m.len = lies[i];
		set_len(&m);
		parse_part(&m, len);
		assert_int_equal(got.n, 0);
	}
}

/* The message's length says less than its attributes, at every byte. */
/* As ctnetlink_glue_build() writes it: the first attribute of NFULA_CT, in a
 * denied packet to port 8080 of 203.0.113.1. All in network order. */
static const uint8_t tuple_bytes[] = {
	52,
	0,
	CTA_TUPLE_ORIG,
	0x80, /* nested */
	20,
	0,
	CTA_TUPLE_IP,
	0x80,
	8,
	0,
	CTA_IP_V4_SRC,
	0,
	203,
	0,
	113,
	2,
	8,
	0,
	CTA_IP_V4_DST,
	0,
	203,
	0,
	113,
	1,
	28,
	0,
	CTA_TUPLE_PROTO,
	0x80,
	5,
	0,
	CTA_PROTO_NUM,
	0,
	IPPROTO_TCP,
	0,
	0,
	0,
	6,
	0,
	CTA_PROTO_SRC_PORT,
	0,
	0x9c,
	0x40,
	0,
	0,
	6,
	0,
	CTA_PROTO_DST_PORT,
	0,
	0x1f,
	0x90,
	0,
	0,
};

static void the_connections_tuple_is_read(_unused_ void **state)
{
	struct message m = full();
	char text[ADDR_STRLEN];

	parse(&m);
	assert_false(got.packet.has_original);
	add(&m, NFULA_CT | NLA_F_NESTED, tuple_bytes, sizeof(tuple_bytes));
	parse(&m);
	assert_int_equal(got.n, 1);
	assert_true(got.packet.has_original);
	assert_string_equal(addr_format(&got.packet.original.src, text),
			    "203.0.113.2");
	assert_string_equal(addr_format(&got.packet.original.dst, text),
			    "203.0.113.1");
	assert_int_equal(got.packet.original.sport, 40000);
	assert_int_equal(got.packet.original.dport, 8080);
}

/* Every prefix of it: nothing behind the end is read. */
static void a_cut_tuple_is_none(_unused_ void **state)
{
	for (size_t n = 0; n < sizeof(tuple_bytes); n++) {
		struct message m = full();

		add(&m, NFULA_CT | NLA_F_NESTED, tuple_bytes, n);
		parse(&m);
		assert_int_equal(got.n, 1);
		assert_false(got.packet.has_original);
	}
}

static void attributes_end_with_their_message(_unused_ void **state)
{
	struct message m = full();

	for (size_t n = NLMSG_HDRLEN; m.len > n; m.len--) {
		set_len(&m);
		parse(&m);
		assert_int_equal(
			got.n, m.len >= NLMSG_HDRLEN + sizeof(struct nfgenmsg));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_message_is_read),
		cmocka_unit_test(the_connections_tuple_is_read),
		cmocka_unit_test(a_cut_tuple_is_none),
		cmocka_unit_test(another_groups_packets_are_passed_over),
		cmocka_unit_test(a_bridge_frame_has_type_and_tag),
		cmocka_unit_test(other_media_have_no_mac),
		cmocka_unit_test(short_attributes_count_as_absent),
		cmocka_unit_test(an_absurd_time_is_none),
		cmocka_unit_test(a_cut_message_is_passed_over),
		cmocka_unit_test(a_lying_length_is_no_message),
		cmocka_unit_test(attributes_end_with_their_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
