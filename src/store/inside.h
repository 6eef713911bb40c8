/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inside.h - what store.c, write.c and trim.c share. */
#pragma once

#include <sqlite3.h>

#include "store/dict.h"
#include "store/pack.h"
#include "store/store.h"

enum store_statement {
	STORE_FIND_FLOW,     /* by its id and when it began */
	STORE_FIND_OLD_FLOW, /* by its id alone */
	STORE_ADD_FLOW,
	STORE_UPDATE_FLOW, /* nothing that an index is of */
	STORE_REWRITE_FLOW,
	STORE_FIRST_RECORD,
	STORE_KNOWN_RECORD,
	STORE_ADD_RECORD,
	STORE_ADD_PACKET,
	STORE_ADD_EVENT,
	STORE_KNOWN_EVENT,
	STORE_KNOWN_FLOW, /* of those without an id */
	STORE_STATEMENTS,
};

struct store {
	sqlite3 *db;
	struct dict *dict;
	struct pack *pack;
	sqlite3_stmt *statements[STORE_STATEMENTS];
	struct store_options options;
	char *path, *aside;
	char *error;
	int64_t added;	/* flows, since they were trimmed last */
	bool sweep_due; /* rows went: names may be nobody's now */
	int64_t swept;	/* the number that the sweep has come to */
};

/** Prepare the statements that write. Returns an SQLite result code. */
int store_prepare(sqlite3 *db, sqlite3_stmt *ret[static STORE_STATEMENTS]);

/** Remember what SQLite says. Returns -errno for @code. */
int store_fail(struct store *s, int code);

/** Around everything that is written; each returns an SQLite result code. */
int store_begin(struct store *s);
int store_commit(struct store *s);

/** Take back what was written since, and forget what was remembered of it.
 *  Returns -errno for @code. */
int store_abandon(struct store *s, int code);

/** Move the file aside and begin a new one. Returns 0 or -errno. */
int store_replace(struct store *s);

enum store_put { STORE_PUT, STORE_PUT_KNOWN, STORE_PUT_REFUSED };

/** Put one record, within a transaction. Returns an SQLite result code. */
int store_put_line(struct store *s, struct slice line, enum store_put *ret);
