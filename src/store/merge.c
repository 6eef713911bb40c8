/* SPDX-License-Identifier: GPL-2.0-or-later */
/* merge.c - rows of flows and of events, shown as records in one order. */
#include "store/merge.h"

#include "json/json.h"
#include "store/record.h"
#include "store/row.h"

static void step(struct merge *m)
{
	m->code = sqlite3_step(m->events);
	if (m->code == SQLITE_ROW)
		m->time = sqlite3_column_int64(m->events, RECORD_EVENT_TIME);
}

static bool is_asked(const struct question *q, struct json_object *record)
{
	_cleanup_(row_fini) struct row row = { 0 };

	return row_take(record, &row) == 0 && question_matches(q, &row);
}

/* Those before @time. */
static void show_events(struct merge *m, int64_t time)
{
	for (; m->code == SQLITE_ROW && m->time < time && !m->ended; step(m)) {
		_cleanup_(json_unrefp) struct json_object *record =
			record_of_event(m->names, m->events);

		if (is_asked(m->question, record))
			m->ended = !m->fn(m->arg, record);
	}
}

void merge_begin(struct merge *m)
{
	step(m);
}

int merge_flows(struct merge *m, sqlite3_stmt *flows, int time)
{
	int code = SQLITE_DONE;

	while (!m->ended && (code = sqlite3_step(flows)) == SQLITE_ROW) {
		_cleanup_(json_unrefp) struct json_object *record = NULL;

		show_events(m, sqlite3_column_int64(flows, time));
		if (m->ended)
			break;
		record = record_of_flow(m->names, flows);
		m->ended = !m->fn(m->arg, record);
	}
	return code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code;
}

int merge_end(struct merge *m)
{
	show_events(m, INT64_MAX);
	return m->code == SQLITE_ROW || m->code == SQLITE_DONE ? SQLITE_OK
							       : m->code;
}
