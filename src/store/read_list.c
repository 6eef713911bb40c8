/* SPDX-License-Identifier: GPL-2.0-or-later */
/* read_list.c - flows and events from the store: all of them by their time, or
 * what is new. */
#include "store/merge.h"
#include "store/reader.h"
#include "store/record.h"
#include "store/sql.h"

struct list {
	source_fn fn;
	void *arg;
};

/* ---- all --------------------------------------------------------------- */

static int list_part(struct reader *r, const struct plan *plan,
		     enum plan_part part, struct merge *m)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *flows = NULL;
	int code;

	if (plan_is_empty(plan, part))
		return SQLITE_OK;
	code = plan_prepare(r->db, plan, part, RECORD_FLOW, &flows);
	return code == SQLITE_OK ? merge_flows(m, flows, RECORD_FLOW_START)
				 : code;
}

static int list_all(struct reader *r, struct plan *plan, void *arg)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *events = NULL;
	const struct list *list = arg;
	struct merge m = { .names = r->names,
			   .question = plan->question,
			   .fn = list->fn,
			   .arg = list->arg };
	int code = plan_choose_index(r->db, plan);

	if (code == SQLITE_OK)
		code = plan_prepare_events(r->db, plan->question, RECORD_EVENT,
					   &events);
	if (code != SQLITE_OK)
		return code;
	m.events = events;
	merge_begin(&m);
	for (unsigned part = 0; part < PLAN_PARTS && code == SQLITE_OK; part++)
		code = list_part(r, plan, (enum plan_part)part, &m);
	return code == SQLITE_OK ? merge_end(&m) : code;
}

int read_list(struct source *s, const struct question *q, source_fn fn,
	      void *arg)
{
	struct list list = { fn, arg };

	return read_with_plan(reader_of(s), q, list_all, &list);
}

/* ---- what is new ------------------------------------------------------- */

/* No number is given twice, so what is new has a larger one. */
static int read_marks(struct reader *r, struct read_marks *ret)
{
	static const char text[] =
		"SELECT (SELECT ifnull(max(id), 0) FROM flow_rows),"
		" (SELECT ifnull(max(id), 0) FROM flow_records),"
		" (SELECT ifnull(max(id), 0) FROM events)";
	_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(r->db, text, -1, &stmt, NULL);

	if (code != SQLITE_OK)
		return code;
	code = sqlite3_step(stmt);
	if (code != SQLITE_ROW)
		return code;
	/* The newest ones may have gone meanwhile. */
	ret->flow = MAX(r->marks.flow, sqlite3_column_int64(stmt, 0));
	ret->record = MAX(r->marks.record, sqlite3_column_int64(stmt, 1));
	ret->event = MAX(r->marks.event, sqlite3_column_int64(stmt, 2));
	ret->set = true;
	return SQLITE_OK;
}

static int prepare_new_events(struct reader *r, sqlite3_stmt **ret)
{
	int code = sqlite3_prepare_v2(r->db,
				      "SELECT " RECORD_EVENT " FROM events"
				      " WHERE id > ?1 ORDER BY time, id",
				      -1, ret, NULL);

	if (code == SQLITE_OK)
		sqlite3_bind_int64(*ret, 1, r->marks.event);
	return code;
}

static int list_new(struct reader *r, struct plan *plan, void *arg)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *flows = NULL, *events = NULL;
	const struct list *list = arg;
	struct merge m = { .names = r->names,
			   .question = plan->question,
			   .fn = list->fn,
			   .arg = list->arg };
	int code = prepare_new_events(r, &events);

	if (code == SQLITE_OK)
		code = plan_prepare_new(r->db, plan, &r->marks, RECORD_FLOW,
					&flows);
	if (code != SQLITE_OK)
		return code;
	m.events = events;
	merge_begin(&m);
	if (!plan_is_empty(plan, PLAN_WITHIN))
		code = merge_flows(&m, flows, RECORD_FLOW_TIME);
	return code == SQLITE_OK ? merge_end(&m) : code;
}

static int list_news(struct reader *r, struct plan *plan, void *arg)
{
	struct read_marks now = { 0 };
	int code = read_marks(r, &now);

	if (code == SQLITE_OK)
		code = r->marks.set ? list_new(r, plan, arg)
				    : list_all(r, plan, arg);
	if (code == SQLITE_OK)
		r->marks = now;
	return code;
}

int read_news(struct source *s, const struct question *q, source_fn fn,
	      void *arg)
{
	struct reader *r = reader_of(s);
	struct list list = { fn, arg };
	int64_t version = 0;
	int code, failed = read_refresh(r);

	if (failed < 0)
		return failed;
	code = sql_int(r->db, "PRAGMA data_version", &version);
	if (code != SQLITE_OK)
		return read_fail(r, code);
	if (r->marks.set && version == r->version)
		return 0;
	failed = read_with_plan(r, q, list_news, &list);
	if (failed == 0)
		r->version = version;
	return failed;
}
