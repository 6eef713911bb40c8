/* SPDX-License-Identifier: GPL-2.0-or-later */
/* resolve.c - whose the ends of a flow are, and whose policies decide. */
#include "agent/resolve.h"

#include "agent/agent.h"

static struct endpoint *owner_of(void *arg, const struct addr *addr,
				 uint64_t realtime)
{
	struct agent *a = arg;

	return endpoint_store_owner_at(a->store, addr, realtime);
}

static struct endpoint *sender_of(void *arg, unsigned ifindex,
				  _unused_ uint64_t realtime)
{
	struct agent *a = arg;

	return bind_owner(&a->bindings, ifindex);
}

static struct endpoint *published_by(void *arg, const struct addr *host,
				     uint8_t proto, uint16_t port)
{
	struct agent *a = arg;

	return endpoint_store_published(a->store, host, proto, port);
}

struct policy_names {
	void (*add)(void *to, const char *policy);
	void *to;
};

static void add_policy(void *arg, const struct policy *policy)
{
	struct policy_names *names = arg;
	_cleanup_(freep) char *name =
		xasprintf("%s/%s", policy->namespace, policy->name);

	names->add(names->to, name);
}

static void policies_of(void *arg, const struct endpoint *e, bool ingress,
			void (*add)(void *to, const char *policy), void *to)
{
	struct agent *a = arg;
	struct policy_names names = { add, to };

	compiler_isolating(a->compiler, e->id, ingress, add_policy, &names);
}

static void connection_of(void *arg, const struct conntrack_entry *e,
			  void (*add)(void *to, const char *policy), void *to,
			  struct flow_connection *ret)
{
	struct agent *a = arg;
	struct policy_names names = { add, to };
	struct admission admission;

	revoke_admission(a->revoke, e, add_policy, &names, &admission);
	*ret = (struct flow_connection){
		.governed = admission.governed,
		.source = admission.source,
		.destination = admission.destination,
	};
}

struct flow_resolver resolve_for(struct agent *a)
{
	return (struct flow_resolver){
		.owner = owner_of,
		.sender = sender_of,
		.published = published_by,
		.policies = policies_of,
		.connection = connection_of,
		.arg = a,
	};
}
