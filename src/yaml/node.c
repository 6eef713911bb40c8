/* SPDX-License-Identifier: GPL-2.0-or-later */
/* node.c - look-ups in a parsed tree. */
#include "yaml/node.h"

#include <assert.h>
#include <stdio.h>

#include "yaml/tree.h"

static const char *const kind_names[] = {
	[YAML_NULL] = "null",	    [YAML_BOOL] = "boolean",
	[YAML_INT] = "integer",	    [YAML_FLOAT] = "number",
	[YAML_STRING] = "string",   [YAML_SEQUENCE] = "list",
	[YAML_MAPPING] = "mapping",
};
static_assert(ARRAY_SIZE(kind_names) == YAML_MAPPING + 1,
	      "a name for each kind");

const char *yaml_kind_name(enum yaml_kind kind)
{
	return kind_names[kind];
}

void yaml_stream_free(struct yaml_stream *s)
{
	if (!s)
		return;
	arena_fini(&s->arena);
	vec_fini(&s->documents);
	free(s);
}

size_t yaml_documents(const struct yaml_stream *s)
{
	return s->documents.len;
}

const struct yaml_node *yaml_document(const struct yaml_stream *s, size_t i)
{
	return s->documents.data[i];
}

const struct yaml_node *yaml_get(const struct yaml_node *mapping,
				 const char *key)
{
	struct slice wanted = slice_of(key);

	if (!mapping || mapping->kind != YAML_MAPPING)
		return NULL;
	for (size_t i = 0; i < mapping->n; i++)
		if (slice_eq(mapping->pairs[i].name, wanted))
			return mapping->pairs[i].value;
	return NULL;
}

struct diag_place yaml_place(const struct yaml_node *node, const char *file)
{
	return (struct diag_place){ file, node->line, node->col };
}

const char *yaml_quote(struct slice text, char quoted[static YAML_QUOTE_LEN])
{
	/* Room for the longest escape, an ellipsis, a quote and the NUL. */
	const size_t room = YAML_QUOTE_LEN - 10;
	size_t at = 0;

	quoted[at++] = '"';
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		/* Never cut inside a UTF-8 sequence. */
		if (at >= room || (at >= room - 4 && (c & 0xc0) != 0x80)) {
			memcpy(quoted + at, "...", 3);
			at += 3;
			break;
		}
		if (c == '"' || c == '\\')
			quoted[at++] = '\\';
		if (c < 0x20 || c == 0x7f)
			at += (size_t)snprintf(quoted + at, 5, "\\x%02x", c);
		else
			quoted[at++] = (char)c;
	}
	quoted[at++] = '"';
	quoted[at] = '\0';
	return quoted;
}
