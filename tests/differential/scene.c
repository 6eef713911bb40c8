/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scene.c - which containers the lab's nodes are, and under which policies. */
#include "scene.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "compile/evaluate.h"

/* Behind LAB_PUBLISHED on the host: this node at this port. */
#define PUBLISHED_NODE 1
#define PUBLISHED_PORT 80

static const char networks[] =
	"networks:\n"
	"- {name: a, bridge: br0, subnets: [10.71.0.0/24, \"fd71::/64\"]}\n"
	"- {name: b, bridge: br1, subnets: [10.72.0.0/24, \"fd72::/64\"]}\n";

/* ---- by chance --------------------------------------------------------- */

static void link_text(const struct lab_link *link, struct buf *to)
{
	char v4[ADDR_STRLEN], v6[ADDR_STRLEN], mac[MAC_STRLEN];

	buf_addf(to, "bridge: %s, ipv4: %s, ipv6: \"%s\", mac: \"%s\"",
		 link->bridge, addr_format(&link->addr[0], v4),
		 addr_format(&link->addr[1], v6), mac_format(&link->mac, mac));
}

/* A line of endpoints.yaml for node @n. */
static char *random_endpoint(struct scene *s, unsigned n)
{
	const struct lab_node *node = &s->lab->nodes[n];
	struct buf text = BUF_INIT(BUF_UNBOUNDED);

	buf_addf(&text, "- {name: %s, namespace: %s, labels: ", node->name,
		 random_namespace(&s->rng, &random_vocabulary));
	random_labels(&s->rng, &text);
	buf_adds(&text, ", ports: \"");
	random_named_ports(&s->rng, &random_vocabulary, &text);
	buf_adds(&text, "\", ");
	link_text(&node->links[0], &text);
	if (node->nlinks > 1) {
		buf_adds(&text, ",\n   attachments: [{");
		link_text(&node->links[1], &text);
		buf_adds(&text, "}]");
	}
	if (n == PUBLISHED_NODE)
		buf_addf(&text,
			 ",\n   published: [{hostPort: %u, port: %u}, "
			 "{host: \"::\", hostPort: %u, port: %u}]",
			 LAB_PUBLISHED, PUBLISHED_PORT, LAB_PUBLISHED,
			 PUBLISHED_PORT);
	buf_adds(&text, "}\n");
	return buf_take(&text);
}

static void empty_slot(struct scene *s, unsigned n)
{
	endpoint_unref(s->slots[n]);
	free(s->texts[n]);
	s->slots[n] = NULL;
	s->texts[n] = NULL;
}

static void fill_slot(struct scene *s, unsigned n)
{
	_cleanup_(freep) char *text = NULL;
	struct world one = { 0 };

	empty_slot(s, n);
	s->texts[n] = random_endpoint(s, n);
	text = xasprintf("endpoints:\n%s", s->texts[n]);
	world_set_endpoints(&one, text);
	s->slots[n] = endpoint_ref(one.endpoints.data[0]);
	s->slots[n]->quarantined = rng_chance(&s->rng, 8);
	world_fini(&one);
}

static void change_policies(struct scene *s)
{
	struct buf text = BUF_INIT(BUF_UNBOUNDED);

	random_policies(&s->rng, &random_vocabulary, 1 + rng_below(&s->rng, 8),
			&text);
	free(s->policies);
	s->policies = buf_take(&text);
	world_set_policies(&s->world, s->policies);
}

static void change_slot(struct scene *s, unsigned n)
{
	/* A port that is guarded lets nothing of an unknown container pass,
	 * not even its answers to ARP: nothing to compare there. */
	if (s->guard || rng_chance(&s->rng, 85))
		fill_slot(s, n);
	else
		empty_slot(s, n);
}

void scene_init(struct scene *s, const struct lab *lab, uint64_t seed)
{
	*s = (struct scene){ .rng = { seed }, .lab = lab };
	world_set_endpoints(&s->world, networks);
	s->world.options.audit = rng_chance(&s->rng, 10);
	s->world.options.reject = rng_chance(&s->rng, 20);
	s->world.options.allow_unknown = rng_chance(&s->rng, 30);
	s->guard = rng_chance(&s->rng, 50);
	for (unsigned n = 0; n < LAB_ENDPOINTS; n++)
		change_slot(s, n);
	change_policies(s);
}

void scene_change(struct scene *s)
{
	unsigned what = rng_below(&s->rng, 4);

	if (what)
		for (unsigned i = 0; i < what; i++)
			change_slot(s, rng_below(&s->rng, LAB_ENDPOINTS));
	if (what != 1)
		change_policies(s);
}

void scene_fini(struct scene *s)
{
	for (unsigned n = 0; n < LAB_ENDPOINTS; n++)
		empty_slot(s, n);
	s->world.endpoints.len = 0;
	world_fini(&s->world);
	free(s->policies);
	vec_fini(&s->ports);
}

static void guard_ports(struct scene *s, const struct endpoint *e,
			const struct lab_node *node)
{
	for (size_t i = 0; i < e->attachments.len; i++) {
		struct compile_port port = {
			.owner = e,
			.mac = e->attachments.data[i].mac,
		};

		snprintf(port.name, sizeof(port.name), "%s",
			 node->links[i].host_veth);
		vec_push(&s->ports, port);
	}
}

struct compile_input scene_input(struct scene *s)
{
	struct compile_input in;

	s->world.endpoints.len = 0;
	s->ports.len = 0;
	for (unsigned n = 0; n < LAB_ENDPOINTS; n++) {
		if (!s->slots[n])
			continue;
		vec_push(&s->world.endpoints, s->slots[n]);
		guard_ports(s, s->slots[n], &s->lab->nodes[n]);
	}
	in = world_input(&s->world);
	in.guard_ports = s->guard;
	in.ports = s->ports.data;
	in.nports = s->guard ? s->ports.len : 0;
	return in;
}

void scene_print(const struct scene *s, struct buf *to)
{
	const struct compile_options *o = &s->world.options;

	buf_addf(to,
		 "---- policies.yaml\n%s---- endpoints.yaml\n"
		 "options: {audit: %s, reject: %s, allowUnknown: %s}"
		 " # guard: %s\n%sendpoints:\n",
		 s->policies, o->audit ? "true" : "false",
		 o->reject ? "true" : "false",
		 o->allow_unknown ? "true" : "false",
		 s->guard ? "true" : "false", networks);
	for (unsigned n = 0; n < LAB_ENDPOINTS; n++)
		if (s->texts[n])
			buf_addf(to, "%s%s", s->texts[n],
				 s->slots[n]->quarantined ? "  # quarantined\n"
							  : "");
}

/* ---- the matrix -------------------------------------------------------- */

static void add_probe(const struct scene *s, unsigned from, unsigned to,
		      const struct addr *dst, uint8_t proto, uint16_t port,
		      probe_list *list)
{
	struct probe p = { .from = (uint8_t)from,
			   .to = (uint8_t)to,
			   .src = from == to ? *dst
					     : lab_source(&s->lab->nodes[from],
							  dst),
			   .dst = *dst,
			   .proto = proto,
			   .port = port,
			   .published = port == LAB_PUBLISHED };

	vec_push(list, p);
}

static void probes_to(const struct scene *s, unsigned from, unsigned to,
		      const struct addr *dst, probe_list *list)
{
	for (unsigned i = 0; i < LAB_PORTS; i++) {
		add_probe(s, from, to, dst, IPPROTO_TCP, lab_ports[i], list);
		add_probe(s, from, to, dst, IPPROTO_UDP, lab_ports[i], list);
	}
	add_probe(s, from, to, dst, IPPROTO_SCTP, 80, list);
	add_probe(s, from, to, dst, IPPROTO_SCTP, 8080, list);
	add_probe(s, from, to, dst,
		  dst->family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6, 0,
		  list);
	/* A container at its own published port goes through the host and back;
	 * whether that is itself depends on the engine's NAT. */
	if (to == LAB_HOST && from != LAB_HOST && from != PUBLISHED_NODE)
		add_probe(s, from, to, dst, IPPROTO_TCP, LAB_PUBLISHED, list);
}

void scene_probes(const struct scene *s, probe_list *to)
{
	for (unsigned from = 0; from < LAB_NODES; from++)
		for (unsigned n = 0; n < LAB_NODES; n++) {
			const struct lab_node *node = &s->lab->nodes[n];

			/* The host's own addresses differ in nothing. */
			for (unsigned i = 0;
			     i < (n == LAB_HOST ? 1 : node->nlinks); i++)
				for (unsigned f = 0; f < 2; f++)
					probes_to(s, from, n,
						  &node->links[i].addr[f], to);
		}
}

/* ---- what must become of it -------------------------------------------- */

static struct evaluate_end end_of(const struct scene *s, unsigned node,
				  const struct addr *a)
{
	return (struct evaluate_end){
		.addr = *a,
		.endpoint = node < LAB_ENDPOINTS ? s->slots[node] : NULL,
		.host = node == LAB_HOST,
	};
}

/* A container that the agent does not know: it is on a managed bridge, so
 * nothing comes from it or goes to it, but from the host. */
static bool is_unknown(const struct scene *s, unsigned node)
{
	return !s->world.options.allow_unknown && node < LAB_ENDPOINTS &&
	       !s->slots[node];
}

/* The flow that ingress policies judge: through a published port, the one to
 * the container behind it. */
static struct evaluate_flow ingress_flow(const struct scene *s,
					 const struct probe *p)
{
	struct evaluate_flow flow = {
		.source = end_of(s, p->from, &p->src),
		.destination = end_of(s, p->to, &p->dst),
		.proto = p->proto,
		.port = p->port,
	};
	unsigned family = p->dst.family == AF_INET6;

	if (p->published) {
		flow.destination = end_of(
			s, PUBLISHED_NODE,
			&s->lab->nodes[PUBLISHED_NODE].links[0].addr[family]);
		flow.port = PUBLISHED_PORT;
	}
	return flow;
}

static bool side_allows(const struct scene *s, const struct evaluate_flow *flow,
			bool ingress, enum deny_reason *ret_reason)
{
	const struct evaluate_side *side;
	struct evaluate_verdict v;
	bool allowed;

	evaluate(s->world.policies, flow, &v);
	side = ingress ? &v.ingress : &v.egress;
	allowed = side->allowed;
	*ret_reason = side->reason;
	evaluate_verdict_fini(&v);
	return allowed;
}

/* How the destination's side judges; @e stays as it is where it allows. */
static bool ingress_denies(const struct scene *s, const struct probe *p,
			   struct expectation *e)
{
	struct evaluate_flow in = ingress_flow(s, p);
	enum deny_reason reason;

	if (is_unknown(s, p->to) && p->from != LAB_HOST)
		reason = DENY_UNKNOWN_ENDPOINT;
	else if (side_allows(s, &in, true, &reason))
		return false;
	*e = (struct expectation){ s->world.options.audit, 1, DENY_INGRESS,
				   reason };
	return true;
}

struct expectation scene_expect(const struct scene *s, const struct probe *p)
{
	struct evaluate_flow flow = {
		.source = end_of(s, p->from, &p->src),
		.destination = end_of(s, p->to, &p->dst),
		.proto = p->proto,
		.port = p->port,
	};
	struct expectation e = { .delivered = true }, in = e;
	bool audit = s->world.options.audit;
	enum deny_reason reason;
	bool denies;

	if (p->from == p->to)
		return e; /* never leaves the container */
	denies = ingress_denies(s, p, &in);
	if (is_unknown(s, p->from))
		e = (struct expectation){ audit, 1, DENY_EGRESS,
					  DENY_UNKNOWN_ENDPOINT };
	else if (!side_allows(s, &flow, false, &reason))
		e = (struct expectation){ audit, 1, DENY_EGRESS, reason };
	else
		return in;
	/* In audit it goes on to the other side. */
	e.logged += audit && denies;
	return e;
}
