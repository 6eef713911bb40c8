/* SPDX-License-Identifier: GPL-2.0-or-later */
/* names.h - what the store's numbers stand for, remembered while one reads. */
#pragma once

#include <sqlite3.h>

#include "store/row.h"

struct names;

int names_open(sqlite3 *db, struct names **ret);
void names_close(struct names *n);

/** "" for a number that is not there. */
const char *names_word(struct names *n, int64_t id);

/** Put "host" and "boot_id". */
void names_put_origin(struct names *n, int64_t id, struct json_object *to);
/** Put what a party is, and its port: "ip", "port", "mac", "name", "container".
 */
void names_put_party(struct names *n, int64_t id, const struct row_int *port,
		     struct json_object *to);
void names_put_container(struct names *n, int64_t id, struct json_object *to);
void names_put_policies(struct names *n, int64_t id, struct json_object *to);
