/* SPDX-License-Identifier: GPL-2.0-or-later */
/* text.h - records in a sink's format. */
#pragma once

#include "base/buf.h"
#include "sink/driver.h"

/** As many lines as there were, behind each other in memory. */
struct sink_formatted {
	struct buf text;
	struct slice *own; /* NULL: the lines are the caller's */
	struct sink_lines lines;
};

/** A line that cannot be converted stays as it is. For any thread. */
void sink_format_lines(enum format_kind format, const struct sink_lines *lines,
		       struct sink_formatted *ret);
void sink_formatted_fini(struct sink_formatted *f);
