/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port.h - the ports of bridges, and who is at the other end of those that are
 * a veth; inside this stage only.
 *
 * An engine makes the pair, adds the port to the bridge, gives the other end
 * its MAC address, moves it into the container's namespace, sets it up there
 * (some give the address only then), and starts the container at last. So the
 * address is asked for anew with every message until the other end is in its
 * namespace and up, and *pinned* from there on: what the container changes
 * later is its own affair.
 */
#pragma once

#include "base/vec.h"
#include "link/link.h"
#include "link/rtnl.h"

struct port {
	struct link_port told; /* what the observer may see */
	int bridge;	       /* index of its bridge */
	int peer;	       /* index of the other end; 0: no veth */
	bool answered;	       /* the last question for the MAC address was */
	bool pinned;	       /* the MAC address is not asked for again */
	bool stale;	       /* not seen yet by the dump under way */
};

struct port_table {
	VEC(struct port) list;
	VEC(struct link_port) shown; /* of link_ports() */
};

void port_table_fini(struct port_table *t);

struct port *port_by_index(struct port_table *t, int index);

/**
 * Take in what a message or a dump told of a link: a port, or the other end of
 * one. Asks for the other end's MAC address through @requests.
 * Returns true when the table changed.
 */
bool port_see(struct port_table *t, struct nl_sock *requests,
	      const struct link_info *link);
void port_remove(struct port_table *t, struct port *p);
