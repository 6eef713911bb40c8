/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy.c - fuzz target: any bytes as a manifest, then merged and formatted. */
#include <assert.h>

#include "policy/policy.h"

static void check_rule(const struct policy_rule *rule)
{
	vec_foreach(port, &rule->ports) {
		assert(port->proto);
		assert(port->port <= port->end);
		assert(!port->name || !port->port);
	}
	vec_foreach(peer, &rule->peers) {
		bool block = addr_is_set(&peer->cidr.addr);

		assert(block != (peer->pods || peer->namespaces));
		vec_foreach(except, &peer->except)
			assert(prefix_covers(&peer->cidr, except));
	}
}

static void check_policy(const struct policy *p)
{
	_cleanup_(freep) char *text = selector_format(p->pods);

	assert(text && p->name[0] && p->namespace[0] && p->types);
	vec_foreach(rule, &p->ingress)
		check_rule(rule);
	vec_foreach(rule, &p->egress)
		check_rule(rule);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(policy_set_unrefp) struct policy_set *set = NULL;
	_cleanup_(policy_set_unrefp) struct policy_set *all = NULL;
	_cleanup_(diag_fini) struct diag_list diag = { 0 };

	if (policy_parse((struct slice){ (const char *)data, size }, "f", &diag,
			 &set) < 0) {
		assert(diag.errors && !set);
		return 0;
	}
	assert(!diag.errors);
	vec_foreach(p, &set->policies)
		check_policy(*p);
	all = policy_set_merge(&set, 1, &diag);
	assert(!diag.errors && all->policies.len == set->policies.len);
	return 0;
}
