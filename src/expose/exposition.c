/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exposition.c - the agent's metrics in Prometheus' text format, 0.0.4. */
#include "expose/exposition.h"

#include <errno.h>
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "json/json.h"

/* ---- names ------------------------------------------------------------- */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* [a-zA-Z_][a-zA-Z0-9_]*; colons are left to recording rules. */
static bool is_name(const char *s)
{
	if (!is_letter(*s))
		return false;
	while (is_letter(*s) || is_digit(*s))
		s++;
	return !*s;
}

/* Two underscores at the beginning are Prometheus' own; "le" is a bucket's. */
static bool is_label(const char *s)
{
	return is_name(s) && strncmp(s, "__", 2) != 0 && strcmp(s, "le") != 0;
}

static bool is_type(const char *s)
{
	return !strcmp(s, "counter") || !strcmp(s, "gauge") ||
	       !strcmp(s, "histogram");
}

/* ---- text and numbers -------------------------------------------------- */

static void add_text(struct buf *out, struct slice s, bool quoted)
{
	_cleanup_(buf_fini) struct buf safe = BUF_INIT(BUF_UNBOUNDED);

	text_safe(&safe, s);
	for (size_t i = 0; i < safe.len; i++) {
		char c = safe.data[i];

		if (c == '\\' || (quoted && c == '"'))
			buf_adds(out, "\\");
		buf_add(out, &c, 1);
	}
}

/* In as few digits as tell it from its neighbours. */
static void add_double(struct buf *out, double value)
{
	char text[32];

	if (isnan(value) || isinf(value)) {
		buf_adds(out, isnan(value) ? "NaN"
			      : value > 0  ? "+Inf"
					   : "-Inf");
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	buf_adds(out, text);
}

static int add_number(struct buf *out, struct json_object *value)
{
	if (json_object_is_type(value, json_type_int))
		buf_adds(out, json_object_to_json_string(value));
	else if (json_object_is_type(value, json_type_double))
		add_double(out, json_object_get_double(value));
	else
		return -EPROTO;
	return 0;
}

/* ---- samples ----------------------------------------------------------- */

/* "{a="b"" without the brace that closes; nothing at all without labels. */
static int add_labels(struct buf *out, struct json_object *labels)
{
	const char *before = "{";

	if (!json_object_is_type(labels, json_type_object))
		return labels ? -EPROTO : 0;
	json_object_object_foreach(labels, key, value) {
		struct slice text;

		if (!is_label(key) ||
		    !json_object_is_type(value, json_type_string))
			return -EPROTO;
		text.ptr = json_object_get_string(value);
		text.len = (size_t)json_object_get_string_len(value);
		buf_addf(out, "%s%s=\"", before, key);
		add_text(out, text, true);
		buf_adds(out, "\"");
		before = ",";
	}
	return 0;
}

/* One line. @le: a bucket's bound, text; or NULL. */
static int add_line(struct buf *out, const char *name, const char *suffix,
		    struct json_object *labels, const char *le,
		    struct json_object *value)
{
	size_t begin;
	bool any;
	int r;

	buf_addf(out, "%s%s", name, suffix);
	begin = out->len;
	r = add_labels(out, labels);
	if (r < 0)
		return r;
	any = out->len > begin;
	if (le)
		buf_addf(out, "%sle=\"%s\"", any ? "," : "{", le);
	buf_adds(out, any || le ? "} " : " ");
	r = add_number(out, value);
	buf_adds(out, "\n");
	return r;
}

/* A count that is not below @least. */
static int read_count(struct json_object *o, const char *key, uint64_t *least)
{
	struct json_object *value = json_at(o, key);
	uint64_t n;

	if (!json_object_is_type(value, json_type_int) ||
	    json_object_get_int64(value) < 0)
		return -EPROTO;
	n = json_object_get_uint64(value);
	if (n < *least)
		return -EPROTO;
	*least = n;
	return 0;
}

static int add_bucket(struct buf *out, const char *name,
		      struct json_object *labels, struct json_object *bucket,
		      double *bound, uint64_t *count)
{
	_cleanup_(buf_fini) struct buf le = BUF_INIT(64);
	struct json_object *value = json_at(bucket, "le");
	double next = json_object_get_double(value);

	if (!json_object_is_type(value, json_type_int) &&
	    !json_object_is_type(value, json_type_double))
		return -EPROTO;
	if (!isfinite(next) || next <= *bound ||
	    read_count(bucket, "count", count) < 0)
		return -EPROTO;
	*bound = next;
	add_double(&le, next);
	return add_line(out, name, "_bucket", labels, buf_str(&le),
			json_at(bucket, "count"));
}

static int add_histogram(struct buf *out, const char *name,
			 struct json_object *sample)
{
	struct json_object *labels = json_at(sample, "labels");
	struct json_object *buckets = json_at(sample, "buckets");
	double bound = -INFINITY;
	uint64_t count = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_count(buckets); i++)
		r = add_bucket(out, name, labels, json_item(buckets, i), &bound,
			       &count);
	if (r == 0)
		r = read_count(sample, "count", &count);
	if (r == 0)
		r = add_line(out, name, "_bucket", labels, "+Inf",
			     json_at(sample, "count"));
	if (r == 0)
		r = add_line(out, name, "_sum", labels, NULL,
			     json_at(sample, "sum"));
	if (r == 0)
		r = add_line(out, name, "_count", labels, NULL,
			     json_at(sample, "count"));
	return r;
}

/* ---- families ---------------------------------------------------------- */

static void add_head(struct buf *out, const char *name, const char *type,
		     const char *help)
{
	buf_addf(out, "# HELP %s ", name);
	add_text(out, slice_of(help), false);
	buf_addf(out, "\n# TYPE %s %s\n", name, type);
}

static int add_family(struct buf *out, struct json_object *family)
{
	const char *name = json_text(family, "name");
	const char *type = json_text(family, "type");
	struct json_object *samples = json_at(family, "samples");
	int r = 0;

	if (!is_name(name) || !is_type(type) ||
	    !json_object_is_type(samples, json_type_array))
		return -EPROTO;
	add_head(out, name, type, json_text(family, "help"));
	for (size_t i = 0; r == 0 && i < json_count(samples); i++) {
		struct json_object *sample = json_item(samples, i);

		if (!strcmp(type, "histogram"))
			r = add_histogram(out, name, sample);
		else
			r = add_line(out, name, "", json_at(sample, "labels"),
				     NULL, json_at(sample, "value"));
	}
	return r;
}

int exposition_add(struct buf *out, struct json_object *metrics)
{
	struct json_object *families = json_at(metrics, "families");
	struct json_object *seen;
	int r = 0;

	if (!json_object_is_type(families, json_type_array))
		return -EPROTO;
	seen = json_object_new_object();
	for (size_t i = 0; r == 0 && i < json_count(families); i++) {
		struct json_object *family = json_item(families, i);
		const char *name = json_text(family, "name");

		if (json_object_object_get_ex(seen, name, NULL))
			r = -EPROTO;
		else
			r = add_family(out, family);
		json_object_object_add(seen, name, NULL);
	}
	json_object_put(seen);
	return r < 0 ? r : buf_error(out);
}

void exposition_gauge(struct buf *out, const char *name, const char *help,
		      double value)
{
	add_head(out, name, "gauge", help);
	buf_addf(out, "%s ", name);
	add_double(out, value);
	buf_adds(out, "\n");
}
