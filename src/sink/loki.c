/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loki.c - records as a body of Loki's push API: streams, each with its labels
 * and its lines. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "json/json.h"
#include "sink/push.h"
#include "sink/text.h"

struct stream {
	char *labels; /* JSON object */
	struct buf values;
};

typedef VEC(struct stream) stream_list;

/* ---- labels ------------------------------------------------------------ */

/* The text at "src.container.namespace"; "" when there is none. */
static const char *text_at(struct json_object *o, const char *path)
{
	_cleanup_(freep) char *copy = xstrdup(path);
	char *key = copy, *dot;

	while ((dot = strchr(key, '.'))) {
		*dot = '\0';
		o = json_at(o, key);
		key = dot + 1;
	}
	return json_text(o, key);
}

/* Loki's names are Prometheus's. */
static void add_name(struct buf *out, const char *path)
{
	for (; *path; path++) {
		bool fit = (*path >= 'a' && *path <= 'z') ||
			   (*path >= 'A' && *path <= 'Z') ||
			   (*path >= '0' && *path <= '9');

		buf_add(out, fit ? path : "_", 1);
	}
}

static char *labels_of(const struct sink_config *c, struct json_object *record)
{
	static const char *const usual[] = { "host", "verdict", "event",
					     "direction" };
	const char *const *names =
		c->labels.len ? (const char *const *)c->labels.data : usual;
	size_t n = c->labels.len ? c->labels.len : ARRAY_SIZE(usual);
	struct buf out = BUF_INIT(BUF_UNBOUNDED);

	buf_adds(&out, "{\"job\":\"bulkhead\"");
	for (size_t i = 0; i < n; i++) {
		const char *value = text_at(record, names[i]);

		if (!*value)
			continue;
		buf_adds(&out, ",\"");
		add_name(&out, names[i]);
		buf_adds(&out, "\":");
		text_quote(&out, slice_of(value), TEXT_JSON);
	}
	buf_adds(&out, "}");
	return buf_take(&out);
}

/* ---- the request ------------------------------------------------------- */

/* Takes @labels. */
static struct stream *find_stream(stream_list *streams, char *labels)
{
	vec_foreach(s, streams)
		if (!strcmp(s->labels, labels)) {
			free(labels);
			return s;
		}
	vec_push(streams, (struct stream){ labels, BUF_INIT(BUF_UNBOUNDED) });
	return &streams->data[streams->len - 1];
}

static void add_line(const struct sink_config *c, struct slice native,
		     struct slice line, stream_list *streams)
{
	_cleanup_(json_unrefp) struct json_object *record = json_parse(native);
	struct stream *s = find_stream(streams, labels_of(c, record));
	uint64_t time = 0;

	if (clock_parse(json_text(record, "time"), &time) < 0)
		time = clock_realtime();
	if (line.len && line.ptr[line.len - 1] == '\n')
		line.len--;
	buf_addf(&s->values, "%s[\"%llu\",", s->values.len ? "," : "",
		 (unsigned long long)time);
	text_quote(&s->values, line, TEXT_JSON);
	buf_adds(&s->values, "]");
}

void loki_encode(const struct sink_config *c, const struct sink_lines *lines,
		 struct buf *out)
{
	struct sink_formatted formatted;
	stream_list streams = { 0 };

	sink_format_lines(c->format, lines, &formatted);
	for (size_t i = 0; i < lines->n; i++)
		add_line(c, lines->lines[i], formatted.lines.lines[i],
			 &streams);
	sink_formatted_fini(&formatted);
	buf_adds(out, "{\"streams\":[");
	vec_foreach(s, &streams) {
		buf_addf(out, "%s{\"stream\":%s,\"values\":[",
			 s == streams.data ? "" : ",", s->labels);
		buf_add(out, s->values.data, s->values.len);
		buf_adds(out, "]}");
		buf_fini(&s->values);
		free(s->labels);
	}
	buf_adds(out, "]}");
	vec_fini(&streams);
}
