/* SPDX-License-Identifier: GPL-2.0-or-later */
/* say.c - a record as one line for people, and how bad it is. */
#include "sink/say.h"

#include <string.h>

#include "base/text.h"
#include "json/json.h"

static void add_safe(struct buf *out, const char *text)
{
	text_safe(out, slice_of(text));
}

static void add_word(struct buf *out, const char *text)
{
	if (!*text)
		return;
	add_safe(out, text);
	buf_adds(out, " ");
}

/* "shop/web 172.18.0.2:5432", as far as it is known. */
static void add_party(struct buf *out, struct json_object *party)
{
	struct json_object *container = json_at(party, "container");
	const char *ip = json_text(party, "ip");
	long long port = json_number(party, "port");
	bool bracket = port && strchr(ip, ':');

	if (container) {
		add_safe(out, json_text(container, "namespace"));
		buf_adds(out, "/");
		add_word(out, json_text(container, "name"));
	}
	buf_adds(out, bracket ? "[" : "");
	add_safe(out, *ip ? ip : "-");
	buf_adds(out, bracket ? "]" : "");
	if (port)
		buf_addf(out, ":%lld", port);
}

static void say_flow(struct json_object *record, struct buf *out)
{
	struct json_object *policies = json_at(record, "policies");
	_cleanup_(buf_fini) struct buf names = BUF_INIT(BUF_UNBOUNDED);
	const char *reason = json_text(record, "reason");

	add_word(out, json_text(record, "verdict"));
	add_word(out, json_text(record, "direction"));
	add_word(out, json_text(record, "proto"));
	add_party(out, json_at(record, "src"));
	buf_adds(out, " -> ");
	add_party(out, json_at(record, "dst"));
	if (*reason) {
		buf_adds(out, ": ");
		add_safe(out, reason);
	}
	if (!json_count(policies))
		return;
	json_join(&names, policies);
	buf_adds(out, " (");
	text_safe(out, buf_slice(&names));
	buf_adds(out, ")");
}

void say_record(struct json_object *record, struct buf *out)
{
	const char *event = json_text(record, "event");
	const char *message = json_text(record, "message");

	if (*event)
		add_safe(out, *message ? message : event);
	else
		say_flow(record, out);
}

int say_severity(struct json_object *record)
{
	const char *level = json_text(record, "level");
	const char *verdict = json_text(record, "verdict");

	if (!strcmp(level, "error"))
		return SAY_ERROR;
	if (!strcmp(level, "warning"))
		return SAY_WARNING;
	if (!strcmp(verdict, "denied") || !strcmp(verdict, "audit"))
		return SAY_NOTICE;
	return SAY_INFO;
}

const char *say_kind(struct json_object *record)
{
	const char *event = json_text(record, "event");

	return *event ? event : "flow";
}
