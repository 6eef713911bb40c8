/* SPDX-License-Identifier: GPL-2.0-or-later */
/* record.c - rows of the store become records again. */
#include "store/record.h"

#include <json-c/json.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "json/json.h"

/* Columns of RECORD_FLOW, in their order. */
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

static void put_word(struct names *names, struct json_object *to,
		     const char *key, sqlite3_stmt *stmt, int column)
{
	put_text(to, key,
		 names_word(names, sqlite3_column_int64(stmt, column)));
}

static void put_end(struct names *names, struct json_object *to,
		    const char *key, sqlite3_stmt *stmt, int party, int port)
{
	struct json_object *end = json_object_new_object();
	struct row_int number = { !is_null(stmt, port),
				  sqlite3_column_int64(stmt, port) };

	names_put_party(names, sqlite3_column_int64(stmt, party), &number, end);
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
	put_number(to, "packets_reply", stmt, C_PACKETS_REPLY);
	put_number(to, "bytes_reply", stmt, C_BYTES_REPLY);
	put_number(to, "duration_ms", stmt, C_DURATION_MS);
	if (given & 1)
		put_time(to, "first", sqlite3_column_int64(stmt, C_START));
	if (given & 2)
		put_time(to, "last", sqlite3_column_int64(stmt, C_STOP));
}

/* In the order that the log's lines have; what has no column comes last. */
struct json_object *record_of_flow(struct names *names, sqlite3_stmt *stmt)
{
	struct json_object *to = json_object_new_object();

	put_time(to, "time", sqlite3_column_int64(stmt, C_TIME));
	names_put_origin(names, sqlite3_column_int64(stmt, C_ORIGIN), to);
	put_number(to, "seq", stmt, C_SEQ);
	put_word(names, to, "verdict", stmt, C_VERDICT);
	put_flow_id(to, stmt);
	put_word(names, to, "state", stmt, C_STATE);
	put_word(names, to, "direction", stmt, C_DIRECTION);
	put_word(names, to, "reason", stmt, C_REASON);
	names_put_policies(names, sqlite3_column_int64(stmt, C_POLICIES), to);
	put_word(names, to, "proto", stmt, C_PROTO);
	put_end(names, to, "src", stmt, C_SRC, C_SRC_PORT);
	put_end(names, to, "dst", stmt, C_DST, C_DST_PORT);
	put_word(names, to, "tcp_flags", stmt, C_TCP_FLAGS);
	put_icmp(to, stmt);
	put_word(names, to, "iface_in", stmt, C_IFACE_IN);
	put_word(names, to, "iface_out", stmt, C_IFACE_OUT);
	put_word(names, to, "phys_in", stmt, C_PHYS_IN);
	put_word(names, to, "phys_out", stmt, C_PHYS_OUT);
	put_counts(to, stmt);
	put_text(to, "community_id",
		 (const char *)sqlite3_column_text(stmt, C_COMMUNITY_ID));
	put_extra(to, stmt, C_EXTRA);
	return to;
}

struct json_object *record_of_event(struct names *names, sqlite3_stmt *stmt)
{
	struct json_object *to = json_object_new_object();

	put_time(to, "time", sqlite3_column_int64(stmt, 2));
	names_put_origin(names, sqlite3_column_int64(stmt, 0), to);
	put_number(to, "seq", stmt, 1);
	put_word(names, to, "event", stmt, 3);
	put_word(names, to, "level", stmt, 4);
	put_text(to, "message", (const char *)sqlite3_column_text(stmt, 6));
	names_put_container(names, sqlite3_column_int64(stmt, 5), to);
	put_extra(to, stmt, 7);
	return to;
}
