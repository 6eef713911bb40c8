/* SPDX-License-Identifier: GPL-2.0-or-later */
/* read_list.c - flows and events from the store, by their time. */
#include "json/json.h"
#include "store/reader.h"
#include "store/record.h"
#include "store/sql.h"

/* Events, one ahead. */
struct ahead {
	sqlite3_stmt *stmt;
	bool there;
	int64_t time;
	int code;
};

static void step(struct ahead *a)
{
	a->code = sqlite3_step(a->stmt);
	a->there = a->code == SQLITE_ROW;
	a->time = a->there ? sqlite3_column_int64(a->stmt, RECORD_EVENT_TIME)
			   : 0;
}

static bool is_asked(const struct question *q, struct json_object *record)
{
	_cleanup_(row_fini) struct row row = { 0 };

	return row_take(record, &row) == 0 && question_matches(q, &row);
}

/* Events before @time. Returns false to end. */
static bool show_events(struct reader *r, const struct question *q,
			struct ahead *a, uint64_t time, source_fn fn, void *arg)
{
	for (; a->there && (uint64_t)a->time < time; step(a)) {
		_cleanup_(json_unrefp) struct json_object *record =
			record_of_event(r->names, a->stmt);

		if (is_asked(q, record) && !fn(arg, record))
			return false;
	}
	return true;
}

/* Returns SQLITE_DONE, SQLITE_ROW when @fn wants no more, or the error. */
static int list_part(struct reader *r, const struct plan *plan,
		     enum plan_part part, struct ahead *events, source_fn fn,
		     void *arg)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
	int code;

	if (plan_is_empty(plan, part))
		return SQLITE_DONE;
	code = plan_prepare(r->db, plan, part, RECORD_FLOW,
			    "ORDER BY start, id", &stmt);
	if (code != SQLITE_OK)
		return code;
	while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
		_cleanup_(json_unrefp) struct json_object *record = NULL;
		uint64_t start =
			(uint64_t)sqlite3_column_int64(stmt, RECORD_FLOW_START);

		if (!show_events(r, plan->question, events, start, fn, arg))
			return SQLITE_ROW;
		record = record_of_flow(r->names, stmt);
		if (!fn(arg, record))
			return SQLITE_ROW;
	}
	return code;
}

static int list_all(struct reader *r, const struct plan *plan, source_fn fn,
		    void *arg)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
	struct ahead events = { 0 };
	int code =
		plan_prepare_events(r->db, plan->question, RECORD_EVENT, &stmt);

	if (code != SQLITE_OK)
		return code;
	events.stmt = stmt;
	step(&events);
	for (unsigned part = 0; part < PLAN_PARTS; part++) {
		code = list_part(r, plan, (enum plan_part)part, &events, fn,
				 arg);
		if (code == SQLITE_ROW)
			return SQLITE_OK;
		if (code != SQLITE_DONE)
			return code;
	}
	show_events(r, plan->question, &events, UINT64_MAX, fn, arg);
	return events.code == SQLITE_ROW || events.code == SQLITE_DONE
		       ? SQLITE_OK
		       : events.code;
}

struct list {
	source_fn fn;
	void *arg;
};

static int list_planned(struct reader *r, struct plan *plan, void *arg)
{
	struct list *list = arg;

	int code = plan_choose_index(r->db, plan);

	return code == SQLITE_OK ? list_all(r, plan, list->fn, list->arg)
				 : code;
}

int read_list(struct source *s, const struct question *q, source_fn fn,
	      void *arg)
{
	struct list list = { fn, arg };

	return read_with_plan(reader_of(s), q, list_planned, &list);
}
