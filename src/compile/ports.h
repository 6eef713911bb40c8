/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ports.h - port rules of one protocol, cut into segments with one answer. */
#pragma once

#include "compile/plan.h"

/** The protocols that have ports, by index. */
#define PORT_PROTOCOLS 3
extern const uint8_t port_protocols[PORT_PROTOCOLS];
int port_protocol_index(uint8_t proto);

/** "@first to @last: these peers"; borrows them. */
struct port_rule {
	uint16_t first, last;
	const struct peers *peers;
};

struct port_rules {
	VEC(struct port_rule) list;
};

/** A run of ports that admits the same peers. */
struct port_segment {
	uint16_t first, last;
	struct peers peers; /* normalised */
};

struct port_segments {
	VEC(struct port_segment) list; /* ascending, disjoint, not empty */
	bool ranges;		       /* one of them is no single port */
};

void port_rules_add(struct port_rules *rules, uint16_t first, uint16_t last,
		    const struct peers *peers);
void port_rules_fini(struct port_rules *rules);

/** Peers of every rule that covers @port, added to @to. */
void port_rules_at(const struct port_rules *rules, uint16_t port,
		   struct peers *to);

/** Sorts @rules on the way. */
void port_rules_segments(struct port_rules *rules, struct port_segments *ret);
void port_segments_fini(struct port_segments *s);
