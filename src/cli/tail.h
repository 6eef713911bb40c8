/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tail.h - lines of a log file, across its rotation. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/macro.h"
#include "base/slice.h"

struct tail;

/** Longest line that is given out. */
#define TAIL_LINE_MAX (1U << 20)

/**
 * Open @path from its beginning.
 *
 * @follow the file may be missing yet, and tail_wait() works.
 * Returns 0 or -errno.
 */
int tail_open(const char *path, bool follow, struct tail **ret);
void tail_close(struct tail *t);
DEFINE_FREEP(struct tail, tail_close)

/**
 * The next line, without its newline, valid until the next call.
 *
 * Returns 1; 0 when there is none now; -EMSGSIZE when one was longer than
 * TAIL_LINE_MAX and is skipped; or -errno.
 */
int tail_next(struct tail *t, struct slice *ret);

/** Number of the line that was given out or skipped last, in its file. */
uint64_t tail_line(const struct tail *t);

/**
 * Wait until there may be more: the file grew, was cut short, or another one
 * has taken its name, which is read from its beginning once this one is at its
 * end. Returns 0 or -errno.
 */
int tail_wait(struct tail *t);
