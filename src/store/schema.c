/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schema.c - the tables of the store, and how an older one becomes this one.
 *
 * bulkhead-flows(5) tells of them. What a flow shares with others stands in a
 * table of its own and is referred to by number: words, containers, parties (a
 * container at an address), sets of policies. Number 0 is nobody, nothing.
 *
 * To change the schema once a version is released: add a step to the end of
 * schema_steps[]; never edit one. Version 1 is the first that is released, so
 * nothing older is taken over.
 */
#include "store/schema.h"

#include <sqlite3.h>

#include "base/macro.h"
#include "store/sql.h"

static const char version_1[] =
	/* Who wrote. */
	"CREATE TABLE origins(id INTEGER PRIMARY KEY, host TEXT NOT NULL,"
	" boot_id TEXT NOT NULL, UNIQUE(host, boot_id)) STRICT;"
	"CREATE TABLE words(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)"
	" STRICT;"
	"INSERT INTO words VALUES(0, '');"
	/* A container as it was: with other labels it is another row. */
	"CREATE TABLE containers(id INTEGER PRIMARY KEY,"
	" container_id TEXT NOT NULL, name TEXT NOT NULL,"
	" namespace TEXT NOT NULL, image TEXT NOT NULL, runtime TEXT NOT NULL,"
	" hash INTEGER NOT NULL, json TEXT NOT NULL) STRICT;"
	"INSERT INTO containers VALUES(0, '', '', '', '', '', 0, '');"
	"CREATE INDEX container_hash ON containers(hash);"
	"CREATE INDEX container_name ON containers(name);"
	"CREATE TABLE labels(container INTEGER NOT NULL, key TEXT NOT NULL,"
	" value TEXT NOT NULL, PRIMARY KEY(container, key))"
	" STRICT, WITHOUT ROWID;"
	"CREATE INDEX label_key ON labels(key, value);"
	/* address_key: a byte of 4 or 6, then the address; sorts as addresses
	 * do. */
	"CREATE TABLE parties(id INTEGER PRIMARY KEY, container INTEGER NOT NULL,"
	" address TEXT NOT NULL, address_key BLOB NOT NULL, mac TEXT NOT NULL,"
	" name TEXT NOT NULL,"
	" UNIQUE(address_key, container, mac, name)) STRICT;"
	"CREATE INDEX party_container ON parties(container);"
	"CREATE INDEX party_name ON parties(name) WHERE name <> '';"
	"CREATE TABLE policy_sets(id INTEGER PRIMARY KEY,"
	" json TEXT NOT NULL UNIQUE) STRICT;"
	"CREATE TABLE policies(policy_set INTEGER NOT NULL,"
	" policy TEXT NOT NULL, PRIMARY KEY(policy, policy_set))"
	" STRICT, WITHOUT ROWID;"
	/* No id is given twice: who follows goes by them. */
	"CREATE TABLE flow_rows(id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" flow_id INTEGER,"
	" origin INTEGER NOT NULL, seq INTEGER, time INTEGER NOT NULL,"
	" start INTEGER NOT NULL, stop INTEGER NOT NULL,"
	" run INTEGER NOT NULL, given INTEGER NOT NULL,"
	" verdict INTEGER NOT NULL, state INTEGER, direction INTEGER,"
	" reason INTEGER, policies INTEGER, proto INTEGER,"
	" src INTEGER NOT NULL, src_port INTEGER,"
	" dst INTEGER NOT NULL, dst_port INTEGER,"
	" packets INTEGER, bytes INTEGER,"
	" packets_reply INTEGER, bytes_reply INTEGER, duration_ms INTEGER,"
	" tcp_flags INTEGER, icmp_type INTEGER, icmp_code INTEGER,"
	" iface_in INTEGER, iface_out INTEGER,"
	" phys_in INTEGER, phys_out INTEGER, community_id TEXT, extra TEXT)"
	" STRICT;"
	/* By the run of time that a flow began in (73 minutes), and only then
	 * by its id: ids are random, and so it is only the latest run's part of
	 * the index that is written to. */
	"CREATE UNIQUE INDEX flow_flow_id ON flow_rows(run, flow_id)"
	" WHERE flow_id IS NOT NULL;"
	"CREATE INDEX flow_start ON flow_rows(start);"
	"CREATE INDEX flow_long ON flow_rows(stop)"
	" WHERE stop - start > 60000000000;"
	"CREATE INDEX flow_src ON flow_rows(src, start);"
	"CREATE INDEX flow_dst ON flow_rows(dst, start);"
	"CREATE INDEX flow_port ON flow_rows(dst_port, start);"
	"CREATE INDEX flow_verdict ON flow_rows(verdict, start);"
	/* What sums are made of, see pack.h. */
	"CREATE TABLE kinds(id INTEGER PRIMARY KEY, origin INTEGER NOT NULL,"
	" verdict INTEGER NOT NULL, direction INTEGER NOT NULL,"
	" reason INTEGER NOT NULL, policies INTEGER NOT NULL,"
	" proto INTEGER NOT NULL,"
	" UNIQUE(origin, verdict, direction, reason, policies, proto)) STRICT;"
	"CREATE TABLE flow_packs(id INTEGER PRIMARY KEY, low INTEGER NOT NULL,"
	" high INTEGER NOT NULL, cells BLOB NOT NULL) STRICT;"
	"CREATE INDEX pack_span ON flow_packs(high, low);"
	/* Each record of the flows that have several. */
	"CREATE TABLE flow_records(id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" flow INTEGER NOT NULL, time INTEGER NOT NULL, seq INTEGER NOT NULL,"
	" state INTEGER, packets INTEGER, bytes INTEGER) STRICT;"
	"CREATE UNIQUE INDEX record_flow ON flow_records(flow, time, seq);"
	"CREATE TABLE packets(id INTEGER PRIMARY KEY, flow INTEGER NOT NULL,"
	" time INTEGER NOT NULL, seq INTEGER NOT NULL, bytes INTEGER,"
	" link INTEGER NOT NULL, head BLOB NOT NULL) STRICT;"
	"CREATE UNIQUE INDEX packet_flow ON packets(flow, time, seq);"
	"CREATE INDEX packet_time ON packets(time);"
	"CREATE TABLE events(id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" origin INTEGER NOT NULL, seq INTEGER, time INTEGER NOT NULL, event INTEGER NOT NULL,"
	" level INTEGER, container INTEGER NOT NULL, message TEXT, extra TEXT)"
	" STRICT;"
	"CREATE INDEX event_time ON events(time);"
	"CREATE INDEX event_event ON events(event, time);"
	"CREATE INDEX event_container ON events(container, time)"
	" WHERE container <> 0;"
	/* What a newer version left for later: see schema.h. */
	"CREATE TABLE upkeep(step INTEGER PRIMARY KEY, next INTEGER NOT NULL,"
	" last INTEGER NOT NULL) STRICT;"
	/* For people: names in place of numbers. */
	"CREATE VIEW flows AS SELECT f.id AS id,"
	" CASE WHEN f.flow_id IS NOT NULL"
	" THEN printf('%016x', f.flow_id) END AS flow_id,"
	" strftime('%Y-%m-%dT%H:%M:%S', f.start / 1000000000, 'unixepoch')"
	" || printf('.%09dZ', f.start % 1000000000) AS first,"
	" strftime('%Y-%m-%dT%H:%M:%S', f.stop / 1000000000, 'unixepoch')"
	" || printf('.%09dZ', f.stop % 1000000000) AS last,"
	" v.text AS verdict,"
	" (SELECT text FROM words WHERE id = f.state) AS state,"
	" (SELECT text FROM words WHERE id = f.direction) AS direction,"
	" (SELECT text FROM words WHERE id = f.reason) AS reason,"
	" (SELECT json FROM policy_sets WHERE id = f.policies) AS policies,"
	" (SELECT text FROM words WHERE id = f.proto) AS proto,"
	" s.address AS src_ip, f.src_port AS src_port, s.mac AS src_mac,"
	" s.name AS src_name, sc.namespace AS src_namespace,"
	" sc.name AS src_container, sc.container_id AS src_container_id,"
	" sc.image AS src_image,"
	" d.address AS dst_ip, f.dst_port AS dst_port, d.mac AS dst_mac,"
	" d.name AS dst_name, dc.namespace AS dst_namespace,"
	" dc.name AS dst_container, dc.container_id AS dst_container_id,"
	" dc.image AS dst_image,"
	" f.packets AS packets, f.bytes AS bytes,"
	" f.packets_reply AS packets_reply, f.bytes_reply AS bytes_reply,"
	" f.duration_ms AS duration_ms,"
	" (SELECT text FROM words WHERE id = f.tcp_flags) AS tcp_flags,"
	" f.icmp_type AS icmp_type, f.icmp_code AS icmp_code,"
	" (SELECT text FROM words WHERE id = f.iface_in) AS iface_in,"
	" (SELECT text FROM words WHERE id = f.iface_out) AS iface_out,"
	" f.community_id AS community_id,"
	" (SELECT host FROM origins WHERE id = f.origin) AS host,"
	" f.extra AS extra, f.start AS start, f.stop AS stop"
	" FROM flow_rows f JOIN words v ON v.id = f.verdict"
	" JOIN parties s ON s.id = f.src JOIN containers sc ON sc.id = s.container"
	" JOIN parties d ON d.id = f.dst JOIN containers dc ON dc.id = d.container;"
	"CREATE VIEW event_list AS SELECT e.id AS id,"
	" strftime('%Y-%m-%dT%H:%M:%S', e.time / 1000000000, 'unixepoch')"
	" || printf('.%09dZ', e.time % 1000000000) AS time,"
	" w.text AS event,"
	" (SELECT text FROM words WHERE id = e.level) AS level,"
	" c.namespace AS namespace, c.name AS container, e.message AS message,"
	" (SELECT host FROM origins WHERE id = e.origin) AS host,"
	" e.extra AS extra"
	" FROM events e JOIN words w ON w.id = e.event"
	" JOIN containers c ON c.id = e.container;";

/* The nth makes version n + 1 of version n. */
const struct schema_step schema_steps[] = { { .at_once = version_1 } };

int schema_identity(struct sqlite3 *db, int *ret_application, int *ret_version,
		    bool *ret_empty)
{
	int64_t application = 0, version = 0, tables = 0;
	int r;

	/* Who sees tables sees the rest: they come in one transaction. */
	r = sql_int(db, "SELECT count(*) FROM sqlite_schema", &tables);
	if (r == SQLITE_OK)
		r = sql_int(db, "PRAGMA application_id", &application);
	if (r == SQLITE_OK)
		r = sql_int(db, "PRAGMA user_version", &version);
	*ret_application = (int)application;
	*ret_version = (int)version;
	*ret_empty = tables == 0;
	return r;
}

static int run_numbered(sqlite3 *db, const char *format, int64_t a, int64_t b)
{
	_cleanup_(sql_freep) char *sql = sqlite3_mprintf(format, a, b);

	return sql ? sql_run(db, sql) : SQLITE_NOMEM;
}

/* What is to be done with the flows that there are. */
static int put_off(sqlite3 *db, int64_t step)
{
	return run_numbered(db,
			    "INSERT INTO upkeep SELECT %lld, %lld,"
			    " ifnull(max(id), 0) FROM flow_rows",
			    step, 0);
}

int schema_migrate(struct sqlite3 *db, const struct schema_step *steps,
		   int version, int last)
{
	int r = sql_run(db, "BEGIN IMMEDIATE");

	for (int i = version; r == SQLITE_OK && i < last; i++) {
		if (steps[i].at_once)
			r = sql_run(db, steps[i].at_once);
		if (r == SQLITE_OK && steps[i].piece)
			r = put_off(db, i);
	}
	if (r == SQLITE_OK)
		r = run_numbered(db,
				 "PRAGMA application_id = %lld;"
				 "PRAGMA user_version = %lld",
				 SCHEMA_APPLICATION, last);
	if (r == SQLITE_OK)
		r = sql_run(db, "COMMIT");
	if (r != SQLITE_OK)
		sql_run(db, "ROLLBACK");
	return r;
}

struct upkeep {
	int64_t step, next, last;
};

/* Returns SQLITE_ROW, or SQLITE_DONE when nothing was left for later. */
static int next_upkeep(sqlite3 *db, struct upkeep *ret)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
	int r = sqlite3_prepare_v2(db,
				   "SELECT step, next, last FROM upkeep"
				   " ORDER BY step LIMIT 1",
				   -1, &stmt, NULL);

	if (r != SQLITE_OK)
		return r;
	r = sqlite3_step(stmt);
	if (r == SQLITE_ROW) {
		ret->step = sqlite3_column_int64(stmt, 0);
		ret->next = sqlite3_column_int64(stmt, 1);
		ret->last = sqlite3_column_int64(stmt, 2);
	}
	return r;
}

static int run_piece(sqlite3 *db, const char *text, int64_t from, int64_t to)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
	int r = sqlite3_prepare_v2(db, text, -1, &stmt, NULL);

	if (r != SQLITE_OK)
		return r;
	sqlite3_bind_int64(stmt, 1, from);
	sqlite3_bind_int64(stmt, 2, to);
	return sql_done(stmt);
}

int schema_continue(struct sqlite3 *db, const struct schema_step *steps,
		    int64_t rows, bool *ret_more)
{
	struct upkeep u = { 0 };
	int64_t to;
	int r = next_upkeep(db, &u);

	*ret_more = r == SQLITE_ROW;
	if (r != SQLITE_ROW)
		return r == SQLITE_DONE ? SQLITE_OK : r;
	to = MIN(u.next + rows, u.last);
	r = run_piece(db, steps[u.step].piece, u.next, to);
	if (r != SQLITE_OK)
		return r;
	return to < u.last ? run_numbered(db,
					  "UPDATE upkeep SET next = %lld"
					  " WHERE step = %lld",
					  to, u.step)
			   : run_numbered(db,
					  "DELETE FROM upkeep WHERE step = %lld"
					  " AND next <= %lld",
					  u.step, to);
}
