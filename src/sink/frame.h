/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frame.h - the frames that come in over the socket between the agent and its
 * flow writer.
 *
 * Neither end trusts the other: a writer may have been taken over by what it
 * writes to, so the agent checks every byte that comes back.
 */
#pragma once

#include "sink/queue.h"

/** Bytes that have arrived and are no whole frame yet. */
struct sink_frames {
	struct buf bytes;
	size_t taken; /* of them, by sink_frames_next() */
	size_t max;   /* of one frame's content */
};

void sink_frames_init(struct sink_frames *f, size_t max);
void sink_frames_fini(struct sink_frames *f);

/**
 * Read once from @fd, which does not block. Returns the number of bytes, 0 at
 * its end, or -errno.
 */
int sink_frames_read(struct sink_frames *f, int fd);
/** The same for bytes that somebody else has read. */
void sink_frames_add(struct sink_frames *f, const void *bytes, size_t n);

/**
 * The next whole frame, valid until the next read. Returns 1; 0 when there is
 * none; -EBADMSG when what came is no frame: the stream cannot be read on.
 */
int sink_frames_next(struct sink_frames *f, struct sink_entry *ret);

/** How a sink stands; the content of a SINK_FRAME_REPORT, with the problem's
 *  text behind it. All since the writer's start. */
struct sink_report {
	uint64_t settled;  /* lines below this number are written or lost */
	uint64_t written;  /* of these */
	uint64_t lost;	   /* of these, and those that the spool gave up */
	uint64_t dropping; /* lost, with a number not settled yet */
	uint64_t spooled;  /* settled lines that wait on disk */
	uint64_t lag_ns;   /* age of the oldest line that is not delivered */
};

#define SINK_PROBLEM_MAX 512

/** Returns 0 or -EBADMSG; @ret_problem gets printable text. */
int sink_report_parse(const struct sink_entry *frame, struct sink_report *ret,
		      char ret_problem[static SINK_PROBLEM_MAX]);
