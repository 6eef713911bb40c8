/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backlog.h - lines that the agent has handed over, until every sink has
 * settled them.
 *
 * Of the bytes the first are with the present writer. When the bound is
 * reached, what was sent makes room, settled or not: it is only kept for the
 * case that the writer dies. If that is not enough, the new line is not taken,
 * and gets no number.
 */
#pragma once

#include "sink/queue.h"

struct backlog {
	struct sink_queue queue;
	size_t sent;   /* bytes of the queue */
	uint64_t next; /* number of the next line */
};

void backlog_init(struct backlog *b, size_t max);
void backlog_fini(struct backlog *b);

/** False when there is no room. @line ends with its newline. */
bool backlog_add_line(struct backlog *b, struct slice line);
/** Have files opened anew at this point. */
bool backlog_add_reopen(struct backlog *b);

/** The number of the first line that is there, or that will be. */
uint64_t backlog_oldest(const struct backlog *b);
/** True while there is hardly room for another line. */
bool backlog_is_tight(const struct backlog *b);
/** Lines that the writer does not have as a whole. */
uint64_t backlog_lines_unsent(const struct backlog *b);

/** What the writer does not have yet; valid until the next change. */
struct slice backlog_unsent(const struct backlog *b);
/** So many bytes more of that were sent. */
void backlog_sent(struct backlog *b, size_t n);
/** The writer is gone: all of it is for the next one. */
void backlog_rewind(struct backlog *b);
/** Lines below @settled are not needed any more, unless half sent. */
void backlog_forget(struct backlog *b, uint64_t settled);
