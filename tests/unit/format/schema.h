/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schema.h - an object held against a table of published fields. */
#pragma once

#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/macro.h"
#include "format/format.h"
#include "json/json.h"

enum type { TEXT, IP, MAC, DATE, LONG, PORT, ANY };

struct field {
	const char *path;
	enum type type;
	bool list;
};

static inline bool has_type(struct json_object *o, enum type type)
{
	const char *text = json_object_get_string(o) ?: "";
	bool is_text = json_object_is_type(o, json_type_string);
	bool is_number = json_object_is_type(o, json_type_int);
	struct addr addr;
	uint64_t ns;

	switch (type) {
	case TEXT:
	case MAC:
		return is_text && *text;
	case IP:
		return is_text && addr_parse(slice_of(text), &addr) == 0;
	case DATE:
		return is_text && clock_parse(text, &ns) == 0;
	case LONG:
		return is_number;
	case PORT:
		return is_number && json_object_get_int64(o) >= 0 &&
		       json_object_get_int64(o) <= 65535;
	case ANY:
		return true;
	}
	return false;
}

static inline void check_leaf(struct json_object *o, const struct field *f)
{
	if (f->list != json_object_is_type(o, json_type_array))
		fail_msg("%s: one, or a list?", f->path);
	for (size_t i = 0; f->list && i < json_count(o); i++)
		if (!has_type(json_item(o, i), f->type))
			fail_msg("%s: wrong type", f->path);
	if (!f->list && !has_type(o, f->type))
		fail_msg("%s: wrong type: %s", f->path,
			 json_object_get_string(o));
}

/* Every leaf of @o is in the table, and of its type. */
static inline void check_fields(struct json_object *o, const char *prefix,
				const struct field *fields, size_t n)
{
	json_object_object_foreach(o, key, value) {
		char path[256];
		const struct field *f = NULL;

		snprintf(path, sizeof(path), "%s%s%s", prefix,
			 *prefix ? "." : "", key);
		for (size_t i = 0; i < n && !f; i++)
			if (!strcmp(fields[i].path, path))
				f = &fields[i];
		if (f)
			check_leaf(value, f);
		else if (json_object_is_type(value, json_type_object))
			check_fields(value, path, fields, n);
		else
			fail_msg("%s is not in the schema", path);
	}
}

static inline struct json_object *path_of(struct json_object *o,
					  const char *path)
{
	char copy[256], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *step = strtok_r(copy, ".", &save); step;
	     step = strtok_r(NULL, ".", &save))
		o = json_at(o, step);
	return o;
}

static inline void has(struct json_object *o, const char *path,
		       const char *want)
{
	struct json_object *value = path_of(o, path);

	if (!value)
		fail_msg("%s is missing", path);
	assert_string_equal(
		json_object_to_json_string_ext(
			value, JSON_C_TO_STRING_PLAIN |
				       JSON_C_TO_STRING_NOSLASHESCAPE),
		want);
}

static inline void has_not(struct json_object *o, const char *path)
{
	assert_null(path_of(o, path));
}

/* A denied TCP flow that has every field, and one event of each kind. */
#define DENIED                                                                                                 \
	"{\"time\":\"2026-01-31T10:20:30.123456789Z\",\"host\":\"h1\",\"boot_id\":\"b-1\",\"seq\":7,"          \
	"\"verdict\":\"denied\",\"direction\":\"ingress\",\"reason\":\"no-policy-allows\","                    \
	"\"policies\":[\"shop/db\",\"shop/deny\"],\"proto\":\"tcp\","                                          \
	"\"src\":{\"ip\":\"172.18.0.2\",\"port\":40000,\"mac\":\"02:42:ac:12:00:02\",\"name\":\"web.test\","   \
	"\"container\":{\"id\":\"aa\",\"name\":\"web\",\"image\":\"nginx:1\",\"namespace\":\"shop\","          \
	"\"labels\":{\"app\":\"web\",\"a.b\":\"c\"},\"runtime\":\"docker\"}},"                                 \
	"\"dst\":{\"ip\":\"172.18.0.3\",\"port\":5432,"                                                        \
	"\"container\":{\"id\":\"bb\",\"name\":\"db\",\"image\":\"postgres\",\"namespace\":\"shop\","          \
	"\"labels\":{},\"runtime\":\"docker\"}},"                                                              \
	"\"published\":{\"ip\":\"192.0.2.1\",\"port\":15432},"                                                 \
	"\"tcp_flags\":\"SYN\",\"iface_in\":\"br-1\",\"iface_out\":\"br-1\",\"flow_id\":\"00000000000000ff\"," \
	"\"state\":\"new\",\"packets\":3,\"bytes\":180,\"new_packets\":1,\"new_bytes\":60,"                    \
	"\"first\":\"2026-01-31T10:20:30.000000000Z\",\"last\":\"2026-01-31T10:20:31.000000000Z\","            \
	"\"community_id\":\"1:LQU9qZlK+B5F3KDmev6m5PMibrg=\"}"

#define ALLOWED                                                                                             \
	"{\"time\":\"2026-01-31T10:20:35Z\",\"host\":\"h1\",\"boot_id\":\"b-1\",\"seq\":8,"                 \
	"\"verdict\":\"allowed\",\"direction\":\"egress\",\"policies\":[\"shop/web\"],\"proto\":\"icmp6\"," \
	"\"src\":{\"ip\":\"fd00::2\",\"container\":{\"id\":\"aa\",\"name\":\"web\",\"namespace\":\"shop\"," \
	"\"labels\":{\"app\":\"web\"}}},\"dst\":{\"ip\":\"fd00::3\"},\"icmp\":{\"type\":128,\"code\":0},"   \
	"\"vlan\":5,\"flow_id\":\"0123456789abcdef\",\"state\":\"end\",\"packets\":4,\"bytes\":400,"        \
	"\"packets_reply\":4,\"bytes_reply\":300,\"duration_ms\":1500}"

static const char *const events[] = {
	"agent-start",	   "agent-stop",     "container-start",
	"container-stop",  "container-exec", "container-oom",
	"policy-loaded",   "policy-changed", "policy-removed",
	"policy-rejected", "enforcement",    "tamper",
	"quarantine",	   "loss",	     "suppressed",
	"accounting",	   "sink",	     "one-of-tomorrow",
};

static inline struct json_object *event_new(const char *event)
{
	struct json_object *o = json_tokener_parse(
		"{\"time\":\"2026-01-31T10:20:30Z\",\"host\":\"h1\",\"boot_id\":\"b-1\",\"seq\":9,"
		"\"level\":\"error\",\"message\":\"Something happened.\","
		"\"container\":{\"id\":\"aa\",\"name\":\"web\",\"image\":\"nginx:1\",\"namespace\":\"shop\",\"labels\":{},\"runtime\":\"docker\"},"
		"\"file\":\"/etc/bulkhead/policies/a.yaml\",\"hash\":\"e3b0\",\"records\":4,\"policies\":[\"shop/db\"]}");

	json_object_object_add(o, "event", json_object_new_string(event));
	return o;
}
