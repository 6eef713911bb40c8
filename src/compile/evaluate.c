/* SPDX-License-Identifier: GPL-2.0-or-later */
/* evaluate.c - what policies say about one flow, asked of them directly. */
#include "compile/evaluate.h"

#include <string.h>

/* networking/v1 NetworkPolicySpec.podSelector, in the policy's namespace. */
static bool selects(const struct policy *policy, const struct endpoint *e)
{
	return !strcmp(policy->namespace, e->namespace) &&
	       selector_matches(policy->pods, e->labels);
}

/* NetworkPolicyPeer.ipBlock: the address, whoever has it. */
static bool block_admits(const struct policy_peer *peer, const struct addr *a)
{
	if (!prefix_contains(&peer->cidr, a))
		return false;
	vec_foreach(except, &peer->except)
		if (prefix_contains(except, a))
			return false;
	return true;
}

/* NetworkPolicyPeer: both selectors must hold; a lone podSelector means the
 * policy's own namespace. */
static bool peer_admits(const struct policy_set *set,
			const struct policy *policy,
			const struct policy_peer *peer,
			const struct evaluate_end *end)
{
	const struct endpoint *e = end->endpoint;
	struct label_set *labels;
	bool in_namespace;

	if (addr_is_set(&peer->cidr.addr))
		return block_admits(peer, &end->addr);
	if (!e)
		return false;
	if (!peer->namespaces) {
		in_namespace = !strcmp(policy->namespace, e->namespace);
	} else {
		labels = policy_namespace_labels(set, e->namespace);
		in_namespace = selector_matches(peer->namespaces, labels);
		label_set_unref(labels);
	}
	return in_namespace &&
	       (!peer->pods || selector_matches(peer->pods, e->labels));
}

/* NetworkPolicyPort: a name is the destination's own. */
static bool port_admits(const struct policy_port *port,
			const struct evaluate_flow *flow)
{
	uint16_t number;

	if (port->proto != flow->proto)
		return false;
	if (port->name) {
		if (!flow->destination.endpoint)
			return false;
		number = endpoint_named_port(flow->destination.endpoint,
					     port->name, port->proto);
		return number && number == flow->port;
	}
	return !port->port ||
	       (port->port <= flow->port && flow->port <= port->end);
}

static bool rule_admits(const struct policy_set *set,
			const struct policy *policy,
			const struct policy_rule *rule,
			const struct evaluate_end *peer,
			const struct evaluate_flow *flow)
{
	bool admitted = !rule->peers.len;

	vec_foreach(p, &rule->peers)
		admitted = admitted || peer_admits(set, policy, p, peer);
	if (!admitted)
		return false;
	if (!rule->ports.len)
		return true;
	vec_foreach(port, &rule->ports)
		if (port_admits(port, flow))
			return true;
	return false;
}

static void ask(const struct policy_set *set, const struct policy *policy,
		const struct policy_rule *rules, size_t n,
		const struct evaluate_end *peer,
		const struct evaluate_flow *flow, struct evaluate_side *side)
{
	side->isolated = true;
	vec_push(&side->isolating, policy);
	for (size_t i = 0; i < n; i++) {
		if (!rule_admits(set, policy, &rules[i], peer, flow))
			continue;
		side->allowed = true;
		vec_push(&side->admitting, policy);
		vec_push(&side->rules, i);
		return;
	}
}

static void ask_all(const struct policy_set *set,
		    const struct evaluate_flow *flow, bool ingress,
		    struct evaluate_side *side)
{
	const struct evaluate_end *self = ingress ? &flow->destination
						  : &flow->source;
	const struct evaluate_end *peer = ingress ? &flow->source
						  : &flow->destination;

	if (self->endpoint && self->endpoint->quarantined) {
		side->isolated = true;
		side->allowed = ingress && peer->host;
		side->reason = DENY_QUARANTINE;
		return;
	}
	vec_foreach(slot, &set->policies) {
		const struct policy *policy = *slot;

		if (!(policy->types &
		      (ingress ? POLICY_INGRESS : POLICY_EGRESS)) ||
		    !self->endpoint || !selects(policy, self->endpoint))
			continue;
		if (ingress)
			ask(set, policy, policy->ingress.data,
			    policy->ingress.len, peer, flow, side);
		else
			ask(set, policy, policy->egress.data,
			    policy->egress.len, peer, flow, side);
	}
	side->reason = DENY_NO_POLICY_ALLOWS;
	/* The node reaches its own pods, whatever their policies say. */
	if (!side->isolated || (ingress && peer->host))
		side->allowed = true;
}

void evaluate(const struct policy_set *set, const struct evaluate_flow *flow,
	      struct evaluate_verdict *ret)
{
	const struct endpoint *source = flow->source.endpoint;

	*ret = (struct evaluate_verdict){ 0 };
	ret->self = source && source == flow->destination.endpoint;
	if (ret->self) {
		ret->allowed = true;
		ret->egress.allowed = ret->ingress.allowed = true;
		return;
	}
	ask_all(set, flow, false, &ret->egress);
	ask_all(set, flow, true, &ret->ingress);
	ret->allowed = ret->egress.allowed && ret->ingress.allowed;
}

static void side_fini(struct evaluate_side *side)
{
	vec_fini(&side->isolating);
	vec_fini(&side->admitting);
	vec_fini(&side->rules);
}

void evaluate_verdict_fini(struct evaluate_verdict *v)
{
	side_fini(&v->egress);
	side_fini(&v->ingress);
}
