/* SPDX-License-Identifier: GPL-2.0-or-later */
/* iface.h - names of interfaces, remembered for a moment. */
#pragma once

#include <net/if.h>
#include <stdint.h>

#define FLOW_IFACES 256

struct flow_iface {
	unsigned index;
	uint64_t read; /* monotonic ns */
	char name[IFNAMSIZ];
};

/** Zero-initialise it. */
struct flow_ifaces {
	struct flow_iface slots[FLOW_IFACES];
};

/**
 * The name of interface @index; "" for 0 and for one never known. A container
 * may be gone with its interface before its last packet is read: then the name
 * that it had.
 */
void flow_iface_name(struct flow_ifaces *cache, unsigned index, uint64_t now,
		     char ret[static IFNAMSIZ]);
