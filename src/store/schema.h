/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schema.h - the tables of the store, and how an older one becomes this one. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct sqlite3;

/** What "PRAGMA application_id" says: "BkHd". */
#define SCHEMA_APPLICATION 0x426b4864

/** What "PRAGMA user_version" says. */
#define SCHEMA_VERSION 1

/** ns; a flow that lasts longer is found through an index of its own. */
#define SCHEMA_LONG 60000000000LL

/**
 * Flows with the id ?1, from the latest run of time to the first: flow_flow_id
 * is sorted by runs before ids.
 */
#define SCHEMA_FIND_FLOW(columns)                                        \
	"WITH RECURSIVE runs(number) AS (SELECT max(run) FROM flow_rows" \
	" WHERE flow_id IS NOT NULL UNION ALL SELECT (SELECT max(run)"   \
	" FROM flow_rows WHERE flow_id IS NOT NULL AND run < number)"    \
	" FROM runs WHERE number IS NOT NULL) SELECT " columns           \
	" FROM runs CROSS JOIN flow_rows INDEXED BY flow_flow_id"        \
	" ON run = number AND flow_id = ?1"

/** The run of time that a start is in. */
#define SCHEMA_RUN(start) start " >> 42"

/** What a database is, by its header. Each returns an SQLite result code. */
int schema_identity(struct sqlite3 *db, int *ret_application, int *ret_version,
		    bool *ret_empty);

/**
 * What makes one version of the one before.
 *
 * Neither half may keep the writer from its records, however many rows there
 * are. What needs no look at them is done @at_once: new tables and columns, not
 * an index of the flows. What does is done in pieces, between batches, by
 * @piece: a statement for the flows whose numbers are above ?1 and up to ?2,
 * among those that were there before. Until it is through, "upkeep" has a row,
 * and readers find what it fills missing: NULL must mean "not known" to them.
 */
struct schema_step {
	const char *at_once, *piece; /* NULL: nothing */
};

/** Steps from nothing to SCHEMA_VERSION. */
extern const struct schema_step schema_steps[SCHEMA_VERSION];

/** Take the steps from @version to @last, in one transaction. Returns an SQLite
 *  result code. */
int schema_migrate(struct sqlite3 *db, const struct schema_step *steps,
		   int version, int last);

/**
 * Do one piece of what was left for later, @rows flows, within the caller's
 * transaction. @ret_more: there is more of it. Returns an SQLite result code.
 */
int schema_continue(struct sqlite3 *db, const struct schema_step *steps,
		    int64_t rows, bool *ret_more);
