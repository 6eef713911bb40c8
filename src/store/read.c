/* SPDX-License-Identifier: GPL-2.0-or-later */
/* read.c - answers from the store: rows become records again. */
#include <errno.h>
#include <json-c/json.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "json/json.h"
#include "store/names.h"
#include "store/plan.h"
#include "store/row.h"
#include "store/schema.h"
#include "store/source_ops.h"
#include "store/sql.h"

#define BUSY_MS	  5000
#define CACHE_KIB 65536

struct reader {
	struct source source;
	sqlite3 *db;
	struct names *names;
};

static struct reader *reader_of(struct source *s)
{
	return container_of(s, struct reader, source);
}

static int fail(struct reader *r, int code)
{
	if (code == SQLITE_OK)
		return 0;
	free(r->source.error);
	r->source.error =
		xstrdup(r->db ? sqlite3_errmsg(r->db) : sqlite3_errstr(code));
	return sql_errno(code);
}

static void reader_close(struct source *s)
{
	struct reader *r = reader_of(s);

	names_close(r->names);
	sqlite3_close(r->db);
	free(s->error);
	free(r);
}

/* ---- records ----------------------------------------------------------- */

/* Columns of FLOW_COLUMNS, in their order. */
enum column {
	C_FLOW_ID,
	C_ORIGIN,
	C_SEQ,
	C_TIME,
	C_START,
	C_STOP,
	C_GIVEN,
	C_VERDICT,
	C_STATE,
	C_DIRECTION,
	C_REASON,
	C_POLICIES,
	C_PROTO,
	C_SRC,
	C_SRC_PORT,
	C_DST,
	C_DST_PORT,
	C_PACKETS,
	C_BYTES,
	C_PACKETS_REPLY,
	C_BYTES_REPLY,
	C_DURATION_MS,
	C_TCP_FLAGS,
	C_ICMP_TYPE,
	C_ICMP_CODE,
	C_IFACE_IN,
	C_IFACE_OUT,
	C_PHYS_IN,
	C_PHYS_OUT,
	C_COMMUNITY_ID,
	C_EXTRA,
};

#define FLOW_COLUMNS                                                           \
	"flow_id, origin, seq, time, start, stop, given, verdict, state,"      \
	" direction, reason, policies, proto, src, src_port, dst, dst_port,"   \
	" packets, bytes, packets_reply, bytes_reply, duration_ms, tcp_flags," \
	" icmp_type, icmp_code, iface_in, iface_out, phys_in, phys_out,"       \
	" community_id, extra"

static bool is_null(sqlite3_stmt *stmt, int column)
{
	return sqlite3_column_type(stmt, column) == SQLITE_NULL;
}

static void put_number(struct json_object *to, const char *key,
		       sqlite3_stmt *stmt, int column)
{
	if (!is_null(stmt, column))
		json_object_object_add(
			to, key,
			json_object_new_int64(
				sqlite3_column_int64(stmt, column)));
}

static void put_time(struct json_object *to, const char *key, int64_t time)
{
	char text[CLOCK_STRLEN];

	json_object_object_add(
		to, key,
		json_object_new_string(clock_format((uint64_t)time, text)));
}

static void put_text(struct json_object *to, const char *key, const char *text)
{
	if (text && *text)
		json_object_object_add(to, key, json_object_new_string(text));
}

static void put_word(struct reader *r, struct json_object *to, const char *key,
		     sqlite3_stmt *stmt, int column)
{
	put_text(to, key,
		 names_word(r->names, sqlite3_column_int64(stmt, column)));
}

static void put_end(struct reader *r, struct json_object *to, const char *key,
		    sqlite3_stmt *stmt, int party, int port)
{
	struct json_object *end = json_object_new_object();
	struct row_int number = { !is_null(stmt, port),
				  sqlite3_column_int64(stmt, port) };

	names_put_party(r->names, sqlite3_column_int64(stmt, party), &number,
			end);
	if (json_object_object_length(end))
		json_object_object_add(to, key, end);
	else
		json_object_put(end);
}

static void put_extra(struct json_object *to, sqlite3_stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);
	_cleanup_(json_unrefp) struct json_object *extra =
		text ? json_parse(slice_of(text)) : NULL;

	if (extra)
		row_merge(to, extra);
}

static void put_flow_id(struct json_object *to, sqlite3_stmt *stmt)
{
	_cleanup_(freep) char *text = NULL;

	if (is_null(stmt, C_FLOW_ID))
		return;
	text = xasprintf("%016llx", (unsigned long long)sqlite3_column_int64(
					    stmt, C_FLOW_ID));
	put_text(to, "flow_id", text);
}

static void put_icmp(struct json_object *to, sqlite3_stmt *stmt)
{
	struct json_object *icmp;

	if (is_null(stmt, C_ICMP_TYPE))
		return;
	icmp = json_object_new_object();
	put_number(icmp, "type", stmt, C_ICMP_TYPE);
	put_number(icmp, "code", stmt, C_ICMP_CODE);
	json_object_object_add(to, "icmp", icmp);
}

static void put_counts(struct json_object *to, sqlite3_stmt *stmt)
{
	int given = sqlite3_column_int(stmt, C_GIVEN);

	put_number(to, "packets", stmt, C_PACKETS);
	put_number(to, "bytes", stmt, C_BYTES);
	if (given & 1)
		put_time(to, "first", sqlite3_column_int64(stmt, C_START));
	if (given & 2)
		put_time(to, "last", sqlite3_column_int64(stmt, C_STOP));
	put_number(to, "duration_ms", stmt, C_DURATION_MS);
	put_number(to, "packets_reply", stmt, C_PACKETS_REPLY);
	put_number(to, "bytes_reply", stmt, C_BYTES_REPLY);
}

/* In the order that the log's lines have. */
static struct json_object *flow_of(struct reader *r, sqlite3_stmt *stmt)
{
	struct json_object *to = json_object_new_object();

	put_time(to, "time", sqlite3_column_int64(stmt, C_TIME));
	names_put_origin(r->names, sqlite3_column_int64(stmt, C_ORIGIN), to);
	put_number(to, "seq", stmt, C_SEQ);
	put_word(r, to, "verdict", stmt, C_VERDICT);
	put_word(r, to, "direction", stmt, C_DIRECTION);
	put_word(r, to, "reason", stmt, C_REASON);
	names_put_policies(r->names, sqlite3_column_int64(stmt, C_POLICIES),
			   to);
	put_word(r, to, "proto", stmt, C_PROTO);
	put_end(r, to, "src", stmt, C_SRC, C_SRC_PORT);
	put_end(r, to, "dst", stmt, C_DST, C_DST_PORT);
	put_word(r, to, "tcp_flags", stmt, C_TCP_FLAGS);
	put_icmp(to, stmt);
	put_word(r, to, "iface_in", stmt, C_IFACE_IN);
	put_word(r, to, "iface_out", stmt, C_IFACE_OUT);
	put_word(r, to, "phys_in", stmt, C_PHYS_IN);
	put_word(r, to, "phys_out", stmt, C_PHYS_OUT);
	put_flow_id(to, stmt);
	put_word(r, to, "state", stmt, C_STATE);
	put_counts(to, stmt);
	put_text(to, "community_id",
		 (const char *)sqlite3_column_text(stmt, C_COMMUNITY_ID));
	put_extra(to, stmt, C_EXTRA);
	return to;
}

#define EVENT_COLUMNS \
	"origin, seq, time, event, level, container, message, extra"

static struct json_object *event_of(struct reader *r, sqlite3_stmt *stmt)
{
	struct json_object *to = json_object_new_object();

	put_time(to, "time", sqlite3_column_int64(stmt, 2));
	names_put_origin(r->names, sqlite3_column_int64(stmt, 0), to);
	put_number(to, "seq", stmt, 1);
	put_word(r, to, "event", stmt, 3);
	put_word(r, to, "level", stmt, 4);
	put_text(to, "message", (const char *)sqlite3_column_text(stmt, 6));
	names_put_container(r->names, sqlite3_column_int64(stmt, 5), to);
	put_extra(to, stmt, 7);
	return to;
}

/* ---- lists ------------------------------------------------------------- */

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
	a->time = a->there ? sqlite3_column_int64(a->stmt, 2) : 0;
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
			event_of(r, a->stmt);

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
	code = plan_prepare(r->db, plan, part, FLOW_COLUMNS,
			    "ORDER BY start, id", &stmt);
	if (code != SQLITE_OK)
		return code;
	while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
		_cleanup_(json_unrefp) struct json_object *record = NULL;
		uint64_t start = (uint64_t)sqlite3_column_int64(stmt, C_START);

		if (!show_events(r, plan->question, events, start, fn, arg))
			return SQLITE_ROW;
		record = flow_of(r, stmt);
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
	int code = plan_prepare_events(r->db, plan->question, EVENT_COLUMNS,
				       &stmt);

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

/* @fn on a plan, within one transaction: all of it sees the same rows. */
static int with_plan(struct reader *r, const struct question *q,
		     int (*fn)(struct reader *r, const struct plan *p,
			       void *arg),
		     void *arg)
{
	_cleanup_(plan_fini) struct plan plan = { 0 };
	int code = sql_run(r->db, "BEGIN"), failed;

	if (code == SQLITE_OK)
		code = plan_make(r->db, q, &plan);
	if (code == SQLITE_OK)
		code = fn(r, &plan, arg);
	failed = fail(r, code);
	if (!sqlite3_get_autocommit(r->db))
		sql_run(r->db, "COMMIT");
	return failed;
}

struct list {
	source_fn fn;
	void *arg;
};

static int list_planned(struct reader *r, const struct plan *plan, void *arg)
{
	struct list *list = arg;

	return list_all(r, plan, list->fn, list->arg);
}

static int reader_list(struct source *s, const struct question *q, source_fn fn,
		       void *arg)
{
	struct list list = { fn, arg };

	return with_plan(reader_of(s), q, list_planned, &list);
}

/* ---- sums -------------------------------------------------------------- */

/* SQLite counts the rows of a table page by page. */
static int count_everything(struct reader *r, uint64_t *ret)
{
	int64_t n = 0;
	int code = sql_int(r->db, "SELECT count(*) FROM flow_rows", &n);

	*ret = (uint64_t)n;
	return code;
}

static int count_planned(struct reader *r, const struct plan *plan, void *arg)
{
	uint64_t n = 0, *ret = arg;

	if (plan_is_everything(plan))
		return count_everything(r, ret);
	for (unsigned part = 0; part < PLAN_PARTS; part++) {
		_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
		int code;

		if (plan_is_empty(plan, (enum plan_part)part))
			continue;
		code = plan_prepare(r->db, plan, (enum plan_part)part,
				    "count(*)", "", &stmt);
		if (code == SQLITE_OK)
			code = sqlite3_step(stmt);
		if (code != SQLITE_ROW)
			return code;
		n += (uint64_t)sqlite3_column_int64(stmt, 0);
	}
	*ret = n;
	return SQLITE_OK;
}

static int reader_count(struct source *s, const struct question *q,
			uint64_t *ret)
{
	return with_plan(reader_of(s), q, count_planned, ret);
}

/* What flows of one group have in common, and their sums. */
static const char *group_column(enum fold_field field)
{
	switch (field) {
	case FOLD_SRC:
	case FOLD_SRC_IP:
	case FOLD_SRC_NAMESPACE:
	case FOLD_SRC_IMAGE:
		return "src";
	case FOLD_DST:
	case FOLD_DST_IP:
	case FOLD_DST_NAMESPACE:
	case FOLD_DST_IMAGE:
		return "dst";
	case FOLD_PORT:
		return "dst_port";
	case FOLD_PROTO:
		return "proto";
	case FOLD_VERDICT:
		return "verdict";
	case FOLD_DIRECTION:
		return "direction";
	case FOLD_REASON:
		return "reason";
	case FOLD_POLICY:
		return "policies";
	case FOLD_HOST:
		return "origin";
	case FOLD_FIELDS:
		break;
	}
	return "NULL";
}

struct folding {
	struct fold *fold;
	const struct fold_by *by;
};

/* The members that fold_value() looks at, from the group's columns; column 0 to
 * 2 are sums. */
static struct json_object *group_of(struct reader *r, const struct fold_by *by,
				    sqlite3_stmt *stmt)
{
	struct json_object *to = json_object_new_object();
	struct json_object *src = json_object_new_object();
	struct json_object *dst = json_object_new_object();
	const struct row_int none = { 0 };

	json_object_object_add(to, "src", src);
	json_object_object_add(to, "dst", dst);
	for (unsigned i = 0; i < by->n; i++) {
		const char *column = group_column(by->fields[i]);
		int at = (int)i + 3;
		int64_t n = sqlite3_column_int64(stmt, at);

		if (!strcmp(column, "src"))
			names_put_party(r->names, n, &none, src);
		else if (!strcmp(column, "dst"))
			names_put_party(r->names, n, &none, dst);
		else if (by->fields[i] == FOLD_PORT)
			put_number(dst, "port", stmt, at);
		else if (by->fields[i] == FOLD_POLICY)
			names_put_policies(r->names, n, to);
		else if (by->fields[i] == FOLD_HOST)
			names_put_origin(r->names, n, to);
		else
			put_word(r, to, column, stmt, at);
	}
	return to;
}

static int fold_part(struct reader *r, const struct plan *plan,
		     enum plan_part part, const struct folding *f)
{
	_cleanup_(buf_fini) struct buf select = BUF_INIT(BUF_UNBOUNDED);
	_cleanup_(buf_fini) struct buf group = BUF_INIT(BUF_UNBOUNDED);
	_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
	int code;

	buf_adds(&select, "count(*), sum(packets), sum(bytes)");
	for (unsigned i = 0; i < f->by->n; i++) {
		buf_addf(&select, ", %s", group_column(f->by->fields[i]));
		buf_addf(&group, "%s%u", i ? ", " : "GROUP BY ", i + 4);
	}
	code = plan_prepare(r->db, plan, part, buf_str(&select),
			    buf_str(&group), &stmt);
	if (code != SQLITE_OK)
		return code;
	while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
		_cleanup_(json_unrefp) struct json_object *record =
			group_of(r, f->by, stmt);

		fold_add(f->fold, record,
			 (uint64_t)sqlite3_column_int64(stmt, 0),
			 (uint64_t)sqlite3_column_int64(stmt, 1),
			 (uint64_t)sqlite3_column_int64(stmt, 2));
	}
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int fold_planned(struct reader *r, const struct plan *plan, void *arg)
{
	int code = SQLITE_OK;

	for (unsigned part = 0; part < PLAN_PARTS && code == SQLITE_OK; part++)
		if (!plan_is_empty(plan, (enum plan_part)part))
			code = fold_part(r, plan, (enum plan_part)part, arg);
	return code;
}

static int reader_fold(struct source *s, const struct question *q,
		       struct fold *fold, const struct fold_by *by)
{
	struct folding folding = { fold, by };

	return with_plan(reader_of(s), q, fold_planned, &folding);
}

/* ---- one flow ---------------------------------------------------------- */

static int reader_records(struct source *s, int64_t flow_id,
			  void (*fn)(void *arg, const struct source_record *r),
			  void *arg)
{
	/* A flow with one record has it in its own row. */
	static const char text[] =
		"SELECT r.time, r.seq, r.packets, r.bytes, r.state FROM"
		" flow_records r JOIN flow_rows f ON f.id = r.flow"
		" WHERE f.flow_id = ?1 UNION ALL SELECT time, ifnull(seq, 0),"
		" packets, bytes, state FROM flow_rows f WHERE flow_id = ?1"
		" AND NOT EXISTS(SELECT 1 FROM flow_records WHERE flow = f.id)"
		" ORDER BY 1, 2";
	struct reader *r = reader_of(s);
	_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(r->db, text, -1, &stmt, NULL);

	if (code != SQLITE_OK)
		return fail(r, code);
	sqlite3_bind_int64(stmt, 1, flow_id);
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
	return code == SQLITE_DONE ? 0 : fail(r, code);
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
		record = flow_of(r, flow);
		p->record = record;
		code = heads->fn(heads->arg, p) ? SQLITE_ROW : SQLITE_DONE;
	} else if (code == SQLITE_DONE) {
		code = SQLITE_ROW; /* of a flow that is not asked for */
	}
	sqlite3_reset(flow);
	return code;
}

static int packets_planned(struct reader *r, const struct plan *plan, void *arg)
{
	static const char text[] =
		"SELECT time, link, bytes, head, flow FROM packets"
		" WHERE time BETWEEN ?1 AND ?2 ORDER BY time, seq";
	_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL, *flow = NULL;
	const struct question *q = plan->question;
	int code = sqlite3_prepare_v2(r->db, text, -1, &stmt, NULL);

	/* Whether it was there then, the packet's own time has told. */
	if (code == SQLITE_OK)
		code = plan_prepare_one(r->db, plan, FLOW_COLUMNS, &flow);
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

static int reader_packets(struct source *s, const struct question *q,
			  bool (*fn)(void *arg, const struct source_packet *p),
			  void *arg)
{
	struct heads heads = { fn, arg };

	return with_plan(reader_of(s), q, packets_planned, &heads);
}

/* ---- opening ----------------------------------------------------------- */

static int check(struct reader *r)
{
	int application = 0, version = 0, code;
	bool empty = false;

	code = schema_identity(r->db, &application, &version, &empty);
	if (code != SQLITE_OK)
		return fail(r, code);
	if (application != SCHEMA_APPLICATION)
		return -EEXIST;
	if (version != SCHEMA_VERSION)
		return -EPROTO;
	code = sql_run(r->db, "PRAGMA temp_store = MEMORY;"
			      "PRAGMA trusted_schema = OFF;"
			      "PRAGMA cell_size_check = ON;"
			      "PRAGMA mmap_size = 1073741824");
	return fail(r, code);
}

/* With @how as the query of the file's URI. Returns 0 or -errno. */
static int try_open(struct reader *r, const char *path, const char *how)
{
	_cleanup_(buf_fini) struct buf uri = BUF_INIT(BUF_UNBOUNDED);
	int code;

	buf_adds(&uri, "file:");
	for (const char *c = path; *c; c++)
		buf_addf(&uri, strchr("?#%", *c) ? "%%%02x" : "%c",
			 (unsigned char)*c);
	buf_adds(&uri, how);
	sqlite3_close(r->db);
	r->db = NULL;
	code = sqlite3_open_v2(buf_str(&uri), &r->db,
			       SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX |
				       SQLITE_OPEN_URI | SQLITE_OPEN_EXRESCODE,
			       NULL);
	if (code != SQLITE_OK)
		return fail(r, code);
	sqlite3_busy_timeout(r->db, BUSY_MS);
	return check(r);
}

static bool has_log(const char *path)
{
	_cleanup_(freep) char *wal = xasprintf("%s-wal", path);

	return access(wal, F_OK) == 0;
}

int source_open_store(const char *path, struct source **ret)
{
	static const struct source_ops ops = {
		.close = reader_close,
		.list = reader_list,
		.count = reader_count,
		.fold = reader_fold,
		.records = reader_records,
		.packets = reader_packets,
	};
	_cleanup_(source_closep) struct source *s = NULL;
	struct reader *r;
	int e, code;

	if (access(path, R_OK) < 0)
		return -errno;
	r = xnew(struct reader);
	r->source.ops = &ops;
	s = &r->source;
	e = try_open(r, path, "?mode=ro");
	/* Nobody writes, and there may be no place for a log's index. */
	if (e < 0 && e != -EBADMSG && e != -EEXIST && e != -EPROTO &&
	    !has_log(path))
		e = try_open(r, path, "?immutable=1");
	if (e < 0)
		return e;
	code = names_open(r->db, &r->names);
	if (code != SQLITE_OK)
		return fail(r, code);
	*ret = TAKE_PTR(s);
	return 0;
}
