/* SPDX-License-Identifier: GPL-2.0-or-later */
/* read.c - the store as a source: how it is opened, counts and top lists. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "store/reader.h"
#include "store/schema.h"
#include "store/sql.h"
#include "store/sum.h"

#define BUSY_MS	  5000
#define CACHE_KIB 65536

int read_fail(struct reader *r, int code)
{
	if (code == SQLITE_OK)
		return 0;
	free(r->source.error);
	r->source.error =
		xstrdup(r->db ? sqlite3_errmsg(r->db) : sqlite3_errstr(code));
	return sql_errno(code);
}

static void read_close(struct source *s)
{
	struct reader *r = reader_of(s);

	names_close(r->names);
	sqlite3_close(r->db);
	free(s->error);
	free(r);
}

int read_with_plan(struct reader *r, const struct question *q,
		   int (*fn)(struct reader *r, struct plan *p, void *arg),
		   void *arg)
{
	_cleanup_(plan_fini) struct plan plan = { 0 };
	int code = sql_run(r->db, "BEGIN"), failed;

	if (code == SQLITE_OK)
		code = plan_make(r->db, q, &plan);
	if (code == SQLITE_OK)
		code = fn(r, &plan, arg);
	failed = read_fail(r, code);
	if (!sqlite3_get_autocommit(r->db))
		sql_run(r->db, "COMMIT");
	return failed;
}

/* ---- sums -------------------------------------------------------------- */

static int count_planned(struct reader *r, struct plan *plan, void *arg)
{
	return sum_count(r->db, plan, arg);
}

static int read_count(struct source *s, const struct question *q, uint64_t *ret)
{
	return read_with_plan(reader_of(s), q, count_planned, ret);
}

static int fold_planned(struct reader *r, struct plan *plan, void *arg)
{
	return sum_fold(r->db, r->names, plan, arg);
}

static int read_fold(struct source *s, const struct question *q,
		     struct fold *fold)
{
	return read_with_plan(reader_of(s), q, fold_planned, fold);
}

/* ---- opening ----------------------------------------------------------- */

static int check(struct reader *r)
{
	int application = 0, version = 0, code;
	bool empty = false;

	code = schema_identity(r->db, &application, &version, &empty);
	if (code != SQLITE_OK)
		return read_fail(r, code);
	if (application != SCHEMA_APPLICATION)
		return -EEXIST;
	if (version != SCHEMA_VERSION)
		return -EPROTO;
	code = sql_run(r->db, "PRAGMA trusted_schema = OFF;"
			      "PRAGMA cell_size_check = ON;"
			      "PRAGMA mmap_size = 1073741824");
	return read_fail(r, code);
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
		return read_fail(r, code);
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
		.close = read_close,
		.list = read_list,
		.count = read_count,
		.fold = read_fold,
		.records = read_records,
		.packets = read_packets,
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
		return read_fail(r, code);
	*ret = TAKE_PTR(s);
	return 0;
}
