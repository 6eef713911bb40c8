/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules.c - what is allowed to whom, for `bulkhead get rules`. */
#include "agent/agent.h"
#include "agent/report/put.h"
#include "agent/report/report.h"
#include "base/buf.h"
#include "compile/print.h"

static char *peer_text(const struct policy_peer *peer)
{
	struct buf text = BUF_INIT(BUF_UNBOUNDED);
	_cleanup_(freep) char *pods = peer->pods ? selector_format(peer->pods)
						 : NULL;
	_cleanup_(freep) char *namespaces =
		peer->namespaces ? selector_format(peer->namespaces) : NULL;
	char prefix[PREFIX_STRLEN];

	if (addr_is_set(&peer->cidr.addr)) {
		buf_adds(&text, prefix_format(&peer->cidr, prefix));
		vec_foreach(except, &peer->except)
			buf_addf(&text, "%s%s",
				 except == peer->except.data ? " except "
							     : ", ",
				 prefix_format(except, prefix));
		return buf_take(&text);
	}
	if (pods && pods[0])
		buf_addf(&text, "pods %s", pods);
	else
		buf_adds(&text, "all pods");
	if (namespaces && namespaces[0])
		buf_addf(&text, " in namespaces %s", namespaces);
	else if (namespaces)
		buf_adds(&text, " in all namespaces");
	return buf_take(&text);
}

static char *port_text(const struct policy_port *port)
{
	const char *proto = report_protocol(port->proto);

	if (port->name)
		return xasprintf("%s/%s", proto, port->name);
	if (!port->port)
		return xstrdup(proto);
	if (port->end > port->port)
		return xasprintf("%s/%u-%u", proto, port->port, port->end);
	return xasprintf("%s/%u", proto, port->port);
}

/* Takes @text. */
static void add_text(struct json_object *array, char *text)
{
	json_object_array_add(array, json_object_new_string(text));
	free(text);
}

static void report_rule(struct json_object *list, const char *endpoint,
			bool ingress, const struct policy *policy,
			const struct policy_rule *rule)
{
	struct json_object *item = report_item(list);
	_cleanup_(freep) char *ref =
		xasprintf("%s/%s", policy->namespace, policy->name);
	struct json_object *peers, *ports;

	report_string(item, "endpoint", endpoint);
	report_string(item, "direction", ingress ? "ingress" : "egress");
	report_string(item, "policy", ref);
	report_bool(item, "allows", rule != NULL);
	peers = report_array(item, "peers");
	ports = report_array(item, "ports");
	if (!rule)
		return;
	vec_foreach(peer, &rule->peers)
		add_text(peers, peer_text(peer));
	vec_foreach(port, &rule->ports)
		add_text(ports, port_text(port));
}

struct rules_of {
	struct json_object *list;
	const char *endpoint;
	bool ingress;
};

static void add_policy(void *arg, const struct policy *policy)
{
	struct rules_of *to = arg;
	size_t n = to->ingress ? policy->ingress.len : policy->egress.len;
	const struct policy_rule *rules = to->ingress ? policy->ingress.data
						      : policy->egress.data;

	for (size_t i = 0; i < n; i++)
		report_rule(to->list, to->endpoint, to->ingress, policy,
			    &rules[i]);
	if (!n)
		report_rule(to->list, to->endpoint, to->ingress, policy, NULL);
}

struct json_object *report_rules(struct agent *a)
{
	struct json_object *result = json_object_new_object();
	struct json_object *list = report_array(result, "rules");
	size_t n;
	struct endpoint *const *all = endpoint_store_all(a->store, &n);

	for (size_t i = 0; i < n; i++) {
		_cleanup_(freep) char *name =
			xasprintf("%s/%s", all[i]->namespace, all[i]->name);
		struct rules_of to = { .list = list, .endpoint = name };

		compiler_isolating(a->compiler, all[i]->id, false, add_policy,
				   &to);
		to.ingress = true;
		compiler_isolating(a->compiler, all[i]->id, true, add_policy,
				   &to);
	}
	return result;
}

struct json_object *report_nft(struct agent *a)
{
	struct json_object *result = json_object_new_object();
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);

	if (a->enforcement.wanted)
		print_ruleset(a->enforcement.wanted, &text);
	report_string(result, "nft", buf_str(&text));
	return result;
}
