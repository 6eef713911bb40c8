/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spec.c - NetworkPolicySpec: rules of both directions, and their defaults. */
#include "policy/read.h"

struct raw_spec {
	struct policy *policy;
	const struct yaml_node *ingress, *egress, *types;
};

static void read_pods(struct reader *r, const struct yaml_node *node, void *out)
{
	struct raw_spec *raw = out;

	/* In place of the one that selects all, which an absent field means. */
	selector_free(TAKE_PTR(raw->policy->pods));
	read_selector(r, node, &raw->policy->pods);
}

static void read_ports(struct reader *r, const struct yaml_node *node,
		       void *out)
{
	reader_list(r, node, read_port, out);
}

static void read_peers(struct reader *r, const struct yaml_node *node,
		       void *out)
{
	reader_list(r, node, read_peer, out);
}

static void read_ingress_rule(struct reader *r, const struct yaml_node *node,
			      void *out)
{
	static const struct reader_field fields[] = {
		{ "ports", read_ports },
		{ "from", read_peers },
	};
	struct policy *p = out;
	struct policy_rule rule = { 0 };

	reader_object(r, node, fields, ARRAY_SIZE(fields), &rule);
	vec_push(&p->ingress, rule);
}

static void read_egress_rule(struct reader *r, const struct yaml_node *node,
			     void *out)
{
	static const struct reader_field fields[] = {
		{ "ports", read_ports },
		{ "to", read_peers },
	};
	struct policy *p = out;
	struct policy_rule rule = { 0 };

	reader_object(r, node, fields, ARRAY_SIZE(fields), &rule);
	vec_push(&p->egress, rule);
}

static void read_ingress(struct reader *r, const struct yaml_node *node,
			 void *out)
{
	struct raw_spec *raw = out;

	raw->ingress = node;
	reader_list(r, node, read_ingress_rule, raw->policy);
}

static void read_egress(struct reader *r, const struct yaml_node *node,
			void *out)
{
	struct raw_spec *raw = out;

	raw->egress = node;
	reader_list(r, node, read_egress_rule, raw->policy);
}

static void read_type(struct reader *r, const struct yaml_node *node, void *out)
{
	struct policy *p = out;
	char quoted[YAML_QUOTE_LEN];
	struct slice text;

	if (!reader_string(r, node, &text))
		return;
	if (slice_eq_str(text, "Ingress"))
		p->types |= POLICY_INGRESS;
	else if (slice_eq_str(text, "Egress"))
		p->types |= POLICY_EGRESS;
	else
		reader_error(r, node, "must be Ingress or Egress, found %s",
			     yaml_quote(text, quoted));
}

static void read_types(struct reader *r, const struct yaml_node *node,
		       void *out)
{
	struct raw_spec *raw = out;

	raw->types = node;
	if (node->kind == YAML_SEQUENCE && node->n > 2)
		reader_error(r, node, "must have at most two items");
	else
		reader_list(r, node, read_type, raw->policy);
}

static void default_types(struct policy *p)
{
	p->types = POLICY_INGRESS;
	if (p->egress.len)
		p->types |= POLICY_EGRESS;
}

/* The API server takes such rules in silence; their author expects more. */
static void warn_unused(struct reader *r, const struct yaml_node *rules,
			const char *field, const char *type)
{
	size_t mark = reader_enter(r, field);

	if (rules && rules->n)
		reader_warning(r, rules,
			       "has no effect, as policyTypes does not name %s",
			       type);
	reader_leave(r, mark);
}

void read_spec(struct reader *r, const struct yaml_node *node, void *out)
{
	static const struct reader_field fields[] = {
		{ "podSelector", read_pods },
		{ "policyTypes", read_types },
		{ "ingress", read_ingress },
		{ "egress", read_egress },
	};
	struct raw_spec raw = { .policy = out };

	if (!reader_object(r, node, fields, ARRAY_SIZE(fields), &raw))
		return;
	if (!raw.types || !raw.types->n)
		default_types(raw.policy);
	if (!(raw.policy->types & POLICY_INGRESS))
		warn_unused(r, raw.ingress, "ingress", "Ingress");
	if (!(raw.policy->types & POLICY_EGRESS))
		warn_unused(r, raw.egress, "egress", "Egress");
}
