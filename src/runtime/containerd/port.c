/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port.c - which interfaces and addresses a container has, by the
 * kernel: containerd knows neither.
 *
 * A task is made with a process that waits; whoever made it then has CNI add an
 * interface and its addresses to the process's network namespace, and starts
 * the process at last. What the namespace holds before the start is therefore
 * the administrator's word, and followed. What it holds later may be the word
 * of who is inside (with CAP_NET_ADMIN), so at the start the addresses are
 * pinned. A port that comes after the start, because somebody adds it by hand,
 * or that got no address before, is followed for LATE_NS, or until it has one.
 *
 * **An address stays with who has it.** One that another container of the same
 * bridge holds, whose port is still there, is refused: it is either a mistake
 * or an attack.
 */
#include "runtime/containerd/state.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define LATE_NS 5000000000ULL

/* ---- networks ----------------------------------------------------------- */

static char *network_id(const char *bridge)
{
	return xasprintf("%s/%s", runtime_containerd.name, bridge);
}

/* Another runtime's network on the same bridge is the one. */
static const struct network *network_on(const struct containerd_model *m,
					const char *bridge)
{
	_cleanup_(freep) char *id = network_id(bridge);
	const struct network *const *all;
	size_t n;

	all = endpoint_store_networks(m->host.store, &n);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(all[i]->bridge, bridge) &&
		    strcmp(all[i]->runtime, runtime_containerd.name) != 0)
			return all[i];
	return endpoint_store_network(m->host.store, id);
}

static void put_network(const struct containerd_model *m,
			const struct containerd_net *net)
{
	_cleanup_(freep) char *id = network_id(net->bridge);
	const struct network *there = network_on(m, net->bridge);
	struct network *n;

	if (there && strcmp(there->runtime, runtime_containerd.name) != 0) {
		endpoint_store_remove_network(m->host.store, id);
		return;
	}
	n = network_new(runtime_containerd.name, id, net->name ?: net->bridge);
	free(n->driver);
	n->driver = xstrdup("bridge");
	strncpy(n->bridge, net->bridge, IFNAMSIZ - 1);
	if (addr_is_set(&net->subnet4.addr))
		vec_push(&n->subnets, net->subnet4);
	if (addr_is_set(&net->subnet6.addr))
		vec_push(&n->subnets, net->subnet6);
	endpoint_store_put_network(m->host.store, n);
}

void containerd_networks_put(struct containerd_model *m)
{
	struct containerd_net *net, *next;

	HASH_ITER(hh, m->networks, net, next)
		put_network(m, net);
}

static void net_free(struct containerd_model *m, struct containerd_net *net)
{
	HASH_DEL(m->networks, net);
	free(net->bridge);
	free(net->name);
	free(net);
}

void containerd_networks_free(struct containerd_model *m)
{
	struct containerd_net *net, *next;

	HASH_ITER(hh, m->networks, net, next)
		net_free(m, net);
}

static void forget_network(struct containerd_model *m,
			   struct containerd_net *net)
{
	_cleanup_(freep) char *id = network_id(net->bridge);

	endpoint_store_remove_network(m->host.store, id);
	net_free(m, net);
}

static bool learn_subnet(struct prefix *to, const struct runtime_address *a)
{
	unsigned bits = 8 * addr_size(a->addr.family);
	struct prefix p = { .addr = a->addr, .len = a->len };

	if (addr_is_set(&to->addr) || !addr_is_set(&a->addr) || !a->len ||
	    a->len >= bits)
		return false;
	for (unsigned i = a->len; i < bits; i++)
		p.addr.bytes[i / 8] &= (uint8_t) ~(0x80U >> i % 8);
	*to = p;
	return true;
}

/* The name is that of a container's only network, so of its only port's. */
static bool learn_name(struct containerd_net *net,
		       const struct containerd_item *c)
{
	if (net->name || !c->network || c->ports.len != 1)
		return false;
	net->name = xstrdup(c->network);
	return true;
}

static void learn_network(struct containerd_model *m,
			  const struct containerd_item *c,
			  const struct containerd_port *p)
{
	struct containerd_net *net;
	bool news = false;

	HASH_FIND_STR(m->networks, p->link.bridge, net);
	if (!net) {
		net = xnew(struct containerd_net);
		net->bridge = xstrdup(p->link.bridge);
		HASH_ADD_KEYPTR(hh, m->networks, net->bridge,
				strlen(net->bridge), net);
		news = true;
	}
	news |= learn_name(net, c);
	news |= learn_subnet(&net->subnet4, &p->v4);
	news |= learn_subnet(&net->subnet6, &p->v6);
	if (news && m->listed)
		put_network(m, net);
}

void containerd_ports_refresh(struct containerd_model *m)
{
	const struct runtime_links *links = &m->host.links;
	struct containerd_net *net, *next;

	if (!links->ports)
		return;
	links->ports(links->arg, &m->ports);
	HASH_ITER(hh, m->networks, net, next)
		if (!links->has_bridge(links->arg, net->bridge))
			forget_network(m, net);
}

/* ---- one container's ports ---------------------------------------------- */

static struct containerd_port *find_port(struct containerd_item *c,
					 unsigned veth)
{
	vec_foreach(p, &c->ports)
		if (p->link.veth == veth)
			return p;
	return NULL;
}

/* The id of a namespace that is gone is given to another one: that the process
 * is in it now is asked for each port anew. */
static struct containerd_port *adopt(struct containerd_model *m,
				     struct containerd_item *c,
				     const struct runtime_port *link)
{
	const struct runtime_links *links = &m->host.links;
	int netns;

	if (links->netns_of(links->arg, c->pid, &netns) < 0 ||
	    netns != link->netns)
		return NULL;
	vec_push(&c->ports, (struct containerd_port){
				    .link = *link,
				    .until = clock_monotonic() + LATE_NS,
			    });
	return &c->ports.data[c->ports.len - 1];
}

static bool has_address(const struct containerd_port *p)
{
	return addr_is_set(&p->v4.addr) || addr_is_set(&p->v6.addr);
}

static bool address_equal(const struct runtime_address *a,
			  const struct runtime_address *b)
{
	return addr_eq(&a->addr, &b->addr) && a->len == b->len;
}

/* Returns true when the addresses are others than before. */
static bool read_addresses(struct containerd_model *m,
			   const struct containerd_item *c,
			   struct containerd_port *p)
{
	const struct runtime_links *links = &m->host.links;
	struct runtime_address v4, v6;
	bool changed;

	if (p->pinned ||
	    links->addresses(links->arg, p->link.veth, &v4, &v6) < 0)
		return false;
	changed = !address_equal(&p->v4, &v4) || !address_equal(&p->v6, &v6);
	p->v4 = v4;
	p->v6 = v6;
	p->pinned = c->task == CONTAINERD_RUNNING && has_address(p) &&
		    clock_monotonic() > p->until;
	return changed;
}

static bool see_port(struct containerd_model *m, struct containerd_item *c,
		     const struct runtime_port *link)
{
	struct containerd_port *p = find_port(c, link->veth);
	bool changed = false;

	if (!p) {
		p = adopt(m, c, link);
		if (!p)
			return false;
		changed = true;
	}
	p->seen = true;
	changed |= strcmp(p->link.bridge, link->bridge) != 0 ||
		   memcmp(&p->link.mac, &link->mac, sizeof(link->mac)) != 0;
	p->link = *link;
	changed |= read_addresses(m, c, p);
	learn_network(m, c, p);
	return changed;
}

/* Who made the namespace comes before who joined it, older ones before younger
 * ones: an order that a restart of ours does not change. */
static bool is_before(const struct containerd_item *a,
		      const struct containerd_item *b)
{
	if (a->joins != b->joins)
		return b->joins;
	if (a->created != b->created)
		return a->created < b->created;
	return strcmp(a->key, b->key) < 0;
}

/* An earlier container that lives in the same namespace: its ports they are,
 * and who shares them is held with it. */
static bool is_shared(const struct containerd_model *m,
		      const struct containerd_item *c)
{
	const struct containerd_item *other;

	for (other = m->items; other; other = other->hh.next)
		if (other != c && containerd_alive(other) &&
		    other->netns == c->netns && is_before(other, c))
			return true;
	return false;
}

static bool drop_unseen(struct containerd_item *c)
{
	bool changed = false;

	for (size_t i = c->ports.len; i > 0; i--)
		if (!c->ports.data[i - 1].seen) {
			vec_remove(&c->ports, i - 1);
			changed = true;
		}
	return changed;
}

void containerd_ports_locate(const struct containerd_model *m,
			     struct containerd_item *c)
{
	const struct runtime_links *links = &m->host.links;

	if (c->netns < 0 && c->pid && containerd_alive(c) && !c->host_network &&
	    links->netns_of)
		(void)links->netns_of(links->arg, c->pid, &c->netns);
}

bool containerd_ports_look(struct containerd_model *m,
			   struct containerd_item *c)
{
	bool changed = false;

	containerd_ports_locate(m, c);
	if (c->netns < 0)
		return false;
	vec_foreach(p, &c->ports)
		p->seen = false;
	/* Kubernetes' bridges are not ours to govern. */
	c->shares = is_shared(m, c);
	if (!c->shares && !c->foreign)
		vec_foreach(link, &m->ports)
			if (link->netns == c->netns)
				changed |= see_port(m, c, link);
	return drop_unseen(c) || changed;
}

void containerd_ports_pin(struct containerd_item *c)
{
	vec_foreach(p, &c->ports)
		p->pinned = has_address(p);
}

void containerd_ports_drop(struct containerd_item *c)
{
	vec_fini(&c->ports);
	c->netns = -1;
	c->shares = c->refused = false;
}

/* ---- what the store is told --------------------------------------------- */

static bool is_there(const struct containerd_model *m, unsigned veth,
		     const char *bridge)
{
	vec_foreach(link, &m->ports)
		if (link->veth == veth && !strcmp(link->bridge, bridge))
			return true;
	return false;
}

/* Whether somebody else on the bridge holds @a, and his port is there. A port
 * that another engine's container has is not known by its index. */
static const struct endpoint *holder_of(const struct containerd_model *m,
					const struct endpoint *e,
					const char *bridge,
					const struct addr *a)
{
	const struct endpoint *other = endpoint_store_by_addr(m->host.store, a);

	if (!other || !strcmp(other->id, e->id) ||
	    other->state == ENDPOINT_EXITED)
		return NULL;
	vec_foreach(at, &other->attachments)
		if (!strcmp(at->bridge, bridge) &&
		    (addr_eq(&at->v4, a) || addr_eq(&at->v6, a)) &&
		    (!at->veth || is_there(m, at->veth, bridge)))
			return other;
	return NULL;
}

static void refuse(struct containerd_item *c, const struct endpoint *e,
		   const struct endpoint *holder, const struct addr *a)
{
	char text[ADDR_STRLEN];

	if (!c->refused)
		log_warning(
			"container %s/%s shows address %s, which is that of %s/%s: not believed",
			e->namespace, e->name, addr_format(a, text),
			holder->namespace, holder->name);
	c->refused = true;
}

static void attach_address(struct containerd_model *m,
			   struct containerd_item *c, const struct endpoint *e,
			   const char *bridge, const struct addr *from,
			   struct addr *to, bool *refused)
{
	const struct endpoint *holder;

	if (!addr_is_set(from))
		return;
	holder = holder_of(m, e, bridge, from);
	if (!holder) {
		*to = *from;
		return;
	}
	refuse(c, e, holder, from);
	*refused = true;
}

void containerd_ports_attach(struct containerd_model *m,
			     struct containerd_item *c, struct endpoint *e)
{
	bool refused = false;

	vec_foreach(p, &c->ports) {
		const struct network *n = network_on(m, p->link.bridge);
		struct attachment *to;

		if (!n) /* not put before the first listing has ended */
			continue;
		to = endpoint_attach(e, n->name, n->id);
		memcpy(to->bridge, p->link.bridge, IFNAMSIZ);
		to->veth = p->link.veth;
		to->mac = p->link.mac;
		attach_address(m, c, e, p->link.bridge, &p->v4.addr, &to->v4,
			       &refused);
		attach_address(m, c, e, p->link.bridge, &p->v6.addr, &to->v6,
			       &refused);
	}
	c->refused = refused;
}
