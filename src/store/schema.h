/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schema.h - the tables of the store, and how an older one becomes this one. */
#pragma once

#include <stdbool.h>

struct sqlite3;

/** What "PRAGMA application_id" says: "BkHd". */
#define SCHEMA_APPLICATION 0x426b4864

/** What "PRAGMA user_version" says. */
#define SCHEMA_VERSION 2

/** ns; a flow that lasts longer is found through an index of its own. */
#define SCHEMA_LONG 60000000000LL

/** What a database is, by its header. Each returns an SQLite result code. */
int schema_identity(struct sqlite3 *db, int *ret_application, int *ret_version,
		    bool *ret_empty);

/** Make the tables, or bring those of @version up to date, in one transaction.
 */
int schema_migrate(struct sqlite3 *db, int version);
