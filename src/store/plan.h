/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan.h - a question in SQL.
 *
 * Which index answers it best is found out by counting: of each that fits, the
 * entries that it would go through, all at once and up to a bound that grows
 * until one stays below it. No statistics can be out of date.
 */
#pragma once

#include <sqlite3.h>

#include "base/vec.h"
#include "store/question.h"

struct plan_value {
	bool is_text;
	int64_t number;
	const char *text; /* borrowed from the question */
};

/** A flow is in the answer by one of these parts, never by two. Every flow of a
 *  part begins before those of the next. */
enum plan_part {
	PLAN_LONG,   /* began long before the time that is asked for */
	PLAN_BEFORE, /* began shortly before it */
	PLAN_WITHIN,
	PLAN_PARTS,
};

struct plan {
	const struct question *question;
	char *where; /* conditions but those of time, each with " AND " before
		      * it */
	VEC(struct plan_value) values; /* of @where's parameters, in order */
	const char *index; /* that is gone through; "flow_start" for none */
};

/** Make temporary tables of the parties, and choose the index. Returns an SQLite
 *  result code. */
int plan_make(sqlite3 *db, const struct question *q, struct plan *ret);
void plan_fini(struct plan *p);

/** True when every flow that there is is asked for. */
bool plan_is_everything(const struct plan *p);

/** True when @part has nothing by what is asked. */
bool plan_is_empty(const struct plan *p, enum plan_part part);

/**
 * Prepare "SELECT @select FROM flow_rows WHERE … @tail" for one part.
 *
 * Returns an SQLite result code.
 */
int plan_prepare(sqlite3 *db, const struct plan *p, enum plan_part part,
		 const char *select, const char *tail, sqlite3_stmt **ret);

/** The same for one flow, whenever it was: its number is the last parameter,
 *  and is not bound yet. */
int plan_prepare_one(sqlite3 *db, const struct plan *p, const char *select,
		     sqlite3_stmt **ret);

/** The same for events, of which some may still not be asked for. */
int plan_prepare_events(sqlite3 *db, const struct question *q,
			const char *select, sqlite3_stmt **ret);
