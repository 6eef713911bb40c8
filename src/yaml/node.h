/* SPDX-License-Identifier: GPL-2.0-or-later */
/* node.h - YAML and JSON documents as trees of nodes that know their place.
 *
 * Read as kubectl reads it (sigs.k8s.io/yaml over YAML 1.1): y/n/yes/no/on/off
 * are booleans, aliases and merge keys (<<) are expanded within bounds, JSON is
 * YAML. A duplicate key is an error. Bounds keep any input cheap.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/slice.h"

#define YAML_BYTES_MAX	   (16U << 20)
#define YAML_DOCUMENTS_MAX 10000U
#define YAML_DEPTH_MAX	   64U
#define YAML_NODES_MAX	   2000000U /* counting what aliases expand to */

enum yaml_kind {
	YAML_NULL,
	YAML_BOOL,
	YAML_INT,
	YAML_FLOAT,
	YAML_STRING,
	YAML_SEQUENCE,
	YAML_MAPPING
};

/** "null", "boolean", "integer", "number", "string", "list", "mapping". */
const char *yaml_kind_name(enum yaml_kind kind);

struct yaml_pair;

/** Read-only; owned by its stream. An aliased node appears at several
 *  places, always as the same pointer. */
struct yaml_node {
	enum yaml_kind kind;
	unsigned line, col; /* from 1 */
	bool boolean;
	int64_t integer;
	struct slice text; /* scalar as written, NUL behind it */
	size_t n;	   /* items of a sequence, pairs of a mapping */
	struct yaml_node **items;
	struct yaml_pair *pairs;
};

struct yaml_pair {
	struct yaml_node *key; /* always a scalar */
	struct yaml_node *value;
	/* The key as kubectl reads it: `on` is "true", 0x10 is "16"; NUL
	 * behind it. Keys are unique and looked up by this. */
	struct slice name;
};

struct yaml_stream;

/**
 * Parse all documents of @text.
 *
 * @file names it in diagnostics, and must outlive the stream.
 * Returns 0, or -EINVAL when @diag gained an error; @ret is then untouched.
 */
int yaml_parse(struct slice text, const char *file, struct diag_list *diag,
	       struct yaml_stream **ret);
/**
 * The same, but what could be read is given all the same, so that its reader
 * can report its own problems at once: documents before a syntax error, and
 * the first of duplicate keys. Such a tree must not be used for more.
 */
struct yaml_stream *yaml_parse_partial(struct slice text, const char *file,
				       struct diag_list *diag);
void yaml_stream_free(struct yaml_stream *s);
DEFINE_FREEP(struct yaml_stream, yaml_stream_free)

/** How many there are; 0 of an empty text. */
size_t yaml_documents(const struct yaml_stream *s);
/** Root of document @i; an empty document is a YAML_NULL. */
const struct yaml_node *yaml_document(const struct yaml_stream *s, size_t i);

/** The value of @key, or NULL; NULL too when @mapping is none. */
const struct yaml_node *yaml_get(const struct yaml_node *mapping,
				 const char *key);
struct diag_place yaml_place(const struct yaml_node *node, const char *file);

#define YAML_QUOTE_LEN 160

/** @text in double quotes for a message: escaped, and cut when it is long.
 *  Returns @quoted. */
const char *yaml_quote(struct slice text, char quoted[static YAML_QUOTE_LEN]);
