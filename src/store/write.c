/* SPDX-License-Identifier: GPL-2.0-or-later */
/* write.c - records become rows.
 *
 * A flow's first record makes its row, each later one brings it up to date: the
 * row is what the latest record says. Once a flow has a second record, all of
 * them are in flow_records as well. The same record again changes nothing.
 */
#include <json-c/json.h>
#include <string.h>

#include "base/base64.h"
#include "base/macro.h"
#include "json/json.h"
#include "store/inside.h"
#include "store/schema.h"
#include "store/sql.h"

/* Bits of flow_rows.given: what the record itself had said. */
enum { GIVEN_FIRST = 1, GIVEN_LAST = 2 };

/* Bytes of a packet's head. */
#define HEAD_MAX 65536

/* ---- a flow's numbers -------------------------------------------------- */

/* The columns that are numbers of something else. */
struct numbers {
	int64_t origin, verdict, src, dst, policies, kind;
	int64_t words[ROW_TEXTS];
};

static int look_up_kind(struct store *s, struct numbers *n)
{
	const struct dict_kind kind = {
		.origin = n->origin,
		.verdict = n->verdict,
		.direction = n->words[ROW_DIRECTION],
		.reason = n->words[ROW_REASON],
		.policies = n->policies,
		.proto = n->words[ROW_PROTO],
	};

	return dict_kind(s->dict, &kind, &n->kind);
}

static int look_up(struct store *s, const struct row *r, struct numbers *n)
{
	static const enum row_text words[] = {
		ROW_VERDICT, ROW_STATE,	    ROW_DIRECTION, ROW_REASON,
		ROW_PROTO,   ROW_TCP_FLAGS, ROW_IFACE_IN,  ROW_IFACE_OUT,
		ROW_PHYS_IN, ROW_PHYS_OUT,
	};
	int e = dict_origin(s->dict, r->texts[ROW_HOST], r->texts[ROW_BOOT_ID],
			    &n->origin);

	for (size_t i = 0; e == SQLITE_OK && i < ARRAY_SIZE(words); i++)
		e = dict_word(s->dict, r->texts[words[i]], &n->words[words[i]]);
	if (e == SQLITE_OK)
		e = dict_party(s->dict, &r->src, &n->src);
	if (e == SQLITE_OK)
		e = dict_party(s->dict, &r->dst, &n->dst);
	if (e == SQLITE_OK)
		e = dict_policies(s->dict, r->policies, &n->policies);
	n->verdict = n->words[ROW_VERDICT];
	return e == SQLITE_OK ? look_up_kind(s, n) : e;
}

/* Number 0 is nothing. */
static void bind_number(sqlite3_stmt *stmt, int at, int64_t n)
{
	if (n)
		sqlite3_bind_int64(stmt, at, n);
	else
		sqlite3_bind_null(stmt, at);
}

static void bind_words(sqlite3_stmt *stmt, const struct numbers *n)
{
	static const struct {
		int at;
		enum row_text word;
	} places[] = {
		{ 12, ROW_STATE },     { 13, ROW_DIRECTION },
		{ 14, ROW_REASON },    { 16, ROW_PROTO },
		{ 23, ROW_TCP_FLAGS }, { 26, ROW_IFACE_IN },
		{ 27, ROW_IFACE_OUT }, { 28, ROW_PHYS_IN },
		{ 29, ROW_PHYS_OUT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		bind_number(stmt, places[i].at, n->words[places[i].word]);
}

static const char *extra_text(struct json_object *extra)
{
	return extra ? json_object_to_json_string_ext(
			       extra, JSON_C_TO_STRING_PLAIN |
					      JSON_C_TO_STRING_NOSLASHESCAPE)
		     : NULL;
}

static void bind_flow(sqlite3_stmt *stmt, const struct row *r,
		      const struct numbers *n)
{
	sql_bind_int(stmt, 1, &r->flow_id);
	sqlite3_bind_int64(stmt, 2, (int64_t)r->start);
	sqlite3_bind_int64(stmt, 3, n->verdict);
	sqlite3_bind_int64(stmt, 4, n->src);
	sqlite3_bind_int64(stmt, 5, n->dst);
	sql_bind_int(stmt, 6, &r->dst.port);
	sqlite3_bind_int64(stmt, 7, n->origin);
	sql_bind_int(stmt, 8, &r->numbers[ROW_SEQ]);
	sqlite3_bind_int64(stmt, 9, (int64_t)r->time);
	sqlite3_bind_int64(stmt, 10, (int64_t)r->stop);
	sqlite3_bind_int(stmt, 11,
			 (r->has_first ? GIVEN_FIRST : 0) |
				 (r->has_last ? GIVEN_LAST : 0));
	bind_words(stmt, n);
	bind_number(stmt, 15, n->policies);
	sql_bind_int(stmt, 17, &r->src.port);
	sql_bind_int(stmt, 18, &r->numbers[ROW_PACKETS]);
	sql_bind_int(stmt, 19, &r->numbers[ROW_BYTES]);
	sql_bind_int(stmt, 20, &r->numbers[ROW_PACKETS_REPLY]);
	sql_bind_int(stmt, 21, &r->numbers[ROW_BYTES_REPLY]);
	sql_bind_int(stmt, 22, &r->numbers[ROW_DURATION_MS]);
	sql_bind_int(stmt, 24, &r->icmp_type);
	sql_bind_int(stmt, 25, &r->icmp_code);
	sql_bind_text(stmt, 30, r->texts[ROW_COMMUNITY_ID]);
	sql_bind_text(stmt, 31, extra_text(r->extra));
}

/* ---- flows ------------------------------------------------------------- */

/* A flow that is there already. */
struct found {
	int64_t id;
	bool moved; /* a column that an index is of is another now */
	bool known; /* this very record was its last */
};

static bool same_port(sqlite3_stmt *stmt, int at, const struct row_int *port)
{
	bool is_set = sqlite3_column_type(stmt, at) != SQLITE_NULL;

	return is_set == port->is_set &&
	       (!is_set || sqlite3_column_int64(stmt, at) == port->value);
}

/* One whose first record is not here: the record's own packets are others than
 * the flow's so far. */
static bool is_midway(const struct row *r)
{
	const struct row_int *all = &r->numbers[ROW_PACKETS];
	const struct row_int *new = &r->numbers[ROW_NEW_PACKETS];

	return new->is_set && all->is_set &&new->value != all->value;
}

/* True for a record of a flow that may be known by another beginning than this
 * record tells. */
static bool may_be_older(const struct row *r)
{
	const char *state = r->texts[ROW_STATE];

	return r->has_first ? is_midway(r)
			    : !state || strcmp(state, "new") != 0;
}

/* Returns SQLITE_ROW, and then the statement is to be reset, or SQLITE_DONE. */
static int step_to_flow(struct store *s, const struct row *r,
			sqlite3_stmt **ret)
{
	sqlite3_stmt *stmt = s->statements[STORE_FIND_FLOW];
	int e;

	sql_bind_int(stmt, 1, &r->flow_id);
	sqlite3_bind_int64(stmt, 2, (int64_t)r->start);
	e = sqlite3_step(stmt);
	if (e == SQLITE_DONE && may_be_older(r)) {
		sqlite3_reset(stmt);
		stmt = s->statements[STORE_FIND_OLD_FLOW];
		sql_bind_int(stmt, 1, &r->flow_id);
		e = sqlite3_step(stmt);
	}
	*ret = stmt;
	return e;
}

/* Returns SQLITE_ROW, or SQLITE_DONE when there is none. The earliest start and
 * the latest end hold: @r gets them. */
static int find_flow(struct store *s, struct row *r, const struct numbers *n,
		     struct found *ret)
{
	sqlite3_stmt *stmt;
	int e = step_to_flow(s, r, &stmt);

	if (e == SQLITE_ROW) {
		uint64_t start = (uint64_t)sqlite3_column_int64(stmt, 1);
		uint64_t stop = (uint64_t)sqlite3_column_int64(stmt, 6);

		if (!r->has_first)
			r->start = MIN(r->start, start);
		if (!r->has_last)
			r->stop = MAX(r->stop, stop);
		ret->id = sqlite3_column_int64(stmt, 0);
		ret->moved = start != r->start ||
			     sqlite3_column_int64(stmt, 2) != n->verdict ||
			     sqlite3_column_int64(stmt, 3) != n->src ||
			     sqlite3_column_int64(stmt, 4) != n->dst ||
			     !same_port(stmt, 5, &r->dst.port);
		ret->known = (uint64_t)sqlite3_column_int64(stmt, 7) ==
				     r->time &&
			     sqlite3_column_int64(stmt, 8) ==
				     r->numbers[ROW_SEQ].value &&
			     sqlite3_column_int64(stmt, 9) == n->origin;
	}
	sqlite3_reset(stmt);
	return e;
}

static int is_known_record(struct store *s, const struct row *r, int64_t flow,
			   bool *ret)
{
	sqlite3_stmt *stmt = s->statements[STORE_KNOWN_RECORD];
	int e;

	sqlite3_bind_int64(stmt, 1, flow);
	sqlite3_bind_int64(stmt, 2, (int64_t)r->time);
	sqlite3_bind_int64(stmt, 3, r->numbers[ROW_SEQ].value);
	e = sqlite3_step(stmt);
	*ret = e == SQLITE_ROW;
	sqlite3_reset(stmt);
	return e == SQLITE_ROW || e == SQLITE_DONE ? SQLITE_OK : e;
}

static const struct row_int *or_else(const struct row_int *a,
				     const struct row_int *b)
{
	return a->is_set ? a : b;
}

static int add_record(struct store *s, const struct row *r,
		      const struct numbers *n, int64_t flow)
{
	sqlite3_stmt *stmt = s->statements[STORE_ADD_RECORD];

	sqlite3_bind_int64(stmt, 1, flow);
	sqlite3_bind_int64(stmt, 2, (int64_t)r->time);
	sqlite3_bind_int64(stmt, 3, r->numbers[ROW_SEQ].value);
	bind_number(stmt, 4, n->words[ROW_STATE]);
	sql_bind_int(stmt, 5,
		     or_else(&r->numbers[ROW_NEW_PACKETS],
			     &r->numbers[ROW_PACKETS]));
	sql_bind_int(
		stmt, 6,
		or_else(&r->numbers[ROW_NEW_BYTES], &r->numbers[ROW_BYTES]));
	return sql_done(stmt);
}

/* Those without an id are told apart by who wrote which record when. */
static int is_known_flow(struct store *s, const struct row *r,
			 const struct numbers *n, bool *ret)
{
	sqlite3_stmt *stmt = s->statements[STORE_KNOWN_FLOW];
	int e;

	*ret = false;
	if (r->flow_id.is_set || !r->numbers[ROW_SEQ].is_set)
		return SQLITE_OK;
	sqlite3_bind_int64(stmt, 1, (int64_t)r->start);
	sqlite3_bind_int64(stmt, 2, (int64_t)r->time);
	sql_bind_int(stmt, 3, &r->numbers[ROW_SEQ]);
	sqlite3_bind_int64(stmt, 4, n->origin);
	e = sqlite3_step(stmt);
	*ret = e == SQLITE_ROW;
	sqlite3_reset(stmt);
	return e == SQLITE_ROW || e == SQLITE_DONE ? SQLITE_OK : e;
}

static int add_flow(struct store *s, const struct row *r,
		    const struct numbers *n, int64_t *ret, bool *ret_known)
{
	sqlite3_stmt *stmt = s->statements[STORE_ADD_FLOW];
	int e = is_known_flow(s, r, n, ret_known);

	if (e != SQLITE_OK || *ret_known)
		return e;
	bind_flow(stmt, r, n);
	e = sql_done(stmt);
	*ret = sqlite3_last_insert_rowid(s->db);
	s->added++;
	if (e == SQLITE_OK && is_midway(r))
		e = add_record(s, r, n, *ret);
	return e;
}

static int update_flow(struct store *s, const struct row *r,
		       const struct numbers *n, const struct found *found,
		       bool *ret_known)
{
	sqlite3_stmt *first = s->statements[STORE_FIRST_RECORD];
	sqlite3_stmt *stmt = s->statements[found->moved ? STORE_REWRITE_FLOW
							: STORE_UPDATE_FLOW];
	int e = SQLITE_OK;

	*ret_known = found->known;
	if (!*ret_known)
		e = is_known_record(s, r, found->id, ret_known);
	if (e != SQLITE_OK || *ret_known)
		return e;
	sqlite3_bind_int64(first, 1, found->id);
	e = sql_done(first);
	if (e == SQLITE_OK)
		e = add_record(s, r, n, found->id);
	if (e != SQLITE_OK)
		return e;
	bind_flow(stmt, r, n);
	sqlite3_bind_int64(stmt, 32, found->id);
	return sql_done(stmt);
}

static int add_packet(struct store *s, const struct row *r, int64_t flow)
{
	_cleanup_(buf_fini) struct buf head = BUF_INIT(HEAD_MAX);
	sqlite3_stmt *stmt = s->statements[STORE_ADD_PACKET];
	int64_t link;
	int e;

	if (!r->packet_head || base64_decode(r->packet_head, &head) < 0)
		return SQLITE_OK;
	e = dict_word(s->dict, r->packet_link, &link);
	if (e != SQLITE_OK)
		return e;
	sqlite3_bind_int64(stmt, 1, flow);
	sqlite3_bind_int64(stmt, 2, (int64_t)r->time);
	sqlite3_bind_int64(stmt, 3, r->numbers[ROW_SEQ].value);
	/* Of one packet only where the record is of one. */
	if (or_else(&r->numbers[ROW_NEW_PACKETS], &r->numbers[ROW_PACKETS])
		    ->value == 1)
		sql_bind_int(stmt, 4,
			     or_else(&r->numbers[ROW_NEW_BYTES],
				     &r->numbers[ROW_BYTES]));
	else
		sqlite3_bind_null(stmt, 4);
	sqlite3_bind_int64(stmt, 5, link);
	sqlite3_bind_blob(stmt, 6, buf_str(&head), (int)head.len,
			  SQLITE_STATIC);
	return sql_done(stmt);
}

/* What sums are made of. */
static int pack_flow(struct store *s, const struct row *r,
		     const struct numbers *n, int64_t flow)
{
	const struct pack_cell cell = {
		.start = (int64_t)r->start,
		.stop = (int64_t)r->stop,
		.packets = r->numbers[ROW_PACKETS].value,
		.bytes = r->numbers[ROW_BYTES].value,
		.src = (uint32_t)n->src,
		.dst = (uint32_t)n->dst,
		.kind = (uint32_t)n->kind,
		.port = r->dst.port.is_set ? (int32_t)r->dst.port.value : -1,
	};

	if (n->src > UINT32_MAX || n->dst > UINT32_MAX || n->kind > UINT32_MAX)
		return SQLITE_FULL;
	return pack_put(s->pack, flow, &cell);
}

static int put_flow(struct store *s, struct row *r, bool *ret_known)
{
	struct numbers n = { 0 };
	struct found found = { 0 };
	int e = look_up(s, r, &n), there = SQLITE_DONE;

	if (e != SQLITE_OK)
		return e;
	if (r->flow_id.is_set)
		there = find_flow(s, r, &n, &found);
	if (there == SQLITE_DONE)
		e = add_flow(s, r, &n, &found.id, ret_known);
	else if (there == SQLITE_ROW)
		e = update_flow(s, r, &n, &found, ret_known);
	else
		return there;
	if (e != SQLITE_OK || *ret_known)
		return e;
	e = pack_flow(s, r, &n, found.id);
	return e == SQLITE_OK ? add_packet(s, r, found.id) : e;
}

/* ---- events ------------------------------------------------------------ */

static int put_event(struct store *s, const struct row *r, bool *ret_known)
{
	sqlite3_stmt *known = s->statements[STORE_KNOWN_EVENT];
	sqlite3_stmt *stmt = s->statements[STORE_ADD_EVENT];
	int64_t origin, event, level, container;
	int e = dict_origin(s->dict, r->texts[ROW_HOST], r->texts[ROW_BOOT_ID],
			    &origin);

	if (e == SQLITE_OK)
		e = dict_word(s->dict, r->texts[ROW_EVENT], &event);
	if (e == SQLITE_OK)
		e = dict_word(s->dict, r->texts[ROW_LEVEL], &level);
	if (e == SQLITE_OK)
		e = dict_container(s->dict, r->container, &container);
	if (e != SQLITE_OK)
		return e;
	for (int i = 0; i < 2; i++) {
		sqlite3_stmt *to = i ? stmt : known;

		sqlite3_bind_int64(to, 1, origin);
		sql_bind_int(to, 2, &r->numbers[ROW_SEQ]);
		sqlite3_bind_int64(to, 3, (int64_t)r->time);
		sqlite3_bind_int64(to, 4, event);
	}
	e = sqlite3_step(known);
	sqlite3_reset(known);
	*ret_known = e == SQLITE_ROW;
	if (e != SQLITE_DONE)
		return e == SQLITE_ROW ? SQLITE_OK : e;
	bind_number(stmt, 5, level);
	sqlite3_bind_int64(stmt, 6, container);
	sql_bind_text(stmt, 7, r->texts[ROW_MESSAGE]);
	sql_bind_text(stmt, 8, extra_text(r->extra));
	return sql_done(stmt);
}

int store_put_line(struct store *s, struct slice line, enum store_put *ret)
{
	_cleanup_(json_unrefp) struct json_object *record = NULL;
	_cleanup_(row_fini) struct row row = { 0 };
	bool known = false;
	int e;

	*ret = STORE_PUT_REFUSED;
	if (line.len > STORE_LINE_MAX)
		return SQLITE_OK;
	record = json_parse(line);
	if (!record || row_take(record, &row) < 0)
		return SQLITE_OK;
	e = row.texts[ROW_EVENT] ? put_event(s, &row, &known)
				 : put_flow(s, &row, &known);
	*ret = known ? STORE_PUT_KNOWN : STORE_PUT;
	return e;
}
