/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ports.c - port rules of one protocol, cut into segments with one answer. */
#include "compile/ports.h"

#include <assert.h>
#include <netinet/in.h>
#include <string.h>

const uint8_t port_protocols[PORT_PROTOCOLS] = { IPPROTO_TCP, IPPROTO_UDP,
						 IPPROTO_SCTP };

int port_protocol_index(uint8_t proto)
{
	for (int i = 0; i < PORT_PROTOCOLS; i++)
		if (port_protocols[i] == proto)
			return i;
	assert(!"a protocol without ports");
	return 0;
}

void port_rules_add(struct port_rules *rules, uint16_t first, uint16_t last,
		    const struct peers *peers)
{
	vec_push(&rules->list, (struct port_rule){ first, last, peers });
}

void port_rules_fini(struct port_rules *rules)
{
	vec_fini(&rules->list);
}

void port_rules_at(const struct port_rules *rules, uint16_t port,
		   struct peers *to)
{
	vec_foreach(rule, &rules->list)
		if (rule->first <= port && port <= rule->last)
			peers_add(to, rule->peers);
}

static int compare_rules(const void *a, const void *b)
{
	const struct port_rule *x = a, *y = b;

	return (int)x->first - (int)y->first;
}

/* Every port at which some rule begins or has just ended; ascending. */
static id_list boundaries(const struct port_rules *rules)
{
	id_list list = { 0 };

	vec_foreach(rule, &rules->list) {
		vec_push(&list, rule->first);
		vec_push(&list, rule->last + 1U);
	}
	list.len = ids_normalise(list.data, list.len);
	return list;
}

static void add_segment(struct port_segments *to, unsigned first, unsigned last,
			const struct port_rule *const *active, size_t n)
{
	struct port_segment segment = { .first = (uint16_t)first,
					.last = (uint16_t)last };

	for (size_t i = 0; i < n; i++)
		peers_add(&segment.peers, active[i]->peers);
	peers_normalise(&segment.peers);
	to->ranges |= first != last;
	vec_push(&to->list, segment);
}

void port_rules_segments(struct port_rules *rules, struct port_segments *ret)
{
	VEC(const struct port_rule *) active = { 0 };
	id_list edges = boundaries(rules);
	size_t next = 0;

	vec_sort(&rules->list, compare_rules);
	for (size_t e = 0; e + 1 < edges.len; e++) {
		unsigned first = edges.data[e], last = edges.data[e + 1] - 1;
		size_t kept = 0;

		vec_foreach(rule, &active)
			if ((*rule)->last >= first)
				active.data[kept++] = *rule;
		active.len = kept;
		while (next < rules->list.len &&
		       rules->list.data[next].first == first)
			vec_push(&active, &rules->list.data[next++]);
		if (active.len)
			add_segment(ret, first, last, active.data, active.len);
	}
	vec_fini(&active);
	vec_fini(&edges);
}

void port_segments_fini(struct port_segments *s)
{
	vec_foreach(segment, &s->list)
		peers_fini(&segment->peers);
	vec_fini(&s->list);
}
