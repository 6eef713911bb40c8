/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table.h - aligned columns for people. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

enum style { STYLE_NONE, STYLE_BOLD, STYLE_GOOD, STYLE_BAD, STYLE_WARN };

/** True when standard output is a terminal that wants colour. */
bool style_wanted(void);

/** Append @text, made safe, in @style if @colour. */
void style_add(struct buf *out, bool colour, enum style style,
	       const char *text);

struct table;

/** A table of @columns; a bold first row if @headings. */
struct table *table_new(size_t columns, const char *const *headings,
			bool colour);
void table_free(struct table *t);
DEFINE_FREEP(struct table, table_free)

/** Fill the next cell, row by row; the text may be untrusted. "" is shown as
 *  "-", so that columns can be counted. */
void table_add(struct table *t, enum style style, const char *text);

/** Append the rows, each indented by @margin spaces. */
void table_render(const struct table *t, unsigned margin, struct buf *out);
