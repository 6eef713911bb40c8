/* SPDX-License-Identifier: GPL-2.0-or-later */
/* names.c - what the store's numbers stand for. */
#include "store/names.h"

#include <json-c/json.h>

#include "base/alloc.h"
#include "base/table.h"
#include "json/json.h"
#include "store/sql.h"

/* What is remembered of each kind before all of it is forgotten. */
#define REMEMBERED_MAX 65536

enum kind { WORD, ORIGIN, PARTY, CONTAINER, POLICIES, KINDS };

/* Up to four columns each: texts, and for a party its container's number. */
static const char *const texts[KINDS] = {
	[WORD] = "SELECT text FROM words WHERE id = ?1",
	[ORIGIN] = "SELECT host, boot_id FROM origins WHERE id = ?1",
	[PARTY] =
		"SELECT address, mac, name, container FROM parties WHERE id = ?1",
	[CONTAINER] = "SELECT json FROM containers WHERE id = ?1",
	[POLICIES] = "SELECT json FROM policy_sets WHERE id = ?1",
};

struct name {
	UT_hash_handle hh;
	int64_t id, container;
	char *columns[3];
	struct json_object *json; /* of the text, where it is JSON */
};

struct names {
	sqlite3_stmt *statements[KINDS];
	struct name *known[KINDS];
};

static void forget(struct names *n, enum kind kind)
{
	struct name *name, *next;

	HASH_ITER(hh, n->known[kind], name, next) {
		HASH_DELETE(hh, n->known[kind], name);
		for (size_t i = 0; i < ARRAY_SIZE(name->columns); i++)
			free(name->columns[i]);
		json_object_put(name->json);
		free(name);
	}
}

int names_open(sqlite3 *db, struct names **ret)
{
	struct names *n = xnew(struct names);
	int r = SQLITE_OK;

	for (unsigned i = 0; i < KINDS && r == SQLITE_OK; i++)
		r = sql_prepare(db, texts[i], &n->statements[i]);
	if (r != SQLITE_OK) {
		names_close(n);
		return r;
	}
	*ret = n;
	return SQLITE_OK;
}

void names_close(struct names *n)
{
	if (!n)
		return;
	for (unsigned i = 0; i < KINDS; i++) {
		forget(n, (enum kind)i);
		sqlite3_finalize(n->statements[i]);
	}
	free(n);
}

static void read_columns(sqlite3_stmt *stmt, enum kind kind, struct name *name)
{
	int columns = sqlite3_column_count(stmt);

	for (int i = 0; i < columns && i < 3; i++) {
		const char *text = (const char *)sqlite3_column_text(stmt, i);

		name->columns[i] = xstrdup(text ?: "");
	}
	if (columns == 4)
		name->container = sqlite3_column_int64(stmt, 3);
	if (kind == CONTAINER || kind == POLICIES)
		name->json = json_parse(slice_of(name->columns[0]));
}

/* NULL for a number that is not there. */
static struct name *look_up(struct names *n, enum kind kind, int64_t id)
{
	sqlite3_stmt *stmt = n->statements[kind];
	struct name *name;

	HASH_FIND(hh, n->known[kind], &id, sizeof(id), name);
	if (name)
		return name;
	sqlite3_bind_int64(stmt, 1, id);
	if (sqlite3_step(stmt) == SQLITE_ROW) {
		if (HASH_COUNT(n->known[kind]) >= REMEMBERED_MAX)
			forget(n, kind);
		name = xnew(struct name);
		name->id = id;
		read_columns(stmt, kind, name);
		HASH_ADD(hh, n->known[kind], id, sizeof(name->id), name);
	}
	sqlite3_reset(stmt);
	return name;
}

const char *names_word(struct names *n, int64_t id)
{
	struct name *name = id ? look_up(n, WORD, id) : NULL;

	return name ? name->columns[0] : "";
}

static void put_text(struct json_object *to, const char *key, const char *text)
{
	if (*text)
		json_object_object_add(to, key, json_object_new_string(text));
}

void names_put_origin(struct names *n, int64_t id, struct json_object *to)
{
	struct name *name = look_up(n, ORIGIN, id);

	if (!name)
		return;
	put_text(to, "host", name->columns[0]);
	put_text(to, "boot_id", name->columns[1]);
}

static void put_json(struct names *n, enum kind kind, int64_t id,
		     struct json_object *to, const char *key)
{
	struct name *name = id ? look_up(n, kind, id) : NULL;

	if (name && name->json)
		json_object_object_add(to, key, json_object_get(name->json));
}

void names_put_container(struct names *n, int64_t id, struct json_object *to)
{
	put_json(n, CONTAINER, id, to, "container");
}

void names_put_policies(struct names *n, int64_t id, struct json_object *to)
{
	put_json(n, POLICIES, id, to, "policies");
}

void names_put_party(struct names *n, int64_t id, const struct row_int *port,
		     struct json_object *to)
{
	struct name *name = look_up(n, PARTY, id);

	if (!name)
		return;
	put_text(to, "ip", name->columns[0]);
	if (port->is_set)
		json_object_object_add(to, "port",
				       json_object_new_int64(port->value));
	put_text(to, "mac", name->columns[1]);
	put_text(to, "name", name->columns[2]);
	names_put_container(n, name->container, to);
}
