/* SPDX-License-Identifier: GPL-2.0-or-later */
/* packet.c - fuzz the packet decoder: two bytes of ethertype, then the rest. */
#include "flow/packet.h"

#include <assert.h>

#include "base/alloc.h"
#include "flow/community.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct flow_packet *p, size_t len)
{
	char proto[FLOW_PROTO_MAX], id[FLOW_COMMUNITY_MAX];

	assert(flow_packet_proto(p, proto)[0] != '\0');
	assert(!(p->has_ports && p->has_icmp));
	assert(!p->has_ports || p->has_proto);
	assert(!p->has_proto || addr_is_set(&p->src));
	assert(p->has_ports <= (len >= 24));
	assert(flow_community_id(p, id) ? strlen(id) == 30 : !id[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(freep) char *copy = NULL;
	struct flow_packet p;
	uint16_t ethertype;

	if (size < 2)
		return 0;
	ethertype = (uint16_t)(data[0] << 8 | data[1]);
	copy = xmemdup(data + 2, size - 2);
	flow_packet_decode(ethertype, (struct slice){ copy, size - 2 }, &p);
	check(&p, size - 2);
	return 0;
}
