/* SPDX-License-Identifier: GPL-2.0-or-later */
/* build.h - JSON objects filled by path: "source.geo.name" makes the objects on
 * its way. What is empty or missing is not put. */
#pragma once

#include <stdint.h>

#include "json/json.h"

/** Takes @value; NULL puts nothing. */
void build_put(struct json_object *to, const char *path,
	       struct json_object *value);
void build_text(struct json_object *to, const char *path, const char *text);
void build_number(struct json_object *to, const char *path, int64_t n);

/** A copy of member @key of @from, if it is text that is not empty, a number
 *  that is no fraction, a list of such texts, or an object of them. */
void build_copy_text(struct json_object *to, const char *path,
		     struct json_object *from, const char *key);
void build_copy_number(struct json_object *to, const char *path,
		       struct json_object *from, const char *key);
void build_copy_texts(struct json_object *to, const char *path,
		      struct json_object *from, const char *key);
void build_copy_map(struct json_object *to, const char *path,
		    struct json_object *from, const char *key);

/** Append @text to the list at @path, unless it is empty or there. */
void build_append(struct json_object *to, const char *path, const char *text);

/** "namespace/name" of a container, "" of none. */
char *build_full_name(struct json_object *container);

/** Nanoseconds since 1970 of the time in member @key; false when none. */
bool build_time(struct json_object *from, const char *key, uint64_t *ret);

/** Sum and product of what a record may say; at the type's end they stop. */
int64_t build_sum(int64_t a, int64_t b);
int64_t build_product(int64_t a, int64_t b);

/** A new object of the members of @native but those named in @told. */
struct json_object *build_rest(struct json_object *native,
			       const char *const *told, size_t ntold);

/** True for a record of an event. */
bool build_is_event(struct json_object *native);
