/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sql.h - the few things that everybody does with a prepared statement. */
#pragma once

#include <sqlite3.h>
#include <stdint.h>

#include "base/macro.h"
#include "store/row.h"

/** -errno for an SQLite result code; 0 for SQLITE_OK, _ROW and _DONE. */
int sql_errno(int code);

/** Prepare, for use again and again. Returns a result code. */
int sql_prepare(sqlite3 *db, const char *text, sqlite3_stmt **ret);

/** Prepare, step to the end, finalize. Returns SQLITE_OK or the error. */
int sql_run(sqlite3 *db, const char *text);

/** The first column of the first row. Returns SQLITE_OK, SQLITE_DONE when there
 *  is no row, or the error. */
int sql_int(sqlite3 *db, const char *text, int64_t *ret);

/** Step a statement that gives no row, and reset it. Returns SQLITE_OK or the
 *  error. */
int sql_done(sqlite3_stmt *stmt);

/** Bind; a text is borrowed until the statement is reset, NULL is NULL. */
void sql_bind_text(sqlite3_stmt *stmt, int at, const char *text);
void sql_bind_int(sqlite3_stmt *stmt, int at, const struct row_int *n);

static inline void sql_freep(char **text)
{
	sqlite3_free(*text);
}

static inline void sql_finalizep(sqlite3_stmt **stmt)
{
	sqlite3_finalize(*stmt);
}
