/* SPDX-License-Identifier: GPL-2.0-or-later */
/* get_networks.c - bulkhead get networks. */
#include "bulkhead/control.h"
#include "cli/get.h"

TEXT_CELL(name, "name")
TEXT_CELL(runtime, "runtime")
TEXT_CELL(driver, "driver")
TEXT_CELL(bridge, "bridge")
TEXT_CELL(reason, "reason")

static void id(struct json_object *item, struct buf *out)
{
	get_short_id(json_text(item, "id"), out);
}

static void subnets(struct json_object *item, struct buf *out)
{
	json_join(out, json_at(item, "subnets"));
}

static bool is_enforced(struct json_object *item)
{
	return json_flag(item, "managed") && json_flag(item, "filtered");
}

static void enforced(struct json_object *item, struct buf *out)
{
	if (is_enforced(item))
		buf_adds(out, "yes");
	else if (json_flag(item, "managed"))
		buf_adds(out, "not filtered");
	else
		buf_adds(out, "no");
}

static enum style enforced_style(struct json_object *item)
{
	return is_enforced(item)	    ? STYLE_GOOD
	       : json_flag(item, "managed") ? STYLE_BAD
					    : STYLE_WARN;
}

static const struct column columns[] = {
	{ "NAME", false, name, NULL },
	{ "RUNTIME", false, runtime, NULL },
	{ "DRIVER", false, driver, NULL },
	{ "BRIDGE", false, bridge, NULL },
	{ "SUBNETS", false, subnets, NULL },
	{ "ENFORCED", false, enforced, enforced_style },
	{ "REASON", false, reason, NULL },
	{ "ID", true, id, NULL },
	{ 0 },
};

const struct view view_networks = {
	.name = "networks",
	.command = CONTROL_NETWORKS,
	.columns = columns,
};
