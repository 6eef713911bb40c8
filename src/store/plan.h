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
	/* Conditions but those of time, each with " AND " before it: a flow's
	 * own, and those that it shares with all flows of its kind. */
	char *where, *kind_where;
	VEC(const char *)
	values;		   /* of their parameters, in order; borrowed
				   * from the question */
	const char *index; /* that a list goes through; "": by numbers */
};

/** A time as the store has it. */
int64_t plan_time(uint64_t time);

/** Make temporary tables of what is named: from_party, to_party, asked_flow.
 *  Returns an SQLite result code, as all of these do. */
int plan_make(sqlite3 *db, const struct question *q, struct plan *ret);
void plan_fini(struct plan *p);

/** Choose the index for a list. */
int plan_choose_index(sqlite3 *db, struct plan *p);

/** Make temp.asked_flow(id) of the flow with this id. */
int plan_find_flow(sqlite3 *db, int64_t flow_id);

/** Prepare "SELECT id FROM kinds" of those that are asked for. */
int plan_prepare_kinds(sqlite3 *db, const struct plan *p, sqlite3_stmt **ret);

/** True when @part has nothing by what is asked. */
bool plan_is_empty(const struct plan *p, enum plan_part part);

/**
 * Prepare "SELECT @select FROM flow_rows WHERE …" for one part, by the time that
 * flows began at, and then by number.
 */
int plan_prepare(sqlite3 *db, const struct plan *p, enum plan_part part,
		 const char *select, sqlite3_stmt **ret);

/** The same for one flow, whenever it was: its number is the last parameter,
 *  and is not bound yet. */
int plan_prepare_one(sqlite3 *db, const struct plan *p, const char *select,
		     sqlite3_stmt **ret);

/** The numbers that were given last. */
struct read_marks {
	int64_t flow, record, event;
	bool set;
};

/** The same for flows that are new since @marks, or have a new record, by the
 *  time of their latest one. */
int plan_prepare_new(sqlite3 *db, const struct plan *p,
		     const struct read_marks *marks, const char *select,
		     sqlite3_stmt **ret);

/** The same for events, of which some may still not be asked for. */
int plan_prepare_events(sqlite3 *db, const struct question *q,
			const char *select, sqlite3_stmt **ret);
