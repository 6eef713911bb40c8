/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json.c - JSON from outside: read within bounds, and looked into. */
#include "json/json.h"

#include <json-c/json.h>
#include <limits.h>

#include "base/macro.h"

void json_unrefp(struct json_object **o)
{
	json_object_put(*o);
}

static void tokener_freep(struct json_tokener **t)
{
	if (*t) /* unlike json_object_put() it takes no NULL */
		json_tokener_free(*t);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct slice trim(struct slice s)
{
	while (s.len && is_blank(s.ptr[s.len - 1]))
		s.len--;
	while (s.len && is_blank(s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	return s;
}

struct json_object *json_parse(struct slice text)
{
	_cleanup_(tokener_freep) struct json_tokener *tokener = NULL;
	_cleanup_(json_unrefp) struct json_object *o = NULL;

	text = trim(text);
	if (!text.len || text.len > INT_MAX ||
	    (text.ptr[0] != '{' && text.ptr[0] != '['))
		return NULL;
	tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
	if (!tokener)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT |
						JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tokener, text.ptr, (int)text.len);
	if (json_tokener_get_error(tokener) != json_tokener_success ||
	    json_tokener_get_parse_end(tokener) != text.len)
		return NULL;
	return TAKE_PTR(o);
}

struct json_object *json_at(struct json_object *o, const char *key)
{
	struct json_object *value;

	if (!json_object_is_type(o, json_type_object) ||
	    !json_object_object_get_ex(o, key, &value))
		return NULL;
	return value;
}

static const char *text_of(struct json_object *o)
{
	return json_object_is_type(o, json_type_string)
		       ? json_object_get_string(o)
		       : "";
}

const char *json_text(struct json_object *o, const char *key)
{
	return text_of(json_at(o, key));
}

int64_t json_number(struct json_object *o, const char *key)
{
	struct json_object *value = json_at(o, key);

	return json_object_is_type(value, json_type_int)
		       ? json_object_get_int64(value)
		       : 0;
}

bool json_flag(struct json_object *o, const char *key)
{
	struct json_object *value = json_at(o, key);

	return json_object_is_type(value, json_type_boolean) &&
	       json_object_get_boolean(value);
}

size_t json_count(struct json_object *array)
{
	return json_object_is_type(array, json_type_array)
		       ? json_object_array_length(array)
		       : 0;
}

struct json_object *json_item(struct json_object *array, size_t i)
{
	return i < json_count(array) ? json_object_array_get_idx(array, i)
				     : NULL;
}

const char *json_item_text(struct json_object *array, size_t i)
{
	return text_of(json_item(array, i));
}

void json_join(struct buf *out, struct json_object *array)
{
	for (size_t i = 0; i < json_count(array); i++)
		buf_addf(out, "%s%s", i ? ", " : "", json_item_text(array, i));
}

void json_each(struct json_object *o,
	       void (*fn)(void *arg, const char *key,
			  struct json_object *value),
	       void *arg)
{
	if (!json_object_is_type(o, json_type_object))
		return;
	json_object_object_foreach(o, key, value)
		fn(arg, key, value);
}
