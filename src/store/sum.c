/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sum.c - counts and top lists, from packed flows: every flow of the time is
 * looked at, whatever is asked. */
#include "store/sum.h"

#include <json-c/json.h>
#include <string.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "json/json.h"
#include "store/groups.h"
#include "store/pack.h"
#include "store/sql.h"
#include "store/values.h"

/* Groups of one pass: some 150 MB. */
#define GROUPS_MAX (1U << 21)

/* Groups that are named before those that are too small are forgotten. */
#define NAMED_MAX 65536

/* ---- what is asked for ------------------------------------------------- */

/* A set of numbers; without bits, every number is in it. */
struct bits {
	uint64_t *bits;
	size_t n;
};

static bool has_bit(const struct bits *b, uint32_t i)
{
	return !b->bits || (i < b->n && b->bits[i / 64] >> (i % 64) & 1);
}

/* The numbers that @stmt gives, ascending or not. */
static int read_bits(sqlite3_stmt *stmt, struct bits *ret)
{
	int r;

	ret->n = 64;
	ret->bits = xcalloc(1, sizeof(*ret->bits));
	while ((r = sqlite3_step(stmt)) == SQLITE_ROW) {
		size_t i = (size_t)sqlite3_column_int64(stmt, 0);
		size_t n = ret->n;

		if (i > UINT32_MAX)
			continue;
		while (ret->n <= i)
			ret->n *= 2;
		if (n != ret->n) {
			ret->bits = xreallocarray(ret->bits, ret->n / 64,
						  sizeof(*ret->bits));
			memset(ret->bits + n / 64, 0, (ret->n - n) / 8);
		}
		ret->bits[i / 64] |= UINT64_C(1) << (i % 64);
	}
	return r == SQLITE_DONE ? SQLITE_OK : r;
}

static int read_party_bits(sqlite3 *db, const struct party *p, const char *text,
			   struct bits *ret)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
	int r;

	if (p->kind == PARTY_ANY)
		return SQLITE_OK;
	r = sqlite3_prepare_v2(db, text, -1, &stmt, NULL);
	return r == SQLITE_OK ? read_bits(stmt, ret) : r;
}

struct filter {
	int64_t since, until;
	struct bits kinds, from, to;
	bool has_port, has_flow_id;
	int32_t port;
	VEC(int64_t) flows; /* those with the id that is asked for */
};

static void filter_fini(struct filter *f)
{
	free(f->kinds.bits);
	free(f->from.bits);
	free(f->to.bits);
	vec_fini(&f->flows);
}

static int read_flows(sqlite3 *db, struct filter *f)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
	int r;

	if (!f->has_flow_id)
		return SQLITE_OK;
	r = sqlite3_prepare_v2(db, "SELECT id FROM temp.asked_flow", -1, &stmt,
			       NULL);
	if (r != SQLITE_OK)
		return r;
	while ((r = sqlite3_step(stmt)) == SQLITE_ROW)
		vec_push(&f->flows, sqlite3_column_int64(stmt, 0));
	return r == SQLITE_DONE ? SQLITE_OK : r;
}

static int filter_make(sqlite3 *db, const struct plan *plan, struct filter *ret)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *kinds = NULL;
	const struct question *q = plan->question;
	int r;

	*ret = (struct filter){
		.since = plan_time(q->since),
		.until = plan_time(q->until),
		.has_port = q->port.is_set,
		.port = q->port.port,
		.has_flow_id = q->has_flow_id,
	};
	r = plan_prepare_kinds(db, plan, &kinds);
	if (r == SQLITE_OK)
		r = read_bits(kinds, &ret->kinds);
	if (r == SQLITE_OK)
		r = read_party_bits(db, &q->from,
				    "SELECT id FROM temp.from_party",
				    &ret->from);
	if (r == SQLITE_OK)
		r = read_party_bits(db, &q->to, "SELECT id FROM temp.to_party",
				    &ret->to);
	return r == SQLITE_OK ? read_flows(db, ret) : r;
}

static bool is_asked(const struct filter *f, int64_t flow)
{
	vec_foreach(asked, &f->flows)
		if (*asked == flow)
			return true;
	return !f->has_flow_id;
}

static bool matches(const struct filter *f, const struct pack_cell *c,
		    int64_t flow)
{
	return is_asked(f, flow) && has_bit(&f->kinds, c->kind) &&
	       c->start <= f->until && c->stop >= f->since &&
	       (!f->has_port || c->port == f->port) &&
	       has_bit(&f->from, c->src) && has_bit(&f->to, c->dst);
}

/* ---- every flow -------------------------------------------------------- */

/* Called with up to PACK_CELLS flows. Returns false to end. */
typedef bool (*cells_fn)(void *arg, const struct pack_cell *cells, size_t n);

/* Packs of the time. The index is for those that are a part of all. */
static int prepare_packs(sqlite3 *db, const struct question *q,
			 sqlite3_stmt **ret)
{
	bool all = !q->since && plan_time(q->until) == INT64_MAX;
	const char *text =
		q->has_flow_id ? "SELECT id, cells FROM flow_packs WHERE id IN"
				 " (SELECT id / 84 FROM temp.asked_flow)"
				 " AND high >= ?1 AND low <= ?2"
		: all	       ? "SELECT id, cells FROM flow_packs NOT INDEXED"
				 " WHERE ?1 IS NOT NULL AND ?2 IS NOT NULL"
			       : "SELECT id, cells FROM flow_packs INDEXED BY"
				 " pack_span WHERE high >= ?1 AND low <= ?2";
	int r = sqlite3_prepare_v2(db, text, -1, ret, NULL);

	_Static_assert(PACK_CELLS == 84, "as in the text");
	if (r != SQLITE_OK)
		return r;
	sqlite3_bind_int64(*ret, 1, plan_time(q->since));
	sqlite3_bind_int64(*ret, 2, plan_time(q->until));
	return SQLITE_OK;
}

/* Those of a pack that are asked for. Returns how many. */
static size_t read_cells(sqlite3_stmt *stmt, const struct filter *f,
			 struct pack_cell ret[static PACK_CELLS])
{
	int64_t first = sqlite3_column_int64(stmt, 0) * PACK_CELLS;
	const unsigned char *cells = sqlite3_column_blob(stmt, 1);
	size_t all = (size_t)sqlite3_column_bytes(stmt, 1) / PACK_CELL_SIZE;
	size_t n = 0;

	for (size_t i = 0; i < MIN(all, (size_t)PACK_CELLS); i++) {
		struct pack_cell *c = &ret[n];

		pack_read(cells, i, c);
		n += c->kind && matches(f, c, first + (int64_t)i);
	}
	return n;
}

/* Returns SQLITE_DONE, SQLITE_ROW when @fn wants no more, or the error. */
static int each_pack(sqlite3_stmt *stmt, const struct filter *f, cells_fn fn,
		     void *arg)
{
	struct pack_cell cells[PACK_CELLS];
	int r;

	while ((r = sqlite3_step(stmt)) == SQLITE_ROW) {
		size_t n = read_cells(stmt, f, cells);

		if (n && !fn(arg, cells, n))
			break;
	}
	return r;
}

static int each_flow(sqlite3 *db, const struct plan *plan,
		     const struct filter *f, cells_fn fn, void *arg)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
	int r;

	if (plan_is_empty(plan, PLAN_WITHIN))
		return SQLITE_OK;
	r = prepare_packs(db, plan->question, &stmt);
	if (r == SQLITE_OK)
		r = each_pack(stmt, f, fn, arg);
	return r == SQLITE_DONE || r == SQLITE_ROW ? SQLITE_OK : r;
}

/* ---- counts ------------------------------------------------------------ */

static bool count_cells(void *arg, _unused_ const struct pack_cell *cells,
			size_t n)
{
	uint64_t *sum = arg;

	*sum += n;
	return true;
}

int sum_count(sqlite3 *db, const struct plan *plan, uint64_t *ret)
{
	_cleanup_(filter_fini) struct filter f = { 0 };
	int r = filter_make(db, plan, &f);

	*ret = 0;
	return r == SQLITE_OK ? each_flow(db, plan, &f, count_cells, ret) : r;
}

/* ---- top lists --------------------------------------------------------- */

struct folding {
	struct names *names;
	struct fold *fold;
	struct kinds kinds;
	const struct fold_by *by;
	struct values values[FOLD_BY_MAX];
	struct groups *groups;
	size_t named;
};

_Static_assert(FOLD_BY_MAX <= GROUPS_BY_MAX, "a number for each field");

static void folding_fini(struct folding *f)
{
	for (unsigned i = 0; i < f->by->n; i++)
		values_fini(&f->values[i]);
	kinds_fini(&f->kinds);
	groups_free(f->groups);
}

static int folding_make(sqlite3 *db, struct folding *f)
{
	int r = kinds_read(db, &f->kinds);

	for (unsigned i = 0; i < f->by->n && r == SQLITE_OK; i++)
		r = values_read(db, f->names, &f->kinds, f->by->fields[i],
				&f->values[i]);
	f->groups = groups_new(f->by->n, GROUPS_MAX);
	return r;
}

static bool group_cells(void *arg, const struct pack_cell *cells, size_t n)
{
	const struct folding *f = arg;
	struct grouped flows[PACK_CELLS];

	for (size_t i = 0; i < n; i++) {
		flows[i].cell = cells[i];
		for (unsigned k = 0; k < f->by->n; k++)
			flows[i].numbers[k] =
				values_number(&f->values[k], &cells[i]);
	}
	return groups_add(f->groups, flows, n);
}

static void name_group(void *arg, const struct group *g)
{
	struct folding *f = arg;
	_cleanup_(json_unrefp) struct json_object *o = json_object_new_object();

	for (unsigned i = 0; i < f->by->n; i++)
		values_put(f->names, &f->kinds, f->by->fields[i], g, o);
	fold_add(f->fold, o, g->flows, g->packets, g->bytes);
	if (++f->named % NAMED_MAX == 0)
		fold_trim(f->fold);
}

int sum_fold(sqlite3 *db, struct names *names, const struct plan *plan,
	     struct fold *fold)
{
	_cleanup_(folding_fini) struct folding folding = {
		.names = names, .fold = fold, .by = fold_by(fold)
	};
	_cleanup_(filter_fini) struct filter filter = { 0 };
	int r = filter_make(db, plan, &filter);

	if (r == SQLITE_OK)
		r = folding_make(db, &folding);
	while (r == SQLITE_OK && groups_next_pass(folding.groups)) {
		r = each_flow(db, plan, &filter, group_cells, &folding);
		if (r == SQLITE_OK && groups_fit(folding.groups))
			groups_top(folding.groups, fold_wanted(fold),
				   name_group, &folding);
	}
	return r;
}
