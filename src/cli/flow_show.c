/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow_show.c - bulkhead flows show: one flow's story. */
#include "cli/flow_show.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/vec.h"
#include "cli/emit.h"
#include "cli/flow.h"
#include "cli/table.h"
#include "cli/text.h"
#include "json/json.h"
#include "store/row.h"

/* Around the flow, before and after it. */
#define NEAR_NS (300ULL * 1000000000U)

/* Neighbours that a table shows; JSON has all of them. */
#define SHOWN_MAX 100

struct story {
	int64_t flow_id;
	struct json_object *flow;	/* NULL: not found */
	struct json_object *records;	/* of the flow */
	struct json_object *neighbours; /* flows and events, by time */
};

static void story_fini(struct story *s)
{
	json_object_put(s->flow);
	json_object_put(s->records);
	json_object_put(s->neighbours);
}

/* ---- collecting -------------------------------------------------------- */

static bool keep_flow(void *arg, struct json_object *record)
{
	struct story *s = arg;

	if (*json_text(record, "event"))
		return true;
	s->flow = json_object_get(record);
	return false;
}

static void keep_record(void *arg, const struct source_record *r)
{
	struct story *s = arg;
	struct json_object *o = json_object_new_object();
	char time[CLOCK_STRLEN];

	json_object_object_add(
		o, "time", json_object_new_string(clock_format(r->time, time)));
	json_object_object_add(o, "state", json_object_new_string(r->state));
	json_object_object_add(o, "packets", json_object_new_int64(r->packets));
	json_object_object_add(o, "bytes", json_object_new_int64(r->bytes));
	json_object_array_add(s->records, o);
}

static const char *container_id(struct json_object *end)
{
	return json_text(json_at(end, "container"), "id");
}

/* The container that it was, else the address. */
static int name_party(struct json_object *end, struct party *ret)
{
	const char *id = container_id(end), *error;

	party_fini(ret);
	if (strlen(id) < PARTY_ID_MIN)
		return party_parse(json_text(end, "ip"), ret, &error);
	ret->kind = PARTY_NAME;
	ret->name = xstrdup(id);
	return 0;
}

/* Of an event with a container, one of the two. */
static bool concerns(const struct story *s, struct json_object *record)
{
	const char *id = json_text(json_at(record, "container"), "id");

	if (!*json_text(record, "event"))
		return true;
	return !*id || !strcmp(id, container_id(json_at(s->flow, "src"))) ||
	       !strcmp(id, container_id(json_at(s->flow, "dst")));
}

static bool keep_neighbour(void *arg, struct json_object *record)
{
	struct story *s = arg;
	int64_t id;

	if (row_flow_id_parse(json_text(record, "flow_id"), &id) &&
	    id == s->flow_id)
		return true;
	if (concerns(s, record))
		json_object_array_add(s->neighbours, json_object_get(record));
	return true;
}

static int by_time(const void *a, const void *b)
{
	struct json_object *x = *(struct json_object *const *)a;
	struct json_object *y = *(struct json_object *const *)b;
	const char *first = json_text(x, "first"), *other;

	first = *first ? first : json_text(x, "time");
	other = json_text(y, "first");
	return strcmp(first, *other ? other : json_text(y, "time"));
}

/* The window around the flow. */
static void set_window(struct question *q, struct json_object *flow)
{
	uint64_t first, last;

	if (clock_parse(json_text(flow, "time"), &last) < 0)
		last = 0;
	if (clock_parse(json_text(flow, "first"), &first) < 0)
		first = last;
	(void)clock_parse(json_text(flow, "last"), &last);
	q->since = first > NEAR_NS ? first - NEAR_NS : 0;
	q->until = MAX(first, last) + NEAR_NS;
}

/* Flows either way between the two, and events; these once. */
static int find_neighbours(struct source *source, struct story *s)
{
	for (unsigned i = 0; i < 2; i++) {
		_cleanup_(question_fini) struct question q = { 0 };
		struct json_object *from = json_at(s->flow, i ? "dst" : "src");
		struct json_object *to = json_at(s->flow, i ? "src" : "dst");
		int r;

		set_window(&q, s->flow);
		if (name_party(from, &q.from) < 0 || name_party(to, &q.to) < 0)
			continue;
		r = source_list(source, &q, keep_neighbour, s);
		if (r < 0)
			return r;
	}
	return 0;
}

static int find_events(struct source *source, struct story *s)
{
	struct question q = { .no_flows = true, .events = true };

	set_window(&q, s->flow);
	return source_list(source, &q, keep_neighbour, s);
}

/* Gaps came with each list of flows. */
static void drop_events(struct story *s)
{
	struct json_object *flows = json_object_new_array();

	for (size_t i = 0; i < json_count(s->neighbours); i++) {
		struct json_object *o = json_item(s->neighbours, i);

		if (!*json_text(o, "event"))
			json_object_array_add(flows, json_object_get(o));
	}
	json_object_put(s->neighbours);
	s->neighbours = flows;
}

static int collect(struct source *source, struct story *s)
{
	struct question q = { .until = UINT64_MAX,
			      .has_flow_id = true,
			      .flow_id = s->flow_id };
	int r = source_list(source, &q, keep_flow, s);

	if (r < 0 || !s->flow)
		return r;
	s->records = json_object_new_array();
	s->neighbours = json_object_new_array();
	r = source_records(source, s->flow_id, keep_record, s);
	if (r == 0)
		r = find_neighbours(source, s);
	drop_events(s);
	if (r == 0)
		r = find_events(source, s);
	json_object_array_sort(s->neighbours, by_time);
	return r;
}

/* ---- telling ----------------------------------------------------------- */

static void add_fact(struct table *t, const char *name, const char *value)
{
	if (!*value)
		return;
	table_add(t, STYLE_BOLD, name);
	table_add(t, STYLE_NONE, value);
}

static void add_end(struct table *t, const char *name, struct json_object *end)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);
	struct json_object *container = json_at(end, "container");

	flow_format_party(end, &text);
	if (container)
		buf_addf(&text, " (%.12s, %s)", json_text(container, "id"),
			 json_text(container, "image"));
	add_fact(t, name, buf_str(&text));
}

static void tell_flow(const struct story *s, bool colour, struct buf *out)
{
	struct table *t = table_new(2, NULL, colour);
	_cleanup_(buf_fini) struct buf policies = BUF_INIT(BUF_UNBOUNDED);
	_cleanup_(buf_fini) struct buf sums = BUF_INIT(BUF_UNBOUNDED);
	struct json_object *f = s->flow;

	json_join(&policies, json_at(f, "policies"));
	buf_addf(&sums, "%lld packets, %lld bytes",
		 (long long)json_number(f, "packets"),
		 (long long)json_number(f, "bytes"));
	add_fact(t, "Flow", json_text(f, "flow_id"));
	add_fact(t, "Verdict", json_text(f, "verdict"));
	add_fact(t, "Decided by", json_text(f, "direction"));
	add_fact(t, "Reason", json_text(f, "reason"));
	add_fact(t, "Policies", buf_str(&policies));
	add_fact(t, "Protocol", json_text(f, "proto"));
	add_end(t, "Source", json_at(f, "src"));
	add_end(t, "Destination", json_at(f, "dst"));
	add_fact(t, "TCP flags", json_text(f, "tcp_flags"));
	add_fact(t, "First packet", json_text(f, "first"));
	add_fact(t, "Last packet", json_text(f, "last"));
	add_fact(t, "So far", buf_str(&sums));
	add_fact(t, "Community ID", json_text(f, "community_id"));
	table_render(t, 0, out);
	table_free(t);
}

static void tell_records(const struct story *s, bool colour, struct buf *out)
{
	static const char *const headings[] = { "TIME", "STATE", "PACKETS",
						"BYTES" };
	struct table *t = table_new(4, headings, colour);

	for (size_t i = 0; i < json_count(s->records); i++) {
		struct json_object *o = json_item(s->records, i);
		char number[2][24];

		snprintf(number[0], sizeof(number[0]), "%lld",
			 (long long)json_number(o, "packets"));
		snprintf(number[1], sizeof(number[1]), "%lld",
			 (long long)json_number(o, "bytes"));
		table_add(t, STYLE_NONE, json_text(o, "time"));
		table_add(t, STYLE_NONE, json_text(o, "state"));
		table_add(t, STYLE_NONE, number[0]);
		table_add(t, STYLE_NONE, number[1]);
	}
	buf_adds(out, "\nRecords:\n");
	table_render(t, 0, out);
	table_free(t);
}

static void tell_neighbours(const struct story *s, bool colour, struct buf *out)
{
	size_t n = json_count(s->neighbours);

	buf_adds(out, "\nBetween the two, and around it, within 5 minutes:\n");
	for (size_t i = 0; i < MIN(n, (size_t)SHOWN_MAX); i++)
		flow_format(json_item(s->neighbours, i), false, colour, out);
	if (!n)
		buf_adds(out, "nothing\n");
	else if (n > SHOWN_MAX)
		buf_addf(out, "and %zu more: -o json has them all\n",
			 n - SHOWN_MAX);
}

static void tell_json(const struct story *s, struct buf *out)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "flow", json_object_get(s->flow));
	json_object_object_add(o, "records", json_object_get(s->records));
	json_object_object_add(o, "neighbours", json_object_get(s->neighbours));
	json_pretty(out, o);
	json_object_put(o);
}

int flow_show(const struct cli *cli, const struct flow_options *o,
	      const char *id)
{
	_cleanup_(source_closep) struct source *source = NULL;
	_cleanup_(story_fini) struct story s = { 0 };
	_cleanup_(buf_fini) struct buf out = BUF_INIT(BUF_UNBOUNDED);
	struct flow_trouble trouble = { 0 };
	int status;

	if (!row_flow_id_parse(id, &s.flow_id))
		return command_misuse(
			&command_flows,
			"'%s' is no flow: 16 hexadecimal digits, see 'flows -o wide'",
			id);
	status = flow_source_open(cli, o, &trouble, &source);
	if (status != EXIT_DONE)
		return status;
	status = flow_source_status(source, collect(source, &s));
	if (status != EXIT_DONE)
		return status;
	if (!s.flow) {
		text_complain("no flow %s is in the log", id);
		return EXIT_NO;
	}
	if (o->output == FLOW_JSON) {
		tell_json(&s, &out);
	} else {
		tell_flow(&s, o->colour, &out);
		tell_records(&s, o->colour, &out);
		tell_neighbours(&s, o->colour, &out);
	}
	command_print(&out);
	return trouble.status;
}
