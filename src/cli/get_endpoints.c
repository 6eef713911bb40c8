/* SPDX-License-Identifier: GPL-2.0-or-later */
/* get_endpoints.c - bulkhead get endpoints. */
#include "bulkhead/control.h"
#include "cli/emit.h"
#include "cli/get.h"

TEXT_CELL(namespace, "namespace")
TEXT_CELL(name, "name")
TEXT_CELL(state, "state")
TEXT_CELL(runtime, "runtime")
TEXT_CELL(image, "image")
TEXT_CELL(unenforceable, "unenforceable")
TEXT_CELL(escapable, "escapable")

static void id(struct json_object *item, struct buf *out)
{
	get_short_id(json_text(item, "id"), out);
}

static void separate(struct buf *out)
{
	if (out->len)
		buf_adds(out, ",");
}

static void add_each(struct json_object *item, const char *key, struct buf *out)
{
	struct json_object *list = json_at(item, "attachments");

	for (size_t i = 0; i < json_count(list); i++) {
		const char *text = json_text(json_item(list, i), key);

		if (!*text)
			continue;
		separate(out);
		buf_adds(out, text);
	}
}

static void addresses(struct json_object *item, struct buf *out)
{
	add_each(item, "ipv4", out);
	add_each(item, "ipv6", out);
}

static void networks(struct json_object *item, struct buf *out)
{
	add_each(item, "network", out);
}

static void isolation(struct json_object *item, const char *direction,
		      struct buf *out)
{
	struct json_object *d = json_at(item, direction);

	if (*json_text(item, "unenforceable"))
		buf_adds(out, "unenforceable");
	else if (json_flag(item, "quarantined"))
		buf_adds(out, "quarantined");
	else if (!json_flag(d, "isolated"))
		buf_adds(out, "open");
	else if (!json_count(json_at(d, "policies")))
		buf_adds(out, "isolated");
	else
		json_join(out, json_at(d, "policies"));
}

static void ingress(struct json_object *item, struct buf *out)
{
	isolation(item, "ingress", out);
}

static void egress(struct json_object *item, struct buf *out)
{
	isolation(item, "egress", out);
}

static enum style bad_if_unenforceable(struct json_object *item)
{
	return *json_text(item, "unenforceable") ? STYLE_BAD : STYLE_NONE;
}

static enum style warn_if_escapable(struct json_object *item)
{
	return *json_text(item, "escapable") ? STYLE_WARN : STYLE_NONE;
}

static void ports(struct json_object *item, struct buf *out)
{
	struct json_object *list = json_at(item, "ports");

	for (size_t i = 0; i < json_count(list); i++) {
		struct json_object *p = json_item(list, i);

		separate(out);
		buf_addf(out, "%s=%lld/%s", json_text(p, "name"),
			 (long long)json_number(p, "port"),
			 json_text(p, "protocol"));
	}
}

static void published(struct json_object *item, struct buf *out)
{
	struct json_object *list = json_at(item, "published");

	for (size_t i = 0; i < json_count(list); i++) {
		struct json_object *p = json_item(list, i);
		const char *host = json_text(p, "host");
		bool v6 = strchr(host, ':');

		separate(out);
		buf_addf(out, "%s%s%s:%lld->%lld/%s", v6 ? "[" : "", host,
			 v6 ? "]" : "", (long long)json_number(p, "host_port"),
			 (long long)json_number(p, "port"),
			 json_text(p, "protocol"));
	}
}

static void add_label(void *arg, const char *key, struct json_object *value)
{
	struct buf *out = arg;
	struct buf quoted = BUF_INIT(BUF_UNBOUNDED);

	separate(out);
	json_compact(&quoted, value);
	buf_addf(out, "%s=%.*s", key, (int)quoted.len - 1, buf_str(&quoted));
	buf_fini(&quoted);
}

static void labels(struct json_object *item, struct buf *out)
{
	json_each(json_at(item, "labels"), add_label, out);
}

static const struct column columns[] = {
	{ "NAMESPACE", false, namespace, NULL },
	{ "NAME", false, name, NULL },
	{ "STATE", false, state, NULL },
	{ "ADDRESSES", false, addresses, NULL },
	{ "INGRESS", false, ingress, bad_if_unenforceable },
	{ "EGRESS", false, egress, bad_if_unenforceable },
	{ "ID", true, id, NULL },
	{ "RUNTIME", true, runtime, NULL },
	{ "IMAGE", true, image, NULL },
	{ "NETWORKS", true, networks, NULL },
	{ "PORTS", true, ports, NULL },
	{ "PUBLISHED", true, published, NULL },
	{ "UNENFORCEABLE", true, unenforceable, bad_if_unenforceable },
	{ "ESCAPABLE", true, escapable, warn_if_escapable },
	{ "LABELS", true, labels, NULL },
	{ 0 },
};

const struct view view_endpoints = {
	.name = "endpoints",
	.command = CONTROL_ENDPOINTS,
	.columns = columns,
	.bulky = "labels",
};
