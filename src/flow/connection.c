/* SPDX-License-Identifier: GPL-2.0-or-later */
/* connection.c - what a connection of the kernel's tells of its packets. */
#include "flow/connection.h"

#include <net/ethernet.h>

struct flow_packet flow_connection_packet(const struct conntrack_entry *e)
{
	return (struct flow_packet){
		.ethertype = e->original.src.family == AF_INET ? ETHERTYPE_IP
							       : ETHERTYPE_IPV6,
		.has_proto = true,
		.has_ports = e->has_ports,
		.has_icmp = e->has_icmp,
		.complete = true,
		.proto = e->proto,
		.src = e->original.src,
		.dst = e->reply.src,
		.sport = e->original.sport,
		.dport = e->reply.sport,
		.icmp_type = e->icmp_type,
		.icmp_code = e->icmp_code,
		.echo_id = e->icmp_id,
	};
}

void flow_connection_published(const struct conntrack_entry *e,
			       struct flow_record *record)
{
	if (addr_eq(&e->original.dst, &e->reply.src) &&
	    e->original.dport == e->reply.sport)
		return;
	record->published = e->original.dst;
	record->published_port = e->original.dport;
}
