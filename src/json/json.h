/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json.h - JSON from outside: read within bounds, and looked into.
 *
 * The look-ups never fail: what is missing, null or of another type is "", 0,
 * false or NULL, and each takes NULL for the object as well.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

struct json_object;

/** Nesting of a text; ours and the engines' are far flatter. */
#define JSON_DEPTH_MAX 64

void json_unrefp(struct json_object **o);

/**
 * Parse one JSON object or array (RFC 8259; blanks around it are passed over)
 * of untrusted origin, nested at most JSON_DEPTH_MAX deep.
 *
 * Returns it, owned by the caller; NULL when @text is none: a text that is a
 * number or a string alone is no message of anybody's.
 */
struct json_object *json_parse(struct slice text);

struct json_object *json_at(struct json_object *o, const char *key);
const char *json_text(struct json_object *o, const char *key);
int64_t json_number(struct json_object *o, const char *key);
bool json_flag(struct json_object *o, const char *key);

/** Items of an array; 0 for anything else. */
size_t json_count(struct json_object *array);
struct json_object *json_item(struct json_object *array, size_t i);
/** Item @i of an array of strings. */
const char *json_item_text(struct json_object *array, size_t i);

/** Append the strings of an array, with ", " between. */
void json_join(struct buf *out, struct json_object *array);

/** Call @fn for each member of an object, in its order. */
void json_each(struct json_object *o,
	       void (*fn)(void *arg, const char *key,
			  struct json_object *value),
	       void *arg);
