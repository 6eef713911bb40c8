/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port.h - the veth ports of bridges, and who is at their other end; inside
 * this stage only.
 */
#pragma once

#include "base/vec.h"
#include "link/link.h"
#include "link/rtnl.h"

struct port {
	struct link_port told; /* what the observer may see */
	int bridge;	       /* index of its bridge */
	int peer;	       /* index of the other end */
	bool stale;	       /* not seen yet by the dump under way */
};

struct port_table {
	VEC(struct port) list;
	VEC(struct link_port) shown; /* of link_ports() */
};

void port_table_fini(struct port_table *t);

struct port *port_by_index(struct port_table *t, int index);

/**
 * Take in what a message or a dump told of a link. The other end is asked for
 * its MAC address through @requests once, the first time that we see the port
 * in its bridge: that is before its container runs, who could change it later.
 * Returns true when the table changed.
 */
bool port_see(struct port_table *t, struct nl_sock *requests,
	      const struct link_info *link);
void port_remove(struct port_table *t, struct port *p);
