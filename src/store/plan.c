/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan.c - a question in SQL; question.c says the same of one record.
 *
 * The text that is put together is ours alone: whatever was typed is bound.
 */
#include "store/plan.h"

#include <string.h>

#include "base/alloc.h"
#include "store/dict.h"
#include "store/schema.h"
#include "store/sql.h"

/* Entries that are counted at first, and by what more in each round. */
#define COUNT_FIRST 1024
#define COUNT_MORE  32
#define COUNT_LAST  (COUNT_FIRST * COUNT_MORE * COUNT_MORE * COUNT_MORE)

void plan_fini(struct plan *p)
{
	free(p->where);
	vec_fini(&p->values);
}

/* ---- parties ----------------------------------------------------------- */

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

/* All containers, less those of whom a label does not hold. */
static int add_labelled(sqlite3 *db, const char *table, const struct party *p)
{
	int r = add_containers(db, table, "?1 IS NULL AND ?2 IS NULL", NULL,
			       NULL);

	vec_foreach(label, &p->labels) {
		_cleanup_(sql_freep) char *text = sqlite3_mprintf(
			"DELETE FROM temp.%s WHERE id IN (SELECT p.id FROM"
			" parties p WHERE %s EXISTS(SELECT 1 FROM labels l"
			" WHERE l.container = p.container AND l.key = ?1"
			" AND (?2 IS NULL OR l.value = ?2)))",
			table, label->not ? "" : "NOT");
		_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;

		if (r == SQLITE_OK)
			r = run_bound(db, text, label->key, label->value,
				      &stmt);
	}
	return r;
}

static int add_parties(sqlite3 *db, const char *table, const struct party *p)
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

/* ---- conditions -------------------------------------------------------- */

static void add_text(struct plan *p, struct buf *where, const char *condition,
		     const char *value)
{
	if (!value)
		return;
	buf_addf(where, " AND %s", condition);
	vec_push(&p->values,
		 (struct plan_value){ .is_text = true, .text = value });
}

static void add_number(struct plan *p, struct buf *where, const char *condition,
		       int64_t value)
{
	buf_addf(where, " AND %s", condition);
	vec_push(&p->values, (struct plan_value){ .number = value });
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

static void add_conditions(struct plan *p)
{
	struct buf where = BUF_INIT(BUF_UNBOUNDED);
	const struct question *q = p->question;

	if (q->from.kind != PARTY_ANY)
		buf_adds(&where,
			 " AND src IN (SELECT id FROM temp.from_party)");
	if (q->to.kind != PARTY_ANY)
		buf_adds(&where, " AND dst IN (SELECT id FROM temp.to_party)");
	add_verdicts(p, &where);
	if (q->port.is_set)
		add_number(p, &where, "dst_port = ?", q->port.port);
	if (q->has_flow_id)
		add_number(p, &where, "flow_id = ?", q->flow_id);
	add_text(p, &where, WORD_IS("proto"), q->proto);
	add_text(p, &where, WORD_IS("reason"), q->reason);
	add_text(p, &where, WORD_IS("direction"), q->direction);
	add_text(p, &where,
		 "policies IN (SELECT policy_set FROM policies"
		 " WHERE policy = ?)",
		 q->policy);
	p->where = buf_take(&where);
}

/* ---- statements -------------------------------------------------------- */

static int64_t clamp(uint64_t time)
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
		return short_of(clamp(p->question->since)) == 0;
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
	int64_t since = clamp(p->question->since);
	int64_t until = clamp(p->question->until);
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

static void bind_values(sqlite3_stmt *stmt, const struct plan *p)
{
	int at = 4;

	vec_foreach(value, &p->values) {
		if (value->is_text)
			sql_bind_text(stmt, at++, value->text);
		else
			sqlite3_bind_int64(stmt, at++, value->number);
	}
}

static int prepare(sqlite3 *db, const struct plan *p, enum plan_part part,
		   const char *index, const char *select, const char *tail,
		   sqlite3_stmt **ret)
{
	bool whole = !*index;
	_cleanup_(sql_freep) char *text =
		sqlite3_mprintf("SELECT %s FROM flow_rows %s %s WHERE %s%s %s",
				select, whole ? "NOT INDEXED" : "INDEXED BY",
				index, time_condition(part), p->where, tail);
	int r = text ? sqlite3_prepare_v2(db, text, -1, ret, NULL)
		     : SQLITE_NOMEM;

	if (r != SQLITE_OK)
		return r;
	bind_times(*ret, p, part);
	bind_values(*ret, p);
	return SQLITE_OK;
}

bool plan_is_everything(const struct plan *p)
{
	return !p->question->no_flows && question_is_open(p->question) &&
	       !p->question->since && p->question->until >= INT64_MAX;
}

/* All flows there are, in no order: the table is read as it lies. */
static bool is_read_whole(const struct plan *p, const char *tail)
{
	return !p->question->since && p->question->until >= INT64_MAX &&
	       !strcmp(p->index, "flow_start") && !strncmp(tail, "GROUP", 5);
}

int plan_prepare(sqlite3 *db, const struct plan *p, enum plan_part part,
		 const char *select, const char *tail, sqlite3_stmt **ret)
{
	const char *index = p->index;

	if (is_read_whole(p, tail))
		index = "";
	else if (part == PLAN_LONG && strcmp(index, "flow_flow_id") != 0)
		index = "flow_long";
	return prepare(db, p, part, index, select, tail, ret);
}

int plan_prepare_one(sqlite3 *db, const struct plan *p, const char *select,
		     sqlite3_stmt **ret)
{
	_cleanup_(sql_freep) char *text = sqlite3_mprintf(
		"SELECT %s FROM flow_rows WHERE ?1 IS NULL AND ?2 IS NULL"
		" AND ?3 IS NULL%s AND id = ?",
		select, p->where);
	int r = text ? sqlite3_prepare_v2(db, text, -1, ret, NULL)
		     : SQLITE_NOMEM;

	if (r == SQLITE_OK)
		bind_values(*ret, p);
	return r;
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
	sqlite3_bind_int64(stmt, 1, short_of(clamp(p->question->since)));
	sqlite3_bind_int64(stmt, 2, clamp(p->question->until));
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

static int choose_index(sqlite3 *db, struct plan *p)
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

	p->index = q->has_flow_id ? "flow_flow_id" : "flow_start";
	if (q->has_flow_id || question_is_open(q))
		return SQLITE_OK;
	return choose(db, p, candidates, ARRAY_SIZE(candidates));
}

int plan_make(sqlite3 *db, const struct question *q, struct plan *ret)
{
	int r;

	*ret = (struct plan){ .question = q };
	r = add_parties(db, "from_party", &q->from);
	if (r == SQLITE_OK)
		r = add_parties(db, "to_party", &q->to);
	if (r != SQLITE_OK)
		return r;
	add_conditions(ret);
	return choose_index(db, ret);
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
	sqlite3_bind_int64(*ret, 1, clamp(q->since));
	sqlite3_bind_int64(*ret, 2, clamp(q->until));
	return SQLITE_OK;
}
