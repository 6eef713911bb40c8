/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reader.c - from YAML nodes to fields, with the path of each in messages. */
#include "policy/reader.h"

#include <stdarg.h>

static void report(struct reader *r, enum diag_severity severity,
		   const struct yaml_node *node, const char *fmt, va_list args)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);
	struct diag_place at = yaml_place(node, r->file);

	if (r->path.len)
		buf_addf(&text, "%s: ", buf_str(&r->path));
	buf_addv(&text, fmt, args);
	if (severity == DIAG_ERROR)
		diag_error(r->diag, at, "%s", buf_str(&text));
	else
		diag_warning(r->diag, at, "%s", buf_str(&text));
}

void reader_error(struct reader *r, const struct yaml_node *node,
		  const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report(r, DIAG_ERROR, node, fmt, args);
	va_end(args);
}

void reader_warning(struct reader *r, const struct yaml_node *node,
		    const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report(r, DIAG_WARNING, node, fmt, args);
	va_end(args);
}

size_t reader_enter(struct reader *r, const char *field)
{
	size_t mark = r->path.len;

	if (field)
		buf_addf(&r->path, "%s%s", mark ? "." : "", field);
	return mark;
}

size_t reader_enter_item(struct reader *r, size_t i)
{
	size_t mark = r->path.len;

	buf_addf(&r->path, "[%zu]", i);
	return mark;
}

size_t reader_enter_key(struct reader *r, struct slice key)
{
	char quoted[YAML_QUOTE_LEN];
	size_t mark = r->path.len;

	buf_addf(&r->path, "[%s]", yaml_quote(key, quoted));
	return mark;
}

void reader_leave(struct reader *r, size_t mark)
{
	r->path.len = mark;
	if (r->path.data)
		r->path.data[mark] = '\0';
}

static bool expect(struct reader *r, const struct yaml_node *node,
		   enum yaml_kind kind)
{
	if (node->kind == kind)
		return true;
	/* What a person meant as text and YAML did not. */
	if (kind == YAML_STRING && node->kind == YAML_NULL)
		reader_error(
			r, node,
			"must be a string, found null; an empty one is \"\"");
	else if (kind == YAML_STRING && node->kind < YAML_SEQUENCE)
		reader_error(r, node,
			     "must be a string, found %s %.64s; quote it",
			     yaml_kind_name(node->kind), node->text.ptr);
	else
		reader_error(r, node, "must be %s %s, found %s",
			     kind == YAML_INT ? "an" : "a",
			     yaml_kind_name(kind), yaml_kind_name(node->kind));
	return false;
}

static const struct reader_field *find_field(const struct reader_field *fields,
					     size_t n, struct slice name)
{
	for (size_t i = 0; i < n; i++)
		if (slice_eq_str(name, fields[i].name))
			return &fields[i];
	return NULL;
}

static void unknown_field(struct reader *r, const struct yaml_pair *pair,
			  const struct reader_field *fields, size_t n)
{
	_cleanup_(buf_fini) struct buf known = BUF_INIT(BUF_UNBOUNDED);
	char quoted[YAML_QUOTE_LEN];

	for (size_t i = 0; i < n; i++)
		buf_addf(&known, "%s%s", i ? ", " : "", fields[i].name);
	reader_error(r, pair->key, "unknown field %s; known here: %s",
		     yaml_quote(pair->name, quoted), buf_str(&known));
}

bool reader_object(struct reader *r, const struct yaml_node *node,
		   const struct reader_field *fields, size_t n, void *out)
{
	if (!expect(r, node, YAML_MAPPING))
		return false;
	for (size_t i = 0; i < node->n; i++) {
		const struct yaml_pair *pair = &node->pairs[i];
		const struct reader_field *field =
			find_field(fields, n, pair->name);
		size_t mark;

		if (!field) {
			unknown_field(r, pair, fields, n);
			continue;
		}
		if (pair->value->kind == YAML_NULL)
			continue;
		mark = reader_enter(r, field->name);
		field->read(r, pair->value, out);
		reader_leave(r, mark);
	}
	return true;
}

void reader_list(struct reader *r, const struct yaml_node *node, reader_fn item,
		 void *out)
{
	if (!expect(r, node, YAML_SEQUENCE))
		return;
	for (size_t i = 0; i < node->n; i++) {
		size_t mark = reader_enter_item(r, i);

		if (node->items[i]->kind == YAML_NULL)
			reader_error(
				r, node->items[i],
				"must not be null; remove the item, or write what it is");
		else
			item(r, node->items[i], out);
		reader_leave(r, mark);
	}
}

bool reader_string(struct reader *r, const struct yaml_node *node,
		   struct slice *ret)
{
	if (!expect(r, node, YAML_STRING))
		return false;
	*ret = node->text;
	return true;
}

bool reader_integer(struct reader *r, const struct yaml_node *node,
		    int64_t *ret)
{
	if (!expect(r, node, YAML_INT))
		return false;
	*ret = node->integer;
	return true;
}

static bool check_text(struct reader *r, const struct yaml_node *node,
		       struct slice text, const char *what,
		       reader_check_fn check)
{
	const char *wrong = check ? check(text) : NULL;
	char quoted[YAML_QUOTE_LEN];

	if (wrong)
		reader_error(r, node, "%s %s %s", what,
			     yaml_quote(text, quoted), wrong);
	return !wrong;
}

static void read_entry(struct reader *r, const struct yaml_pair *pair,
		       reader_check_fn key, reader_check_fn value,
		       struct reader_map *out)
{
	size_t mark;
	bool fine;

	if (pair->key->kind != YAML_STRING)
		reader_warning(
			r, pair->key,
			"the key %s is read as \"%s\"; quote it if text is meant",
			pair->key->text.ptr, pair->name.ptr);
	fine = check_text(r, pair->key, pair->name, "key", key);
	mark = reader_enter_key(r, pair->name);
	if (expect(r, pair->value, YAML_STRING) &&
	    check_text(r, pair->value, pair->value->text, "value", value) &&
	    fine)
		vec_push(&out->entries,
			 (struct label){ pair->name.ptr,
					 pair->value->text.ptr });
	reader_leave(r, mark);
}

void reader_strings(struct reader *r, const struct yaml_node *node,
		    reader_check_fn key, reader_check_fn value,
		    struct reader_map *out)
{
	if (!expect(r, node, YAML_MAPPING))
		return;
	for (size_t i = 0; i < node->n; i++)
		read_entry(r, &node->pairs[i], key, value, out);
}

void reader_any_string(struct reader *r, const struct yaml_node *node,
		       _unused_ void *out)
{
	expect(r, node, YAML_STRING);
}

void reader_any_integer(struct reader *r, const struct yaml_node *node,
			_unused_ void *out)
{
	expect(r, node, YAML_INT);
}

void reader_any_list(struct reader *r, const struct yaml_node *node,
		     _unused_ void *out)
{
	expect(r, node, YAML_SEQUENCE);
}

void reader_any_mapping(struct reader *r, const struct yaml_node *node,
			_unused_ void *out)
{
	expect(r, node, YAML_MAPPING);
}
