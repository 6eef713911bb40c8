/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sql.c - the few things that everybody does with a prepared statement. */
#include "store/sql.h"

#include <errno.h>

int sql_errno(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_CANTOPEN:
		return errno ? -errno : -ENOENT;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_TOOBIG:
		return -EMSGSIZE;
	default:
		return -EIO;
	}
}

int sql_prepare(sqlite3 *db, const char *text, sqlite3_stmt **ret)
{
	return sqlite3_prepare_v3(db, text, -1, SQLITE_PREPARE_PERSISTENT, ret,
				  NULL);
}

int sql_done(sqlite3_stmt *stmt)
{
	int r = sqlite3_step(stmt);

	sqlite3_reset(stmt);
	return r == SQLITE_DONE || r == SQLITE_ROW ? SQLITE_OK : r;
}

int sql_run(sqlite3 *db, const char *text)
{
	return sqlite3_exec(db, text, NULL, NULL, NULL);
}

int sql_int(sqlite3 *db, const char *text, int64_t *ret)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
	int r = sqlite3_prepare_v2(db, text, -1, &stmt, NULL);

	if (r != SQLITE_OK)
		return r;
	r = sqlite3_step(stmt);
	if (r != SQLITE_ROW)
		return r;
	*ret = sqlite3_column_int64(stmt, 0);
	return SQLITE_OK;
}

void sql_bind_text(sqlite3_stmt *stmt, int at, const char *text)
{
	if (text)
		sqlite3_bind_text(stmt, at, text, -1, SQLITE_STATIC);
	else
		sqlite3_bind_null(stmt, at);
}

void sql_bind_int(sqlite3_stmt *stmt, int at, const struct row_int *n)
{
	if (n->is_set)
		sqlite3_bind_int64(stmt, at, n->value);
	else
		sqlite3_bind_null(stmt, at);
}
