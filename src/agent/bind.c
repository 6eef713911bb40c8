/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bind.c - which bridge port is whose. */
#include "agent/bind.h"

#include <string.h>

/* An attachment that looks for its port. */
struct claim {
	const struct attachment *attachment;
	struct endpoint *endpoint;
	bool bound;
};

typedef VEC(struct claim) claim_list;

static int compare_claims(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int r = memcmp(&x->attachment->mac, &y->attachment->mac,
		       sizeof(struct mac));

	return r ? r : strcmp(x->attachment->bridge, y->attachment->bridge);
}

static claim_list claims_of(struct endpoint *const *endpoints, size_t n)
{
	claim_list claims = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (endpoints[i]->state == ENDPOINT_EXITED)
			continue;
		vec_foreach(a, &endpoints[i]->attachments)
			if (a->bridge[0] && mac_is_set(&a->mac))
				vec_push(&claims,
					 (struct claim){
						 .attachment = a,
						 .endpoint = endpoints[i] });
	}
	vec_sort(&claims, compare_claims);
	return claims;
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

static bool contested(const struct link_port *ports, size_t n,
		      const struct link_port *port)
{
	for (size_t i = 0; i < n; i++)
		if (&ports[i] != port &&
		    !strcmp(ports[i].bridge, port->bridge) &&
		    !memcmp(&ports[i].peer_mac, &port->peer_mac,
			    sizeof(struct mac)))
			return true;
	return false;
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

void bind_update(struct bindings *b, struct link_watch *link,
		 struct endpoint *const *endpoints, size_t n,
		 const struct network *const *networks, size_t nnetworks)
{
	claim_list claims = claims_of(endpoints, n);
	const struct link_port *ports;
	size_t nports;

	forget(b);
	ports = link_ports(link, &nports);
	for (size_t i = 0; i < nports; i++) {
		struct compile_port bound = { .owner = NULL };
		struct claim *claim;

		if (!governed(networks, nnetworks, ports[i].bridge))
			continue;
		memcpy(bound.name, ports[i].name, IFNAMSIZ);
		claim = claim_of(&claims, &ports[i]);
		if (claim && (!contested(ports, nports, &ports[i]) ||
			      lives_there(link, claim, &ports[i]))) {
			bound.owner = claim->endpoint;
			bound.interface = claim->attachment;
			claim->bound = true;
			vec_push(&b->bound,
				 (struct bound_port){
					 ports[i].index,
					 endpoint_ref(claim->endpoint) });
		} else {
			note_unsettled(b, ports[i].bridge);
		}
		vec_push(&b->ports, bound);
	}
	note_gone_builds(b, &claims);
	vec_fini(&claims);
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
