/* SPDX-License-Identifier: GPL-2.0-or-later */
/* iface.c - names of interfaces, remembered for a moment. */
#include "flow/iface.h"

#include <string.h>

/* Interfaces are renamed while a container starts, hardly ever after. */
#define FRESH 1000000000U

static void look_up(struct flow_iface *slot, unsigned index)
{
	char name[IFNAMSIZ] = "";

	if (if_indextoname(index, name) || slot->index != index)
		memcpy(slot->name, name, sizeof(name));
	slot->index = index;
}

void flow_iface_name(struct flow_ifaces *cache, unsigned index, uint64_t now,
		     char ret[static IFNAMSIZ])
{
	struct flow_iface *slot = &cache->slots[index % FLOW_IFACES];

	ret[0] = '\0';
	if (!index)
		return;
	if (slot->index != index || now - slot->read >= FRESH) {
		look_up(slot, index);
		slot->read = now;
	}
	memcpy(ret, slot->name, IFNAMSIZ);
}
