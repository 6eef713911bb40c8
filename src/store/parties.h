/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parties.h - the parties that a question names, as a temporary table. */
#pragma once

#include <sqlite3.h>

struct party;

/** Make temp.@table(id) of the parties that @p names; empty for PARTY_ANY.
 *  Returns an SQLite result code. */
int parties_select(sqlite3 *db, const char *table, const struct party *p);
