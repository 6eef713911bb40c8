/* SPDX-License-Identifier: GPL-2.0-or-later */
/* packet.h - what the head of a packet tells; pure, for untrusted bytes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/slice.h"

/** Longest name of a protocol, with its NUL. */
#define FLOW_PROTO_MAX 16

struct flow_packet {
	uint16_t ethertype; /* behind any VLAN tags */
	bool has_vlan;	    /* a tag stood in the bytes */
	bool has_proto;	    /* @proto was reached */
	bool has_ports;
	bool has_dport; /* of the ports only this one is known */
	bool has_icmp;
	bool has_tcp_flags;
	bool later_fragment;  /* so it carries no transport header */
	bool complete;	      /* every field that its kind has is known */
	uint8_t proto;	      /* IPPROTO_* */
	uint16_t vlan;	      /* id of the outermost tag */
	struct addr src, dst; /* of ARP: sender and target; family 0: none */
	uint16_t sport, dport;
	uint8_t tcp_flags;
	uint8_t icmp_type, icmp_code;
	uint16_t echo_id;   /* of echo and its kin, else 0 */
	bool has_head;	    /* the transport header's first two bytes … */
	uint16_t head;	    /* … as a number in network order */
	uint16_t transport; /* where its header begins, if @has_proto */
	uint32_t length;    /* of the whole packet from its IP header, as that
			     tells; else of what was captured */
};

/**
 * Decode @bytes, which begin with the header that @ethertype (host order)
 * names. Never fails: what was not there, or made no sense, is left out.
 */
void flow_packet_decode(uint16_t ethertype, struct slice bytes,
			struct flow_packet *ret);

/** "tcp", "icmpv6", "arp", the number of another IP protocol, or "0x88cc". */
const char *flow_packet_proto(const struct flow_packet *p,
			      char text[static FLOW_PROTO_MAX]);
