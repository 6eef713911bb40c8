/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow.c - flowLog: what is recorded. Where it goes: sink.c. */
#include "config/read.h"

static void read_flow_user(struct reader *r, const struct yaml_node *n)
{
	config_read_string(r, n, &r->config->flow_user);
}

static void read_flow_path(struct reader *r, const struct yaml_node *n)
{
	config_read_path(r, n, &r->config->flow_log);
}

/* Within half of what an element of the kernel's lives, so that each is read
 * at least once after its last packet. */
static void read_flow_interval(struct reader *r, const struct yaml_node *n)
{
	uint64_t seconds = r->config->flow_interval_ms / 1000;

	config_read_duration(r, n, 1, COMPILE_DENIED_TIMEOUT_MS / 2000,
			     &seconds);
	r->config->flow_interval_ms = 1000 * seconds;
}

static void read_packet_head(struct reader *r, const struct yaml_node *n)
{
	config_read_number(r, n, 0, 256, &r->config->packet_head);
}

static void read_budget_rate(struct reader *r, const struct yaml_node *n)
{
	config_read_number(r, n, 0, 1000000, &r->config->compile.budget_rate);
}

static void read_budget_burst(struct reader *r, const struct yaml_node *n)
{
	config_read_number(r, n, 1, 1000000, &r->config->compile.budget_burst);
}

static void read_flow_budget(struct reader *r, const struct yaml_node *n)
{
	static const struct key keys[] = {
		{ "rate", read_budget_rate },
		{ "burst", read_budget_burst },
		{ NULL, NULL },
	};

	config_read_mapping(r, n, keys);
}

static void read_flow_allowed(struct reader *r, const struct yaml_node *n)
{
	config_read_bool(r, n, &r->config->flow_allowed);
}

static void read_dns_names(struct reader *r, const struct yaml_node *n)
{
	config_read_bool(r, n, &r->config->compile.dns_names);
}

/* All connections of the kernel are read each time: not too often. */
static void read_allowed_interval(struct reader *r, const struct yaml_node *n)
{
	uint64_t seconds = r->config->flow_allowed_interval_ms / 1000;

	if (n->kind == YAML_INT && n->text.len == 1 && n->text.ptr[0] == '0')
		seconds = 0;
	else
		config_read_duration(r, n, 10, 86400, &seconds);
	r->config->flow_allowed_interval_ms = 1000 * seconds;
}

void config_read_flow_log(struct reader *r, const struct yaml_node *n)
{
	static const struct key keys[] = {
		{ "path", read_flow_path },
		{ "sinks", config_read_sinks },
		{ "user", read_flow_user },
		{ "interval", read_flow_interval },
		{ "packetHead", read_packet_head },
		{ "budget", read_flow_budget },
		{ "allowed", read_flow_allowed },
		{ "allowedInterval", read_allowed_interval },
		{ "dnsNames", read_dns_names },
		{ NULL, NULL },
	};

	config_read_mapping(r, n, keys);
}
