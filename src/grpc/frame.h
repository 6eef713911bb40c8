/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frame.h - a gRPC body cut into messages of bounded length: each has one byte
 * that tells whether it is compressed, its length in four, then its bytes.
 */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

#define FRAME_HEAD 5

struct frames {
	struct buf partial; /* of a message that is not complete yet */
	size_t max;	    /* longest message */
};

#define FRAMES_INIT(bound) \
	((struct frames){ .partial = BUF_INIT(BUF_UNBOUNDED), .max = (bound) })

void frames_fini(struct frames *f);

/**
 * Take the next message out of @bytes, and what it consumes away from them.
 *
 * @ret  valid until the next call; it may lie in @bytes.
 * Returns 1; 0 when none is complete yet (all of @bytes is taken); -EMSGSIZE
 * when one is longer than the bound; -EBADMSG for a compressed one, which
 * nobody asked for. After an error nothing more can be taken.
 */
int frames_next(struct frames *f, struct slice *bytes, struct slice *ret);

/** True when part of a message has arrived: a body must not end there. */
bool frames_pending(const struct frames *f);

/** Append @message as a frame. */
void frame_add(struct buf *out, struct slice message);
