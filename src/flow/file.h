/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file.h - a file of lines that survives rotation, and a disk that is full.
 *
 * A line goes out in one write(2) in append mode, so readers and copytruncate
 * see whole lines. What the file does not take waits, up to a bound, and is
 * tried again; what the bound cuts off is counted and told by a line of its
 * own once the file works.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "loop/loop.h"

struct flow_file;

/** Append to @line what tells of @records dropped lines, with a newline. */
typedef void (*flow_file_loss_fn)(void *arg, uint64_t records,
				  struct buf *line);

struct flow_file_stats {
	uint64_t written; /* lines, those of losses not counted */
	uint64_t waiting; /* lines that the file has not taken yet */
	uint64_t dropped;
	const char
		*problem; /* "" when all is well; lives as long as the file */
};

/**
 * Open @path for appending; its directory must be there. A file that cannot
 * be opened is no failure: it is tried again.
 *
 * @queue_max bytes of lines that may wait.
 */
struct flow_file *flow_file_open(struct loop *loop, const char *path,
				 size_t queue_max, flow_file_loss_fn loss,
				 void *arg);
/** Try once to write what waits. Accepts NULL. */
void flow_file_close(struct flow_file *f);

/** @line ends with its newline. */
void flow_file_write(struct flow_file *f, struct slice line);

/** Open the path anew, and try at once if the file had a problem. */
void flow_file_reopen(struct flow_file *f);

void flow_file_stats(const struct flow_file *f, struct flow_file_stats *ret);
