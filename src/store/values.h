/* SPDX-License-Identifier: GPL-2.0-or-later */
/* values.h - what a field shows of flows, as numbers: those of two flows are the
 * same exactly when fold_value() says the same of both. */
#pragma once

#include <sqlite3.h>

#include "store/dict.h"
#include "store/fold.h"
#include "store/groups.h"
#include "store/names.h"
#include "store/pack.h"

/** The kinds of flows, by number; a number that is not there is all zero. */
struct kinds {
	struct dict_kind *of;
	size_t n;
};

/** Each returns an SQLite result code. */
int kinds_read(sqlite3 *db, struct kinds *ret);
void kinds_fini(struct kinds *k);

struct values {
	enum fold_field field;
	uint32_t *of; /* a party or a kind; NULL for the port */
	size_t n;
};

int values_read(sqlite3 *db, struct names *names, const struct kinds *kinds,
		enum fold_field field, struct values *ret);
void values_fini(struct values *v);

/** The number of what the field shows of a flow. */
static inline uint32_t values_number(const struct values *v,
				     const struct pack_cell *cell)
{
	uint32_t id;

	if (v->field == FOLD_PORT)
		return (uint32_t)cell->port;
	id = fold_is_of_src(v->field)	? cell->src
	     : fold_is_of_dst(v->field) ? cell->dst
					: cell->kind;
	return id < v->n ? v->of[id] : 0;
}

/** Put into @to what fold_value() looks at for @field of a
 *  group. */
void values_put(struct names *names, const struct kinds *kinds,
		enum fold_field field, const struct group *of,
		struct json_object *to);
