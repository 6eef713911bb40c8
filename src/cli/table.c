/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table.c - aligned columns for people. */
#include "cli/table.h"

#include <assert.h>

#include "base/vec.h"
#include "cli/text.h"

#define GAP 2

struct cell {
	char *text;
	size_t width;
	enum style style;
};

struct table {
	size_t columns;
	bool colour;
	VEC(struct cell) cells;
	size_t widths[]; /* of each column */
};

static const char *const codes[] = {
	[STYLE_NONE] = "",	   [STYLE_BOLD] = "\033[1m",
	[STYLE_GOOD] = "\033[32m", [STYLE_BAD] = "\033[31m",
	[STYLE_WARN] = "\033[33m",
};
static_assert(ARRAY_SIZE(codes) == STYLE_WARN + 1, "a style is missing");

bool style_wanted(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) && term &&
	       strcmp(term, "dumb") != 0;
}

static void add_styled(struct buf *out, bool colour, enum style style,
		       const char *safe)
{
	bool on = colour && style != STYLE_NONE;

	buf_addf(out, "%s%s%s", on ? codes[style] : "", safe,
		 on ? "\033[0m" : "");
}

void style_add(struct buf *out, bool colour, enum style style, const char *text)
{
	_cleanup_(buf_fini) struct buf safe = BUF_INIT(BUF_UNBOUNDED);

	text_safe(&safe, slice_of(text));
	add_styled(out, colour, style, buf_str(&safe));
}

struct table *table_new(size_t columns, const char *const *headings,
			bool colour)
{
	struct table *t = xcalloc(1, sizeof(*t) + columns * sizeof(size_t));

	assert(columns);
	t->columns = columns;
	t->colour = colour;
	for (size_t i = 0; headings && i < columns; i++)
		table_add(t, STYLE_BOLD, headings[i]);
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	vec_foreach(cell, &t->cells)
		free(cell->text);
	vec_fini(&t->cells);
	free(t);
}

void table_add(struct table *t, enum style style, const char *text)
{
	struct buf safe = BUF_INIT(BUF_UNBOUNDED);
	size_t column = t->cells.len % t->columns, width;

	text_safe(&safe, slice_of(*text ? text : "-"));
	width = text_width(buf_slice(&safe));
	t->widths[column] = MAX(t->widths[column], width);
	vec_push(&t->cells, (struct cell){ buf_take(&safe), width, style });
}

void table_render(const struct table *t, unsigned margin, struct buf *out)
{
	for (size_t i = 0; i < t->cells.len; i++) {
		const struct cell *cell = &t->cells.data[i];
		size_t column = i % t->columns;
		bool last = column + 1 == t->columns;

		if (column == 0)
			buf_addf(out, "%*s", (int)margin, "");
		add_styled(out, t->colour, cell->style, cell->text);
		if (last)
			buf_adds(out, "\n");
		else
			buf_addf(out, "%*s",
				 (int)(t->widths[column] - cell->width + GAP),
				 "");
	}
}
