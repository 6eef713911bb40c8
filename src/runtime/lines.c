/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lines.c - a stream of bytes cut into lines of bounded length. */
#include "runtime/lines.h"

void lines_fini(struct lines *l)
{
	buf_fini(&l->partial);
}

/* Keep a piece of a line; one that grows too long is left out to its end. */
static void keep(struct lines *l, struct slice piece)
{
	if (l->skipping || buf_add(&l->partial, piece.ptr, piece.len) == 0)
		return;
	l->skipping = true;
	l->skipped++;
	buf_clear(&l->partial);
}

bool lines_next(struct lines *l, struct slice *bytes, struct slice *ret)
{
	/* What is in the buffer without a break is not a line yet; with one
	 * it was given out by the last call. */
	if (l->partial.len && l->partial.data[l->partial.len - 1] == '\n')
		buf_clear(&l->partial);
	while (bytes->len) {
		const char *end = memchr(bytes->ptr, '\n', bytes->len);
		size_t n = end ? (size_t)(end + 1 - bytes->ptr) : bytes->len;

		keep(l, (struct slice){ bytes->ptr, n });
		*bytes = (struct slice){ bytes->ptr + n, bytes->len - n };
		if (!end)
			return false;
		if (l->skipping) {
			l->skipping = false;
			continue;
		}
		*ret = (struct slice){ l->partial.data, l->partial.len - 1 };
		if (ret->len)
			return true;
		buf_clear(&l->partial);
	}
	return false;
}
