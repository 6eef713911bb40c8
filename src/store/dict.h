/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dict.h - the numbers of words, containers, parties, policy sets and
 * kinds of flows.
 *
 * Numbers are looked up once and remembered, up to a bound. After a rollback,
 * or when rows were removed, what is remembered may be wrong: dict_forget().
 */
#pragma once

#include <sqlite3.h>

#include "store/row.h"

struct dict;

/** Returns an SQLite result code. */
int dict_open(sqlite3 *db, struct dict **ret);
void dict_close(struct dict *d);
void dict_forget(struct dict *d);

/** The number of what is there, after it was put there if need be. Each returns
 *  SQLITE_OK or another result code. NULL is nothing, whose number is 0. */
int dict_word(struct dict *d, const char *text, int64_t *ret);
int dict_origin(struct dict *d, const char *host, const char *boot_id,
		int64_t *ret);
int dict_container(struct dict *d, struct json_object *container, int64_t *ret);
int dict_party(struct dict *d, const struct row_end *end, int64_t *ret);
int dict_policies(struct dict *d, struct json_object *policies, int64_t *ret);

/** Numbers of what many flows have in common. */
struct dict_kind {
	int64_t origin, verdict, direction, reason, policies, proto;
};

int dict_kind(struct dict *d, const struct dict_kind *kind, int64_t *ret);

/** Bytes of an address's key. */
#define DICT_KEY_MAX 17

/** The key that parties are sorted by. Returns its length. */
size_t dict_address_key(const struct addr *a,
			unsigned char ret[static DICT_KEY_MAX]);
