/* SPDX-License-Identifier: GPL-2.0-or-later */
/* format.c - the formats by name, and lines of them. */
#include "format/format.h"

#include <assert.h>
#include <errno.h>
#include <json-c/json.h>

#include "format/csv.h"
#include "json/json.h"

static const char *const names[] = {
	[FORMAT_KIND_NATIVE] = "native",
	[FORMAT_KIND_ECS] = "ecs",
	[FORMAT_KIND_OCSF] = "ocsf",
	[FORMAT_KIND_CSV] = "csv",
};
static_assert(ARRAY_SIZE(names) == FORMAT_KIND_CSV + 1, "a name is missing");

int format_kind_parse(struct slice name, enum format_kind *ret)
{
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (slice_eq_str(name, names[i])) {
			*ret = (enum format_kind)i;
			return 0;
		}
	return -EINVAL;
}

const char *format_heading(enum format_kind kind)
{
	return kind == FORMAT_KIND_CSV ? csv_heading() : "";
}

static void add_json(struct json_object *o, struct buf *out)
{
	size_t len;
	const char *text = json_object_to_json_string_length(
		o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE,
		&len);

	buf_add(out, text, len);
	buf_adds(out, "\n");
}

int format_object(enum format_kind kind, struct json_object *native,
		  struct buf *out)
{
	_cleanup_(json_unrefp) struct json_object *made = NULL;

	switch (kind) {
	case FORMAT_KIND_NATIVE:
		made = json_object_get(native);
		break;
	case FORMAT_KIND_ECS:
		made = format_ecs(native);
		break;
	case FORMAT_KIND_OCSF:
		made = format_ocsf(native);
		break;
	case FORMAT_KIND_CSV:
		format_csv(native, out);
		return buf_error(out);
	}
	add_json(made, out);
	return buf_error(out);
}

int format_line(enum format_kind kind, struct slice line, struct buf *out)
{
	_cleanup_(json_unrefp) struct json_object *native = NULL;

	if (line.len && line.ptr[line.len - 1] == '\n')
		line.len--;
	native = json_parse(line);
	if (!*json_text(native, "verdict") && !*json_text(native, "event"))
		return -EBADMSG;
	return format_object(kind, native, out);
}
