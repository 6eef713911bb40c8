/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port.c - the ports of bridges, and who is at the other end of a veth. */
#include "link/port.h"

#include <string.h>

void port_table_fini(struct port_table *t)
{
	vec_fini(&t->list);
	vec_fini(&t->shown);
}

struct port *port_by_index(struct port_table *t, int index)
{
	vec_foreach(p, &t->list)
		if (p->told.index == (unsigned)index)
			return p;
	return NULL;
}

void port_remove(struct port_table *t, struct port *p)
{
	vec_remove(&t->list, (size_t)(p - t->list.data));
}

static bool is_port(const struct link_info *link)
{
	return !link->gone && link->master;
}

/* The kernel reuses an index only for another device: a port that is the same
 * keeps its bridge, its name and its other end. */
static bool same_port(const struct port *p, const struct link_info *link)
{
	return p->bridge == link->master && p->told.veth == link->veth &&
	       p->peer == link->peer && !strcmp(p->told.name, link->name);
}

/* Returns true when the other end's address is another one than before. */
static bool ask_peer(struct port *p, struct nl_sock *requests)
{
	struct link_info peer;

	if (p->pinned || !p->peer)
		return false;
	p->answered = rtnl_get_link_in(requests, p->told.netns, p->peer,
				       &peer) == 0 &&
		      mac_is_set(&peer.mac);
	if (!p->answered ||
	    !memcmp(&p->told.peer_mac, &peer.mac, sizeof(peer.mac)))
		return false;
	p->told.peer_mac = peer.mac;
	return true;
}

/* The other end itself told something, while it is still in our namespace. */
static bool see_peer(struct port_table *t, struct nl_sock *requests,
		     const struct link_info *link)
{
	if (!link->veth || link->gone)
		return false;
	vec_foreach(p, &t->list)
		if (p->told.netns < 0 && p->peer == link->index)
			return ask_peer(p, requests);
	return false;
}

static struct port *add_port(struct port_table *t, const struct link_info *link)
{
	struct port *p;

	vec_push(&t->list, (struct port){ .bridge = link->master,
					  .peer = link->peer,
					  .told.netns = -1 });
	p = &t->list.data[t->list.len - 1];
	p->told.index = (unsigned)link->index;
	p->told.veth = link->veth;
	memcpy(p->told.name, link->name, IFNAMSIZ);
	return p;
}

bool port_see(struct port_table *t, struct nl_sock *requests,
	      const struct link_info *link)
{
	struct port *p = port_by_index(t, link->index);
	bool changed = false;

	if (p && (!is_port(link) || !same_port(p, link))) {
		port_remove(t, p);
		p = NULL;
		changed = true;
	}
	if (!is_port(link))
		return see_peer(t, requests, link) || changed;
	if (!p) {
		p = add_port(t, link);
		changed = true;
	}
	p->stale = false;
	if (!p->pinned && p->told.netns != link->peer_netns) {
		p->told.netns = link->peer_netns;
		changed = true;
	}
	changed |= ask_peer(p, requests);
	p->pinned |= p->answered && link->peer_netns >= 0 && link->carrier;
	return changed;
}
