/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pack.c - what sums are made of, and how it is written. */
#include "store/pack.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "base/alloc.h"
#include "base/table.h"
#include "store/sql.h"

_Static_assert(sizeof(struct pack_cell) == PACK_CELL_SIZE, "no padding");

/* Packs in memory before they are written. */
#define HELD_MAX 1024

struct held {
	UT_hash_handle hh;
	int64_t number;
	unsigned char cells[PACK_CELLS * PACK_CELL_SIZE];
};

enum statement { READ, WRITE, REMOVE, STATEMENTS };

static const char *const texts[STATEMENTS] = {
	[READ] = "SELECT cells FROM flow_packs WHERE id = ?1",
	[WRITE] = "INSERT INTO flow_packs(id, low, high, cells)"
		  " VALUES(?1, ?2, ?3, ?4) ON CONFLICT(id) DO UPDATE SET"
		  " low = ?2, high = ?3, cells = ?4",
	[REMOVE] = "DELETE FROM flow_packs WHERE id = ?1",
};

struct pack {
	struct held *held;
	sqlite3_stmt *statements[STATEMENTS];
};

/* ---- cells ------------------------------------------------------------- */

static void swap_cell(struct pack_cell *c)
{
	c->start = (int64_t)le64toh((uint64_t)c->start);
	c->stop = (int64_t)le64toh((uint64_t)c->stop);
	c->packets = (int64_t)le64toh((uint64_t)c->packets);
	c->bytes = (int64_t)le64toh((uint64_t)c->bytes);
	c->src = le32toh(c->src);
	c->dst = le32toh(c->dst);
	c->kind = le32toh(c->kind);
	c->port = (int32_t)le32toh((uint32_t)c->port);
}

void pack_read(const unsigned char *cells, size_t i, struct pack_cell *ret)
{
	memcpy(ret, cells + i * PACK_CELL_SIZE, PACK_CELL_SIZE);
	swap_cell(ret);
}

static void write_cell(unsigned char *cells, size_t i,
		       const struct pack_cell *cell)
{
	struct pack_cell c = *cell;

	swap_cell(&c);
	memcpy(cells + i * PACK_CELL_SIZE, &c, PACK_CELL_SIZE);
}

/* ---- packs ------------------------------------------------------------- */

int pack_open(sqlite3 *db, struct pack **ret)
{
	struct pack *p = xnew(struct pack);
	int r = SQLITE_OK;

	for (unsigned i = 0; i < STATEMENTS && r == SQLITE_OK; i++)
		r = sql_prepare(db, texts[i], &p->statements[i]);
	if (r != SQLITE_OK) {
		pack_close(p);
		return r;
	}
	*ret = p;
	return SQLITE_OK;
}

void pack_forget(struct pack *p)
{
	struct held *h, *next;

	HASH_ITER(hh, p->held, h, next) {
		HASH_DELETE(hh, p->held, h);
		free(h);
	}
}

void pack_close(struct pack *p)
{
	if (!p)
		return;
	pack_forget(p);
	for (unsigned i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(p->statements[i]);
	free(p);
}

static int read_pack(struct pack *p, int64_t number, unsigned char *ret)
{
	sqlite3_stmt *stmt = p->statements[READ];
	int r;

	sqlite3_bind_int64(stmt, 1, number);
	r = sqlite3_step(stmt);
	if (r == SQLITE_ROW) {
		const void *cells = sqlite3_column_blob(stmt, 0);
		int n = sqlite3_column_bytes(stmt, 0);

		if (n < 0 || n > PACK_CELLS * PACK_CELL_SIZE)
			r = SQLITE_CORRUPT;
		else if (n)
			memcpy(ret, cells, (size_t)n);
	}
	sqlite3_reset(stmt);
	return r == SQLITE_ROW || r == SQLITE_DONE ? SQLITE_OK : r;
}

static int hold(struct pack *p, int64_t number, struct held **ret)
{
	struct held *h;
	int r;

	HASH_FIND(hh, p->held, &number, sizeof(number), h);
	if (h) {
		*ret = h;
		return SQLITE_OK;
	}
	r = HASH_COUNT(p->held) < HELD_MAX ? SQLITE_OK : pack_flush(p);
	if (r != SQLITE_OK)
		return r;
	h = xnew(struct held);
	h->number = number;
	r = read_pack(p, number, h->cells);
	if (r != SQLITE_OK) {
		free(h);
		return r;
	}
	HASH_ADD(hh, p->held, number, sizeof(h->number), h);
	*ret = h;
	return SQLITE_OK;
}

int pack_put(struct pack *p, int64_t id, const struct pack_cell *cell)
{
	struct held *h;
	int r = hold(p, id / PACK_CELLS, &h);

	if (r == SQLITE_OK)
		write_cell(h->cells, (size_t)(id % PACK_CELLS), cell);
	return r;
}

/* The time that the cells reach over. Returns how many there are, up to the
 * last flow. */
static size_t measure(const struct held *h, int64_t *low, int64_t *high)
{
	size_t n = 0;

	*low = INT64_MAX;
	*high = INT64_MIN;
	for (size_t i = 0; i < PACK_CELLS; i++) {
		struct pack_cell c;

		pack_read(h->cells, i, &c);
		if (!c.kind)
			continue;
		*low = MIN(*low, c.start);
		*high = MAX(*high, c.stop);
		n = i + 1;
	}
	return n;
}

static int write_pack(struct pack *p, const struct held *h)
{
	int64_t low, high;
	size_t n = measure(h, &low, &high);
	sqlite3_stmt *stmt = p->statements[n ? WRITE : REMOVE];

	sqlite3_bind_int64(stmt, 1, h->number);
	if (n) {
		sqlite3_bind_int64(stmt, 2, low);
		sqlite3_bind_int64(stmt, 3, high);
		sqlite3_bind_blob(stmt, 4, h->cells, (int)n * PACK_CELL_SIZE,
				  SQLITE_STATIC);
	}
	return sql_done(stmt);
}

int pack_flush(struct pack *p)
{
	int r = SQLITE_OK;

	for (struct held *h = p->held; h && r == SQLITE_OK; h = h->hh.next)
		r = write_pack(p, h);
	pack_forget(p);
	return r;
}
