/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config_flow.c - flowLog: what is recorded. Where it goes: config_sink.c. */
#include "agent/config_read.h"

static void read_flow_path(struct reader *r, const struct yaml_node *n)
{
	config_read_path(r, n, &r->config->flow_log);
}

/* A whole number within bounds. */
static bool read_number(struct reader *r, const struct yaml_node *n,
			unsigned least, unsigned most, unsigned *to)
{
	unsigned long value = 0;
	bool digits = n->kind != YAML_NULL && n->text.len && n->text.len <= 9;

	for (size_t i = 0; digits && i < n->text.len; i++) {
		digits = n->text.ptr[i] >= '0' && n->text.ptr[i] <= '9';
		value = 10 * value + (unsigned long)(n->text.ptr[i] - '0');
	}
	if (!digits || value < least || value > most) {
		diag_error(r->diag, config_at(r, n),
			   "expected a whole number from %u to %u", least,
			   most);
		return false;
	}
	*to = (unsigned)value;
	return true;
}

/* Within half of what an element of the kernel's lives, so that each is read
 * at least once after its last packet. */
static void read_flow_interval(struct reader *r, const struct yaml_node *n)
{
	struct yaml_node number = *n;
	unsigned seconds;

	if (n->kind == YAML_NULL)
		return;
	if (n->kind != YAML_STRING || n->text.len < 2 ||
	    n->text.ptr[n->text.len - 1] != 's') {
		diag_error(r->diag, config_at(r, n),
			   "expected seconds, as in \"10s\"");
		return;
	}
	number.text.len--;
	if (read_number(r, &number, 1, COMPILE_DENIED_TIMEOUT_MS / 2000,
			&seconds))
		r->config->flow_interval_ms = 1000 * (uint64_t)seconds;
}

static void read_packet_head(struct reader *r, const struct yaml_node *n)
{
	read_number(r, n, 0, 256, &r->config->packet_head);
}

static void read_budget_rate(struct reader *r, const struct yaml_node *n)
{
	read_number(r, n, 0, 1000000, &r->config->compile.budget_rate);
}

static void read_budget_burst(struct reader *r, const struct yaml_node *n)
{
	read_number(r, n, 1, 1000000, &r->config->compile.budget_burst);
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
	if (n->kind == YAML_BOOL)
		r->config->flow_allowed = n->boolean;
	else if (n->kind != YAML_NULL)
		diag_error(r->diag, config_at(r, n),
			   "expected true or false, not a %s",
			   yaml_kind_name(n->kind));
}

void config_read_flow_log(struct reader *r, const struct yaml_node *n)
{
	static const struct key keys[] = {
		{ "path", read_flow_path },
		{ "sinks", config_read_sinks },
		{ "interval", read_flow_interval },
		{ "packetHead", read_packet_head },
		{ "budget", read_flow_budget },
		{ "allowed", read_flow_allowed },
		{ NULL, NULL },
	};

	config_read_mapping(r, n, keys);
}
