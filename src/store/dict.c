/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dict.c - the numbers of words, containers, parties and policy sets. */
#include "store/dict.h"

#include <json-c/json.h>
#include <string.h>

#include "base/alloc.h"
#include "base/table.h"
#include "json/json.h"

/* Numbers that are remembered of each kind, and bytes of one's name. */
#define REMEMBERED_MAX 65536
#define NAME_MAX_BYTES 4096

struct entry {
	UT_hash_handle hh;
	int64_t id;
	size_t len;
	char name[];
};

enum kind { WORD, ORIGIN, CONTAINER, PARTY, POLICIES, KIND, KINDS };

enum statement {
	FIND_WORD,
	ADD_WORD,
	FIND_ORIGIN,
	ADD_ORIGIN,
	FIND_CONTAINER,
	ADD_CONTAINER,
	ADD_LABEL,
	FIND_PARTY,
	ADD_PARTY,
	FIND_POLICIES,
	ADD_POLICIES,
	ADD_POLICY,
	FIND_KIND,
	ADD_KIND,
	STATEMENTS,
};

static const char *const texts[STATEMENTS] = {
	[FIND_WORD] = "SELECT id FROM words WHERE text = ?1",
	[ADD_WORD] = "INSERT INTO words(text) VALUES(?1)",
	[FIND_ORIGIN] =
		"SELECT id FROM origins WHERE host = ?1 AND boot_id = ?2",
	[ADD_ORIGIN] = "INSERT INTO origins(host, boot_id) VALUES(?1, ?2)",
	[FIND_CONTAINER] =
		"SELECT id FROM containers WHERE hash = ?1 AND json = ?2",
	[ADD_CONTAINER] =
		"INSERT INTO containers(hash, json, container_id, name,"
		" namespace, image, runtime) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[ADD_LABEL] = "INSERT OR REPLACE INTO labels VALUES(?1, ?2, ?3)",
	[FIND_PARTY] = "SELECT id FROM parties WHERE address_key = ?1"
		       " AND container = ?2 AND mac = ?3 AND name = ?4",
	[ADD_PARTY] = "INSERT INTO parties(address_key, container, mac, name,"
		      " address) VALUES(?1, ?2, ?3, ?4, ?5)",
	[FIND_POLICIES] = "SELECT id FROM policy_sets WHERE json = ?1",
	[ADD_POLICIES] = "INSERT INTO policy_sets(json) VALUES(?1)",
	[ADD_POLICY] = "INSERT OR IGNORE INTO policies VALUES(?2, ?1)",
	[FIND_KIND] = "SELECT id FROM kinds WHERE origin = ?1 AND verdict = ?2"
		      " AND direction = ?3 AND reason = ?4 AND policies = ?5"
		      " AND proto = ?6",
	[ADD_KIND] = "INSERT INTO kinds(origin, verdict, direction, reason,"
		     " policies, proto) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
};

struct dict {
	sqlite3 *db;
	struct entry *known[KINDS];
	sqlite3_stmt *statements[STATEMENTS];
};

/* ---- what is remembered ------------------------------------------------ */

static void forget(struct dict *d, enum kind kind)
{
	struct entry *e, *next;

	HASH_ITER(hh, d->known[kind], e, next) {
		HASH_DELETE(hh, d->known[kind], e);
		free(e);
	}
}

void dict_forget(struct dict *d)
{
	for (unsigned i = 0; i < KINDS; i++)
		forget(d, (enum kind)i);
}

static bool recall(struct dict *d, enum kind kind, const void *name, size_t len,
		   int64_t *ret)
{
	struct entry *e;

	HASH_FIND(hh, d->known[kind], name, len, e);
	if (e)
		*ret = e->id;
	return e;
}

static void remember(struct dict *d, enum kind kind, const void *name,
		     size_t len, int64_t id)
{
	struct entry *e;

	if (len > NAME_MAX_BYTES)
		return;
	if (HASH_COUNT(d->known[kind]) >= REMEMBERED_MAX)
		forget(d, kind);
	e = xcalloc(1, sizeof(*e) + len);
	e->id = id;
	e->len = len;
	memcpy(e->name, name, len);
	HASH_ADD_KEYPTR(hh, d->known[kind], e->name, e->len, e);
}

/* ---- statements -------------------------------------------------------- */

int dict_open(sqlite3 *db, struct dict **ret)
{
	struct dict *d = xnew(struct dict);
	int r = SQLITE_OK;

	d->db = db;
	for (unsigned i = 0; i < STATEMENTS && r == SQLITE_OK; i++)
		r = sqlite3_prepare_v3(db, texts[i], -1,
				       SQLITE_PREPARE_PERSISTENT,
				       &d->statements[i], NULL);
	if (r != SQLITE_OK) {
		dict_close(d);
		return r;
	}
	*ret = d;
	return SQLITE_OK;
}

void dict_close(struct dict *d)
{
	if (!d)
		return;
	dict_forget(d);
	for (unsigned i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(d->statements[i]);
	free(d);
}

static void bind_str(sqlite3_stmt *stmt, int at, const char *text)
{
	sqlite3_bind_text(stmt, at, text, -1, SQLITE_STATIC);
}

/* Both take the same parameters, which are bound. */
static int find(struct dict *d, enum statement which, int64_t *ret)
{
	sqlite3_stmt *stmt = d->statements[which];
	int r = sqlite3_step(stmt);

	if (r == SQLITE_ROW)
		*ret = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return r;
}

static int add(struct dict *d, enum statement which, int64_t *ret)
{
	sqlite3_stmt *stmt = d->statements[which];
	int r = sqlite3_step(stmt);

	sqlite3_reset(stmt);
	if (r != SQLITE_DONE)
		return r;
	if (ret)
		*ret = sqlite3_last_insert_rowid(d->db);
	return SQLITE_OK;
}

/* ---- kinds ------------------------------------------------------------- */

int dict_word(struct dict *d, const char *text, int64_t *ret)
{
	int r;

	if (!text) {
		*ret = 0;
		return SQLITE_OK;
	}
	if (recall(d, WORD, text, strlen(text), ret))
		return SQLITE_OK;
	bind_str(d->statements[FIND_WORD], 1, text);
	r = find(d, FIND_WORD, ret);
	if (r == SQLITE_DONE) {
		bind_str(d->statements[ADD_WORD], 1, text);
		r = add(d, ADD_WORD, ret);
	}
	if (r != SQLITE_OK && r != SQLITE_ROW)
		return r;
	remember(d, WORD, text, strlen(text), *ret);
	return SQLITE_OK;
}

int dict_origin(struct dict *d, const char *host, const char *boot_id,
		int64_t *ret)
{
	_cleanup_(freep) char *name =
		xasprintf("%s\n%s", host ?: "", boot_id ?: "");
	int r;

	if (recall(d, ORIGIN, name, strlen(name), ret))
		return SQLITE_OK;
	for (unsigned i = FIND_ORIGIN; i <= ADD_ORIGIN; i++) {
		bind_str(d->statements[i], 1, host ?: "");
		bind_str(d->statements[i], 2, boot_id ?: "");
	}
	r = find(d, FIND_ORIGIN, ret);
	if (r == SQLITE_DONE)
		r = add(d, ADD_ORIGIN, ret);
	if (r != SQLITE_OK && r != SQLITE_ROW)
		return r;
	remember(d, ORIGIN, name, strlen(name), *ret);
	return SQLITE_OK;
}

/* A label is found by its whole key and value; the container's text has them
 * all. */
static int add_labels(struct dict *d, int64_t id, struct json_object *labels)
{
	sqlite3_stmt *stmt = d->statements[ADD_LABEL];

	if (!json_object_is_type(labels, json_type_object))
		return SQLITE_OK;
	json_object_object_foreach(labels, key, value) {
		int r;

		if (!value)
			continue;
		sqlite3_bind_int64(stmt, 1, id);
		bind_str(stmt, 2, key);
		bind_str(stmt, 3, json_text(labels, key));
		r = add(d, ADD_LABEL, NULL);
		if (r != SQLITE_OK)
			return r;
	}
	return SQLITE_OK;
}

static int add_container(struct dict *d, struct json_object *container,
			 int64_t *ret)
{
	static const char *const keys[] = { "id", "name", "namespace", "image",
					    "runtime" };
	sqlite3_stmt *stmt = d->statements[ADD_CONTAINER];
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		bind_str(stmt, (int)i + 3, json_text(container, keys[i]));
	r = add(d, ADD_CONTAINER, ret);
	return r == SQLITE_OK
		       ? add_labels(d, *ret, json_at(container, "labels"))
		       : r;
}

static const char *json_of(struct json_object *o, size_t *ret_len)
{
	return json_object_to_json_string_length(
		o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE,
		ret_len);
}

int dict_container(struct dict *d, struct json_object *container, int64_t *ret)
{
	const char *text;
	size_t len;
	int r;

	if (!container) {
		*ret = 0;
		return SQLITE_OK;
	}
	text = json_of(container, &len);
	if (recall(d, CONTAINER, text, len, ret))
		return SQLITE_OK;
	for (unsigned i = FIND_CONTAINER; i <= ADD_CONTAINER; i++) {
		sqlite3_bind_int64(d->statements[i], 1,
				   (int64_t)hash_content(text, len));
		bind_str(d->statements[i], 2, text);
	}
	r = find(d, FIND_CONTAINER, ret);
	if (r == SQLITE_DONE)
		r = add_container(d, container, ret);
	if (r != SQLITE_OK && r != SQLITE_ROW)
		return r;
	remember(d, CONTAINER, text, len, *ret);
	return SQLITE_OK;
}

size_t dict_address_key(const struct addr *a,
			unsigned char ret[static DICT_KEY_MAX])
{
	unsigned size = addr_size(a->family);

	if (!size)
		return 0;
	ret[0] = size == 4 ? 4 : 6;
	memcpy(ret + 1, a->bytes, size);
	return size + 1;
}

struct party_name {
	int64_t container;
	struct mac mac;
	unsigned char key_len, key[DICT_KEY_MAX];
};

static void bind_party(struct dict *d, const struct party_name *p,
		       const char *mac, const char *name, const char *address)
{
	for (unsigned i = FIND_PARTY; i <= ADD_PARTY; i++) {
		sqlite3_bind_blob(d->statements[i], 1, p->key, p->key_len,
				  SQLITE_STATIC);
		sqlite3_bind_int64(d->statements[i], 2, p->container);
		bind_str(d->statements[i], 3, mac);
		bind_str(d->statements[i], 4, name);
	}
	bind_str(d->statements[ADD_PARTY], 5, address);
}

int dict_party(struct dict *d, const struct row_end *end, int64_t *ret)
{
	_cleanup_(buf_fini) struct buf known = BUF_INIT(BUF_UNBOUNDED);
	char address[ADDR_STRLEN], mac[MAC_STRLEN];
	struct party_name p;
	int r;

	memset(&p, 0, sizeof(p));
	p.key_len = (unsigned char)dict_address_key(&end->addr, p.key);
	p.mac = end->mac;
	r = dict_container(d, end->container, &p.container);
	if (r != SQLITE_OK)
		return r;
	buf_add(&known, &p, sizeof(p));
	buf_adds(&known, end->name ?: "");
	if (recall(d, PARTY, known.data, known.len, ret))
		return SQLITE_OK;
	bind_party(d, &p, mac_is_set(&p.mac) ? mac_format(&p.mac, mac) : "",
		   end->name ?: "", addr_format(&end->addr, address));
	r = find(d, FIND_PARTY, ret);
	if (r == SQLITE_DONE)
		r = add(d, ADD_PARTY, ret);
	if (r != SQLITE_OK && r != SQLITE_ROW)
		return r;
	remember(d, PARTY, known.data, known.len, *ret);
	return SQLITE_OK;
}

static int add_policies(struct dict *d, struct json_object *policies,
			int64_t *ret)
{
	sqlite3_stmt *stmt = d->statements[ADD_POLICY];
	int r = add(d, ADD_POLICIES, ret);

	for (size_t i = 0; r == SQLITE_OK && i < json_count(policies); i++) {
		bind_str(stmt, 1, json_item_text(policies, i));
		sqlite3_bind_int64(stmt, 2, *ret);
		r = add(d, ADD_POLICY, NULL);
	}
	return r;
}

int dict_policies(struct dict *d, struct json_object *policies, int64_t *ret)
{
	const char *text;
	size_t len;
	int r;

	if (!policies) {
		*ret = 0;
		return SQLITE_OK;
	}
	text = json_of(policies, &len);
	if (recall(d, POLICIES, text, len, ret))
		return SQLITE_OK;
	bind_str(d->statements[FIND_POLICIES], 1, text);
	bind_str(d->statements[ADD_POLICIES], 1, text);
	r = find(d, FIND_POLICIES, ret);
	if (r == SQLITE_DONE)
		r = add_policies(d, policies, ret);
	if (r != SQLITE_OK && r != SQLITE_ROW)
		return r;
	remember(d, POLICIES, text, len, *ret);
	return SQLITE_OK;
}

int dict_kind(struct dict *d, const struct dict_kind *kind, int64_t *ret)
{
	const int64_t numbers[] = { kind->origin,    kind->verdict,
				    kind->direction, kind->reason,
				    kind->policies,  kind->proto };
	int r;

	if (recall(d, KIND, numbers, sizeof(numbers), ret))
		return SQLITE_OK;
	for (unsigned i = FIND_KIND; i <= ADD_KIND; i++)
		for (size_t k = 0; k < ARRAY_SIZE(numbers); k++)
			sqlite3_bind_int64(d->statements[i], (int)k + 1,
					   numbers[k]);
	r = find(d, FIND_KIND, ret);
	if (r == SQLITE_DONE)
		r = add(d, ADD_KIND, ret);
	if (r != SQLITE_OK && r != SQLITE_ROW)
		return r;
	remember(d, KIND, numbers, sizeof(numbers), *ret);
	return SQLITE_OK;
}
