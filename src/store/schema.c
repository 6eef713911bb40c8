/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schema.c - the tables of the store, and how an older one becomes this one.
 *
 * bulkhead-flows(5) tells of them. What a flow shares with others stands in a
 * table of its own and is referred to by number: words, containers, parties (a
 * container at an address), sets of policies. Number 0 is nobody, nothing.
 *
 * To change the schema: add a step to the end of steps[]; never edit one.
 */
#include "store/schema.h"

#include <sqlite3.h>

#include "base/macro.h"

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
	"CREATE TABLE flow_rows(id INTEGER PRIMARY KEY, flow_id INTEGER,"
	" origin INTEGER NOT NULL, seq INTEGER, time INTEGER NOT NULL,"
	" start INTEGER NOT NULL, stop INTEGER NOT NULL,"
	" given INTEGER NOT NULL,"
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
	"CREATE UNIQUE INDEX flow_flow_id ON flow_rows(flow_id)"
	" WHERE flow_id IS NOT NULL;"
	"CREATE INDEX flow_start ON flow_rows(start);"
	"CREATE INDEX flow_long ON flow_rows(stop)"
	" WHERE stop - start > 60000000000;"
	"CREATE INDEX flow_src ON flow_rows(src, start);"
	"CREATE INDEX flow_dst ON flow_rows(dst, start);"
	"CREATE INDEX flow_port ON flow_rows(dst_port, start);"
	"CREATE INDEX flow_verdict ON flow_rows(verdict, start);"
	/* Each record of the flows that have several. */
	"CREATE TABLE flow_records(flow INTEGER NOT NULL, time INTEGER NOT NULL,"
	" seq INTEGER NOT NULL, state INTEGER, packets INTEGER, bytes INTEGER,"
	" PRIMARY KEY(flow, time, seq)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE packets(id INTEGER PRIMARY KEY, flow INTEGER NOT NULL,"
	" time INTEGER NOT NULL, seq INTEGER NOT NULL, bytes INTEGER,"
	" link INTEGER NOT NULL, head BLOB NOT NULL) STRICT;"
	"CREATE UNIQUE INDEX packet_flow ON packets(flow, time, seq);"
	"CREATE INDEX packet_time ON packets(time);"
	"CREATE TABLE events(id INTEGER PRIMARY KEY, origin INTEGER NOT NULL,"
	" seq INTEGER, time INTEGER NOT NULL, event INTEGER NOT NULL,"
	" level INTEGER, container INTEGER NOT NULL, message TEXT, extra TEXT)"
	" STRICT;"
	"CREATE INDEX event_time ON events(time);"
	"CREATE INDEX event_event ON events(event, time);"
	"CREATE INDEX event_container ON events(container, time)"
	" WHERE container <> 0;"
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

/* A time's flows are counted and summed by what stands in the index alone. */
static const char version_2[] =
	"DROP INDEX flow_start;"
	"CREATE INDEX flow_start ON flow_rows(start, src, dst, dst_port,"
	" verdict, packets, bytes);";

/* steps[n] makes version n + 1 of version n. */
static const char *const steps[] = { version_1, version_2 };
_Static_assert(ARRAY_SIZE(steps) == SCHEMA_VERSION, "a step is missing");

static int read_int(sqlite3 *db, const char *sql, int *ret)
{
	sqlite3_stmt *stmt = NULL;
	int r = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	if (r == SQLITE_OK) {
		r = sqlite3_step(stmt);
		if (r == SQLITE_ROW) {
			*ret = sqlite3_column_int(stmt, 0);
			r = SQLITE_OK;
		}
	}
	sqlite3_finalize(stmt);
	return r;
}

int schema_identity(struct sqlite3 *db, int *ret_application, int *ret_version,
		    bool *ret_empty)
{
	int tables = 0, r;

	r = read_int(db, "PRAGMA application_id", ret_application);
	if (r == SQLITE_OK)
		r = read_int(db, "PRAGMA user_version", ret_version);
	if (r == SQLITE_OK)
		r = read_int(db, "SELECT count(*) FROM sqlite_schema", &tables);
	*ret_empty = tables == 0;
	return r;
}

static int number_it(sqlite3 *db)
{
	char *sql = sqlite3_mprintf(
		"PRAGMA application_id=%d; PRAGMA user_version=%d",
		SCHEMA_APPLICATION, SCHEMA_VERSION);
	int r = sql ? sqlite3_exec(db, sql, NULL, NULL, NULL) : SQLITE_NOMEM;

	sqlite3_free(sql);
	return r;
}

int schema_migrate(struct sqlite3 *db, int version)
{
	int r = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	for (; r == SQLITE_OK && version < SCHEMA_VERSION; version++)
		r = sqlite3_exec(db, steps[version], NULL, NULL, NULL);
	if (r == SQLITE_OK)
		r = number_it(db);
	if (r == SQLITE_OK)
		r = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	if (r != SQLITE_OK)
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}
