/* SPDX-License-Identifier: GPL-2.0-or-later */
/* read_flow.c - what the store has of single records: a flow's, and the heads of
 * packets. */
#include <json-c/json.h>

#include "json/json.h"
#include "store/reader.h"
#include "store/record.h"
#include "store/sql.h"

int read_records(struct source *s, int64_t flow_id,
		 void (*fn)(void *arg, const struct source_record *r),
		 void *arg)
{
	/* A flow with one record has it in its own row. */
	static const char text[] =
		"SELECT r.time, r.seq, r.packets, r.bytes, r.state FROM"
		" flow_records r JOIN flow_rows f ON f.id = r.flow"
		" WHERE f.id IN (SELECT id FROM temp.asked_flow) UNION ALL SELECT time, ifnull(seq, 0),"
		" packets, bytes, state FROM flow_rows f WHERE"
		" f.id IN (SELECT id FROM temp.asked_flow)"
		" AND NOT EXISTS(SELECT 1 FROM flow_records WHERE flow = f.id)"
		" ORDER BY 1, 2";
	struct reader *r = reader_of(s);
	_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
	int code = plan_find_flow(r->db, flow_id);

	if (code == SQLITE_OK)
		code = sqlite3_prepare_v2(r->db, text, -1, &stmt, NULL);
	if (code != SQLITE_OK)
		return read_fail(r, code);
	while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct source_record record = {
			.time = (uint64_t)sqlite3_column_int64(stmt, 0),
			.seq = sqlite3_column_int64(stmt, 1),
			.packets = sqlite3_column_int64(stmt, 2),
			.bytes = sqlite3_column_int64(stmt, 3),
			.state = names_word(r->names,
					    sqlite3_column_int64(stmt, 4)),
		};

		fn(arg, &record);
	}
	return code == SQLITE_DONE ? 0 : read_fail(r, code);
}

/* ---- packets ----------------------------------------------------------- */

struct heads {
	bool (*fn)(void *arg, const struct source_packet *p);
	void *arg;
};

/* Returns SQLITE_ROW to go on, SQLITE_DONE to end, or an error. */
static int show_head(struct reader *r, sqlite3_stmt *flow, int64_t id,
		     struct source_packet *p, const struct heads *heads)
{
	_cleanup_(json_unrefp) struct json_object *record = NULL;
	int code;

	sqlite3_bind_int64(flow, sqlite3_bind_parameter_count(flow), id);
	code = sqlite3_step(flow);
	if (code == SQLITE_ROW) {
		record = record_of_flow(r->names, flow);
		p->record = record;
		code = heads->fn(heads->arg, p) ? SQLITE_ROW : SQLITE_DONE;
	} else if (code == SQLITE_DONE) {
		code = SQLITE_ROW; /* of a flow that is not asked for */
	}
	sqlite3_reset(flow);
	return code;
}

static int packets_planned(struct reader *r, struct plan *plan, void *arg)
{
	static const char text[] =
		"SELECT time, link, bytes, head, flow FROM packets"
		" WHERE time BETWEEN ?1 AND ?2 ORDER BY time, seq";
	_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL, *flow = NULL;
	const struct question *q = plan->question;
	int code = sqlite3_prepare_v2(r->db, text, -1, &stmt, NULL);

	/* Whether it was there then, the packet's own time has told. */
	if (code == SQLITE_OK)
		code = plan_prepare_one(r->db, plan, RECORD_FLOW, &flow);
	if (code != SQLITE_OK)
		return code;
	sqlite3_bind_int64(stmt, 1, (int64_t)MIN(q->since, INT64_MAX));
	sqlite3_bind_int64(stmt, 2, (int64_t)MIN(q->until, INT64_MAX));
	while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
		const char *link =
			names_word(r->names, sqlite3_column_int64(stmt, 1));
		struct source_packet p = {
			.time = (uint64_t)sqlite3_column_int64(stmt, 0),
			.link = *link ? link : "ip",
			.bytes = sqlite3_column_int64(stmt, 2),
			.head = { sqlite3_column_blob(stmt, 3),
				  (size_t)sqlite3_column_bytes(stmt, 3) },
		};

		code = show_head(r, flow, sqlite3_column_int64(stmt, 4), &p,
				 arg);
		if (code != SQLITE_ROW)
			break;
	}
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

int read_packets(struct source *s, const struct question *q,
		 bool (*fn)(void *arg, const struct source_packet *p),
		 void *arg)
{
	struct heads heads = { fn, arg };

	return read_with_plan(reader_of(s), q, packets_planned, &heads);
}
