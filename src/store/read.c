/* SPDX-License-Identifier: GPL-2.0-or-later */
/* read.c - the store as a source: how it is opened, counts and top lists. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "store/reader.h"
#include "store/schema.h"
#include "store/sql.h"
#include "store/sum.h"

#define BUSY_MS 5000

int read_fail(struct reader *r, int code)
{
	if (code == SQLITE_OK)
		return 0;
	free(r->source.error);
	r->source.error =
		xstrdup(r->db ? sqlite3_errmsg(r->db) : sqlite3_errstr(code));
	return sql_errno(code);
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
	if (empty)
		return -ENODATA;
	if (application != SCHEMA_APPLICATION)
		return -EEXIST;
	if (version != SCHEMA_VERSION)
		return -EPROTO;
	/* Not mapped into memory: whoever cuts the file short would kill us. */
	code = sql_run(r->db, "PRAGMA trusted_schema = OFF;"
			      "PRAGMA cell_size_check = ON");
	if (code == SQLITE_OK)
		code = names_open(r->db, &r->names);
	return read_fail(r, code);
}

static void close_database(struct reader *r)
{
	names_close(r->names);
	r->names = NULL;
	sqlite3_close(r->db);
	r->db = NULL;
}

static void read_close(struct source *s)
{
	struct reader *r = reader_of(s);

	close_database(r);
	free(r->path);
	free(s->error);
	free(r);
}

/* With @how as the query of the file's URI. Returns 0 or -errno. */
static int try_open(struct reader *r, const char *how)
{
	_cleanup_(buf_fini) struct buf uri = BUF_INIT(BUF_UNBOUNDED);
	int code;

	buf_adds(&uri, "file:");
	for (const char *c = r->path; *c; c++)
		buf_addf(&uri, strchr("?#%", *c) ? "%%%02x" : "%c",
			 (unsigned char)*c);
	buf_adds(&uri, how);
	close_database(r);
	code = sqlite3_open_v2(buf_str(&uri), &r->db,
			       SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX |
				       SQLITE_OPEN_URI | SQLITE_OPEN_EXRESCODE,
			       NULL);
	if (code != SQLITE_OK)
		return read_fail(r, code);
	sqlite3_busy_timeout(r->db, BUSY_MS);
	return check(r);
}

static bool has_bytes(const struct reader *r, const char *ending)
{
	_cleanup_(freep) char *path = xasprintf("%s%s", r->path, ending);
	struct stat st;

	return stat(path, &st) == 0 && st.st_size > 0;
}

/* True when there may be records that the file itself does not have. */
static bool has_log(const struct reader *r)
{
	return has_bytes(r, "-wal");
}

static bool may_pass(int e)
{
	return e != -EBADMSG && e != -EEXIST && e != -EPROTO && e != -ENODATA;
}

static int open_database(struct reader *r)
{
	int e = try_open(r, "?mode=ro");

	r->immutable = false;
	if (e == 0 || !may_pass(e))
		return e;
	/* There may be no place for a log's index, which nobody needs while
	 * nobody writes. */
	r->immutable = !has_log(r);
	if (r->immutable)
		return try_open(r, "?immutable=1");
	return has_bytes(r, "-shm") ? e : -EACCES;
}

int read_refresh(struct reader *r)
{
	if (!r->immutable || !has_log(r))
		return 0;
	r->version = -1;
	return open_database(r);
}

int source_open_store(const char *path, struct source **ret)
{
	static const struct source_ops ops = {
		.close = read_close,
		.list = read_list,
		.news = read_news,
		.count = read_count,
		.fold = read_fold,
		.records = read_records,
		.packets = read_packets,
	};
	_cleanup_(source_closep) struct source *s = NULL;
	struct reader *r;
	int e;

	if (access(path, R_OK) < 0)
		return -errno;
	r = xnew(struct reader);
	r->source.ops = &ops;
	r->path = xstrdup(path);
	s = &r->source;
	e = open_database(r);
	if (e < 0)
		return e;
	*ret = TAKE_PTR(s);
	return 0;
}
