/* SPDX-License-Identifier: GPL-2.0-or-later */
/* yaml.c - fuzz target: any bytes as YAML, then the whole tree is read. */
#include <assert.h>

#include "yaml/node.h"

/* The tree with its aliases expanded keeps the bounds. */
static size_t walk(const struct yaml_node *node, unsigned depth)
{
	size_t total = 1;

	assert(depth <= YAML_DEPTH_MAX + 1);
	assert(node->line > 0 && node->col > 0);
	if (node->kind == YAML_SEQUENCE)
		for (size_t i = 0; i < node->n; i++)
			total += walk(node->items[i], depth + 1);
	if (node->kind == YAML_MAPPING)
		for (size_t i = 0; i < node->n; i++) {
			const struct yaml_pair *pair = &node->pairs[i];

			assert(strlen(pair->name.ptr) == pair->name.len);
			total += walk(pair->value, depth + 1);
		}
	if (node->kind < YAML_SEQUENCE)
		assert(strlen(node->text.ptr) == node->text.len);
	return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(yaml_stream_freep) struct yaml_stream *s = NULL;
	_cleanup_(diag_fini) struct diag_list diag = { 0 };
	size_t total = 0;

	if (yaml_parse((struct slice){ (const char *)data, size }, "f", &diag,
		       &s) < 0) {
		assert(diag.errors && !s);
		return 0;
	}
	assert(!diag.errors);
	for (size_t i = 0; i < yaml_documents(s); i++)
		total += walk(yaml_document(s, i), 1);
	assert(total <= YAML_NODES_MAX);
	return 0;
}
