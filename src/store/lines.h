/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lines.h - the lines of a log file and of those that it was rotated to. */
#pragma once

#include <stdint.h>

#include "base/macro.h"
#include "base/slice.h"

struct lines;

/** Longest line that is given out. */
#define LINES_LINE_MAX (1U << 20)

/**
 * Begin with the oldest. @path must be there; those that it was rotated to need
 * not. Compressed ones (gzip) are read as they are.
 */
int lines_open(const char *path, struct lines **ret);
void lines_close(struct lines *l);
DEFINE_FREEP(struct lines, lines_close)

/**
 * The next line without its newline, valid until the next call; also what
 * stands behind the last newline of a file.
 *
 * Returns 1; 0 at the end of the last file; -EMSGSIZE when one was too long and
 * is skipped; or another -errno, after which the next file follows.
 */
int lines_next(struct lines *l, struct slice *ret);

/** Where the last line stands. */
const char *lines_file(const struct lines *l);
uint64_t lines_number(const struct lines *l);
