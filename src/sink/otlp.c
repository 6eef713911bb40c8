/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otlp.c - records as an ExportLogsServiceRequest in OTLP's JSON encoding.
 *
 * Its mapping is proto3's: 64-bit integers are strings, enums are numbers,
 * names are lowerCamelCase. The body is the line for people; every field of
 * the record is an attribute, with dots between the names on its way.
 */
#include <json-c/json.h>

#include "base/clock.h"
#include "base/text.h"
#include "bulkhead/version.h"
#include "format/format.h"
#include "json/json.h"
#include "sink/push.h"
#include "sink/say.h"

static void add_quoted(struct buf *out, const char *text)
{
	text_quote(out, slice_of(text), TEXT_JSON);
}

/* ---- values ------------------------------------------------------------ */

static void add_value(struct buf *out, struct json_object *v);

static void add_array(struct buf *out, struct json_object *v)
{
	buf_adds(out, "{\"arrayValue\":{\"values\":[");
	for (size_t i = 0; i < json_count(v); i++) {
		buf_adds(out, i ? "," : "");
		add_value(out, json_item(v, i));
	}
	buf_adds(out, "]}}");
}

static void add_map(struct buf *out, struct json_object *v)
{
	bool first = true;

	buf_adds(out, "{\"kvlistValue\":{\"values\":[");
	json_object_object_foreach(v, key, value) {
		buf_adds(out, first ? "{\"key\":" : ",{\"key\":");
		add_quoted(out, key);
		buf_adds(out, ",\"value\":");
		add_value(out, value);
		buf_adds(out, "}");
		first = false;
	}
	buf_adds(out, "]}}");
}

/* An AnyValue. */
static void add_value(struct buf *out, struct json_object *v)
{
	switch (json_object_get_type(v)) {
	case json_type_boolean:
		buf_addf(out, "{\"boolValue\":%s}",
			 json_object_get_boolean(v) ? "true" : "false");
		break;
	case json_type_int:
		buf_addf(out, "{\"intValue\":\"%s\"}",
			 json_object_get_string(v));
		break;
	case json_type_double:
		buf_addf(out, "{\"doubleValue\":%s}",
			 json_object_get_string(v));
		break;
	case json_type_string:
		buf_adds(out, "{\"stringValue\":");
		text_quote(
			out,
			(struct slice){ json_object_get_string(v),
					(size_t)json_object_get_string_len(v) },
			TEXT_JSON);
		buf_adds(out, "}");
		break;
	case json_type_array:
		add_array(out, v);
		break;
	case json_type_object:
		add_map(out, v);
		break;
	case json_type_null:
		buf_adds(out, "{}");
		break;
	}
}

/* ---- attributes -------------------------------------------------------- */

static void add_attribute(struct buf *out, const struct buf *path,
			  struct json_object *value, bool *first)
{
	buf_adds(out, *first ? "{\"key\":" : ",{\"key\":");
	text_quote(out, buf_slice(path), TEXT_JSON);
	buf_adds(out, ",\"value\":");
	add_value(out, value);
	buf_adds(out, "}");
	*first = false;
}

/* Below @path; json_parse() bounds the depth. */
static void add_attributes(struct buf *out, struct buf *path,
			   struct json_object *o, bool *first)
{
	size_t before = path->len;

	json_object_object_foreach(o, key, value) {
		buf_addf(path, "%s%s", before ? "." : "", key);
		if (json_object_is_type(value, json_type_object))
			add_attributes(out, path, value, first);
		else if (value)
			add_attribute(out, path, value, first);
		path->len = before;
		path->data[before] = '\0';
	}
}

/* ---- the request ------------------------------------------------------- */

static void add_severity(struct buf *out, struct json_object *record)
{
	/* OTLP's own numbers: INFO, INFO2, WARN, ERROR. */
	static const struct {
		unsigned number;
		const char *text;
	} severities[] = {
		[SAY_ERROR] = { 17, "ERROR" },
		[SAY_WARNING] = { 13, "WARN" },
		[SAY_NOTICE] = { 10, "INFO2" },
		[SAY_INFO] = { 9, "INFO" },
	};
	int i = say_severity(record);

	buf_addf(out, "\"severityNumber\":%u,\"severityText\":\"%s\",",
		 severities[i].number, severities[i].text);
}

static void add_record(struct buf *out, const struct sink_config *c,
		       struct slice line)
{
	_cleanup_(json_unrefp) struct json_object *record = json_parse(line);
	_cleanup_(json_unrefp) struct json_object *other =
		c->format == FORMAT_KIND_ECS	? format_ecs(record)
		: c->format == FORMAT_KIND_OCSF ? format_ocsf(record)
						: NULL;
	_cleanup_(buf_fini) struct buf said = BUF_INIT(BUF_UNBOUNDED);
	_cleanup_(buf_fini) struct buf path = BUF_INIT(BUF_UNBOUNDED);
	uint64_t time = 0, now = clock_realtime();
	bool first = true;

	(void)clock_parse(json_text(record, "time"), &time);
	buf_addf(
		out,
		"{\"timeUnixNano\":\"%llu\",\"observedTimeUnixNano\":\"%llu\",",
		(unsigned long long)time, (unsigned long long)now);
	add_severity(out, record);
	buf_adds(out, "\"body\":{\"stringValue\":");
	say_record(record, &said);
	text_quote(out, buf_slice(&said), TEXT_JSON);
	buf_adds(out, "},\"attributes\":[");
	if (other || json_object_is_type(record, json_type_object))
		add_attributes(out, &path, other ? other : record, &first);
	buf_adds(out, "]}");
}

static void add_resource(struct buf *out, struct slice line)
{
	_cleanup_(json_unrefp) struct json_object *record = json_parse(line);

	buf_adds(
		out,
		"{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"bulkhead\"}},{\"key\":\"host.name\",\"value\":{\"stringValue\":");
	add_quoted(out, json_text(record, "host"));
	buf_adds(
		out,
		"}}]},\"scopeLogs\":[{\"scope\":{\"name\":\"bulkhead\",\"version\":\"" BULKHEAD_VERSION
		"\"},\"logRecords\":[");
}

/* All lines of a spool are of one host. */
void otlp_encode(const struct sink_config *c, const struct sink_lines *lines,
		 struct buf *out)
{
	buf_adds(out, "{\"resourceLogs\":[");
	add_resource(out, lines->lines[0]);
	for (size_t i = 0; i < lines->n; i++) {
		buf_adds(out, i ? "," : "");
		add_record(out, c, lines->lines[i]);
	}
	buf_adds(out, "]}]}]}");
}
