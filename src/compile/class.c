/* SPDX-License-Identifier: GPL-2.0-or-later */
/* class.c - a class: what one set of policies does to its endpoints in one
 * direction, as chains.
 */
#include "compile/class.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "compile/build.h"
#include "compile/deny.h"
#include "compile/ports.h"
#include "compile/skeleton.h"

#define COMMENT_MAX 128

/* What all rules of a class admit, by how they say so. */
struct admission {
	struct peers any_port;
	struct port_rules ports[PORT_PROTOCOLS];
	VEC(struct named_item) named;
};

static void admission_fini(struct admission *a)
{
	peers_fini(&a->any_port);
	for (int i = 0; i < PORT_PROTOCOLS; i++)
		port_rules_fini(&a->ports[i]);
	vec_foreach(item, &a->named)
		peers_fini(&item->peers);
	vec_fini(&a->named);
}

/* The objects that a chain under way names. */
typedef VEC(struct object *) object_list;

/* ---- from rules to an admission ---------------------------------------- */

static void admit_named(struct admission *a, const struct plan_rule *rule,
			const struct policy_port *port)
{
	struct named_item item = { .port = port->name, .proto = port->proto };

	peers_add(&item.peers, &rule->peers);
	peers_normalise(&item.peers);
	vec_push(&a->named, item);
}

static void admit_port(struct admission *a, const struct plan_rule *rule,
		       const struct policy_port *port,
		       enum deny_direction direction, const struct endpoint *e)
{
	int index = port_protocol_index(port->proto);
	uint16_t first = port->port, last = port->end;

	if (port->name && direction == DENY_EGRESS) {
		admit_named(a, rule, port);
		return;
	}
	if (port->name) {
		first = last = endpoint_named_port(e, port->name, port->proto);
		if (!first)
			return; /* I9: a name that it does not have */
	} else if (!first) {
		last = UINT16_MAX;
	}
	port_rules_add(&a->ports[index], first, last, &rule->peers);
}

static void admit_rule(struct admission *a, const struct plan_rule *rule,
		       enum deny_direction direction, const struct endpoint *e)
{
	if (!rule->rule->ports.len)
		peers_add(&a->any_port, &rule->peers);
	vec_foreach(port, &rule->rule->ports)
		admit_port(a, rule, port, direction, e);
}

static void admit(struct admission *a, const struct plan *plan,
		  const id_list *policies, enum deny_direction direction,
		  const struct endpoint *e)
{
	vec_foreach(id, policies)
		vec_foreach(rule, &plan->policies.data[*id].rules[direction])
			admit_rule(a, rule, direction, e);
	peers_normalise(&a->any_port);
}

/* ---- peers as rules ---------------------------------------------------- */

/* A set of @list, named by its content. */
static struct object *block_set(struct pool *pool,
				const struct range_list *list, uint8_t family)
{
	const enum ruleset_type type[] = { family == AF_INET ? TYPE_IPV4
							     : TYPE_IPV6 };
	unsigned size = addr_size(family);
	_cleanup_(freep) uint8_t *keys = xcalloc(list->ranges.len, 2 * size);
	char name[RULESET_NAME];
	struct ruleset_set *set;
	size_t i = 0;

	vec_foreach(range, &list->ranges) {
		memcpy(keys + 2 * i * size, range->first, size);
		memcpy(keys + (2 * i + 1) * size, range->last, size);
		i++;
	}
	snprintf(name, sizeof(name), "cidrs%c_%016llx",
		 family == AF_INET ? '4' : '6',
		 (unsigned long long)hash_content(keys, 2 * size * i));
	set = build_set(name, NULL, SET_INTERVAL, 1, type);
	build_set_fill(set, i, keys, NULL, true);
	return pool_set(pool, set, NULL, 0);
}

static void admit_set(struct builder *b, uint8_t family, bool source,
		      const struct object *set)
{
	build_family(b, family);
	if (set)
		build_lookup(b, set->name, false,
			     FIELDS(build_addr_field(family, source)));
	build_rule_verdict(b, VERDICT_RETURN, NULL);
}

/* Rules that return for a packet from (ingress) or to (egress) @peers. */
static void admit_peers(struct class_context *c, struct builder *b,
			const struct peers *peers,
			enum deny_direction direction, object_list *needs)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	bool source = direction == DENY_INGRESS;
	struct object *group[2] = { NULL, NULL };

	if (peers->any) {
		build_rule_verdict(b, VERDICT_RETURN, NULL);
		return;
	}
	if (peers->matchers.len)
		group_use(c->pool, c->plan, c->members, peers->matchers.data,
			  peers->matchers.len, group);
	for (int f = 0; f < 2; f++) {
		const struct range_list *list = &peers->blocks.family[f];
		bool all = ranges_are_all(&peers->blocks, families[f]);

		if (group[f]) {
			vec_push(needs, group[f]);
			if (!all)
				admit_set(b, families[f], source, group[f]);
		}
		if (all) {
			admit_set(b, families[f], source, NULL);
		} else if (list->ranges.len) {
			vec_push(needs, block_set(c->pool, list, families[f]));
			admit_set(b, families[f], source,
				  needs->data[needs->len - 1]);
		}
	}
}

static struct object *leaf(struct class_context *c, const struct peers *peers,
			   enum deny_direction direction)
{
	_cleanup_(builder_fini) struct builder b = { 0 };
	object_list needs = { 0 };
	struct object *o;

	admit_peers(c, &b, peers, direction, &needs);
	build_rule_verdict(&b, VERDICT_GOTO,
			   deny_chain_name(direction, DENY_NO_POLICY_ALLOWS));
	o = pool_chain(c->pool,
		       build_hashed_chain(&b,
					  direction == DENY_INGRESS ? "peers"
								    : "targets",
					  NULL),
		       needs.data, needs.len);
	vec_fini(&needs);
	return o;
}

/* ---- port maps --------------------------------------------------------- */

/* What one segment of a protocol's ports leads to. */
static struct verdict segment_verdict(struct class_context *c,
				      const struct port_segment *segment,
				      enum deny_direction direction,
				      object_list *needs)
{
	struct object *chain;

	if (segment->peers.any)
		return VERDICT(VERDICT_RETURN);
	chain = leaf(c, &segment->peers, direction);
	vec_push(needs, chain);
	return build_goto(chain->name);
}

static struct object *port_map(struct class_context *c,
			       const struct port_segments *segments,
			       enum deny_direction direction)
{
	const enum ruleset_type type[] = { TYPE_SERVICE };
	_cleanup_(freep) uint8_t *keys = xcalloc(segments->list.len, 4);
	_cleanup_(freep) struct verdict *verdicts =
		xcalloc(segments->list.len, sizeof(*verdicts));
	unsigned stride = segments->ranges ? 4 : 2;
	struct buf text = BUF_INIT(BUF_UNBOUNDED);
	object_list needs = { 0 };
	char name[RULESET_NAME];
	struct ruleset_set *set;
	struct object *o;
	size_t n = 0;

	vec_foreach(s, &segments->list) {
		uint8_t *key = keys + n * stride;

		key[0] = (uint8_t)(s->first >> 8);
		key[1] = (uint8_t)s->first;
		if (segments->ranges) {
			key[2] = (uint8_t)(s->last >> 8);
			key[3] = (uint8_t)s->last;
		}
		verdicts[n] = segment_verdict(c, s, direction, &needs);
		buf_addf(&text, "%u-%u:%d%s,", s->first, s->last,
			 verdicts[n].kind, verdicts[n].chain);
		n++;
	}
	build_name(name, "ports", buf_str(&text));
	set = build_set(name, NULL,
			SET_VMAP | (segments->ranges ? SET_INTERVAL : 0U), 1,
			type);
	build_set_fill(set, n, keys, verdicts, true);
	o = pool_set(c->pool, set, needs.data, needs.len);
	vec_fini(&needs);
	buf_fini(&text);
	return o;
}

/* A single port needs no map: named sets are what a commit's time goes into
 * (the kernel looks each one up in a list). */
static void admit_one_port(struct class_context *c, struct builder *b,
			   const struct port_segment *segment,
			   enum deny_direction direction, object_list *needs)
{
	uint16_t port = htons(segment->first);
	struct verdict v = segment_verdict(c, segment, direction, needs);

	build_match(b, FIELD_TH_DPORT, &port);
	build_rule_verdict(b, v.kind, v.kind == VERDICT_GOTO ? v.chain : NULL);
}

static void admit_ports(struct class_context *c, struct builder *b,
			struct admission *a, enum deny_direction direction,
			object_list *needs)
{
	for (int i = 0; i < PORT_PROTOCOLS; i++) {
		_cleanup_(port_segments_fini) struct port_segments segments = {
			0
		};

		if (!a->ports[i].list.len)
			continue;
		port_rules_segments(&a->ports[i], &segments);
		build_match_u8(b, FIELD_L4PROTO, port_protocols[i]);
		if (segments.list.len == 1 && !segments.ranges) {
			admit_one_port(c, b, &segments.list.data[0], direction,
				       needs);
			continue;
		}
		vec_push(needs, port_map(c, &segments, direction));
		build_vmap(b, needs->data[needs->len - 1]->name,
			   FIELDS(FIELD_TH_DPORT));
		build_rule(b);
	}
}

static void admit_named_ports(struct class_context *c, struct builder *b,
			      struct admission *a, object_list *needs)
{
	struct object *sets[2];

	if (!a->named.len)
		return;
	named_group_use(c->pool, c->plan, c->members, a->named.data,
			a->named.len, sets);
	vec_fini(&a->named);
	for (int f = 0; f < 2; f++) {
		uint8_t family = f ? AF_INET6 : AF_INET;

		vec_push(needs, sets[f]);
		build_family(b, family);
		build_lookup(b, SET_PORT_PROTOCOLS, false,
			     FIELDS(FIELD_L4PROTO));
		build_lookup(b, sets[f]->name, false,
			     FIELDS(build_addr_field(family, false),
				    FIELD_L4PROTO, FIELD_TH_DPORT));
		build_rule_verdict(b, VERDICT_RETURN, NULL);
	}
}

/* ---- the chain --------------------------------------------------------- */

static void only_openings(struct builder *b, enum deny_direction direction)
{
	skeleton_match_no_opening(b);
	build_rule_verdict(b, VERDICT_GOTO,
			   deny_chain_name(direction, DENY_INVALID));
}

static void class_comment(const struct plan *plan, const id_list *policies,
			  char comment[static COMMENT_MAX])
{
	struct buf text = BUF_INIT(BUF_UNBOUNDED);

	vec_foreach(id, policies) {
		const struct policy *p = plan->policies.data[*id].policy;

		buf_addf(&text, "%s%s/%s", text.len ? " " : "", p->namespace,
			 p->name);
	}
	if (text.len < COMMENT_MAX)
		snprintf(comment, COMMENT_MAX, "%s", buf_str(&text));
	else
		snprintf(comment, COMMENT_MAX, "%zu policies: %.90s...",
			 policies->len, buf_str(&text));
	buf_fini(&text);
}

static struct object *class_chain(struct class_context *c,
				  const id_list *policies,
				  enum deny_direction direction,
				  const struct endpoint *e)
{
	_cleanup_(builder_fini) struct builder b = { 0 };
	_cleanup_(admission_fini) struct admission a = { 0 };
	char comment[COMMENT_MAX];
	object_list needs = { 0 };
	struct object *o;

	admit(&a, c->plan, policies, direction, e);
	only_openings(&b, direction);
	admit_peers(c, &b, &a.any_port, direction, &needs);
	if (!a.any_port.any) {
		/* Before the port maps: what they lead to comes not back. */
		admit_named_ports(c, &b, &a, &needs);
		admit_ports(c, &b, &a, direction, &needs);
		build_rule_verdict(
			&b, VERDICT_GOTO,
			deny_chain_name(direction, DENY_NO_POLICY_ALLOWS));
	}
	class_comment(c->plan, policies, comment);
	o = pool_chain(
		c->pool,
		build_hashed_chain(&b, deny_direction_name(direction), comment),
		needs.data, needs.len);
	vec_fini(&needs);
	return o;
}

/* ---- classes ----------------------------------------------------------- */

static void isolating(const struct plan *plan, const struct member *m,
		      enum deny_direction direction, id_list *ret)
{
	unsigned type = direction == DENY_INGRESS ? POLICY_INGRESS
						  : POLICY_EGRESS;

	vec_foreach(id, &m->matchers)
		vec_foreach(policy, &plan->matchers.data[*id]->subject_of)
			if (plan->policies.data[*policy].policy->types & type)
				vec_push(ret, *policy);
	ret->len = ids_normalise(ret->data, ret->len);
}

typedef VEC(unsigned) class_key;

/* In the place of the policies' numbers. */
#define QUARANTINE UINT_MAX

/* Nobody is admitted, whatever the policies say. */
static struct object *quarantine_chain(struct class_context *c,
				       enum deny_direction direction)
{
	_cleanup_(builder_fini) struct builder b = { 0 };

	build_rule_verdict(&b, VERDICT_GOTO,
			   deny_chain_name(direction, DENY_QUARANTINE));
	return pool_chain(c->pool,
			  build_hashed_chain(&b, deny_direction_name(direction),
					     "quarantine"),
			  NULL, 0);
}

/* Ingress depends on the numbers behind the names that its policies use. */
static void key_ports(class_key *key, const struct plan_policy *policy,
		      const struct endpoint *e)
{
	vec_foreach(rule, &policy->rules[DENY_INGRESS])
		vec_foreach(port, &rule->rule->ports)
			if (port->name)
				vec_push(key, endpoint_named_port(e, port->name,
								  port->proto));
}

/* A policy is followed by as many ports as it names: no two keys are alike. */
static class_key key_of(const struct plan *plan, const struct member *m,
			enum deny_direction direction, const id_list *policies)
{
	class_key key = { 0 };

	vec_push(&key, direction);
	if (m->endpoint->quarantined)
		vec_push(&key, QUARANTINE);
	vec_foreach(id, policies) {
		vec_push(&key, *id);
		if (direction == DENY_INGRESS)
			key_ports(&key, &plan->policies.data[*id], m->endpoint);
	}
	return key;
}

/* Takes @key and @policies. */
static struct class *class_new(struct class_context *c, const struct member *m,
			       enum deny_direction direction, class_key key,
			       id_list policies)
{
	struct class *class = xnew(struct class);

	class->key = (uint8_t *)key.data;
	class->key_len = key.len * sizeof(*key.data);
	class->users = 1;
	class->direction = direction;
	class->policies = policies;
	class->table = c->table;
	class->chain =
		m->endpoint->quarantined
			? quarantine_chain(c, direction)
			: class_chain(c, &policies, direction, m->endpoint);
	HASH_ADD_KEYPTR(hh, *c->table, class->key, class->key_len, class);
	return class;
}

struct class *class_use(struct class_context *c, const struct member *m,
			enum deny_direction direction)
{
	id_list policies = { 0 };
	struct class *class;
	class_key key;

	isolating(c->plan, m, direction, &policies);
	if (!policies.len && !m->endpoint->quarantined) {
		vec_fini(&policies);
		return NULL;
	}
	key = key_of(c->plan, m, direction, &policies);
	HASH_FIND(hh, *c->table, key.data, key.len * sizeof(*key.data), class);
	if (!class)
		return class_new(c, m, direction, key, policies);
	class->users++;
	vec_fini(&policies);
	vec_fini(&key);
	return class;
}

void class_release(struct class *class)
{
	if (!class || --class->users)
		return;
	HASH_DEL(*class->table, class);
	object_release(class->chain);
	vec_fini(&class->policies);
	free(class->key);
	free(class);
}

struct object *class_proxy(struct class_context *c, const struct member *m,
			   uint8_t proto, uint16_t port)
{
	const struct class *class = m->classes[DENY_INGRESS];
	_cleanup_(builder_fini) struct builder b = { 0 };
	_cleanup_(admission_fini) struct admission a = { 0 };
	struct peers peers = { 0 };
	object_list needs = { 0 };
	struct object *o;

	if (!class)
		return NULL;
	if (m->endpoint->quarantined) {
		build_rule_verdict(
			&b, VERDICT_GOTO,
			skeleton_proxied_deny_chain(DENY_QUARANTINE));
		return pool_chain(c->pool,
				  build_hashed_chain(&b, "proxy", NULL), NULL,
				  0);
	}
	admit(&a, c->plan, &class->policies, DENY_INGRESS, m->endpoint);
	peers_add(&peers, &a.any_port);
	port_rules_at(&a.ports[port_protocol_index(proto)], port, &peers);
	peers_normalise(&peers);
	only_openings(&b, DENY_INGRESS);
	admit_peers(c, &b, &peers, DENY_INGRESS, &needs);
	build_rule_verdict(&b, VERDICT_GOTO,
			   skeleton_proxied_deny_chain(DENY_NO_POLICY_ALLOWS));
	o = pool_chain(c->pool, build_hashed_chain(&b, "proxy", NULL),
		       needs.data, needs.len);
	vec_fini(&needs);
	peers_fini(&peers);
	return o;
}
