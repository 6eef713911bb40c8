/* SPDX-License-Identifier: GPL-2.0-or-later */
/* queue.h - lines that wait, in order and within a bound.
 *
 * An entry is kept as it goes over the wire between the agent and its flow
 * writer: a head, then the line. Every line that the agent hands over has a
 * number, one more than the line before; where an entry's number is more than
 * one above the last, the lines between were lost. The bytes may therefore be
 * written to a socket as they lie here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

/** The longest line, or other content of a frame. */
#define SINK_LINE_MAX (1U << 20)

enum sink_frame_type {
	SINK_FRAME_LINE = 1, /* agent -> writer: @number, the line */
	SINK_FRAME_CONFIG,   /* … @number 0, the configuration's text */
	SINK_FRAME_BEGIN,    /* … sink @number takes lines from u64 on */
	SINK_FRAME_REOPEN,   /* … open files anew */
	SINK_FRAME_REPORT,   /* writer -> agent: how sink @number stands */
};

/** In the host's byte order: both ends are one program. */
struct sink_head {
	uint32_t len;  /* of what follows */
	uint32_t type; /* enum sink_frame_type */
	uint64_t number;
	uint64_t time; /* monotonic ns when it was handed over */
};

struct sink_queue {
	struct buf bytes;
	size_t head;  /* where the first entry begins */
	size_t lines; /* entries */
	size_t max;   /* bytes of all entries */
};

void sink_queue_init(struct sink_queue *q, size_t max);
void sink_queue_fini(struct sink_queue *q);

/** Append; false when the bound would be passed. */
bool sink_queue_add(struct sink_queue *q, const struct sink_head *head,
		    struct slice content);

/** An entry as it lies in the queue; valid until the next change. */
struct sink_entry {
	struct sink_head head;
	struct slice content;
};

/** The entry at @offset from the first, which sink_queue_next() moves on. */
bool sink_queue_at(const struct sink_queue *q, size_t offset,
		   struct sink_entry *ret);
static inline size_t sink_queue_next(size_t offset,
				     const struct sink_entry *entry)
{
	return offset + sizeof(entry->head) + entry->content.len;
}

/** Remove the first entry. */
void sink_queue_pop(struct sink_queue *q);

/** All bytes that wait, head by head. */
static inline struct slice sink_queue_bytes(const struct sink_queue *q)
{
	return (struct slice){ buf_str(&q->bytes) + q->head,
			       q->bytes.len - q->head };
}
