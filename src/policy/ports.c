/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ports.c - NetworkPolicyPort: protocol, port, endPort. */
#include <netinet/in.h>

#include "policy/names.h"
#include "policy/read.h"

struct raw_port {
	struct policy_port port;
	const struct yaml_node *port_node, *end_node;
	int64_t end;
};

static void read_protocol(struct reader *r, const struct yaml_node *node,
			  void *out)
{
	struct raw_port *raw = out;
	char quoted[YAML_QUOTE_LEN];
	struct slice text;

	if (!reader_string(r, node, &text))
		return;
	if (slice_eq_str(text, "TCP"))
		raw->port.proto = IPPROTO_TCP;
	else if (slice_eq_str(text, "UDP"))
		raw->port.proto = IPPROTO_UDP;
	else if (slice_eq_str(text, "SCTP"))
		raw->port.proto = IPPROTO_SCTP;
	else
		reader_error(r, node, "must be TCP, UDP or SCTP, found %s",
			     yaml_quote(text, quoted));
}

static bool check_number(struct reader *r, const struct yaml_node *node,
			 int64_t number)
{
	if (number >= 1 && number <= UINT16_MAX)
		return true;
	reader_error(r, node, "must be from 1 to 65535, found %.64s",
		     node->text.ptr);
	return false;
}

static void read_name(struct reader *r, const struct yaml_node *node,
		      struct raw_port *raw)
{
	const char *wrong = name_check_port(node->text);
	char quoted[YAML_QUOTE_LEN];

	if (wrong)
		reader_error(r, node, "port name %s %s",
			     yaml_quote(node->text, quoted), wrong);
	else
		raw->port.name = xstrdup(node->text.ptr);
}

static void read_number(struct reader *r, const struct yaml_node *node,
			void *out)
{
	struct raw_port *raw = out;

	raw->port_node = node;
	if (node->kind == YAML_STRING)
		read_name(r, node, raw);
	else if (node->kind != YAML_INT)
		reader_error(
			r, node,
			"must be a port number or the name of a port, found %s",
			yaml_kind_name(node->kind));
	else if (check_number(r, node, node->integer))
		raw->port.port = (uint16_t)node->integer;
}

static void read_end(struct reader *r, const struct yaml_node *node, void *out)
{
	struct raw_port *raw = out;

	raw->end_node = node;
	reader_integer(r, node, &raw->end);
}

/* endPort has a meaning only beside a number in port. */
static void check_end(struct reader *r, struct raw_port *raw)
{
	const struct yaml_node *port = raw->port_node, *end = raw->end_node;
	size_t mark = reader_enter(r, "endPort");

	raw->port.end = raw->port.port;
	if (!end || end->kind != YAML_INT)
		;
	else if (!port)
		reader_error(r, end, "must be absent when port is absent");
	else if (port->kind == YAML_STRING)
		reader_error(r, end, "must be absent when port is a name");
	else if (check_number(r, end, raw->end) && raw->end < raw->port.port)
		reader_error(r, end, "must not be less than port, which is %u",
			     raw->port.port);
	else
		raw->port.end = (uint16_t)raw->end;
	reader_leave(r, mark);
}

void read_port(struct reader *r, const struct yaml_node *node, void *out)
{
	static const struct reader_field fields[] = {
		{ "protocol", read_protocol },
		{ "port", read_number },
		{ "endPort", read_end },
	};
	struct raw_port raw = { .port.proto = IPPROTO_TCP };
	struct policy_rule *rule = out;

	if (reader_object(r, node, fields, ARRAY_SIZE(fields), &raw))
		check_end(r, &raw);
	vec_push(&rule->ports, raw.port);
}
