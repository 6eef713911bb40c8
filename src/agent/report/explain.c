/* SPDX-License-Identifier: GPL-2.0-or-later */
/* explain.c - the verdict on one flow, for `bulkhead explain`. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/report/put.h"
#include "agent/report/report.h"
#include "compile/evaluate.h"

/* ---- who is meant ------------------------------------------------------ */

struct endpoint *report_find(struct agent *a, const char *name,
			     char **ret_error)
{
	bool ambiguous = false;
	struct endpoint *e = endpoint_store_find(a->store, name, &ambiguous);

	if (!e)
		*ret_error = xasprintf(
			ambiguous
				? "several endpoints are called \"%s\": write namespace/name or an id"
				: "no endpoint is called \"%s\"; see bulkhead get endpoints",
			name);
	return e;
}

static int resolve(struct agent *a, const char *text, struct evaluate_end *ret,
		   char **ret_error)
{
	struct evaluate_end end = { 0 };

	if (!text) {
		*ret_error =
			xstrdup("\"source\" and \"destination\" are needed");
		return -EINVAL;
	}
	if (!strcmp(text, "host")) {
		end.host = true;
	} else if (!addr_parse(slice_of(text), &end.addr)) {
		end.endpoint = endpoint_store_by_addr(a->store, &end.addr);
	} else {
		end.endpoint = report_find(a, text, ret_error);
		if (!end.endpoint)
			return -EINVAL;
	}
	*ret = end;
	return 0;
}

/* Where both ends are on one network, its addresses; of one family. */
static bool meet(const struct endpoint *from, const struct endpoint *to,
		 struct addr *ret_from, struct addr *ret_to)
{
	vec_foreach(x, &from->attachments)
		vec_foreach(y, &to->attachments) {
			if (strcmp(x->network_id, y->network_id))
				continue;
			if (addr_is_set(&x->v4) && addr_is_set(&y->v4)) {
				*ret_from = x->v4;
				*ret_to = y->v4;
				return true;
			}
			if (addr_is_set(&x->v6) && addr_is_set(&y->v6)) {
				*ret_from = x->v6;
				*ret_to = y->v6;
				return true;
			}
		}
	return false;
}

static void first_address(struct evaluate_end *end, uint8_t family)
{
	if (addr_is_set(&end->addr) || !end->endpoint)
		return;
	vec_foreach(a, &end->endpoint->attachments) {
		if (family != AF_INET6 && addr_is_set(&a->v4))
			end->addr = a->v4;
		else if (family != AF_INET && addr_is_set(&a->v6))
			end->addr = a->v6;
		if (addr_is_set(&end->addr))
			return;
	}
}

static void choose_addresses(struct evaluate_flow *flow)
{
	struct evaluate_end *s = &flow->source, *d = &flow->destination;

	if (s->endpoint && d->endpoint && !addr_is_set(&s->addr) &&
	    !addr_is_set(&d->addr) &&
	    meet(s->endpoint, d->endpoint, &s->addr, &d->addr))
		return;
	first_address(d, s->addr.family);
	first_address(s, d->addr.family);
}

static int resolve_flow(struct agent *a, struct json_object *arguments,
			struct evaluate_flow *flow, char **ret_error)
{
	static const struct {
		const char *name;
		uint8_t proto;
	} protocols[] = { { "tcp", IPPROTO_TCP },
			  { "udp", IPPROTO_UDP },
			  { "sctp", IPPROTO_SCTP },
			  { "icmp", IPPROTO_ICMP } };
	const char *name = report_argument(arguments, "protocol") ?: "tcp";
	struct json_object *port = NULL;
	int64_t number = 0;
	int r;

	r = resolve(a, report_argument(arguments, "source"), &flow->source,
		    ret_error);
	if (r >= 0)
		r = resolve(a, report_argument(arguments, "destination"),
			    &flow->destination, ret_error);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (!strcmp(protocols[i].name, name))
			flow->proto = protocols[i].proto;
	if (json_object_object_get_ex(arguments, "port", &port))
		number = json_object_get_int64(port);
	if (!flow->proto || number < 0 || number > UINT16_MAX) {
		*ret_error = xstrdup(
			"the protocol is tcp, udp, sctp or icmp, the port at most 65535");
		return -EINVAL;
	}
	flow->port = (uint16_t)number;
	choose_addresses(flow);
	return 0;
}

/* ---- the answer -------------------------------------------------------- */

static void report_party(struct json_object *to, const char *key,
			 const struct evaluate_end *end)
{
	struct json_object *party = report_mapping(to, key);
	const struct endpoint *e = end->endpoint;

	report_string(party, "kind",
		      e		  ? "endpoint"
		      : end->host ? "host"
				  : "address");
	report_addr(party, "address", &end->addr);
	report_optional(party, "name", e ? e->name : NULL);
	report_optional(party, "namespace", e ? e->namespace : NULL);
	report_optional(party, "id", e ? e->id : NULL);
}

static const char *reason_of(const struct evaluate_verdict *v,
			     const struct evaluate_side *side,
			     const struct evaluate_end *self,
			     const struct evaluate_end *peer)
{
	if (v->self)
		return "same-endpoint";
	if (!self->endpoint)
		return "no-endpoint";
	if (self->endpoint->unenforceable)
		return "unenforceable";
	if (!side->isolated)
		return "not-isolated";
	if (side->admitting.len)
		return "policy-allows";
	return side->allowed && peer->host ? "local-host"
					   : deny_reason_name(side->reason);
}

static void report_side(struct json_object *to, const char *key,
			const struct evaluate_side *side, const char *reason)
{
	struct json_object *decision = report_mapping(to, key);
	struct json_object *policies, *isolated;

	report_string(decision, "verdict",
		      side->allowed ? "allowed" : "denied");
	report_string(decision, "reason", reason);
	policies = report_array(decision, "policies");
	vec_foreach(p, &side->admitting)
		report_ref(policies, (*p)->namespace, (*p)->name);
	isolated = report_array(decision, "isolated_by");
	vec_foreach(p, &side->isolating)
		report_ref(isolated, (*p)->namespace, (*p)->name);
}

static void add_note(struct json_object *notes, const char *text)
{
	json_object_array_add(notes, json_object_new_string(text));
}

static void report_notes(struct agent *a, struct json_object *to,
			 const struct evaluate_flow *flow)
{
	struct json_object *notes = report_array(to, "notes");
	const struct endpoint *ends[] = { flow->source.endpoint,
					  flow->destination.endpoint };
	const char *blocked = enforce_blocked(a);

	if (a->config.compile.audit)
		add_note(notes,
			 "Mode is audit: what is denied is logged and passes.");
	if (blocked)
		add_note(notes, blocked);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		_cleanup_(freep) char *text = NULL;

		if (!ends[i] || (!ends[i]->unenforceable &&
				 ends[i]->state != ENDPOINT_EXITED))
			continue;
		text = ends[i]->unenforceable
			       ? xasprintf(
					 "%s is not held by this host's packet filter: %s.",
					 ends[i]->name, ends[i]->unenforceable)
			       : xasprintf("%s has exited.", ends[i]->name);
		add_note(notes, text);
	}
}

static bool port_matters(uint8_t proto)
{
	return proto != IPPROTO_ICMP && proto != IPPROTO_ICMPV6;
}

int report_explain(struct agent *a, struct json_object *arguments,
		   struct json_object **ret, char **ret_error)
{
	struct evaluate_flow flow = { 0 };
	struct evaluate_verdict v;
	struct json_object *result;
	int r = resolve_flow(a, arguments, &flow, ret_error);

	if (r < 0)
		return r;
	evaluate(policy_dir_set(a->policies), &flow, &v);
	result = json_object_new_object();
	report_string(result, "verdict", v.allowed ? "allowed" : "denied");
	report_party(result, "source", &flow.source);
	report_party(result, "destination", &flow.destination);
	report_string(result, "protocol", report_protocol(flow.proto));
	report_object(result, "port",
		      port_matters(flow.proto) ? json_object_new_int(flow.port)
					       : NULL);
	report_side(result, "egress", &v.egress,
		    reason_of(&v, &v.egress, &flow.source, &flow.destination));
	report_side(result, "ingress", &v.ingress,
		    reason_of(&v, &v.ingress, &flow.destination, &flow.source));
	report_notes(a, result, &flow);
	evaluate_verdict_fini(&v);
	*ret = result;
	return 0;
}
