/* SPDX-License-Identifier: GPL-2.0-or-later */
/* selector_read.c - LabelSelector: matchLabels and matchExpressions. */
#include "policy/names.h"
#include "policy/read.h"

/* Label whose value no Kubernetes label could hold: an image reference. */
#define IMAGE_LABEL "bulkhead/image"

/* Far more than anybody writes; keeps hostile files cheap. */
#define REQUIREMENTS_MAX 256

struct expression {
	struct slice key, op;
	const struct yaml_node *key_node, *op_node, *values_node;
	VEC(const char *) values;
	VEC(const struct yaml_node *) value_nodes;
};

static void expression_fini(struct expression *e)
{
	vec_fini(&e->values);
	vec_fini(&e->value_nodes);
}

static void read_key(struct reader *r, const struct yaml_node *node, void *out)
{
	struct expression *e = out;

	e->key_node = node;
	reader_string(r, node, &e->key);
}

static void read_operator(struct reader *r, const struct yaml_node *node,
			  void *out)
{
	struct expression *e = out;

	e->op_node = node;
	reader_string(r, node, &e->op);
}

static void read_value(struct reader *r, const struct yaml_node *node,
		       void *out)
{
	struct expression *e = out;
	struct slice text;

	if (!reader_string(r, node, &text))
		return;
	vec_push(&e->values, text.ptr);
	vec_push(&e->value_nodes, node);
}

static void read_values(struct reader *r, const struct yaml_node *node,
			void *out)
{
	struct expression *e = out;

	e->values_node = node;
	reader_list(r, node, read_value, e);
}

static const struct reader_field expression_fields[] = {
	{ "key", read_key },
	{ "operator", read_operator },
	{ "values", read_values },
};

/* A field that is wrong by what stands beside it, or is missing. */
static void field_error(struct reader *r, const char *field,
			const struct yaml_node *node,
			const struct yaml_node *around, const char *message)
{
	size_t mark = reader_enter(r, field);

	reader_error(r, node ? node : around, "%s", message);
	reader_leave(r, mark);
}

static bool parse_operator(struct slice text, enum requirement_op *ret)
{
	static const char *const names[] = {
		[REQUIRE_IN] = "In",
		[REQUIRE_NOT_IN] = "NotIn",
		[REQUIRE_EXISTS] = "Exists",
		[REQUIRE_NOT_EXISTS] = "DoesNotExist",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!slice_eq_str(text, names[i]))
			continue;
		*ret = (enum requirement_op)i;
		return true;
	}
	return false;
}

static void check_key(struct reader *r, const struct expression *e,
		      const struct yaml_node *node)
{
	const char *wrong = name_check_key(e->key);
	char quoted[YAML_QUOTE_LEN];
	size_t mark;

	if (!e->key_node) {
		field_error(r, "key", NULL, node, "required");
		return;
	}
	if (e->key_node->kind != YAML_STRING || !wrong)
		return;
	mark = reader_enter(r, "key");
	reader_error(r, e->key_node, "key %s %s", yaml_quote(e->key, quoted),
		     wrong);
	reader_leave(r, mark);
}

static void check_values(struct reader *r, const struct expression *e)
{
	char quoted[YAML_QUOTE_LEN];

	if (slice_eq_str(e->key, IMAGE_LABEL))
		return;
	for (size_t i = 0; i < e->value_nodes.len; i++) {
		const struct yaml_node *node = e->value_nodes.data[i];
		const char *wrong = name_check_value(node->text);
		size_t mark;

		if (!wrong)
			continue;
		mark = reader_enter(r, "values");
		reader_error(r, node, "value %s %s",
			     yaml_quote(node->text, quoted), wrong);
		reader_leave(r, mark);
	}
}

static void check_operator(struct reader *r, const struct expression *e,
			   const struct yaml_node *node,
			   enum requirement_op *ret)
{
	bool valued;

	if (!e->op_node) {
		field_error(r, "operator", NULL, node, "required");
		return;
	}
	if (e->op_node->kind != YAML_STRING)
		return;
	if (!parse_operator(e->op, ret)) {
		field_error(r, "operator", e->op_node, node,
			    "must be In, NotIn, Exists or DoesNotExist");
		return;
	}
	valued = *ret == REQUIRE_IN || *ret == REQUIRE_NOT_IN;
	if (valued &&
	    (!e->values_node ||
	     (e->values_node->kind == YAML_SEQUENCE && !e->values_node->n)))
		field_error(r, "values", e->values_node, node,
			    "required when operator is In or NotIn");
	if (!valued && e->values_node && e->values_node->n)
		field_error(
			r, "values", e->values_node, node,
			"must be absent when operator is Exists or DoesNotExist");
}

static bool bounded(struct reader *r, const struct yaml_node *node)
{
	if (node->n <= REQUIREMENTS_MAX)
		return true;
	reader_error(r, node, "more than %u requirements", REQUIREMENTS_MAX);
	return false;
}

static void read_expression(struct reader *r, const struct yaml_node *node,
			    void *out)
{
	_cleanup_(expression_fini) struct expression e = { 0 };
	enum requirement_op op = REQUIRE_IN;
	struct selector *s = out;
	size_t errors = r->diag->errors;

	if (!reader_object(r, node, expression_fields,
			   ARRAY_SIZE(expression_fields), &e))
		return;
	check_key(r, &e, node);
	check_operator(r, &e, node, &op);
	check_values(r, &e);
	if (r->diag->errors == errors)
		selector_add(s, op, e.key.ptr, e.values.data, e.values.len);
}

static void read_expressions(struct reader *r, const struct yaml_node *node,
			     void *out)
{
	if (bounded(r, node))
		reader_list(r, node, read_expression, out);
}

/* Every label's value but the image's, which is judged in read_labels(). */
static void check_label(struct reader *r, const struct yaml_pair *pair)
{
	const char *wrong = name_check_value(pair->value->text);
	char quoted[YAML_QUOTE_LEN];
	size_t mark;

	if (!wrong || pair->value->kind != YAML_STRING ||
	    slice_eq_str(pair->name, IMAGE_LABEL))
		return;
	mark = reader_enter_key(r, pair->name);
	reader_error(r, pair->value, "value %s %s",
		     yaml_quote(pair->value->text, quoted), wrong);
	reader_leave(r, mark);
}

static void read_labels(struct reader *r, const struct yaml_node *node,
			void *out)
{
	struct reader_map map = { 0 };
	struct selector *s = out;

	if (!bounded(r, node))
		return;
	reader_strings(r, node, name_check_key, NULL, &map);
	for (size_t i = 0; node->kind == YAML_MAPPING && i < node->n; i++)
		check_label(r, &node->pairs[i]);
	vec_foreach(label, &map.entries)
		selector_add(s, REQUIRE_IN, label->key, &label->value, 1);
	vec_fini(&map.entries);
}

void read_selector(struct reader *r, const struct yaml_node *node, void *out)
{
	static const struct reader_field fields[] = {
		{ "matchLabels", read_labels },
		{ "matchExpressions", read_expressions },
	};
	struct selector **ret = out;

	*ret = selector_new();
	reader_object(r, node, fields, ARRAY_SIZE(fields), *ret);
}
