/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pack.h - what sums are made of: each flow once more, a few numbers of it side
 * by side with its neighbours'.
 *
 * A table's row costs SQLite a third of a microsecond to read, so that ten
 * millions of them take seconds. Of these cells a page holds PACK_CELLS, and
 * all of them are gone through in a fraction of a second, whatever is asked.
 * The cell of a flow is written in the transaction that writes its row, so both
 * always say the same.
 *
 * Row n of flow_packs has the flows numbered n * PACK_CELLS up to the next
 * row's; it tells the earliest start and the latest stop among them.
 */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** One flow. Written as it stands here, little-endian, without padding. */
struct pack_cell {
	int64_t start, stop; /* ns since 1970 */
	int64_t packets, bytes;
	uint32_t src, dst; /* parties */
	uint32_t kind;	   /* 0: there is no such flow */
	int32_t port;	   /* the destination's; -1: none */
};

#define PACK_CELL_SIZE 48
#define PACK_CELLS     84 /* so many fill one page of 4 KiB */

/** Cell @i of what flow_packs.cells holds. */
void pack_read(const unsigned char *cells, size_t i, struct pack_cell *ret);

/** The cells that one transaction changes. */
struct pack;

/** Each returns an SQLite result code. */
int pack_open(sqlite3 *db, struct pack **ret);
void pack_close(struct pack *p);

/** The cell of flow @id is to be this one; with kind 0, none. */
int pack_put(struct pack *p, int64_t id, const struct pack_cell *cell);

/** Write what has changed: before each COMMIT. */
int pack_flush(struct pack *p);

/** After a ROLLBACK. */
void pack_forget(struct pack *p);
