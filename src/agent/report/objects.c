/* SPDX-License-Identifier: GPL-2.0-or-later */
/* objects.c - endpoints, policies and networks, for `bulkhead get`. */
#include <string.h>

#include "agent/agent.h"
#include "agent/report/put.h"
#include "agent/report/report.h"

/* ---- endpoints --------------------------------------------------------- */

static void report_attachments(struct json_object *to, const struct endpoint *e)
{
	struct json_object *list = report_array(to, "attachments");
	char text[MAC_STRLEN];

	vec_foreach(a, &e->attachments) {
		struct json_object *item = report_item(list);

		report_string(item, "network", a->network);
		report_optional(item, "bridge", a->bridge);
		report_optional(item, "interface", a->interface);
		report_addr(item, "ipv4", &a->v4);
		report_addr(item, "ipv6", &a->v6);
		report_optional(item, "mac",
				mac_is_set(&a->mac) ? mac_format(&a->mac, text)
						    : NULL);
	}
}

static void report_ports(struct json_object *to, const struct endpoint *e)
{
	struct json_object *named = report_array(to, "ports");
	struct json_object *published = report_array(to, "published");

	vec_foreach(p, &e->ports) {
		struct json_object *item = report_item(named);

		report_string(item, "name", p->name);
		report_string(item, "protocol", report_protocol(p->proto));
		report_uint(item, "port", p->port);
	}
	vec_foreach(p, &e->published) {
		struct json_object *item = report_item(published);

		report_addr(item, "host", &p->host);
		report_uint(item, "host_port", p->host_port);
		report_uint(item, "port", p->port);
		report_string(item, "protocol", report_protocol(p->proto));
	}
}

static void add_ref(void *arg, const struct policy *policy)
{
	report_ref(arg, policy->namespace, policy->name);
}

static void report_direction(struct agent *a, struct json_object *to,
			     const struct endpoint *e, bool ingress)
{
	struct json_object *side =
		report_mapping(to, ingress ? "ingress" : "egress");
	struct json_object *policies = json_object_new_array();
	size_t n = compiler_isolating(a->compiler, e->id, ingress, add_ref,
				      policies);

	report_bool(side, "isolated", n > 0 || e->quarantined);
	report_object(side, "policies", policies);
}

static void report_labels(struct json_object *to, const struct endpoint *e,
			  bool wanted)
{
	struct json_object *labels = report_mapping(to, "labels");

	for (size_t i = 0; wanted && i < e->labels->n; i++)
		report_string(labels, e->labels->labels[i].key,
			      e->labels->labels[i].value);
}

static void report_endpoint(struct agent *a, struct json_object *to,
			    const struct endpoint *e, bool labels)
{

	report_string(to, "id", e->id);
	report_string(to, "name", e->name);
	report_string(to, "namespace", e->namespace);
	report_string(to, "image", e->image);
	report_string(to, "runtime", e->runtime);
	report_string(to, "state", endpoint_state_name(e->state));
	report_object(to, "pid", e->pid ? json_object_new_int64(e->pid) : NULL);
	report_labels(to, e, labels);
	report_attachments(to, e);
	report_ports(to, e);
	report_direction(a, to, e, true);
	report_direction(a, to, e, false);
	report_optional(to, "unenforceable", e->unenforceable);
	report_optional(to, "escapable", e->escapable);
	report_bool(to, "quarantined", e->quarantined);
}

struct json_object *report_endpoints(struct agent *a, bool labels)
{
	struct json_object *result = json_object_new_object();
	struct json_object *list = report_array(result, "endpoints");
	size_t n;
	struct endpoint *const *all = endpoint_store_all(a->store, &n);

	for (size_t i = 0; i < n; i++)
		report_endpoint(a, report_item(list), all[i], labels);
	return result;
}

struct json_object *report_quarantine(struct agent *a)
{
	struct json_object *result = json_object_new_object();
	struct json_object *list = report_array(result, "quarantined");

	vec_foreach(q, &a->quarantine.all) {
		struct json_object *item = report_item(list);

		report_string(item, "id", q->id);
		report_string(item, "name", q->name);
		report_time(item, "since", q->since);
		report_optional(item, "reason", q->reason);
		report_uint(item, "uid", q->uid);
		report_bool(item, "present",
			    endpoint_store_by_id(a->store, q->id));
	}
	report_bool(result, "in_force",
		    a->enforcement.committed && !a->enforcement.dirty &&
			    !a->enforcement.error);
	return result;
}

/* ---- policies ---------------------------------------------------------- */

static void report_selected(struct agent *a, struct json_object *to,
			    const struct policy *policy)
{
	struct json_object *list = report_array(to, "endpoints");
	size_t n;
	struct endpoint *const *all = endpoint_store_all(a->store, &n);

	for (size_t i = 0; i < n; i++)
		if (all[i]->state != ENDPOINT_EXITED &&
		    !strcmp(all[i]->namespace, policy->namespace) &&
		    selector_matches(policy->pods, all[i]->labels))
			report_ref(list, all[i]->namespace, all[i]->name);
}

static bool file_broken(const struct agent *a, const char *path)
{
	struct policy_dir_file file;

	for (size_t i = 0; i < policy_dir_files(a->policies); i++) {
		policy_dir_file(a->policies, i, &file);
		if (!strcmp(file.path, path))
			return file.broken;
	}
	return false;
}

static const char *policy_status(struct agent *a, const struct policy *policy)
{
	if (file_broken(a, policy->file))
		return "last-good";
	if (a->enforcement.error)
		return "failed";
	return a->config.compile.audit ? "audited" : "enforced";
}

static void report_policy(struct agent *a, struct json_object *to,
			  const struct policy *policy)
{
	_cleanup_(freep) char *selector = selector_format(policy->pods);
	struct json_object *types;

	report_string(to, "namespace", policy->namespace);
	report_string(to, "name", policy->name);
	report_string(to, "file", policy->file);
	report_uint(to, "line", policy->line);
	types = report_array(to, "types");
	if (policy->types & POLICY_INGRESS)
		json_object_array_add(types, json_object_new_string("Ingress"));
	if (policy->types & POLICY_EGRESS)
		json_object_array_add(types, json_object_new_string("Egress"));
	report_string(to, "pod_selector", selector);
	report_selected(a, to, policy);
	report_uint(to, "ingress_rules", policy->ingress.len);
	report_uint(to, "egress_rules", policy->egress.len);
	report_string(to, "status", policy_status(a, policy));
	report_optional(to, "message", a->enforcement.error);
}

struct json_object *report_policies(struct agent *a)
{
	struct json_object *result = json_object_new_object();
	struct json_object *list = report_array(result, "policies");

	vec_foreach(policy, &policy_dir_set(a->policies)->policies)
		report_policy(a, report_item(list), *policy);
	return result;
}

/* ---- networks ---------------------------------------------------------- */

static const char *network_reason(const struct agent *a,
				  const struct network *n, bool managed,
				  bool filtered)
{
	if (!n->bridge[0])
		return "it has no bridge on this host, so no packet filter here can hold it";
	if (!managed)
		return "enforcement.ignoreNetworks names it";
	if (filtered)
		return NULL;
	return a->link && link_netfilter_present()
		       ? "its bridge is not there, or does not hand packets to the firewall"
		       : "br_netfilter is not loaded: run modprobe br_netfilter";
}

static void report_network(struct agent *a, struct json_object *to,
			   const struct network *n)
{
	bool managed = managed_network(n, a->config.ignore_networks.data,
				       a->config.ignore_networks.len);
	bool filtered = a->link && n->bridge[0] &&
			link_filtered(a->link, n->bridge);
	struct json_object *subnets;
	char text[PREFIX_STRLEN];

	report_string(to, "id", n->id);
	report_string(to, "name", n->name);
	report_string(to, "runtime", n->runtime);
	report_string(to, "driver", n->driver ?: "");
	report_optional(to, "bridge", n->bridge);
	subnets = report_array(to, "subnets");
	vec_foreach(subnet, &n->subnets)
		json_object_array_add(
			subnets,
			json_object_new_string(prefix_format(subnet, text)));
	report_bool(to, "managed", managed);
	report_bool(to, "filtered", filtered);
	report_optional(to, "reason", network_reason(a, n, managed, filtered));
}

struct json_object *report_networks(struct agent *a)
{
	struct json_object *result = json_object_new_object();
	struct json_object *list = report_array(result, "networks");
	size_t n;
	const struct network *const *all =
		endpoint_store_networks(a->store, &n);

	for (size_t i = 0; i < n; i++)
		report_network(a, report_item(list), all[i]);
	return result;
}
