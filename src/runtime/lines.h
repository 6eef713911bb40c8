/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lines.h - a stream of bytes cut into lines of bounded length. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

struct lines {
	struct buf partial;
	bool skipping; /* the rest of a line that was too long */
	size_t skipped;
};

#define LINES_INIT(bound) ((struct lines){ .partial = BUF_INIT(bound) })

void lines_fini(struct lines *l);

/** The next line of @bytes without its end, taking what it consumed away from
 *  them; false when none is complete. A line is valid until the next call. One
 *  longer than the bound is left out and counted in @skipped. */
bool lines_next(struct lines *l, struct slice *bytes, struct slice *ret);
