/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow.c - a record of the flow log, for people. */
#include "cli/flow.h"

#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/table.h"
#include "cli/text.h"
#include "json/json.h"

/* Widths that most records fit into; a longer one pushes its line aside. */
enum {
	TIME = 24,
	VERDICT = 8,
	DIRECTION = 8,
	PROTO = 7,
	PARTY = 34,
	FLOW_ID = 16,
	STATE = 6,
	NUMBER = 8,
};

static void add_padded(struct buf *out, bool colour, enum style style,
		       const char *text, size_t width)
{
	_cleanup_(buf_fini) struct buf safe = BUF_INIT(BUF_UNBOUNDED);
	size_t used;

	text_safe(&safe, slice_of(*text ? text : "-"));
	used = text_width(buf_slice(&safe));
	style_add(out, colour, style, *text ? text : "-");
	buf_addf(out, "%*s", (int)(used < width ? width - used : 0) + 2, "");
}

void flow_format_party(struct json_object *party, struct buf *out)
{
	struct json_object *container = json_at(party, "container");
	const char *ip = json_text(party, "ip");
	const char *name = json_text(party, "name");
	long long port = json_number(party, "port");
	bool bracket = port && strchr(ip, ':');

	if (container)
		buf_addf(out, "%s/%s ", json_text(container, "namespace"),
			 json_text(container, "name"));
	else if (*name)
		buf_addf(out, "%s ", name);
	buf_addf(out, "%s%s%s", bracket ? "[" : "", ip, bracket ? "]" : "");
	if (port)
		buf_addf(out, ":%lld", port);
}

static void add_party(struct buf *out, bool colour, struct json_object *party)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);

	flow_format_party(party, &text);
	add_padded(out, colour, STYLE_NONE, buf_str(&text), PARTY);
}

/* Milliseconds are enough for people. */
static void add_time(struct buf *out, struct json_object *record)
{
	const char *time = json_text(record, "time");
	const char *dot = strchr(time, '.');
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);

	if (dot && strlen(dot) > 4)
		buf_addf(&text, "%.*s%s", (int)(dot - time) + 4, time,
			 strpbrk(dot, "Zz+-") ?: "");
	else
		buf_adds(&text, time);
	add_padded(out, false, STYLE_NONE, buf_str(&text), TIME);
}

static enum style verdict_style(const char *verdict)
{
	if (!strcmp(verdict, "denied"))
		return STYLE_BAD;
	return strcmp(verdict, "allowed") ? STYLE_WARN : STYLE_GOOD;
}

static void add_protocol(struct buf *out, struct json_object *record)
{
	const char *proto = json_text(record, "proto");
	_cleanup_(buf_fini) struct buf text = BUF_INIT(32);

	if (*proto)
		buf_addf(&text, "%.16s", proto);
	else
		buf_addf(&text, "%lld",
			 (long long)json_number(record, "proto"));
	add_padded(out, false, STYLE_NONE, buf_str(&text), PROTO);
}

static enum style level_style(const char *level)
{
	if (!strcmp(level, "error"))
		return STYLE_BAD;
	return strcmp(level, "info") ? STYLE_WARN : STYLE_NONE;
}

static void format_event(struct json_object *record, bool colour,
			 struct buf *out)
{
	const char *event = json_text(record, "event");
	const char *message = json_text(record, "message");

	add_time(out, record);
	add_padded(out, colour, level_style(json_text(record, "level")), event,
		   VERDICT);
	if (*message)
		text_safe(out, slice_of(message));
	else if (json_at(record, "records"))
		buf_addf(out, "%lld records are missing here",
			 (long long)json_number(record, "records"));
	buf_adds(out, "\n");
}

static void add_number(struct buf *out, struct json_object *record,
		       const char *key)
{
	char text[24] = "";

	if (json_at(record, key))
		snprintf(text, sizeof(text), "%lld",
			 (long long)json_number(record, key));
	add_padded(out, false, STYLE_NONE, text, NUMBER);
}

static void add_more(struct buf *out, struct json_object *record)
{
	add_padded(out, false, STYLE_NONE, json_text(record, "flow_id"),
		   FLOW_ID);
	add_padded(out, false, STYLE_NONE, json_text(record, "state"), STATE);
	add_number(out, record, "packets");
	add_number(out, record, "bytes");
	add_number(out, record, "packets_reply");
	add_number(out, record, "bytes_reply");
}

static void format_flow(struct json_object *record, bool wide, bool colour,
			struct buf *out)
{
	_cleanup_(buf_fini) struct buf policies = BUF_INIT(BUF_UNBOUNDED);
	const char *verdict = json_text(record, "verdict");

	add_time(out, record);
	add_padded(out, colour, verdict_style(verdict), verdict, VERDICT);
	add_padded(out, colour, STYLE_NONE, json_text(record, "direction"),
		   DIRECTION);
	add_protocol(out, record);
	add_party(out, colour, json_at(record, "src"));
	add_party(out, colour, json_at(record, "dst"));
	if (wide)
		add_more(out, record);
	text_safe(out, slice_of(json_text(record, "reason")));
	json_join(&policies, json_at(record, "policies"));
	if (policies.len) {
		buf_adds(out, " (");
		text_safe(out, buf_slice(&policies));
		buf_adds(out, ")");
	}
	buf_adds(out, "\n");
}

void flow_format(struct json_object *record, bool wide, bool colour,
		 struct buf *out)
{
	if (*json_text(record, "event"))
		format_event(record, colour, out);
	else
		format_flow(record, wide, colour, out);
}

void flow_heading(bool wide, bool colour)
{
	static const struct {
		const char *text;
		size_t width;
		bool wide;
	} headings[] = {
		{ "TIME", TIME, false },     { "VERDICT", VERDICT, false },
		{ "BY", DIRECTION, false },  { "PROTO", PROTO, false },
		{ "SOURCE", PARTY, false },  { "DESTINATION", PARTY, false },
		{ "FLOW", FLOW_ID, true },   { "STATE", STATE, true },
		{ "PACKETS", NUMBER, true }, { "BYTES", NUMBER, true },
		{ "REPLIES", NUMBER, true }, { "BYTES", NUMBER, true },
	};
	_cleanup_(buf_fini) struct buf out = BUF_INIT(BUF_UNBOUNDED);

	for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
		if (wide || !headings[i].wide)
			add_padded(&out, colour, STYLE_BOLD, headings[i].text,
				   headings[i].width);
	style_add(&out, colour, STYLE_BOLD, "REASON");
	buf_adds(&out, "\n");
	command_print(&out);
}
