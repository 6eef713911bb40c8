/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store.c - opening, batches, and what becomes of a corrupt file. */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "store/inside.h"
#include "store/schema.h"
#include "store/sql.h"

/* How long another writer, such as somebody's sqlite3(1), is waited for. */
#define BUSY_MS 5000

/* KiB of pages in memory. */
#define CACHE_KIB 32768

int store_fail(struct store *s, int code)
{
	free(s->error);
	s->error = xasprintf("%s (%s)", sqlite3_errmsg(s->db),
			     sqlite3_errstr(code));
	return sql_errno(code);
}

const char *store_error(const struct store *s)
{
	return s->error ?: "";
}

const char *store_aside(const struct store *s)
{
	return s->aside ?: "";
}

/* ---- opening ----------------------------------------------------------- */

static void close_database(struct store *s)
{
	for (unsigned i = 0; i < STORE_STATEMENTS; i++) {
		sqlite3_finalize(s->statements[i]);
		s->statements[i] = NULL;
	}
	pack_close(s->pack);
	s->pack = NULL;
	dict_close(s->dict);
	s->dict = NULL;
	sqlite3_close(s->db);
	s->db = NULL;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->db) {
		/* Counts for whoever asks the planner, a bounded sample. */
		sql_run(s->db, "PRAGMA analysis_limit = 400; PRAGMA optimize");
	}
	close_database(s);
	free(s->path);
	free(s->aside);
	free(s->error);
	free(s);
}

/* The group may read it, as it may the log's file. */
static int make_file(const char *path, bool *ret_new)
{
	int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW,
		      0640);
	struct stat st;

	*ret_new = fd >= 0;
	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (errno != EEXIST)
		return -errno;
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode)   ? 0
	       : S_ISDIR(st.st_mode) ? -EISDIR
				     : -EINVAL;
}

/* Pages are given back, the log survives its writer for readers that may not
 * make one, and names come from nowhere but us. */
static int configure(struct store *s)
{
	int keep = 1, r;
	char *sql = sqlite3_mprintf(
		"PRAGMA journal_mode = WAL; PRAGMA synchronous = %s;"
		"PRAGMA cache_size = -%d; PRAGMA temp_store = MEMORY;"
		"PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
		"PRAGMA wal_autocheckpoint = 4000;"
		"PRAGMA journal_size_limit = 67108864",
		s->options.durable ? "FULL" : "NORMAL", CACHE_KIB);

	if (!sql)
		return SQLITE_NOMEM;
	r = sql_run(s->db, sql);
	sqlite3_free(sql);
	sqlite3_file_control(s->db, NULL, SQLITE_FCNTL_PERSIST_WAL, &keep);
	return r;
}

/* Whose database it is, and of which version. Returns 0 or -errno. */
static int adopt(struct store *s, enum store_state *state)
{
	int application = 0, version = 0, r;
	bool empty = false;

	r = schema_identity(s->db, &application, &version, &empty);
	if (r != SQLITE_OK)
		return store_fail(s, r);
	if (empty) {
		/* Before the first table, or never. */
		r = sql_run(s->db, "PRAGMA auto_vacuum = INCREMENTAL");
		if (*state == STORE_AS_IT_WAS)
			*state = STORE_NEW;
	} else if (application != SCHEMA_APPLICATION) {
		return -EEXIST;
	} else if (version > SCHEMA_VERSION) {
		return -EPROTO;
	} else if (version < SCHEMA_VERSION) {
		*state = STORE_MIGRATED;
	}
	if (r == SQLITE_OK)
		r = configure(s);
	if (r == SQLITE_OK && (empty || version < SCHEMA_VERSION))
		r = schema_migrate(s->db, schema_steps, empty ? 0 : version,
				   SCHEMA_VERSION);
	return r == SQLITE_OK ? 0 : store_fail(s, r);
}

/* An empty file with a log of its own was none once: somebody emptied it, and
 * who reads it keeps SQLite from beginning again. */
static bool is_emptied(const char *path)
{
	_cleanup_(freep) char *index = xasprintf("%s-shm", path);
	struct stat st;

	return stat(path, &st) == 0 && st.st_size == 0 &&
	       access(index, F_OK) == 0;
}

/* Returns 0 or -errno; -EBADMSG when the file is corrupt. */
static int open_database(struct store *s, enum store_state *state)
{
	bool new;
	int r = make_file(s->path, &new);

	if (r < 0)
		return r;
	if (new &&*state == STORE_AS_IT_WAS)
		*state = STORE_NEW;
	if (!new &&is_emptied(s->path))
		return -EBADMSG;
	r = sqlite3_open_v2(s->path, &s->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
				    SQLITE_OPEN_EXRESCODE,
			    NULL);
	if (r != SQLITE_OK)
		return store_fail(s, r);
	sqlite3_busy_timeout(s->db, BUSY_MS);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	r = adopt(s, state);
	if (r < 0)
		return r;
	r = dict_open(s->db, &s->dict);
	if (r == SQLITE_OK)
		r = pack_open(s->db, &s->pack);
	if (r == SQLITE_OK)
		r = store_prepare(s->db, s->statements);
	return r == SQLITE_OK ? 0 : store_fail(s, r);
}

/* ---- corruption -------------------------------------------------------- */

static char *aside_name(const char *path)
{
	time_t now = (time_t)(clock_realtime() / 1000000000U);
	char when[24];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
	for (unsigned n = 0;; n++) {
		char *name = n ? xasprintf("%s.corrupt-%s.%u", path, when, n)
			       : xasprintf("%s.corrupt-%s", path, when);

		if (access(name, F_OK) < 0)
			return name;
		free(name);
	}
}

static void move_with(const char *from, const char *to, const char *ending)
{
	_cleanup_(freep) char *old = xasprintf("%s%s", from, ending);
	_cleanup_(freep) char *new = xasprintf("%s%s", to, ending);

	/* One that is not there need not be moved. */
	if (rename(old, new) < 0 && errno != ENOENT)
		(void)unlink(old);
}

/* The write-ahead log belongs to the file that it is of. */
static int move_aside(struct store *s)
{
	_cleanup_(freep) char *name = aside_name(s->path);

	if (rename(s->path, name) < 0)
		return -errno;
	move_with(s->path, name, "-wal");
	move_with(s->path, name, "-shm");
	free(s->aside);
	s->aside = TAKE_PTR(name);
	return 0;
}

int store_replace(struct store *s)
{
	enum store_state state = STORE_REPLACED;
	int r;

	close_database(s);
	r = move_aside(s);
	return r < 0 ? r : open_database(s, &state);
}

int store_open(const char *path, const struct store_options *options,
	       struct store **ret, enum store_state *ret_state)
{
	_cleanup_(store_closep) struct store *s = xnew(struct store);
	enum store_state state = STORE_AS_IT_WAS;
	int r;

	s->path = xstrdup(path);
	s->options = *options;
	r = open_database(s, &state);
	if (r == -EBADMSG) {
		state = STORE_REPLACED;
		r = store_replace(s);
	}
	if (r < 0)
		return r;
	if (ret_state)
		*ret_state = state;
	*ret = TAKE_PTR(s);
	return 0;
}

/* ---- batches ----------------------------------------------------------- */

static int put_lines(struct store *s, const struct slice *lines, size_t n,
		     struct store_written *ret)
{
	int r = SQLITE_OK;

	for (size_t i = 0; r == SQLITE_OK && i < n; i++) {
		enum store_put put;

		r = store_put_line(s, lines[i], &put);
		ret->records += put == STORE_PUT;
		ret->known += put == STORE_PUT_KNOWN;
		ret->refused += put == STORE_PUT_REFUSED;
	}
	return r;
}

int store_begin(struct store *s)
{
	return sql_run(s->db, "BEGIN IMMEDIATE");
}

int store_commit(struct store *s)
{
	int r = pack_flush(s->pack);

	return r == SQLITE_OK ? sql_run(s->db, "COMMIT") : r;
}

int store_abandon(struct store *s, int code)
{
	int r = store_fail(s, code);

	if (!sqlite3_get_autocommit(s->db))
		sql_run(s->db, "ROLLBACK");
	pack_forget(s->pack);
	dict_forget(s->dict);
	return r;
}

static int write_once(struct store *s, const struct slice *lines, size_t n,
		      struct store_written *ret)
{
	int code;

	*ret = (struct store_written){ 0 };
	if (!s->db)
		return -EBADMSG;
	code = store_begin(s);
	if (code == SQLITE_OK)
		code = put_lines(s, lines, n, ret);
	if (code == SQLITE_OK)
		code = store_commit(s);
	return code == SQLITE_OK ? 0 : store_abandon(s, code);
}

int store_write(struct store *s, const struct slice *lines, size_t n,
		struct store_written *ret)
{
	struct store_written written;
	int r = write_once(s, lines, n, &written);

	if (r == -EBADMSG) {
		r = store_replace(s);
		if (r == 0)
			r = write_once(s, lines, n, &written);
		written.replaced = r == 0;
	}
	if (r == 0 && ret)
		*ret = written;
	return r;
}

int store_size(struct store *s, struct store_size *ret)
{
	int64_t pages = 0, unused = 0, size = 0;
	int r = s->db ? sql_int(s->db, "PRAGMA page_count", &pages)
		      : SQLITE_CORRUPT;

	if (r == SQLITE_OK)
		r = sql_int(s->db, "PRAGMA freelist_count", &unused);
	if (r == SQLITE_OK)
		r = sql_int(s->db, "PRAGMA page_size", &size);
	if (r != SQLITE_OK)
		return s->db ? store_fail(s, r) : -EBADMSG;
	ret->bytes = (uint64_t)(pages - unused) * (uint64_t)size;
	ret->file_bytes = (uint64_t)pages * (uint64_t)size;
	return 0;
}
