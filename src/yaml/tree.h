/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tree.h - what the parser knows of a node besides what readers see. */
#pragma once

#include "yaml/arena.h"
#include "yaml/node.h"

struct tree_node {
	struct yaml_node node; /* first: a yaml_node of ours is a tree_node */
	unsigned weight;       /* nodes in it, aliases expanded */
	unsigned height;       /* collections below each other in it */
	bool open;	       /* its end was not read yet */
	bool merge;	       /* a plain << */
};

static inline struct tree_node *tree_node(struct yaml_node *node)
{
	return (struct tree_node *)node;
}

struct yaml_stream {
	struct arena arena;
	VEC(struct yaml_node *) documents;
};

/**
 * Set kind and value of scalar @node from its text.
 *
 * @tag the explicit tag, or NULL; @plain whether it was written unquoted.
 * Returns 0; -EINVAL when the text does not fit the tag; -ENOTSUP when the
 * tag is not one that kubectl reads.
 */
int resolve_scalar(struct yaml_node *node, const char *tag, bool plain);

/**
 * Make @node's pairs of the @n nodes at @items, keys and values in turn:
 * checks the keys, names them, expands merge keys.
 *
 * What is wrong becomes a diagnostic, and the pair is left out.
 */
void mapping_build(struct yaml_stream *s, struct yaml_node *node,
		   struct yaml_node *const *items, size_t n, const char *file,
		   struct diag_list *diag);
