/* SPDX-License-Identifier: GPL-2.0-or-later */
/* csv.c - one row per record; a column per field, whatever a record has. */
#include "format/csv.h"

#include <json-c/json.h>
#include <string.h>

#include "base/text.h"
#include "format/format.h"
#include "json/json.h"

/* Name of the column, and the way to its field. */
#define COLUMNS(column)                                                                                                           \
	column("time", "time") column("verdict", "verdict") column("direction", "direction") column(                              \
		"reason",                                                                                                         \
		"reason") column("policies",                                                                                      \
				 "policies") column("proto",                                                                      \
						    "proto") column("src_ip",                                                     \
								    "src.ip") column("src_port",                                  \
										     "src.port")                                  \
		column("src_mac", "src.mac") column("src_name", "src.name") column(                                               \
			"src_namespace",                                                                                          \
			"src.container.namespace") column("src_container",                                                        \
							  "src.container.name") column("src_container_id",                        \
										       "src.container.id")                        \
			column("src_image", "src.container.image") column("dst_ip", "dst.ip") column(                             \
				"dst_port",                                                                                       \
				"dst.port") column("dst_mac",                                                                     \
						   "dst.mac") column("dst_name",                                                  \
								     "dst.name") column("dst_namespace",                          \
											"dst.container.namespace")                \
				column("dst_container", "dst.container.name") column(                                             \
					"dst_container_id",                                                                       \
					"dst.container.id") column("dst_image",                                                   \
								   "dst.container.image") column("published_ip",                  \
												 "published.ip")                  \
					column("published_port", "published.port") column("tcp_flags", "tcp_flags") column(       \
						"icmp_type",                                                                      \
						"icmp.type") column("icmp_code",                                                  \
								    "icmp.code") column("iface_in", "iface_in")                   \
						column("iface_out", "iface_out") column(                                          \
							"flow_id",                                                                \
							"flow_id") column("state",                                                \
									  "state") column("packets",                              \
											  "packets")                              \
							column("bytes", "bytes") column("packets_reply", "packets_reply") column( \
								"bytes_reply",                                                    \
								"bytes_reply") column("first",                                    \
										      "first")                                    \
								column("last", "last") column(                                    \
									"duration_ms",                                            \
									"duration_ms") column("community_id",                     \
											      "community_id")                     \
									column("host", "host") column(                            \
										"boot_id",                                        \
										"boot_id") column("seq",                          \
												  "seq")                          \
										column("event", "event") column(                  \
											"level",                                  \
											"level")                                  \
											column("container_namespace",             \
											       "container.namespace")             \
												column("container",               \
												       "container.name")          \
													column("message",         \
													       "message")

#define NAME(name, path) "," name
#define PATH(name, path) path,

/* The first comma has no column before it. */
static const char headings[] = COLUMNS(NAME) "\n";
static const char *const paths[] = { COLUMNS(PATH) };

const char *csv_heading(void)
{
	return headings + 1;
}

static struct json_object *find(struct json_object *o, const char *path)
{
	const char *dot;

	while ((dot = strchr(path, '.'))) {
		char step[32] = { 0 };

		memcpy(step, path, (size_t)(dot - path));
		o = json_at(o, step);
		path = dot + 1;
	}
	return json_at(o, path);
}

/* What a spreadsheet takes for the beginning of a formula. */
static bool is_formula(const struct buf *text)
{
	return text->len && strchr("=+-@", text->data[0]);
}

static void add_text(struct buf *out, const struct buf *text)
{
	bool quote = strpbrk(buf_str(text), ",\"") != NULL;

	buf_adds(out, quote ? "\"" : "");
	if (is_formula(text))
		buf_adds(out, "'");
	for (size_t i = 0; i < text->len; i++) {
		if (text->data[i] == '"')
			buf_adds(out, "\"");
		buf_add(out, &text->data[i], 1);
	}
	buf_adds(out, quote ? "\"" : "");
}

void format_csv_text(struct slice raw, struct buf *out)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);

	text_safe(&text, raw);
	add_text(out, &text);
}

static void add_cell(struct buf *out, struct json_object *value)
{
	_cleanup_(buf_fini) struct buf raw = BUF_INIT(BUF_UNBOUNDED);

	if (json_object_is_type(value, json_type_array))
		json_join(&raw, value);
	else if (json_object_is_type(value, json_type_string))
		buf_add(&raw, json_object_get_string(value),
			(size_t)json_object_get_string_len(value));
	else if (json_object_is_type(value, json_type_int)) {
		buf_adds(out, json_object_get_string(value));
		return;
	}
	format_csv_text(buf_slice(&raw), out);
}

void format_csv(struct json_object *native, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		buf_adds(out, i ? "," : "");
		add_cell(out, find(native, paths[i]));
	}
	buf_adds(out, "\n");
}
