/* SPDX-License-Identifier: GPL-2.0-or-later */
/* values.c - what a field shows of flows, as numbers.
 *
 * There are few kinds and containers: their texts are compared. Addresses may
 * be millions: they are gone through in the order of an index, in which the same
 * ones are neighbours.
 */
#include "store/values.h"

#include <json-c/json.h>
#include <string.h>

#include "base/alloc.h"
#include "base/table.h"
#include "base/vec.h"
#include "json/json.h"
#include "store/sql.h"

/* ---- texts that have a number ------------------------------------------ */

struct text {
	UT_hash_handle hh;
	uint32_t number;
	char text[];
};

struct texts {
	struct text *texts;
	uint32_t last; /* the number that was given last */
};

static void texts_fini(struct texts *t)
{
	struct text *text, *next;

	HASH_ITER(hh, t->texts, text, next) {
		HASH_DELETE(hh, t->texts, text);
		free(text);
	}
}

static uint32_t number_of(struct texts *t, const char *text)
{
	size_t len = strlen(text);
	struct text *e;

	HASH_FIND(hh, t->texts, text, len, e);
	if (e)
		return e->number;
	e = xcalloc(1, sizeof(*e) + len + 1);
	memcpy(e->text, text, len);
	e->number = ++t->last;
	HASH_ADD_KEYPTR(hh, t->texts, e->text, len, e);
	return e->number;
}

/* ---- kinds ------------------------------------------------------------- */

/* Numbers of @table's rows, from 0 to the last. */
static int count_rows(sqlite3 *db, const char *table, size_t *ret)
{
	_cleanup_(sql_freep) char *text =
		sqlite3_mprintf("SELECT ifnull(max(id), 0) FROM %s", table);
	int64_t last = 0;
	int r = text ? sql_int(db, text, &last) : SQLITE_NOMEM;

	/* A cell has 32 bits for it. */
	*ret = (size_t)MIN(last, (int64_t)UINT32_MAX) + 1;
	return r;
}

int kinds_read(sqlite3 *db, struct kinds *ret)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
	size_t n;
	int r = count_rows(db, "kinds", &n);

	if (r == SQLITE_OK)
		r = sqlite3_prepare_v2(
			db,
			"SELECT id, origin, verdict, direction, reason,"
			" policies, proto FROM kinds",
			-1, &stmt, NULL);
	if (r != SQLITE_OK)
		return r;
	*ret = (struct kinds){ xcalloc(n, sizeof(*ret->of)), n };
	while ((r = sqlite3_step(stmt)) == SQLITE_ROW) {
		size_t id = (size_t)sqlite3_column_int64(stmt, 0);

		if (id < n)
			ret->of[id] = (struct dict_kind){
				.origin = sqlite3_column_int64(stmt, 1),
				.verdict = sqlite3_column_int64(stmt, 2),
				.direction = sqlite3_column_int64(stmt, 3),
				.reason = sqlite3_column_int64(stmt, 4),
				.policies = sqlite3_column_int64(stmt, 5),
				.proto = sqlite3_column_int64(stmt, 6),
			};
	}
	return r == SQLITE_DONE ? SQLITE_OK : r;
}

void kinds_fini(struct kinds *k)
{
	free(k->of);
	*k = (struct kinds){ 0 };
}

/* ---- records ----------------------------------------------------------- */

static void put_word(struct names *names, struct json_object *to,
		     const char *key, int64_t id)
{
	const char *text = names_word(names, id);

	if (*text)
		json_object_object_add(to, key, json_object_new_string(text));
}

static void put_end(struct names *names, uint32_t id, int32_t port,
		    const char *key, struct json_object *to)
{
	const struct row_int number = { port >= 0, port };
	struct json_object *end = json_object_new_object();

	json_object_object_add(to, key, end);
	names_put_party(names, id, &number, end);
}

void values_put(struct names *names, const struct kinds *kinds,
		enum fold_field field, const struct group *of,
		struct json_object *to)
{
	const struct dict_kind none = { 0 };
	const struct dict_kind *k = of->kind < kinds->n ? &kinds->of[of->kind]
							: &none;
	const char *key = fold_field_name(field);

	if (fold_is_of_src(field))
		return put_end(names, of->src, -1, "src", to);
	if (fold_is_of_dst(field) || field == FOLD_PORT)
		return put_end(names, of->dst, of->port, "dst", to);
	if (field == FOLD_HOST)
		names_put_origin(names, k->origin, to);
	else if (field == FOLD_POLICY)
		names_put_policies(names, k->policies, to);
	else
		put_word(names, to, key,
			 field == FOLD_PROTO	   ? k->proto
			 : field == FOLD_VERDICT   ? k->verdict
			 : field == FOLD_DIRECTION ? k->direction
						   : k->reason);
}

/* ---- numbers of kinds -------------------------------------------------- */

static void read_kinds(struct names *names, const struct kinds *kinds,
		       struct values *v)
{
	_cleanup_(texts_fini) struct texts texts = { 0 };

	v->n = kinds->n;
	v->of = xcalloc(v->n, sizeof(*v->of));
	for (uint32_t i = 1; i < kinds->n; i++) {
		_cleanup_(json_unrefp) struct json_object *o =
			json_object_new_object();
		_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);

		values_put(names, kinds, v->field, &(struct group){ .kind = i },
			   o);
		fold_value(v->field, o, &text);
		v->of[i] = number_of(&texts, buf_str(&text));
	}
}

/* ---- numbers of parties ------------------------------------------------ */

/* What a container shows, by its number; 0: nothing. */
struct shown {
	uint32_t *of;
	size_t n;
};

static const char *container_text(enum fold_field field)
{
	if (field == FOLD_SRC_NAMESPACE || field == FOLD_DST_NAMESPACE)
		return "SELECT id, namespace FROM containers WHERE id <> 0";
	if (field == FOLD_SRC_IMAGE || field == FOLD_DST_IMAGE)
		return "SELECT id, image FROM containers WHERE id <> 0";
	return "SELECT id, namespace || '/' || name FROM containers"
	       " WHERE name <> ''";
}

static int read_containers(sqlite3 *db, enum fold_field field,
			   struct texts *texts, struct shown *ret)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
	int r = count_rows(db, "containers", &ret->n);

	if (r == SQLITE_OK)
		r = sqlite3_prepare_v2(db, container_text(field), -1, &stmt,
				       NULL);
	if (r != SQLITE_OK)
		return r;
	ret->of = xcalloc(ret->n, sizeof(*ret->of));
	while ((r = sqlite3_step(stmt)) == SQLITE_ROW) {
		size_t id = (size_t)sqlite3_column_int64(stmt, 0);
		const char *text = (const char *)sqlite3_column_text(stmt, 1);

		if (id < ret->n)
			ret->of[id] = number_of(texts, text ?: "");
	}
	return r == SQLITE_DONE ? SQLITE_OK : r;
}

/* Of a container's namespace or image: "" of who is none. */
static int read_of_containers(sqlite3 *db, struct texts *texts,
			      const struct shown *shown, struct values *v)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
	uint32_t nobody = number_of(texts, "");
	int r = sqlite3_prepare_v2(db,
				   "SELECT id, container FROM parties"
				   " WHERE container > 0",
				   -1, &stmt, NULL);

	for (size_t i = 0; i < v->n; i++)
		v->of[i] = nobody;
	if (r != SQLITE_OK)
		return r;
	while ((r = sqlite3_step(stmt)) == SQLITE_ROW) {
		size_t id = (size_t)sqlite3_column_int64(stmt, 0);
		size_t container = (size_t)sqlite3_column_int64(stmt, 1);

		if (id < v->n && container < shown->n && shown->of[container])
			v->of[id] = shown->of[container];
	}
	return r == SQLITE_DONE ? SQLITE_OK : r;
}

/* An address is shown as a text that a name may have as well. */
static bool is_address(const char *text)
{
	struct addr addr;

	return addr_parse(slice_of(text), &addr) == 0;
}

/* The number of the address that neighbours share; names that are addresses get
 * it by their text. */
struct address {
	unsigned char key[DICT_KEY_MAX];
	int len; /* -1: none was seen */
	uint32_t number;
};

static uint32_t address_number(struct texts *texts, struct address *last,
			       sqlite3_stmt *stmt, int column)
{
	const void *key = sqlite3_column_blob(stmt, column);
	int len = sqlite3_column_bytes(stmt, column);

	if (len == last->len && (!len || !memcmp(key, last->key, (size_t)len)))
		return last->number;
	last->len = MIN(len, DICT_KEY_MAX);
	if (len)
		memcpy(last->key, key, (size_t)last->len);
	/* No address is the empty text. */
	last->number = len ? ++texts->last : number_of(texts, "");
	return last->number;
}

struct named {
	size_t party;
	char *text;
};

struct late {
	VEC(struct named) names; /* that are addresses */
};

static void late_fini(struct late *l)
{
	vec_foreach(name, &l->names)
		free(name->text);
	vec_fini(&l->names);
}

static void number_party(struct texts *texts, const struct shown *shown,
			 struct values *v, struct address *last,
			 sqlite3_stmt *stmt, struct late *late)
{
	size_t id = (size_t)sqlite3_column_int64(stmt, 0);
	size_t container = (size_t)sqlite3_column_int64(stmt, 2);
	const char *name = (const char *)sqlite3_column_text(stmt, 3) ?: "";
	uint32_t address = address_number(texts, last, stmt, 1);

	if (id >= v->n)
		return;
	v->of[id] = address;
	if (!shown) /* the address is asked for */
		return;
	if (container < shown->n && shown->of[container])
		v->of[id] = shown->of[container];
	else if (*name && !is_address(name))
		v->of[id] = number_of(texts, name);
	else if (*name)
		vec_push(&late->names, (struct named){ id, xstrdup(name) });
}

/* A name that is an address shows the same as one that has it and no name. */
static int number_late(sqlite3 *db, struct texts *texts, struct values *v,
		       const struct late *late)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
	int r = sqlite3_prepare_v2(db,
				   "SELECT p.id, p.address FROM parties p"
				   " JOIN containers c ON c.id = p.container"
				   " WHERE address_key = ?1 AND p.name = ''"
				   " AND c.name = ''",
				   -1, &stmt, NULL);

	vec_foreach(name, &late->names) {
		unsigned char key[DICT_KEY_MAX];
		struct addr addr;
		size_t len;

		if (r != SQLITE_OK)
			return r;
		(void)addr_parse(slice_of(name->text), &addr);
		len = dict_address_key(&addr, key);
		sqlite3_bind_blob(stmt, 1, key, (int)len, SQLITE_STATIC);
		v->of[name->party] = 0;
		if (sqlite3_step(stmt) == SQLITE_ROW) {
			size_t id = (size_t)sqlite3_column_int64(stmt, 0);
			const char *text =
				(const char *)sqlite3_column_text(stmt, 1);

			if (id < v->n && text && !strcmp(text, name->text))
				v->of[name->party] = v->of[id];
		}
		r = sqlite3_reset(stmt);
		if (!v->of[name->party])
			v->of[name->party] = number_of(texts, name->text);
	}
	return r;
}

/* @shown NULL: what the address is. */
static int read_addresses(sqlite3 *db, struct texts *texts,
			  const struct shown *shown, struct values *v)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
	_cleanup_(late_fini) struct late late = { 0 };
	struct address last = { .len = -1 };
	int r = sqlite3_prepare_v2(db,
				   "SELECT id, address_key, container, name"
				   " FROM parties ORDER BY address_key",
				   -1, &stmt, NULL);

	if (r != SQLITE_OK)
		return r;
	while ((r = sqlite3_step(stmt)) == SQLITE_ROW)
		number_party(texts, shown, v, &last, stmt, &late);
	return r == SQLITE_DONE ? number_late(db, texts, v, &late) : r;
}

static int read_parties(sqlite3 *db, struct values *v)
{
	_cleanup_(texts_fini) struct texts texts = { 0 };
	struct shown shown = { 0 };
	int r = count_rows(db, "parties", &v->n);

	if (r != SQLITE_OK)
		return r;
	v->of = xcalloc(v->n, sizeof(*v->of));
	if (v->field == FOLD_SRC_IP || v->field == FOLD_DST_IP)
		return read_addresses(db, &texts, NULL, v);
	r = read_containers(db, v->field, &texts, &shown);
	if (r == SQLITE_OK && (v->field == FOLD_SRC || v->field == FOLD_DST))
		r = read_addresses(db, &texts, &shown, v);
	else if (r == SQLITE_OK)
		r = read_of_containers(db, &texts, &shown, v);
	free(shown.of);
	return r;
}

int values_read(sqlite3 *db, struct names *names, const struct kinds *kinds,
		enum fold_field field, struct values *ret)
{
	*ret = (struct values){ .field = field };
	if (field == FOLD_PORT)
		return SQLITE_OK;
	if (fold_is_of_src(field) || fold_is_of_dst(field))
		return read_parties(db, ret);
	read_kinds(names, kinds, ret);
	return SQLITE_OK;
}

void values_fini(struct values *v)
{
	free(v->of);
	*v = (struct values){ 0 };
}
