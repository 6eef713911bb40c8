/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan.c - a question in SQL; question.c says the same of one record.
 *
 * The text that is put together is ours alone: whatever was typed is bound.
 */
#include "store/plan.h"

#include <string.h>

#include "base/alloc.h"
#include "store/parties.h"
#include "store/schema.h"
#include "store/sql.h"

/* Entries that are counted at first, and by what more in each round. */
#define COUNT_FIRST 1024
#define COUNT_MORE  32
#define COUNT_LAST  (COUNT_FIRST * COUNT_MORE * COUNT_MORE * COUNT_MORE)

void plan_fini(struct plan *p)
{
	free(p->where);
	free(p->kind_where);
	vec_fini(&p->values);
}

/* ---- conditions -------------------------------------------------------- */

static void add_text(struct plan *p, struct buf *where, const char *condition,
		     const char *value)
{
	if (!value)
		return;
	buf_addf(where, " AND %s", condition);
	vec_push(&p->values, value);
}

static void add_verdicts(struct plan *p, struct buf *where)
{
	static const struct {
		unsigned bit;
		const char *name;
	} verdicts[] = { { QUESTION_DENIED, "'denied'" },
			 { QUESTION_AUDIT, "'audit'" },
			 { QUESTION_ALLOWED, "'allowed'" } };
	const char *comma = "";

	if (!p->question->verdicts)
		return;
	buf_adds(where,
		 " AND verdict IN (SELECT id FROM words WHERE text IN (");
	for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++)
		if (p->question->verdicts & verdicts[i].bit) {
			buf_addf(where, "%s%s", comma, verdicts[i].name);
			comma = ", ";
		}
	buf_adds(where, "))");
}

#define WORD_IS(column) \
	column " = (SELECT id FROM words WHERE text = ? AND text <> '')"

/* What flows of one kind have in common, in flow_rows as in kinds. */
static void add_kind_conditions(struct plan *p)
{
	struct buf where = BUF_INIT(BUF_UNBOUNDED);
	const struct question *q = p->question;

	add_verdicts(p, &where);
	add_text(p, &where, WORD_IS("proto"), q->proto);
	add_text(p, &where, WORD_IS("reason"), q->reason);
	add_text(p, &where, WORD_IS("direction"), q->direction);
	add_text(p, &where,
		 "policies IN (SELECT policy_set FROM policies"
		 " WHERE policy = ?)",
		 q->policy);
	p->kind_where = buf_take(&where);
}

static void add_conditions(struct plan *p)
{
	struct buf where = BUF_INIT(BUF_UNBOUNDED);
	const struct question *q = p->question;

	if (q->from.kind != PARTY_ANY)
		buf_adds(&where,
			 " AND src IN (SELECT id FROM temp.from_party)");
	if (q->to.kind != PARTY_ANY)
		buf_adds(&where, " AND dst IN (SELECT id FROM temp.to_party)");
	if (q->port.is_set)
		buf_addf(&where, " AND dst_port = %u", q->port.port);
	if (q->has_flow_id)
		buf_adds(&where, " AND id IN (SELECT id FROM temp.asked_flow)");
	p->where = buf_take(&where);
	add_kind_conditions(p);
}

/* ---- statements -------------------------------------------------------- */

int64_t plan_time(uint64_t time)
{
	return time > INT64_MAX ? INT64_MAX : (int64_t)time;
}

/* The time before which only long flows can reach into what is asked. */
static int64_t short_of(int64_t since)
{
	return since > SCHEMA_LONG ? since - SCHEMA_LONG : 0;
}

bool plan_is_empty(const struct plan *p, enum plan_part part)
{
	if (p->question->no_flows || p->question->since > p->question->until)
		return true;
	if (part == PLAN_LONG)
		return short_of(plan_time(p->question->since)) == 0;
	return part == PLAN_BEFORE && p->question->since == 0;
}

/* Two parameters: bounds of the start; the third: the least stop. */
static const char *time_condition(enum plan_part part)
{
	switch (part) {
	case PLAN_LONG:
		return "start >= ?1 AND start < ?2 AND stop >= ?3"
		       " AND stop - start > 60000000000";
	case PLAN_BEFORE:
		return "start >= ?1 AND start < ?2 AND stop >= ?3";
	case PLAN_WITHIN:
	case PLAN_PARTS:
		break;
	}
	return "start >= ?1 AND start <= ?2 AND ?3 IS NOT NULL";
}

static void bind_times(sqlite3_stmt *stmt, const struct plan *p,
		       enum plan_part part)
{
	int64_t since = plan_time(p->question->since);
	int64_t until = plan_time(p->question->until);
	int64_t beyond = until < INT64_MAX ? until + 1 : until;
	int64_t low = 0, high = until;

	if (part == PLAN_LONG)
		high = MIN(short_of(since), beyond);
	else if (part == PLAN_BEFORE) {
		low = short_of(since);
		high = MIN(since, beyond);
	} else
		low = since;
	sqlite3_bind_int64(stmt, 1, low);
	sqlite3_bind_int64(stmt, 2, high);
	sqlite3_bind_int64(stmt, 3, since);
}

/* Parameters from the fourth on. */
static void bind_values(sqlite3_stmt *stmt, const struct plan *p)
{
	int at = 4;

	vec_foreach(value, &p->values)
		sql_bind_text(stmt, at++, *value);
}

/* An index for lists; "" is the table by its numbers. */
static const char *index_of(const struct plan *p, enum plan_part part)
{
	return *p->index && part == PLAN_LONG ? "flow_long" : p->index;
}

/* Where from, and in which order. Entries of several parties are sorted before
 * their rows are looked at, so that the first is shown soon and little is kept;
 * LIMIT keeps SQLite from leaving out that order. */
static char *rows_of(const struct plan *p, enum plan_part part)
{
	const char *index = index_of(p, part), *end = NULL;

	if (!strcmp(index, "flow_src"))
		end = "src IN (SELECT id FROM temp.from_party)";
	else if (!strcmp(index, "flow_dst"))
		end = "dst IN (SELECT id FROM temp.to_party)";
	if (end)
		return sqlite3_mprintf(
			"(SELECT id AS entry FROM flow_rows INDEXED BY %s WHERE"
			" start >= ?1 AND start <= ?2 AND %s ORDER BY start, id"
			" LIMIT -1) CROSS JOIN flow_rows ON id = entry",
			index, end);
	return sqlite3_mprintf("flow_rows %s %s",
			       *index ? "INDEXED BY" : "NOT INDEXED", index);
}

int plan_prepare(sqlite3 *db, const struct plan *p, enum plan_part part,
		 const char *select, sqlite3_stmt **ret)
{
	_cleanup_(sql_freep) char *rows = rows_of(p, part);
	_cleanup_(sql_freep) char *text = NULL;
	int r;

	if (!rows)
		return SQLITE_NOMEM;
	text = sqlite3_mprintf("SELECT %s FROM %s WHERE %s%s%s %s", select,
			       rows, time_condition(part), p->where,
			       p->kind_where,
			       *rows == '(' ? "" : "ORDER BY start, id");
	r = text ? sqlite3_prepare_v2(db, text, -1, ret, NULL) : SQLITE_NOMEM;
	if (r != SQLITE_OK)
		return r;
	bind_times(*ret, p, part);
	bind_values(*ret, p);
	return SQLITE_OK;
}

int plan_prepare_kinds(sqlite3 *db, const struct plan *p, sqlite3_stmt **ret)
{
	_cleanup_(sql_freep) char *text = sqlite3_mprintf(
		"SELECT id FROM kinds WHERE ?1 IS NULL AND ?2 IS NULL"
		" AND ?3 IS NULL%s",
		p->kind_where);
	int r = text ? sqlite3_prepare_v2(db, text, -1, ret, NULL)
		     : SQLITE_NOMEM;

	if (r == SQLITE_OK)
		bind_values(*ret, p);
	return r;
}

int plan_prepare_one(sqlite3 *db, const struct plan *p, const char *select,
		     sqlite3_stmt **ret)
{
	_cleanup_(sql_freep) char *text = sqlite3_mprintf(
		"SELECT %s FROM flow_rows WHERE ?1 IS NULL AND ?2 IS NULL"
		" AND ?3 IS NULL%s%s AND id = ?",
		select, p->where, p->kind_where);
	int r = text ? sqlite3_prepare_v2(db, text, -1, ret, NULL)
		     : SQLITE_NOMEM;

	if (r == SQLITE_OK)
		bind_values(*ret, p);
	return r;
}

int plan_prepare_new(sqlite3 *db, const struct plan *p,
		     const struct read_marks *marks, const char *select,
		     sqlite3_stmt **ret)
{
	_cleanup_(sql_freep) char *text = sqlite3_mprintf(
		"SELECT %s FROM flow_rows NOT INDEXED WHERE id IN"
		" (SELECT id FROM flow_rows WHERE id > %lld UNION"
		" SELECT flow FROM flow_records WHERE id > %lld)"
		" AND start <= ?1 AND stop >= ?2 AND ?3 IS NULL%s%s"
		" ORDER BY time, id",
		select, (long long)marks->flow, (long long)marks->record,
		p->where, p->kind_where);
	int r = text ? sqlite3_prepare_v2(db, text, -1, ret, NULL)
		     : SQLITE_NOMEM;

	if (r != SQLITE_OK)
		return r;
	sqlite3_bind_int64(*ret, 1, plan_time(p->question->until));
	sqlite3_bind_int64(*ret, 2, plan_time(p->question->since));
	bind_values(*ret, p);
	return SQLITE_OK;
}

/* ---- the choice -------------------------------------------------------- */

/* An index, and the condition that it is gone through by. */
struct candidate {
	const char *index, *condition;
	bool fits;
};

/* Entries of @c within the time, at most @limit. */
static int count(sqlite3 *db, const struct plan *p, const struct candidate *c,
		 int64_t limit, int64_t *ret)
{
	_cleanup_(sql_freep) char *text = sqlite3_mprintf(
		"SELECT count(*) FROM (SELECT 1 FROM flow_rows INDEXED BY %s"
		" WHERE start >= ?1 AND start <= ?2 %s LIMIT ?3)",
		c->index, c->condition);
	_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
	int r = sqlite3_prepare_v2(db, text, -1, &stmt, NULL);

	if (r != SQLITE_OK)
		return r;
	sqlite3_bind_int64(stmt, 1, short_of(plan_time(p->question->since)));
	sqlite3_bind_int64(stmt, 2, plan_time(p->question->until));
	sqlite3_bind_int64(stmt, 3, limit);
	if (p->question->port.is_set)
		sqlite3_bind_int64(stmt, 4, p->question->port.port);
	r = sqlite3_step(stmt);
	*ret = sqlite3_column_int64(stmt, 0);
	return r == SQLITE_ROW ? SQLITE_OK : r;
}

static int choose(sqlite3 *db, struct plan *p, const struct candidate *c,
		  size_t n)
{
	for (int64_t limit = COUNT_FIRST; limit < COUNT_LAST;
	     limit *= COUNT_MORE) {
		int64_t least = limit;

		for (size_t i = 0; i < n; i++) {
			int64_t entries = limit;
			int r = c[i].fits ? count(db, p, &c[i], limit, &entries)
					  : SQLITE_OK;

			if (r != SQLITE_OK)
				return r;
			if (entries < least) {
				least = entries;
				p->index = c[i].index;
			}
		}
		if (least < limit)
			return SQLITE_OK;
	}
	return SQLITE_OK;
}

int plan_choose_index(sqlite3 *db, struct plan *p)
{
	const struct question *q = p->question;
	const struct candidate candidates[] = {
		{ "flow_start", "", true },
		{ "flow_src", "AND src IN (SELECT id FROM temp.from_party)",
		  q->from.kind != PARTY_ANY },
		{ "flow_dst", "AND dst IN (SELECT id FROM temp.to_party)",
		  q->to.kind != PARTY_ANY },
		{ "flow_port", "AND dst_port = ?4", q->port.is_set },
		{ "flow_verdict",
		  q->verdicts == QUESTION_ALLOWED
			  ? "AND verdict = (SELECT id FROM words WHERE text ="
			    " 'allowed')"
		  : q->verdicts == QUESTION_AUDIT
			  ? "AND verdict = (SELECT id FROM words WHERE text ="
			    " 'audit')"
			  : "AND verdict = (SELECT id FROM words WHERE text ="
			    " 'denied')",
		  q->verdicts == QUESTION_ALLOWED ||
			  q->verdicts == QUESTION_AUDIT ||
			  q->verdicts == QUESTION_DENIED },
	};

	p->index = q->has_flow_id ? "" : "flow_start";
	if (q->has_flow_id || question_is_open(q))
		return SQLITE_OK;
	return choose(db, p, candidates, ARRAY_SIZE(candidates));
}

int plan_find_flow(sqlite3 *db, int64_t flow_id)
{
	static const char text[] =
		"INSERT INTO temp.asked_flow " SCHEMA_FIND_FLOW("id");
	_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
	int r = sql_run(db, "CREATE TEMP TABLE IF NOT EXISTS"
			    " asked_flow(id INTEGER PRIMARY KEY);"
			    "DELETE FROM temp.asked_flow");

	if (r == SQLITE_OK)
		r = sqlite3_prepare_v2(db, text, -1, &stmt, NULL);
	if (r != SQLITE_OK)
		return r;
	sqlite3_bind_int64(stmt, 1, flow_id);
	return sql_done(stmt);
}

/* The temporary tables that conditions refer to. */
static int select_rows(sqlite3 *db, const struct question *q)
{
	int r = parties_select(db, "from_party", &q->from);

	if (r == SQLITE_OK)
		r = parties_select(db, "to_party", &q->to);
	if (r == SQLITE_OK && q->has_flow_id)
		r = plan_find_flow(db, q->flow_id);
	return r;
}

int plan_make(sqlite3 *db, const struct question *q, struct plan *ret)
{
	int r;

	*ret = (struct plan){ .question = q };
	r = select_rows(db, q);
	if (r == SQLITE_OK)
		add_conditions(ret);
	return r;
}

/* ---- events ------------------------------------------------------------ */

int plan_prepare_events(sqlite3 *db, const struct question *q,
			const char *select, sqlite3_stmt **ret)
{
	struct buf gaps = BUF_INIT(BUF_UNBOUNDED);
	_cleanup_(freep) char *names = NULL;
	_cleanup_(sql_freep) char *text = NULL;
	int r;

	for (size_t i = 0; question_gaps[i]; i++)
		buf_addf(&gaps, "%s'%s'", i ? ", " : "", question_gaps[i]);
	names = buf_take(&gaps);
	if (q->events)
		text = sqlite3_mprintf("SELECT %s FROM events WHERE time"
				       " BETWEEN ?1 AND ?2 ORDER BY time, id",
				       select);
	else
		text = sqlite3_mprintf(
			"SELECT %s FROM events WHERE event IN (SELECT id FROM"
			" words WHERE text IN (%s)) AND time BETWEEN ?1 AND ?2"
			" ORDER BY time, id",
			select, names);
	r = text ? sqlite3_prepare_v2(db, text, -1, ret, NULL) : SQLITE_NOMEM;
	if (r != SQLITE_OK)
		return r;
	sqlite3_bind_int64(*ret, 1, plan_time(q->since));
	sqlite3_bind_int64(*ret, 2, plan_time(q->until));
	return SQLITE_OK;
}
