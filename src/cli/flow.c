/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow.c - a record of the flow log, for people. */
#include "cli/flow.h"

#include <string.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/text.h"
#include "json/json.h"

/* Widths that most records fit into; a longer one pushes its line aside. */
enum { TIME = 24, VERDICT = 8, DIRECTION = 8, PROTO = 7, PARTY = 34 };

bool flow_valid(struct json_object *record)
{
	uint64_t time;

	return (*json_text(record, "verdict") || *json_text(record, "event")) &&
	       clock_parse(json_text(record, "time"), &time) == 0;
}

bool flow_matches(const struct flow_filter *f, struct json_object *record)
{
	uint64_t time;

	if (f->denied && !*json_text(record, "event") &&
	    strcmp(json_text(record, "verdict"), "denied") != 0)
		return false;
	return clock_parse(json_text(record, "time"), &time) == 0 &&
	       time >= f->since && time <= f->until;
}

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

/* "shop/web 172.18.0.2:5432": name and address, as far as they are known. */
static void add_party(struct buf *out, bool colour, struct json_object *party)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);
	struct json_object *container = json_at(party, "container");
	const char *ip = json_text(party, "ip");
	long long port = json_number(party, "port");
	bool bracket = port && strchr(ip, ':');

	if (container)
		buf_addf(&text, "%s/%s ", json_text(container, "namespace"),
			 json_text(container, "name"));
	buf_addf(&text, "%s%s%s", bracket ? "[" : "", ip, bracket ? "]" : "");
	if (port)
		buf_addf(&text, ":%lld", port);
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

static void format_event(struct json_object *record, bool colour,
			 struct buf *out)
{
	const char *event = json_text(record, "event");

	add_time(out, record);
	add_padded(out, colour, STYLE_WARN, event, VERDICT);
	buf_addf(out, "%lld records are missing here\n",
		 (long long)json_number(record, "records"));
}

static void format_flow(struct json_object *record, bool colour,
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
	text_safe(out, slice_of(json_text(record, "reason")));
	json_join(&policies, json_at(record, "policies"));
	if (policies.len) {
		buf_adds(out, " (");
		text_safe(out, buf_slice(&policies));
		buf_adds(out, ")");
	}
	buf_adds(out, "\n");
}

void flow_format(struct json_object *record, bool colour, struct buf *out)
{
	if (*json_text(record, "event"))
		format_event(record, colour, out);
	else
		format_flow(record, colour, out);
}

void flow_heading(bool colour)
{
	static const struct {
		const char *text;
		size_t width;
	} headings[] = {
		{ "TIME", TIME },    { "VERDICT", VERDICT },
		{ "BY", DIRECTION }, { "PROTO", PROTO },
		{ "SOURCE", PARTY }, { "DESTINATION", PARTY },
	};
	_cleanup_(buf_fini) struct buf out = BUF_INIT(BUF_UNBOUNDED);

	for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
		add_padded(&out, colour, STYLE_BOLD, headings[i].text,
			   headings[i].width);
	style_add(&out, colour, STYLE_BOLD, "REASON");
	buf_adds(&out, "\n");
	command_print(&out);
}
