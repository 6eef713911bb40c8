/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spool.h - lines that wait on disk until somebody has taken them.
 *
 * A directory of segments, each a file of records with checksums, named by the
 * number of its first line; and the number of the first line that is still
 * wanted. It outlives a crash at any moment: a torn end is cut off, and what
 * is missing between two segments is counted as lost. After a crash lines may
 * be read again that were taken already, never the reverse. Within its bound
 * of bytes the oldest segment makes room, which is counted too.
 *
 * Every call may block on the disk. One thread may append while another one
 * reads; each of both only one at a time.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/vec.h"
#include "sink/driver.h"

struct spool;

#define SPOOL_SIZE_MIN (1U << 20)

/** @dir is made if its parent is there. Returns 0 or -errno. */
int spool_open(const char *dir, uint64_t max, struct spool **ret);
void spool_close(struct spool *s);

/** Returns 0, or -errno when not all was written: @ret_done lines were. */
int spool_append(struct spool *s, const struct sink_lines *lines,
		 size_t *ret_done);

/** What spool_read() found, in order. */
struct spool_batch {
	uint64_t first; /* number of the first line */
	struct buf text;
	VEC(struct slice) lines;
};
void spool_batch_fini(struct spool_batch *b);

/** Up to @max_lines and about @max_bytes of the oldest lines; none is 0 too.
 *  They stay until spool_taken(). Returns 0 or -errno. */
int spool_read(struct spool *s, size_t max_lines, size_t max_bytes,
	       struct spool_batch *ret);

/** The first @n lines of the last batch are done with, the others are not.
 *  Returns 0 or -errno: then they may come again after a crash. */
int spool_taken(struct spool *s, const struct spool_batch *batch, size_t n);

struct spool_stats {
	uint64_t next;		/* number of the line that is appended next */
	uint64_t waiting, lost; /* lines; lost ones since it was opened */
	uint64_t bytes;
	uint64_t oldest; /* realtime ns of the first that waits, or 0 */
};
void spool_stats(struct spool *s, struct spool_stats *ret);
