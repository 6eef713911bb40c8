/* SPDX-License-Identifier: GPL-2.0-or-later */
/* build.c - JSON objects filled by path. */
#include "format/build.h"

#include <json-c/json.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"

/* Bytes of one step of a path; paths are literals. */
#define STEP_MAX 64

/* The object that the last step of @path is a member of; @ret is that step. */
static struct json_object *reach(struct json_object *o, const char *path,
				 const char **ret)
{
	const char *dot;

	while ((dot = strchr(path, '.'))) {
		char step[STEP_MAX] = { 0 };
		struct json_object *next;

		memcpy(step, path, MIN((size_t)(dot - path), STEP_MAX - 1));
		next = json_at(o, step);
		if (!next) {
			next = json_object_new_object();
			json_object_object_add(o, step, next);
		}
		o = next;
		path = dot + 1;
	}
	*ret = path;
	return o;
}

void build_put(struct json_object *to, const char *path,
	       struct json_object *value)
{
	const char *step;

	if (!value)
		return;
	to = reach(to, path, &step);
	json_object_object_add(to, step, value);
}

void build_text(struct json_object *to, const char *path, const char *text)
{
	if (*text)
		build_put(to, path, json_object_new_string(text));
}

void build_number(struct json_object *to, const char *path, int64_t n)
{
	build_put(to, path, json_object_new_int64(n));
}

void build_copy_text(struct json_object *to, const char *path,
		     struct json_object *from, const char *key)
{
	build_text(to, path, json_text(from, key));
}

void build_copy_number(struct json_object *to, const char *path,
		       struct json_object *from, const char *key)
{
	struct json_object *value = json_at(from, key);

	if (json_object_is_type(value, json_type_int))
		build_put(to, path, json_object_get(value));
}

void build_copy_texts(struct json_object *to, const char *path,
		      struct json_object *from, const char *key)
{
	struct json_object *list = json_at(from, key), *copy;

	if (!json_count(list))
		return;
	copy = json_object_new_array();
	for (size_t i = 0; i < json_count(list); i++)
		if (*json_item_text(list, i))
			json_object_array_add(
				copy, json_object_get(json_item(list, i)));
	build_put(to, path, copy);
}

static void copy_member(void *arg, const char *key, struct json_object *value)
{
	if (json_object_is_type(value, json_type_string))
		json_object_object_add(arg, key, json_object_get(value));
}

void build_copy_map(struct json_object *to, const char *path,
		    struct json_object *from, const char *key)
{
	struct json_object *map = json_at(from, key), *copy;

	if (!json_object_is_type(map, json_type_object) ||
	    !json_object_object_length(map))
		return;
	copy = json_object_new_object();
	json_each(map, copy_member, copy);
	build_put(to, path, copy);
}

void build_append(struct json_object *to, const char *path, const char *text)
{
	struct json_object *list;
	const char *step;

	if (!*text)
		return;
	to = reach(to, path, &step);
	list = json_at(to, step);
	if (!list) {
		list = json_object_new_array();
		json_object_object_add(to, step, list);
	}
	for (size_t i = 0; i < json_count(list); i++)
		if (!strcmp(json_item_text(list, i), text))
			return;
	json_object_array_add(list, json_object_new_string(text));
}

char *build_full_name(struct json_object *container)
{
	const char *name = json_text(container, "name");

	if (!*name)
		return xstrdup("");
	return xasprintf("%s/%s", json_text(container, "namespace"), name);
}

bool build_time(struct json_object *from, const char *key, uint64_t *ret)
{
	return clock_parse(json_text(from, key), ret) == 0;
}

/* What is left of a record. */
struct rest {
	struct json_object *to;
	const char *const *told;
	size_t ntold;
};

static void put_rest(void *arg, const char *key, struct json_object *value)
{
	const struct rest *rest = arg;

	for (size_t i = 0; i < rest->ntold; i++)
		if (!strcmp(rest->told[i], key))
			return;
	if (value)
		json_object_object_add(rest->to, key, json_object_get(value));
}

struct json_object *build_rest(struct json_object *native,
			       const char *const *told, size_t ntold)
{
	struct rest rest = { json_object_new_object(), told, ntold };

	json_each(native, put_rest, &rest);
	return rest.to;
}

bool build_is_event(struct json_object *native)
{
	return *json_text(native, "event");
}

int64_t build_sum(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return a < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

int64_t build_product(int64_t a, int64_t b)
{
	int64_t product;

	if (__builtin_mul_overflow(a, b, &product))
		return (a < 0) == (b < 0) ? INT64_MAX : INT64_MIN;
	return product;
}
