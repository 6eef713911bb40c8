/* SPDX-License-Identifier: GPL-2.0-or-later */
/* get_policies.c - bulkhead get policies. */
#include "bulkhead/control.h"
#include "cli/get.h"

TEXT_CELL(namespace, "namespace")
TEXT_CELL(name, "name")
TEXT_CELL(status, "status")
TEXT_CELL(message, "message")

static void types(struct json_object *item, struct buf *out)
{
	struct json_object *list = json_at(item, "types");

	for (size_t i = 0; i < json_count(list); i++)
		buf_addf(out, "%s%s", i ? "," : "", json_item_text(list, i));
}

static void selector(struct json_object *item, struct buf *out)
{
	const char *text = json_text(item, "pod_selector");

	buf_adds(out, *text ? text : "(all)");
}

static void count(struct json_object *item, struct buf *out)
{
	buf_addf(out, "%zu", json_count(json_at(item, "endpoints")));
}

static void endpoints(struct json_object *item, struct buf *out)
{
	json_join(out, json_at(item, "endpoints"));
}

static void rules(struct json_object *item, struct buf *out)
{
	buf_addf(out, "%lld in, %lld out",
		 (long long)json_number(item, "ingress_rules"),
		 (long long)json_number(item, "egress_rules"));
}

static void place(struct json_object *item, struct buf *out)
{
	buf_addf(out, "%s:%lld", json_text(item, "file"),
		 (long long)json_number(item, "line"));
}

static enum style status_style(struct json_object *item)
{
	const char *text = json_text(item, "status");

	if (!strcmp(text, "enforced"))
		return STYLE_GOOD;
	return strcmp(text, "failed") ? STYLE_WARN : STYLE_BAD;
}

static const struct column columns[] = {
	{ "NAMESPACE", false, namespace, NULL },
	{ "NAME", false, name, NULL },
	{ "TYPES", false, types, NULL },
	{ "POD-SELECTOR", false, selector, NULL },
	{ "ENDPOINTS", false, count, NULL },
	{ "STATUS", false, status, status_style },
	{ "RULES", true, rules, NULL },
	{ "PLACE", true, place, NULL },
	{ "SELECTED", true, endpoints, NULL },
	{ "MESSAGE", true, message, NULL },
	{ 0 },
};

const struct view view_policies = {
	.name = "policies",
	.command = CONTROL_POLICIES,
	.columns = columns,
};
