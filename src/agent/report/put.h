/* SPDX-License-Identifier: GPL-2.0-or-later */
/* put.h - putting results together; json-c's ownership stays inside. */
#pragma once

#include <json-c/json.h>

#include "base/addr.h"
#include "endpoint/endpoint.h"
#include "policy/policy.h"

static inline void report_object(struct json_object *to, const char *key,
				 struct json_object *value)
{
	json_object_object_add(to, key, value);
}

static inline void report_string(struct json_object *to, const char *key,
				 const char *value)
{
	json_object_object_add(to, key, json_object_new_string(value));
}

/** null instead of NULL or "". */
void report_optional(struct json_object *to, const char *key,
		     const char *value);
void report_uint(struct json_object *to, const char *key, uint64_t value);
void report_bool(struct json_object *to, const char *key, bool value);
/** RFC 3339; null for 0. */
void report_time(struct json_object *to, const char *key, uint64_t realtime);
/** null for no address. */
void report_addr(struct json_object *to, const char *key, const struct addr *a);
/** A new array or object under @key, borrowed. */
struct json_object *report_array(struct json_object *to, const char *key);
struct json_object *report_mapping(struct json_object *to, const char *key);
/** A new object at the end of @array, borrowed. */
struct json_object *report_item(struct json_object *array);

/** "namespace/name" appended to @array. */
void report_ref(struct json_object *array, const char *namespace,
		const char *name);

/** The text @key of a command's arguments, borrowed; NULL: none. */
const char *report_argument(struct json_object *arguments, const char *key);

/** "tcp", "udp", "sctp", "icmp". */
const char *report_protocol(uint8_t proto);
