/* SPDX-License-Identifier: GPL-2.0-or-later */
/* segment.h - the files of a spool, as they are on disk.
 *
 * A segment is a file of records, each a head and a line; its name is the number
 * of the first. Beside the segments lies the position: the number of the first
 * line that is still wanted. Both are in the host's byte order.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

/** Bytes before the first record. */
#define SEGMENT_BEGIN 8

/* ---- records ----------------------------------------------------------- */

/** The bytes that @line takes as a record. */
size_t segment_record_size(struct slice line);
/** Append @line as a record of the time @now (realtime ns). */
void segment_record_add(struct buf *out, struct slice line, uint64_t now);
/** The record at the front of @bytes. Returns its size, or 0: there is no whole
 *  and sound one. */
size_t segment_record_parse(struct slice bytes, struct slice *ret_line,
			    uint64_t *ret_time);

/* ---- files ------------------------------------------------------------- */

/** The caller frees it. */
char *segment_path(const char *dir, uint64_t first);
/** False for a name that no segment has. */
bool segment_parse_name(const char *name, uint64_t *ret_first);

/** A new one, open for appending; what had its name is gone. Returns 0 or
 *  -errno. */
int segment_create(const char *dir, uint64_t first, int *ret_fd);
/** To read; -EBADMSG when it does not begin as a segment does. */
int segment_open(const char *dir, uint64_t first, int *ret_fd);
/** How many sound records @path has at its front, and the bytes of that; 0
 *  bytes when it is no segment. Returns 0 or -errno. */
int segment_measure(const char *path, size_t max, uint64_t *ret_records,
		    uint64_t *ret_bytes);

/* ---- the position ------------------------------------------------------ */

/** Returns 0 or -errno. */
int position_save(int fd, uint64_t number);
/** False when there is none, or a damaged one. */
bool position_load(int fd, uint64_t *ret);
