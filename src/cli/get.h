/* SPDX-License-Identifier: GPL-2.0-or-later */
/* get.h - a list that `bulkhead get` prints: its command and its columns. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "cli/table.h"
#include "json/json.h"

#define COLUMNS_MAX 16

struct column {
	const char *heading;
	bool wide; /* with -o wide only */
	/* Appends the cell of @item, which may hold anything. */
	void (*cell)(struct json_object *item, struct buf *out);
	enum style (*style)(struct json_object *item); /* NULL: none */
};

struct view {
	const char *name;    /* and the key of the list in the result */
	const char *command; /* CONTROL_… */
	const struct column *columns; /* ends without a heading */
	/* Member of the items that only -o wide, json and yaml need: the agent
	 * is told when it can be left out. NULL: none. */
	const char *bulky;
};

extern const struct view view_endpoints, view_policies, view_rules,
	view_networks;

/** Append an id: of an engine's 64 digits the first twelve, as engines do. */
void get_short_id(const char *id, struct buf *out);

/** Define a cell function that shows one text member. */
#define TEXT_CELL(function, key)                                        \
	static void function(struct json_object *item, struct buf *out) \
	{                                                               \
		buf_adds(out, json_text(item, key));                    \
	}
