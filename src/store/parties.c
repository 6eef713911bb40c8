/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parties.c - the parties that a question names, as a temporary table; question.c
 * says the same of one record. */
#include "store/parties.h"

#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "store/dict.h"
#include "store/question.h"
#include "store/sql.h"

static int run_bound(sqlite3 *db, const char *text, const char *a,
		     const char *b, sqlite3_stmt **ret)
{
	int r = sqlite3_prepare_v2(db, text, -1, ret, NULL);

	if (r != SQLITE_OK)
		return r;
	sql_bind_text(*ret, 1, a);
	sql_bind_text(*ret, 2, b);
	r = sqlite3_step(*ret);
	return r == SQLITE_DONE ? SQLITE_OK : r;
}

static int add_prefix(sqlite3 *db, const char *table, const struct party *p)
{
	_cleanup_(sql_freep) char *text = sqlite3_mprintf(
		"INSERT OR IGNORE INTO temp.%s SELECT id FROM parties"
		" WHERE address_key BETWEEN ?1 AND ?2",
		table);
	_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
	unsigned char low[DICT_KEY_MAX], high[DICT_KEY_MAX];
	struct addr first, last;
	size_t len;
	int r;

	prefix_range(&p->prefix, &first, &last);
	len = dict_address_key(&first, low);
	dict_address_key(&last, high);
	r = sqlite3_prepare_v2(db, text, -1, &stmt, NULL);
	if (r != SQLITE_OK)
		return r;
	sqlite3_bind_blob(stmt, 1, low, (int)len, SQLITE_STATIC);
	sqlite3_bind_blob(stmt, 2, high, (int)len, SQLITE_STATIC);
	r = sqlite3_step(stmt);
	return r == SQLITE_DONE ? SQLITE_OK : r;
}

/* Parties of containers by @condition, whose parameters are ?1 and ?2. */
static int add_containers(sqlite3 *db, const char *table, const char *condition,
			  const char *a, const char *b)
{
	_cleanup_(sql_freep) char *text = sqlite3_mprintf(
		"INSERT OR IGNORE INTO temp.%s SELECT p.id FROM containers c"
		" JOIN parties p ON p.container = c.id WHERE c.id <> 0 AND %s",
		table, condition);
	_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;

	return run_bound(db, text, a, b, &stmt);
}

static int add_named(sqlite3 *db, const char *table, const struct party *p)
{
	_cleanup_(sql_freep) char *by_dns = sqlite3_mprintf(
		"INSERT OR IGNORE INTO temp.%s SELECT id FROM parties"
		" WHERE name <> '' AND name = ?1 AND ?2 IS NULL",
		table);
	_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
	int r = add_containers(db, table,
			       "c.name = ?1 AND (?2 IS NULL OR"
			       " c.namespace = ?2)",
			       p->name, p->namespace);

	if (r == SQLITE_OK && strlen(p->name) >= PARTY_ID_MIN)
		r = add_containers(db, table,
				   "substr(CAST(c.container_id AS BLOB), 1,"
				   " length(CAST(?1 AS BLOB))) ="
				   " CAST(?1 AS BLOB) AND"
				   " (?2 IS NULL OR c.namespace = ?2)",
				   p->name, p->namespace);
	return r == SQLITE_OK
		       ? run_bound(db, by_dns, p->name, p->namespace, &stmt)
		       : r;
}

/* One condition for each label; its key and value are the next two parameters. */
static char *label_conditions(const struct party *p)
{
	struct buf text = BUF_INIT(BUF_UNBOUNDED);
	unsigned at = 1;

	vec_foreach(label, &p->labels) {
		buf_addf(&text,
			 " AND %sEXISTS(SELECT 1 FROM labels WHERE container ="
			 " c.id AND key = ?%u AND (?%u IS NULL OR"
			 " value = ?%u))",
			 label->not ? "NOT " : "", at, at + 1, at + 1);
		at += 2;
	}
	return buf_take(&text);
}

/* Containers of which every label holds: there are fewer of them than parties. */
static int add_labelled(sqlite3 *db, const char *table, const struct party *p)
{
	_cleanup_(freep) char *conditions = label_conditions(p);
	_cleanup_(sql_freep) char *text = sqlite3_mprintf(
		"INSERT OR IGNORE INTO temp.%s SELECT p.id FROM containers c"
		" CROSS JOIN parties p ON p.container = c.id WHERE c.id <> 0%s",
		table, conditions);
	_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
	int r = sqlite3_prepare_v2(db, text, -1, &stmt, NULL), at = 1;

	if (r != SQLITE_OK)
		return r;
	vec_foreach(label, &p->labels) {
		sql_bind_text(stmt, at++, label->key);
		sql_bind_text(stmt, at++, label->value);
	}
	return sql_done(stmt);
}

int parties_select(sqlite3 *db, const char *table, const struct party *p)
{
	_cleanup_(sql_freep) char *text = sqlite3_mprintf(
		"CREATE TEMP TABLE IF NOT EXISTS %s(id INTEGER PRIMARY KEY);"
		"DELETE FROM temp.%s",
		table, table);
	int r = sql_run(db, text);

	if (r != SQLITE_OK)
		return r;
	switch (p->kind) {
	case PARTY_ANY:
		return SQLITE_OK;
	case PARTY_NAME:
		return add_named(db, table, p);
	case PARTY_NAMESPACE:
		return add_containers(db, table, "c.namespace = ?1",
				      p->namespace, NULL);
	case PARTY_PREFIX:
		return add_prefix(db, table, p);
	case PARTY_LABELS:
		return add_labelled(db, table, p);
	}
	return SQLITE_MISUSE;
}
