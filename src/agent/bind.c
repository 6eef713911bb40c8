/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bind.c - which bridge port is whose. */
#include "agent/bind.h"

#include <string.h>

/* An attachment that looks for its port. */
struct claim {
	const struct attachment *attachment;
	struct endpoint *endpoint;
	unsigned ports; /* that have its MAC address behind them */
	bool bound;	/* has a port, or its interface is one elsewhere */
};

typedef VEC(struct claim) claim_list;

static int compare_claims(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int r = memcmp(&x->attachment->mac, &y->attachment->mac,
		       sizeof(struct mac));

	return r ? r : strcmp(x->attachment->bridge, y->attachment->bridge);
}

static int compare_interfaces(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;

	return strcmp(x->attachment->interface, y->attachment->interface);
}

/* All attachments, by what their port is found by; sorted but for those by
 * index. */
struct claims {
	claim_list by_mac, by_name, by_index;
};

static struct claims claims_of(struct endpoint *const *endpoints, size_t n)
{
	struct claims claims = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (endpoints[i]->state == ENDPOINT_EXITED)
			continue;
		vec_foreach(a, &endpoints[i]->attachments) {
			struct claim claim = { .attachment = a,
					       .endpoint = endpoints[i] };

			if (a->interface[0])
				vec_push(&claims.by_name, claim);
			else if (a->veth)
				vec_push(&claims.by_index, claim);
			else if (a->bridge[0] && mac_is_set(&a->mac))
				vec_push(&claims.by_mac, claim);
		}
	}
	vec_sort(&claims.by_mac, compare_claims);
	vec_sort(&claims.by_name, compare_interfaces);
	return claims;
}

static void claims_fini(struct claims *claims)
{
	vec_fini(&claims->by_mac);
	vec_fini(&claims->by_name);
	vec_fini(&claims->by_index);
}

static struct claim *claim_of(const claim_list *claims,
			      const struct link_port *port)
{
	struct attachment wanted = { .mac = port->peer_mac };
	struct claim key = { .attachment = &wanted };

	if (!claims->len || !mac_is_set(&port->peer_mac))
		return NULL;
	memcpy(wanted.bridge, port->bridge, IFNAMSIZ);
	return bsearch(&key, claims->data, claims->len, sizeof(key),
		       compare_claims);
}

static bool governed(const struct network *const *networks, size_t n,
		     const char *bridge)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(networks[i]->bridge, bridge))
			return true;
	return false;
}

/* An attachment whose port the runtime knows itself, as containerd's does. */
static struct claim *indexed_claim(const claim_list *by_index,
				   const struct link_port *port)
{
	vec_foreach(claim, by_index)
		if (claim->attachment->veth == port->index)
			return claim;
	return NULL;
}

/* One whose port an administrator names, as in the static runtime's file. */
static struct claim *named_claim(const claim_list *by_name,
				 const struct link_port *port)
{
	struct attachment wanted = { .bridge = "" };
	struct claim key = { .attachment = &wanted };

	if (!by_name->len)
		return NULL;
	memcpy(wanted.interface, port->name, IFNAMSIZ);
	return bsearch(&key, by_name->data, by_name->len, sizeof(key),
		       compare_interfaces);
}

static bool lives_there(struct link_watch *link, const struct claim *claim,
			const struct link_port *port)
{
	int netns;

	return claim->endpoint->pid && port->netns >= 0 &&
	       link_netns_of(link, claim->endpoint->pid, &netns) == 0 &&
	       netns == port->netns;
}

static void forget(struct bindings *b)
{
	vec_foreach(port, &b->bound)
		endpoint_unref(port->endpoint);
	b->bound.len = b->ports.len = b->unsettled.len = 0;
}

static void note_unsettled(struct bindings *b, const char *bridge)
{
	struct unsettled_bridge note = { "" };

	vec_foreach(known, &b->unsettled)
		if (!strcmp(known->name, bridge))
			return;
	memcpy(note.name, bridge, IFNAMSIZ);
	vec_push(&b->unsettled, note);
}

static void note_gone_builds(struct bindings *b, const claim_list *claims)
{
	vec_foreach(claim, claims)
		if (claim->endpoint->kind && !claim->bound)
			note_unsettled(b, claim->attachment->bridge);
}

static void count_ports(const claim_list *claims, const struct link_port *ports,
			size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct claim *claim = claim_of(claims, &ports[i]);

		if (claim)
			claim->ports++;
	}
}

/* Whose @port is. Where several ports claim one MAC address, the namespace
 * that is behind it decides. */
static struct claim *owner_of(struct link_watch *link,
			      const struct claims *claims,
			      const struct link_port *port)
{
	struct claim *claim = named_claim(&claims->by_name, port);

	if (claim) {
		claim->bound = true;
		return strcmp(claim->attachment->bridge, port->bridge) ? NULL
								       : claim;
	}
	claim = indexed_claim(&claims->by_index, port);
	if (claim)
		return claim;
	claim = claim_of(&claims->by_mac, port);
	if (claim && (claim->ports == 1 || lives_there(link, claim, port)))
		return claim;
	return NULL;
}

static void bind_port(struct bindings *b, const struct link_port *port,
		      struct claim *claim)
{
	struct compile_port bound = { .owner = NULL };

	memcpy(bound.name, port->name, IFNAMSIZ);
	if (claim) {
		const struct attachment *a = claim->attachment;

		claim->bound = true;
		bound.owner = claim->endpoint;
		bound.mac = mac_is_set(&a->mac) ? a->mac : port->peer_mac;
		vec_push(&b->bound,
			 (struct bound_port){ port->index,
					      endpoint_ref(claim->endpoint) });
	} else {
		note_unsettled(b, port->bridge);
	}
	vec_push(&b->ports, bound);
}

/* The port of a VM that is not running, or whose interface is being made anew.
 * Where only the other end of a veth can tell the MAC address, nothing passes
 * until it has. */
static void bind_absent(struct bindings *b, const struct claim *claim)
{
	struct compile_port port = { .owner = claim->endpoint,
				     .mac = claim->attachment->mac,
				     .absent = true };

	memcpy(port.name, claim->attachment->interface, IFNAMSIZ);
	vec_push(&b->ports, port);
}

void bind_update(struct bindings *b, struct link_watch *link,
		 struct endpoint *const *endpoints, size_t n,
		 const struct network *const *networks, size_t nnetworks)
{
	struct claims claims = claims_of(endpoints, n);
	const struct link_port *ports;
	size_t nports;

	forget(b);
	ports = link_ports(link, &nports);
	count_ports(&claims.by_mac, ports, nports);
	for (size_t i = 0; i < nports; i++) {
		struct claim *owner = owner_of(link, &claims, &ports[i]);

		/* What is no veth is an uplink, unless somebody says what it
		 * is: it is not bound, and not cut off. */
		if (governed(networks, nnetworks, ports[i].bridge) &&
		    (ports[i].veth || owner))
			bind_port(b, &ports[i], owner);
	}
	vec_foreach(claim, &claims.by_name)
		if (!claim->bound &&
		    governed(networks, nnetworks, claim->attachment->bridge))
			bind_absent(b, claim);
	note_gone_builds(b, &claims.by_mac);
	claims_fini(&claims);
}

struct endpoint *bind_owner(const struct bindings *b, unsigned ifindex)
{
	vec_foreach(port, &b->bound)
		if (port->ifindex == ifindex)
			return port->endpoint;
	return NULL;
}

void bind_fini(struct bindings *b)
{
	forget(b);
	vec_fini(&b->bound);
	vec_fini(&b->ports);
	vec_fini(&b->unsettled);
}
