/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bind.h - which bridge port is whose: the kernel's ports joined with the
 * store's attachments.
 *
 * The engine says which MAC address it gave to a container's interface; the
 * kernel says which port has that address behind it, as it was when the port
 * joined the bridge, which is before the container runs. Where two ports claim
 * one address (a container changed its own while no agent was watching), the
 * container's network namespace tells; nobody can forge that. A veth port that
 * stays without an owner passes nothing.
 *
 * A port of another kind, as a VM's tap device or an uplink, is bound only if an
 * attachment names it; that name is bound even before there is such a port.
 */
#pragma once

#include "base/vec.h"
#include "compile/compile.h"
#include "endpoint/store.h"
#include "link/link.h"

struct bound_port {
	unsigned ifindex;
	struct endpoint *endpoint; /* a reference */
};

struct unsettled_bridge {
	char name[IFNAMSIZ];
};

struct bindings {
	VEC(struct compile_port) ports; /* all, for the compiler */
	VEC(struct bound_port) bound;	/* those with an owner */
	/* Bridges with a port that nobody owns, or a build whose port is gone:
	 * builds come and go without an event. */
	VEC(struct unsettled_bridge) unsettled;
};

/** Join for the bridges of @networks. @ports borrows from the endpoints, so use
 *  it at once. */
void bind_update(struct bindings *b, struct link_watch *link,
		 struct endpoint *const *endpoints, size_t n,
		 const struct network *const *networks, size_t nnetworks);
/** Whose port @ifindex is, borrowed; NULL: nobody's that we know. */
struct endpoint *bind_owner(const struct bindings *b, unsigned ifindex);
void bind_fini(struct bindings *b);
