/* SPDX-License-Identifier: GPL-2.0-or-later */
/* get_rules.c - bulkhead get rules. */
#include "bulkhead/control.h"
#include "cli/get.h"

TEXT_CELL(endpoint, "endpoint")
TEXT_CELL(direction, "direction")
TEXT_CELL(policy, "policy")

/* Peers hold commas of their own (selectors), so a semicolon divides them. */
static void peers(struct json_object *item, struct buf *out)
{
	struct json_object *list = json_at(item, "peers");

	if (!json_flag(item, "allows"))
		buf_adds(out, "nobody");
	else if (!json_count(list))
		buf_adds(out, "everybody");
	for (size_t i = 0; json_flag(item, "allows") && i < json_count(list);
	     i++)
		buf_addf(out, "%s%s", i ? "; " : "", json_item_text(list, i));
}

static void ports(struct json_object *item, struct buf *out)
{
	if (!json_flag(item, "allows"))
		return;
	if (json_count(json_at(item, "ports")))
		json_join(out, json_at(item, "ports"));
	else
		buf_adds(out, "every port");
}

static const struct column columns[] = {
	{ "ENDPOINT", false, endpoint, NULL },
	{ "DIRECTION", false, direction, NULL },
	{ "POLICY", false, policy, NULL },
	{ "PEERS", false, peers, NULL },
	{ "PORTS", false, ports, NULL },
	{ 0 },
};

const struct view view_rules = {
	.name = "rules",
	.command = CONTROL_RULES,
	.columns = columns,
};
