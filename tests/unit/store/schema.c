/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schema.c - a later version of the schema takes over a store: at once what is
 * quick, in pieces what is not, and the flows that come meanwhile are there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/schema.h"
#include "store/sql.h"

/* What versions 2 and 3 might be. */
static const struct schema_step later[] = {
	{ .at_once = NULL },
	{ .at_once = "ALTER TABLE flow_rows ADD COLUMN half INTEGER",
	  .piece = "UPDATE flow_rows SET half = bytes / 2 WHERE id > ?1"
		   " AND id <= ?2 AND half IS NULL" },
	{ .at_once = "CREATE TABLE colours(name TEXT) STRICT" },
};

static int64_t ask(sqlite3 *db, const char *sql)
{
	int64_t n = -1;

	if (sql_int(db, sql, &n) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	return n;
}

static void run(sqlite3 *db, const char *sql)
{
	if (sql_run(db, sql) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

static void add_flows(sqlite3 *db, int n)
{
	char *sql = sqlite3_mprintf(
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
		" WHERE i < %d) INSERT INTO flow_rows(origin, time, start, stop,"
		" run, given, verdict, src, dst, bytes)"
		" SELECT 1, i, i, i, 0, 0, 0, 0, 0, 2 * i FROM n",
		n);

	run(db, sql);
	sqlite3_free(sql);
}

static int setup(void **state)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(schema_migrate(db, schema_steps, 0, SCHEMA_VERSION),
			 SQLITE_OK);
	*state = db;
	return 0;
}

static int teardown(void **state)
{
	return sqlite3_close(*state);
}

static bool do_piece(sqlite3 *db, int64_t rows)
{
	bool more = false;

	assert_int_equal(schema_continue(db, later, rows, &more), SQLITE_OK);
	return more;
}

static void test_pieces(void **state)
{
	sqlite3 *db = *state;
	unsigned pieces = 0;

	add_flows(db, 95);
	assert_int_equal(schema_migrate(db, later, 1, 3), SQLITE_OK);
	assert_int_equal(ask(db, "PRAGMA user_version"), 3);
	assert_int_equal(ask(db, "SELECT count(*) FROM colours"), 0);
	/* Nothing was looked at. */
	assert_int_equal(ask(db, "SELECT count(half) FROM flow_rows"), 0);
	while (do_piece(db, 10)) {
		/* A writer goes on; its flows are none of it. */
		run(db, "INSERT INTO flow_rows(origin, time, start, stop, run,"
			" given, verdict, src, dst, bytes, half)"
			" VALUES(1, 0, 0, 0, 0, 0, 0, 0, 0, 8, 4)");
		if (++pieces > 1)
			assert_int_equal(
				ask(db, "SELECT count(*) FROM flow_rows WHERE"
					" id <= 95 AND half = bytes / 2"),
				pieces < 10 ? 10 * pieces : 95);
	}
	assert_int_equal(pieces, 10);
	assert_int_equal(ask(db, "SELECT count(*) FROM flow_rows WHERE half"
				 " IS NOT bytes / 2"),
			 0);
	assert_int_equal(ask(db, "SELECT count(*) FROM flow_rows"), 105);
	assert_false(do_piece(db, 10));
}

/* What a transaction did is done again when it is taken back. */
static void test_taken_back(void **state)
{
	sqlite3 *db = *state;

	add_flows(db, 20);
	assert_int_equal(schema_migrate(db, later, 1, 3), SQLITE_OK);
	run(db, "BEGIN");
	assert_true(do_piece(db, 10));
	run(db, "ROLLBACK");
	assert_int_equal(ask(db, "SELECT count(half) FROM flow_rows"), 0);
	while (do_piece(db, 10))
		;
	assert_int_equal(ask(db, "SELECT count(half) FROM flow_rows"), 20);
}

/* A step that fails leaves the version that there was. */
static void test_failure(void **state)
{
	static const struct schema_step wrong[] = {
		{ .at_once = NULL },
		{ .at_once = "CREATE TABLE colours(name TEXT) STRICT" },
		{ .at_once = "CREATE TABLE words(x)" },
	};
	sqlite3 *db = *state;

	assert_int_not_equal(schema_migrate(db, wrong, 1, 3), SQLITE_OK);
	assert_int_equal(ask(db, "PRAGMA user_version"), 1);
	assert_int_equal(ask(db,
			     "SELECT count(*) FROM sqlite_schema WHERE name ="
			     " 'colours'"),
			 0);
}

static void test_nothing_to_do(void **state)
{
	sqlite3 *db = *state;

	assert_int_equal(schema_migrate(db, later, 1, 3), SQLITE_OK);
	while (do_piece(db, 10))
		;
	assert_int_equal(ask(db, "SELECT count(*) FROM upkeep"), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_pieces),
		TEST(test_taken_back),
		TEST(test_failure),
		TEST(test_nothing_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
