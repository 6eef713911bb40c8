/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dump.h - a tree as one line of text, and what was wrong with a document. */
#pragma once

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "yaml/node.h"

static inline void dump_node(struct buf *to, const struct yaml_node *node)
{
	switch (node->kind) {
	case YAML_NULL:
		buf_adds(to, "null");
		break;
	case YAML_BOOL:
		buf_adds(to, node->boolean ? "true" : "false");
		break;
	case YAML_INT:
		buf_addf(to, "%" PRId64, node->integer);
		break;
	case YAML_FLOAT:
		buf_addf(to, "float %s", node->text.ptr);
		break;
	case YAML_STRING:
		buf_addf(to, "'%s'", node->text.ptr);
		break;
	case YAML_SEQUENCE:
		buf_adds(to, "[");
		for (size_t i = 0; i < node->n; i++) {
			buf_adds(to, i ? ", " : "");
			dump_node(to, node->items[i]);
		}
		buf_adds(to, "]");
		break;
	case YAML_MAPPING:
		buf_adds(to, "{");
		for (size_t i = 0; i < node->n; i++) {
			buf_addf(to, "%s%s: ", i ? ", " : "",
				 node->pairs[i].name.ptr);
			dump_node(to, node->pairs[i].value);
		}
		buf_adds(to, "}");
		break;
	}
}

/* All documents of @text, "---" between them, or its diagnostics. */
static inline char *dump_text(struct slice text)
{
	_cleanup_(yaml_stream_freep) struct yaml_stream *s = NULL;
	_cleanup_(diag_fini) struct diag_list diag = { 0 };
	struct buf to = BUF_INIT(BUF_UNBOUNDED);
	char line[1024];

	if (yaml_parse(text, "f", &diag, &s) < 0) {
		assert_null(s);
		assert_true(diag.errors > 0);
		vec_foreach(d, &diag.entries)
			buf_addf(&to, "%s%s", to.len ? "\n" : "",
				 diag_format(d, line, sizeof(line)));
		return buf_take(&to);
	}
	assert_int_equal(diag.errors, 0);
	for (size_t i = 0; i < yaml_documents(s); i++) {
		buf_adds(&to, i ? " --- " : "");
		dump_node(&to, yaml_document(s, i));
	}
	return buf_take(&to);
}

static inline void check_text(struct slice text, const char *expected)
{
	_cleanup_(freep) char *got = dump_text(text);

	assert_string_equal(got, expected);
}

static inline void check(const char *text, const char *expected)
{
	check_text(slice_of(text), expected);
}
