/* SPDX-License-Identifier: GPL-2.0-or-later */
/* record.h - rows of the store become records again. */
#pragma once

#include <sqlite3.h>

#include "store/names.h"

/** Columns of flow_rows, and of events, that a record is made of. */
#define RECORD_FLOW                                                            \
	"flow_id, origin, seq, time, start, stop, given, verdict, state,"      \
	" direction, reason, policies, proto, src, src_port, dst, dst_port,"   \
	" packets, bytes, packets_reply, bytes_reply, duration_ms, tcp_flags," \
	" icmp_type, icmp_code, iface_in, iface_out, phys_in, phys_out,"       \
	" community_id, extra"
#define RECORD_EVENT \
	"origin, seq, time, event, level, container, message, extra"

/** Where the times are that lists are sorted by. */
#define RECORD_FLOW_TIME  3
#define RECORD_FLOW_START 4
#define RECORD_EVENT_TIME 2

/** The record of the row that @stmt is at, whose first columns are those above.
 *  Owned by the caller. */
struct json_object *record_of_flow(struct names *names, sqlite3_stmt *stmt);
struct json_object *record_of_event(struct names *names, sqlite3_stmt *stmt);
