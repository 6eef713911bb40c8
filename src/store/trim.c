/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trim.c - what is too old or too much goes, the oldest first.
 *
 * Bounded rows per call, in one short transaction, so that the writer's queue
 * does not grow meanwhile. Flows go first; parties and containers that nobody
 * refers to any more are found by a sweep that goes on where it ended.
 */
#include <errno.h>

#include "base/macro.h"
#include "store/inside.h"
#include "store/schema.h"
#include "store/sql.h"

/* Rows, and pages given back, of one call; and rows for each flow that was
 * written since the last one, so that whatever comes goes as fast. */
#define ROWS_MAX    500
#define ROWS_A_FLOW 2
#define PAGES_MAX   256

/* SQL with two parameters: a number of rows and a time. */
static int run_with(struct store *s, const char *text, int64_t rows,
		    int64_t time, int64_t *ret_changes)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
	int r = sqlite3_prepare_v2(s->db, text, -1, &stmt, NULL);

	if (r != SQLITE_OK)
		return r;
	sqlite3_bind_int64(stmt, 1, rows);
	if (sqlite3_bind_parameter_count(stmt) > 1)
		sqlite3_bind_int64(stmt, 2, time);
	r = sqlite3_step(stmt);
	if (r == SQLITE_DONE && ret_changes)
		*ret_changes = sqlite3_changes(s->db);
	return r == SQLITE_DONE ? SQLITE_OK : r;
}

/* No sum has them any more. */
static int unpack_doomed(struct store *s)
{
	static const struct pack_cell none = { 0 };
	_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
	int r = sqlite3_prepare_v2(s->db, "SELECT id FROM temp.doomed", -1,
				   &stmt, NULL);

	if (r != SQLITE_OK)
		return r;
	while ((r = sqlite3_step(stmt)) == SQLITE_ROW) {
		r = pack_put(s->pack, sqlite3_column_int64(stmt, 0), &none);
		if (r != SQLITE_OK)
			return r;
	}
	return r == SQLITE_DONE ? SQLITE_OK : r;
}

/* Flows whose numbers are in temp.doomed. */
static int remove_doomed(struct store *s)
{
	int r = unpack_doomed(s);

	if (r != SQLITE_OK)
		return r;
	return sql_run(
		s->db,
		"DELETE FROM flow_records WHERE flow IN (SELECT id FROM doomed);"
		"DELETE FROM packets WHERE flow IN (SELECT id FROM doomed);"
		"DELETE FROM flow_rows WHERE id IN (SELECT id FROM doomed);"
		"DELETE FROM doomed");
}

static int remove_flows(struct store *s, int64_t rows, int64_t before,
			int64_t *ret)
{
	int r = run_with(s,
			 "INSERT INTO temp.doomed SELECT id FROM flow_rows"
			 " INDEXED BY flow_start WHERE start < ?2 AND stop < ?2"
			 " ORDER BY start LIMIT ?1",
			 rows, before, ret);

	return r == SQLITE_OK && *ret ? remove_doomed(s) : r;
}

static int remove_events(struct store *s, int64_t rows, int64_t before,
			 int64_t *ret)
{
	return run_with(s,
			"DELETE FROM events WHERE id IN (SELECT id FROM events"
			" WHERE time < ?2 ORDER BY time LIMIT ?1)",
			rows, before, ret);
}

/* The time before which so many flows began; the largest time when there are
 * fewer. */
static int oldest(struct store *s, int64_t rows, int64_t *ret)
{
	_cleanup_(sql_freep) char *text = sqlite3_mprintf(
		"SELECT ifnull((SELECT start FROM flow_rows ORDER BY start"
		" LIMIT 1 OFFSET %lld), 9223372036854775807)",
		(long long)rows);

	return text ? sql_int(s->db, text, ret) : SQLITE_NOMEM;
}

/* Whatever ended when: size comes before age. */
static int remove_oldest(struct store *s, int64_t rows, int64_t before,
			 struct store_trimmed *ret)
{
	int64_t flows = 0, events = 0;
	int r = run_with(s,
			 "INSERT INTO temp.doomed SELECT id FROM flow_rows"
			 " INDEXED BY flow_start WHERE start < ?2"
			 " ORDER BY start LIMIT ?1",
			 rows, before, &flows);

	if (r == SQLITE_OK)
		r = remove_doomed(s);
	if (r == SQLITE_OK)
		r = remove_events(s, rows, before, &events);
	ret->flows += (uint64_t)flows;
	ret->events += (uint64_t)events;
	return r;
}

/* Parties that no flow has, and containers that no party or event has, of a run
 * of numbers. */
static int sweep(struct store *s)
{
	static const char *const texts[] = {
		"DELETE FROM parties WHERE id > ?2 AND id <= ?2 + ?1"
		" AND NOT EXISTS(SELECT 1 FROM flow_rows WHERE src = parties.id)"
		" AND NOT EXISTS(SELECT 1 FROM flow_rows WHERE dst = parties.id)",
		"DELETE FROM containers WHERE id > ?2 AND id <= ?2 + ?1"
		" AND NOT EXISTS(SELECT 1 FROM parties"
		" WHERE container = containers.id)"
		" AND NOT EXISTS(SELECT 1 FROM events"
		" WHERE container = containers.id AND container <> 0)",
		"DELETE FROM labels WHERE container > ?2"
		" AND container <= ?2 + ?1 AND NOT EXISTS(SELECT 1"
		" FROM containers WHERE id = labels.container)",
	};
	int64_t last = 0, gone = 0;
	int r = SQLITE_OK;

	for (size_t i = 0; i < ARRAY_SIZE(texts) && r == SQLITE_OK; i++) {
		int64_t n = 0;

		r = run_with(s, texts[i], ROWS_MAX, s->swept, &n);
		gone += n;
	}
	if (gone)
		dict_forget(s->dict);
	if (r == SQLITE_OK)
		r = sql_int(s->db,
			    "SELECT max(ifnull((SELECT max(id) FROM parties),"
			    " 0), ifnull((SELECT max(id) FROM containers), 0))",
			    &last);
	s->swept += ROWS_MAX;
	if (s->swept >= last) {
		s->swept = 0;
		s->sweep_due = false;
	}
	return r;
}

static int by_age(struct store *s, int64_t rows, uint64_t now,
		  struct store_trimmed *ret)
{
	int64_t flows = 0, events = 0, before;
	int r;

	if (!s->options.max_age || now <= s->options.max_age)
		return SQLITE_OK;
	before = (int64_t)(now - s->options.max_age);
	r = remove_flows(s, rows, before, &flows);
	if (r == SQLITE_OK)
		r = remove_events(s, rows, before, &events);
	ret->flows += (uint64_t)flows;
	ret->events += (uint64_t)events;
	ret->more |= flows == rows || events == rows;
	return r;
}

static int by_size(struct store *s, int64_t rows, struct store_trimmed *ret)
{
	struct store_size size;
	int64_t before;
	int r;

	if (!s->options.max_bytes)
		return SQLITE_OK;
	if (store_size(s, &size) < 0)
		return SQLITE_ERROR;
	if (size.bytes <= s->options.max_bytes)
		return SQLITE_OK;
	r = oldest(s, rows, &before);
	if (r == SQLITE_OK)
		r = remove_oldest(s, rows, before, ret);
	/* What nothing can be removed from is as small as it gets. */
	ret->more |= ret->flows + ret->events > 0;
	return r;
}

static int trim(struct store *s, uint64_t now, struct store_trimmed *ret)
{
	int64_t rows = ROWS_MAX + ROWS_A_FLOW * s->added;
	bool more = false;
	int r = sql_run(s->db, "CREATE TEMP TABLE IF NOT EXISTS"
			       " doomed(id INTEGER PRIMARY KEY)");

	if (r == SQLITE_OK)
		r = store_begin(s);
	if (r == SQLITE_OK)
		r = sql_run(s->db, "DELETE FROM temp.doomed");
	if (r == SQLITE_OK)
		r = schema_continue(s->db, schema_steps, ROWS_MAX, &more);
	ret->more |= more;
	if (r == SQLITE_OK)
		r = by_age(s, rows, now, ret);
	if (r == SQLITE_OK)
		r = by_size(s, rows, ret);
	s->sweep_due |= ret->flows + ret->events > 0;
	if (r == SQLITE_OK && s->sweep_due)
		r = sweep(s);
	if (r == SQLITE_OK)
		r = store_commit(s);
	if (r == SQLITE_OK)
		s->added = 0;
	return r;
}

/* Free pages beyond a twentieth of the file: that many are soon used again. */
static int shrink(struct store *s)
{
	struct store_size size;
	char *sql;
	int r;

	if (store_size(s, &size) < 0 ||
	    size.bytes + size.file_bytes / 20 >= size.file_bytes)
		return SQLITE_OK;
	sql = sqlite3_mprintf("PRAGMA incremental_vacuum(%d)", PAGES_MAX);
	r = sql ? sql_run(s->db, sql) : SQLITE_NOMEM;
	sqlite3_free(sql);
	return r;
}

int store_trim(struct store *s, uint64_t now, struct store_trimmed *ret)
{
	struct store_trimmed trimmed = { 0 };
	int code;

	if (!s->db)
		return -EBADMSG;
	code = trim(s, now, &trimmed);
	if (code == SQLITE_OK)
		code = shrink(s);
	if (code != SQLITE_OK)
		return store_abandon(s, code);
	if (ret)
		*ret = trimmed;
	return 0;
}
