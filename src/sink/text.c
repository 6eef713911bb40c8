/* SPDX-License-Identifier: GPL-2.0-or-later */
/* text.c - records in a sink's format. */
#include "sink/text.h"

#include "base/alloc.h"

/* Text moves while it grows: lengths first, places afterwards. */
static void format_all(enum format_kind format, const struct sink_lines *lines,
		       struct sink_formatted *ret)
{
	size_t at = 0;

	for (size_t i = 0; i < lines->n; i++) {
		size_t before = ret->text.len;

		if (format_line(format, lines->lines[i], &ret->text) < 0)
			buf_add(&ret->text, lines->lines[i].ptr,
				lines->lines[i].len);
		ret->own[i].len = ret->text.len - before;
	}
	for (size_t i = 0; i < lines->n; i++) {
		ret->own[i].ptr = ret->text.data + at;
		at += ret->own[i].len;
	}
}

void sink_format_lines(enum format_kind format, const struct sink_lines *lines,
		       struct sink_formatted *ret)
{
	*ret = (struct sink_formatted){ .text = BUF_INIT(BUF_UNBOUNDED),
					.lines = *lines };
	if (format == FORMAT_KIND_NATIVE || !lines->n)
		return;
	ret->own = xcalloc(lines->n, sizeof(*ret->own));
	format_all(format, lines, ret);
	ret->lines.lines = ret->own;
}

void sink_formatted_fini(struct sink_formatted *f)
{
	buf_fini(&f->text);
	free(f->own);
}
