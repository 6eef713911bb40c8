/* SPDX-License-Identifier: GPL-2.0-or-later */
/* statements.c - the SQL that records become rows by; write.c binds it. */
#include "store/inside.h"
#include "store/schema.h"
#include "store/sql.h"

/* In this order everywhere. Those up to "dst_port" are what indexes are of,
 * or what every flow keeps. */
#define COLUMNS                                                                \
	"flow_id, start, verdict, src, dst, dst_port,"                         \
	" origin, seq, time, stop, given, state, direction, reason, policies," \
	" proto, src_port, packets, bytes, packets_reply, bytes_reply,"        \
	" duration_ms, tcp_flags, icmp_type, icmp_code, iface_in, iface_out,"  \
	" phys_in, phys_out, community_id, extra"
#define MUTABLE                                                               \
	"origin = ?7, seq = ?8, time = ?9, stop = ?10, given = ?11,"          \
	" state = ?12, direction = ?13, reason = ?14, policies = ?15,"        \
	" proto = ?16, src_port = ?17, packets = ?18, bytes = ?19,"           \
	" packets_reply = ?20, bytes_reply = ?21, duration_ms = ?22,"         \
	" tcp_flags = ?23, icmp_type = ?24, icmp_code = ?25, iface_in = ?26," \
	" iface_out = ?27, phys_in = ?28, phys_out = ?29,"                    \
	" community_id = ?30, extra = ?31 WHERE id = ?32"

#define FOUND                                                      \
	"id, start, verdict, src, dst, dst_port, stop, time, seq," \
	" origin"

static const char *const texts[STORE_STATEMENTS] = {
	[STORE_FIND_FLOW] = "SELECT " FOUND " FROM flow_rows"
			    " INDEXED BY flow_flow_id WHERE run = " SCHEMA_RUN(
				    "?2") " AND flow_id = ?1",
	[STORE_FIND_OLD_FLOW] = SCHEMA_FIND_FLOW(FOUND) " LIMIT 1",
	[STORE_ADD_FLOW] =
		"INSERT INTO flow_rows(" COLUMNS
		", run) VALUES(?1, ?2, ?3, ?4, ?5,"
		" ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,"
		" ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30,"
		" ?31, " SCHEMA_RUN("?2") ")",
	[STORE_UPDATE_FLOW] = "UPDATE flow_rows SET " MUTABLE,
	[STORE_REWRITE_FLOW] =
		"UPDATE flow_rows SET start = ?2, run = " SCHEMA_RUN(
			"?2") ", verdict = ?3, src = ?4,"
			      " dst = ?5, dst_port = ?6, " MUTABLE,
	[STORE_FIRST_RECORD] =
		"INSERT OR IGNORE INTO flow_records(flow, time, seq, state,"
		" packets, bytes) SELECT id, time, ifnull(seq, 0), state,"
		" packets, bytes FROM flow_rows WHERE id = ?1 AND NOT EXISTS"
		" (SELECT 1 FROM flow_records WHERE flow = ?1)",
	[STORE_KNOWN_RECORD] = "SELECT 1 FROM flow_records WHERE flow = ?1"
			       " AND time = ?2 AND seq = ?3",
	[STORE_ADD_RECORD] =
		"INSERT OR IGNORE INTO flow_records(flow, time, seq, state,"
		" packets, bytes) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
	[STORE_ADD_PACKET] =
		"INSERT OR IGNORE INTO packets(flow, time, seq, bytes, link,"
		" head) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
	[STORE_ADD_EVENT] =
		"INSERT INTO events(origin, seq, time, event, level,"
		" container, message, extra)"
		" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[STORE_KNOWN_EVENT] =
		"SELECT 1 FROM events WHERE time = ?3 AND origin = ?1"
		" AND seq = ?2 AND event = ?4",
	[STORE_KNOWN_FLOW] =
		"SELECT 1 FROM flow_rows WHERE start = ?1 AND time = ?2"
		" AND seq = ?3 AND origin = ?4 AND flow_id IS NULL",
};

int store_prepare(sqlite3 *db, sqlite3_stmt *ret[static STORE_STATEMENTS])
{
	int r = SQLITE_OK;

	for (unsigned i = 0; i < STORE_STATEMENTS && r == SQLITE_OK; i++)
		r = sql_prepare(db, texts[i], &ret[i]);
	return r;
}
