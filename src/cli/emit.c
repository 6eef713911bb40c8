/* SPDX-License-Identifier: GPL-2.0-or-later */
/* emit.c - JSON and YAML for programs, that a terminal survives as well.
 *
 * YAML strings are always double-quoted, so that no version of YAML takes one
 * for a number, a date or a boolean.
 */
#include "cli/emit.h"

#include <ctype.h>
#include <json-c/json.h>

#include "cli/text.h"
#include "json/json.h"

static void indent(struct buf *out, int depth)
{
	buf_addf(out, "\n%*s", 2 * depth, "");
}

static void scalar(struct buf *out, struct json_object *o,
		   enum text_quoting quoting)
{
	struct slice text;

	if (json_object_is_type(o, json_type_string)) {
		text.ptr = json_object_get_string(o);
		text.len = (size_t)json_object_get_string_len(o);
		text_quote(out, text, quoting);
	} else {
		buf_adds(out, json_object_to_json_string(o));
	}
}

/* Recursion is bounded by the parser's depth. @depth < 0: on one line. */
static void emit_json(struct buf *out, struct json_object *o, int depth)
{
	bool array = json_object_is_type(o, json_type_array);
	int inner = depth < 0 ? depth : depth + 1;
	size_t n = 0;

	if (!array && !json_object_is_type(o, json_type_object)) {
		scalar(out, o, TEXT_JSON);
		return;
	}
	buf_adds(out, array ? "[" : "{");
	for (size_t i = 0; array && i < json_count(o); i++) {
		buf_adds(out, n++ ? "," : "");
		if (depth >= 0)
			indent(out, inner);
		emit_json(out, json_item(o, i), inner);
	}
	if (!array) {
		json_object_object_foreach(o, key, value) {
			buf_adds(out, n++ ? "," : "");
			if (depth >= 0)
				indent(out, inner);
			text_quote(out, slice_of(key), TEXT_JSON);
			buf_adds(out, depth >= 0 ? ": " : ":");
			emit_json(out, value, inner);
		}
	}
	if (n && depth >= 0)
		indent(out, depth);
	buf_adds(out, array ? "]" : "}");
}

/* A key that YAML 1.1 and 1.2 both read as itself. */
static bool is_plain(const char *key)
{
	static const char *const words[] = { "y",    "n",     "yes",
					     "no",   "on",    "off",
					     "true", "false", "null" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcasecmp(words[i], key))
			return false;
	for (const char *c = key; *c; c++)
		if (!isalpha((unsigned char)*c) && *c != '_' &&
		    (c == key || !isdigit((unsigned char)*c)))
			return false;
	return *key;
}

static bool is_nested(struct json_object *o)
{
	if (json_object_is_type(o, json_type_array))
		return json_count(o);
	return json_object_is_type(o, json_type_object) &&
	       json_object_object_length(o);
}

static void emit_yaml(struct buf *out, struct json_object *o, int depth);

static void yaml_array(struct buf *out, struct json_object *o, int depth)
{
	for (size_t i = 0; i < json_count(o); i++) {
		if (i)
			indent(out, depth);
		buf_adds(out, "- ");
		emit_yaml(out, json_item(o, i), depth + 1);
	}
}

static void yaml_object(struct buf *out, struct json_object *o, int depth)
{
	bool first = true;

	json_object_object_foreach(o, key, value) {
		if (!first)
			indent(out, depth);
		first = false;
		if (is_plain(key))
			buf_adds(out, key);
		else
			text_quote(out, slice_of(key), TEXT_YAML);
		buf_adds(out, ":");
		if (is_nested(value))
			indent(out, depth + 1);
		else
			buf_adds(out, " ");
		emit_yaml(out, value, depth + 1);
	}
}

/* The cursor stands where the first line of @o begins. */
static void emit_yaml(struct buf *out, struct json_object *o, int depth)
{
	if (!is_nested(o) && json_object_is_type(o, json_type_array))
		buf_adds(out, "[]");
	else if (!is_nested(o) && json_object_is_type(o, json_type_object))
		buf_adds(out, "{}");
	else if (json_object_is_type(o, json_type_array))
		yaml_array(out, o, depth);
	else if (json_object_is_type(o, json_type_object))
		yaml_object(out, o, depth);
	else
		scalar(out, o, TEXT_YAML);
}

void json_pretty(struct buf *out, struct json_object *o)
{
	emit_json(out, o, 0);
	buf_adds(out, "\n");
}

void json_compact(struct buf *out, struct json_object *o)
{
	emit_json(out, o, -1);
	buf_adds(out, "\n");
}

void json_yaml(struct buf *out, struct json_object *o)
{
	emit_yaml(out, o, 0);
	buf_adds(out, "\n");
}
