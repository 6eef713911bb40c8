/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reader.h - from YAML nodes to fields, with the path of each in messages.
 *
 * What an object may hold is a table of fields, each with the function that
 * reads it. The reader walks the node, refuses what is not in the table, and
 * keeps the path ("spec.ingress[0].ports[1].endPort"), so that every message
 * names place and field. A null field is an absent one; a null item of a list
 * is an error, as the API server would read it as an empty item, and an empty
 * rule allows everything.
 */
#pragma once

#include "base/buf.h"
#include "base/diag.h"
#include "base/label.h"
#include "yaml/node.h"

struct reader {
	const char *file;
	struct diag_list *diag;
	struct buf path;
};

#define READER_INIT(name, list)           \
	((struct reader){ .file = (name), \
			  .diag = (list), \
			  .path = BUF_INIT(BUF_UNBOUNDED) })

/** Reads @node, which is never null, into the @out of its table's user. */
typedef void (*reader_fn)(struct reader *r, const struct yaml_node *node,
			  void *out);

struct reader_field {
	const char *name;
	reader_fn read;
};

/** Report a problem of the field being read, at @node's place. */
void reader_error(struct reader *r, const struct yaml_node *node,
		  const char *fmt, ...) _printf_(3, 4);
void reader_warning(struct reader *r, const struct yaml_node *node,
		    const char *fmt, ...) _printf_(3, 4);

/** Go into a field (NULL: none), then an item or key, and back out. */
size_t reader_enter(struct reader *r, const char *field);
size_t reader_enter_item(struct reader *r, size_t i);
size_t reader_enter_key(struct reader *r, struct slice key);
void reader_leave(struct reader *r, size_t mark);

/** Read a mapping by @fields. Returns false, reported, if it is none. */
bool reader_object(struct reader *r, const struct yaml_node *node,
		   const struct reader_field *fields, size_t n, void *out);
/** Read each item of a list. */
void reader_list(struct reader *r, const struct yaml_node *node, reader_fn item,
		 void *out);

/** Scalars; false, reported, when it is another kind. */
bool reader_string(struct reader *r, const struct yaml_node *node,
		   struct slice *ret);
bool reader_integer(struct reader *r, const struct yaml_node *node,
		    int64_t *ret);

/** Labels or annotations: strings that the YAML stream owns. */
struct reader_map {
	VEC(struct label) entries;
};

/** Checks the syntax of a key or value, as names.h does. */
typedef const char *(*reader_check_fn)(struct slice text);

/** Read a mapping of strings to strings; a NULL check accepts any text. */
void reader_strings(struct reader *r, const struct yaml_node *node,
		    reader_check_fn key, reader_check_fn value,
		    struct reader_map *out);

/** Fields that are accepted and not used: their type is checked alone. */
void reader_any_string(struct reader *r, const struct yaml_node *node,
		       void *out);
void reader_any_integer(struct reader *r, const struct yaml_node *node,
			void *out);
void reader_any_list(struct reader *r, const struct yaml_node *node, void *out);
void reader_any_mapping(struct reader *r, const struct yaml_node *node,
			void *out);
