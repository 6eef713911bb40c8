/* SPDX-License-Identifier: GPL-2.0-or-later */
/* meta.c - ObjectMeta: names, labels, annotations, and what a server adds. */
#include "policy/names.h"
#include "policy/read.h"

#define ANNOTATIONS_MAX (256U << 10) /* bytes of all keys and values */

static void read_name(struct reader *r, const struct yaml_node *node, void *out)
{
	struct meta *m = out;

	m->name_node = node;
	reader_string(r, node, &m->name);
}

static void read_namespace(struct reader *r, const struct yaml_node *node,
			   void *out)
{
	struct meta *m = out;

	m->namespace_node = node;
	reader_string(r, node, &m->namespace);
}

static void read_generate_name(struct reader *r, const struct yaml_node *node,
			       void *out)
{
	struct meta *m = out;

	m->generate_name = node;
	reader_any_string(r, node, out);
}

static int compare_labels(const void *a, const void *b)
{
	const struct label *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static void read_labels(struct reader *r, const struct yaml_node *node,
			void *out)
{
	struct meta *m = out;

	reader_strings(r, node, name_check_key, name_check_value, &m->labels);
	vec_sort(&m->labels.entries, compare_labels);
}

static void read_annotations(struct reader *r, const struct yaml_node *node,
			     void *out)
{
	struct meta *m = out;
	size_t total = 0;

	reader_strings(r, node, name_check_annotation, NULL, &m->annotations);
	vec_sort(&m->annotations.entries, compare_labels);
	vec_foreach(label, &m->annotations.entries)
		total += strlen(label->key) + strlen(label->value);
	if (total > ANNOTATIONS_MAX)
		reader_error(r, node, "must have at most %u bytes in all",
			     ANNOTATIONS_MAX);
}

void read_meta(struct reader *r, const struct yaml_node *node, void *out)
{
	/* Those behind annotations are a server's, and come with an export. */
	static const struct reader_field fields[] = {
		{ "name", read_name },
		{ "namespace", read_namespace },
		{ "labels", read_labels },
		{ "annotations", read_annotations },
		{ "generateName", read_generate_name },
		{ "uid", reader_any_string },
		{ "resourceVersion", reader_any_string },
		{ "generation", reader_any_integer },
		{ "creationTimestamp", reader_any_string },
		{ "deletionTimestamp", reader_any_string },
		{ "deletionGracePeriodSeconds", reader_any_integer },
		{ "selfLink", reader_any_string },
		{ "ownerReferences", reader_any_list },
		{ "finalizers", reader_any_list },
		{ "managedFields", reader_any_list },
	};
	struct meta *m = out;

	m->node = node;
	reader_object(r, node, fields, ARRAY_SIZE(fields), m);
}

void meta_fini(struct meta *m)
{
	vec_fini(&m->labels.entries);
	vec_fini(&m->annotations.entries);
}

static void check_name(struct reader *r, const struct meta *m,
		       const struct yaml_node *object, reader_check_fn check)
{
	char quoted[YAML_QUOTE_LEN];
	const char *wrong;

	if (m->name_node && m->name_node->kind != YAML_STRING)
		return;
	if (!m->name.len) {
		reader_error(r, m->node ? m->node : object, "required%s",
			     m->generate_name
				     ? "; generateName needs an API server"
				     : "");
		return;
	}
	wrong = check(m->name);
	if (wrong)
		reader_error(r, m->name_node, "%s %s",
			     yaml_quote(m->name, quoted), wrong);
}

static void check_namespace(struct reader *r, const struct meta *m,
			    bool namespaced)
{
	const char *wrong = name_check_label(m->namespace);
	char quoted[YAML_QUOTE_LEN];

	if (!m->namespace.len)
		return;
	if (!namespaced)
		reader_error(r, m->namespace_node,
			     "must be absent: a Namespace is in none");
	else if (wrong)
		reader_error(r, m->namespace_node, "%s %s",
			     yaml_quote(m->namespace, quoted), wrong);
}

void meta_check(struct reader *r, const struct meta *m,
		const struct yaml_node *object, reader_check_fn check,
		bool namespaced)
{
	size_t mark = reader_enter(r, "metadata.name");

	check_name(r, m, object, check);
	reader_leave(r, mark);
	mark = reader_enter(r, "metadata.namespace");
	check_namespace(r, m, namespaced);
	reader_leave(r, mark);
}
