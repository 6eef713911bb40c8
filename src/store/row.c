/* SPDX-License-Identifier: GPL-2.0-or-later */
/* row.c - a native record taken apart into what the store has columns for. */
#include "store/row.h"

#include <assert.h>
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "base/clock.h"
#include "base/macro.h"
#include "json/json.h"

/* Policies that a set may have; a record names at most 64. */
#define POLICIES_MAX 1024

static const char *const text_names[] = {
	[ROW_HOST] = "host",
	[ROW_BOOT_ID] = "boot_id",
	[ROW_VERDICT] = "verdict",
	[ROW_DIRECTION] = "direction",
	[ROW_REASON] = "reason",
	[ROW_PROTO] = "proto",
	[ROW_STATE] = "state",
	[ROW_TCP_FLAGS] = "tcp_flags",
	[ROW_IFACE_IN] = "iface_in",
	[ROW_IFACE_OUT] = "iface_out",
	[ROW_PHYS_IN] = "phys_in",
	[ROW_PHYS_OUT] = "phys_out",
	[ROW_COMMUNITY_ID] = "community_id",
	[ROW_EVENT] = "event",
	[ROW_LEVEL] = "level",
	[ROW_MESSAGE] = "message",
};
static_assert(ARRAY_SIZE(text_names) == ROW_TEXTS, "a name is missing");

static const char *const number_names[] = {
	[ROW_SEQ] = "seq",
	[ROW_PACKETS] = "packets",
	[ROW_BYTES] = "bytes",
	[ROW_NEW_PACKETS] = "new_packets",
	[ROW_NEW_BYTES] = "new_bytes",
	[ROW_PACKETS_REPLY] = "packets_reply",
	[ROW_BYTES_REPLY] = "bytes_reply",
	[ROW_DURATION_MS] = "duration_ms",
};
static_assert(ARRAY_SIZE(number_names) == ROW_NUMBERS, "a name is missing");

/* ---- values ------------------------------------------------------------ */

/* A text that a column gives back as it is: neither empty nor with a NUL. */
static const char *whole_text(struct json_object *value, size_t max)
{
	const char *text;
	size_t len;

	if (!json_object_is_type(value, json_type_string))
		return NULL;
	text = json_object_get_string(value);
	len = (size_t)json_object_get_string_len(value);
	return len && len < max && strlen(text) == len ? text : NULL;
}

/* One that no column's 64 bits would change. */
static bool take_int(struct json_object *value, struct row_int *ret)
{
	if (!json_object_is_type(value, json_type_int))
		return false;
	ret->value = json_object_get_int64(value);
	if (ret->value == INT64_MAX &&
	    json_object_get_uint64(value) > INT64_MAX)
		return false;
	ret->is_set = true;
	return true;
}

bool row_port_take(struct json_object *value, struct row_int *ret)
{
	struct row_int n = { 0 };

	if (!take_int(value, &n) || n.value < 0 || n.value > UINT16_MAX)
		return false;
	*ret = n;
	return true;
}

/* A time; @exact when clock_format() gives the same text. */
static bool take_time(struct json_object *value, uint64_t *ret, bool *exact)
{
	char again[CLOCK_STRLEN];
	const char *text = whole_text(value, 64);
	uint64_t ns;

	if (!text || clock_parse(text, &ns) < 0 || ns > INT64_MAX)
		return false;
	*exact = !strcmp(clock_format(ns, again), text);
	*ret = ns;
	return true;
}

static bool take_addr(struct json_object *value, struct addr *ret)
{
	const char *text = whole_text(value, ADDR_STRLEN);
	char again[ADDR_STRLEN];
	struct addr addr;

	if (!text || addr_parse(slice_of(text), &addr) < 0 ||
	    strcmp(addr_format(&addr, again), text) != 0)
		return false;
	*ret = addr;
	return true;
}

static bool take_mac(struct json_object *value, struct mac *ret)
{
	const char *text = whole_text(value, MAC_STRLEN);
	char again[MAC_STRLEN];
	struct mac mac;

	if (!text || mac_parse(slice_of(text), &mac) < 0 || !mac_is_set(&mac) ||
	    strcmp(mac_format(&mac, again), text) != 0)
		return false;
	*ret = mac;
	return true;
}

bool row_flow_id_parse(const char *text, int64_t *ret)
{
	uint64_t id = 0;
	size_t n = 0;

	for (; text[n]; n++) {
		const char *digits = "0123456789abcdef";
		const char *digit = strchr(digits, text[n]);

		if (!digit || n == 16)
			return false;
		id = id << 4 | (uint64_t)(digit - digits);
	}
	if (n != 16)
		return false;
	*ret = (int64_t)id;
	return true;
}

static bool take_flow_id(struct json_object *value, struct row_int *ret)
{
	const char *text = whole_text(value, ROW_TEXT_MAX);

	return text && (ret->is_set = row_flow_id_parse(text, &ret->value));
}

/* Names, and nothing else. */
static bool take_policies(struct json_object *value, struct json_object **ret)
{
	size_t n = json_count(value);

	if (!json_object_is_type(value, json_type_array) || n > POLICIES_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!whole_text(json_item(value, i), 2 * 1024 + 2))
			return false;
	*ret = value;
	return true;
}

/* One with a name or an id; others are nothing to look for. */
static bool take_container(struct json_object *value, struct json_object **ret)
{
	if (!json_object_is_type(value, json_type_object) ||
	    !(*json_text(value, "id") || *json_text(value, "name")))
		return false;
	*ret = value;
	return true;
}

/* ---- objects ----------------------------------------------------------- */

static void keep(struct json_object **extra, const char *key,
		 struct json_object *value)
{
	if (!*extra)
		*extra = json_object_new_object();
	json_object_object_add(*extra, key, json_object_get(value));
}

static bool take_end_member(struct row_end *end, const char *key,
			    struct json_object *value)
{
	if (!strcmp(key, "ip"))
		return take_addr(value, &end->addr);
	if (!strcmp(key, "port"))
		return row_port_take(value, &end->port);
	if (!strcmp(key, "mac"))
		return take_mac(value, &end->mac);
	if (!strcmp(key, "name"))
		return (end->name = whole_text(value, 1025)) != NULL;
	if (!strcmp(key, "container"))
		return take_container(value, &end->container);
	return false;
}

/* False when nothing of it was taken: then it stays as a whole. What was not
 * taken is kept in @rest. */
static bool take_end(struct json_object *value, struct row_end *end,
		     struct json_object **rest)
{
	bool taken = false;

	if (!json_object_is_type(value, json_type_object))
		return false;
	json_object_object_foreach(value, key, member) {
		if (take_end_member(end, key, member))
			taken = true;
		else
			keep(rest, key, member);
	}
	return taken;
}

static bool take_icmp(struct json_object *value, struct row *r)
{
	struct row_int type = { 0 }, code = { 0 };

	if (!json_object_is_type(value, json_type_object) ||
	    json_object_object_length(value) != 2 ||
	    !take_int(json_at(value, "type"), &type) ||
	    !take_int(json_at(value, "code"), &code))
		return false;
	r->icmp_type = type;
	r->icmp_code = code;
	return true;
}

static bool take_text(struct row *r, const char *key, struct json_object *value)
{
	for (unsigned i = 0; i < ROW_TEXTS; i++) {
		size_t max = i == ROW_MESSAGE ? SIZE_MAX : ROW_TEXT_MAX;

		if (!strcmp(text_names[i], key))
			return (r->texts[i] = whole_text(value, max)) != NULL;
	}
	return false;
}

static bool take_number(struct row *r, const char *key,
			struct json_object *value)
{
	for (unsigned i = 0; i < ROW_NUMBERS; i++)
		if (!strcmp(number_names[i], key))
			return take_int(value, &r->numbers[i]);
	return false;
}

static bool take_times(struct row *r, const char *key,
		       struct json_object *value, bool *is_one)
{
	bool exact = false;

	*is_one = true;
	if (!strcmp(key, "time"))
		return take_time(value, &r->time, &exact) && exact;
	if (!strcmp(key, "first"))
		return (r->has_first = take_time(value, &r->start, &exact)) &&
		       exact;
	if (!strcmp(key, "last"))
		return (r->has_last = take_time(value, &r->stop, &exact)) &&
		       exact;
	*is_one = false;
	return false;
}

static bool take_head(struct row *r, const char *key, struct json_object *value)
{
	if (!strcmp(key, "packet_head"))
		return (r->packet_head = whole_text(value, SIZE_MAX)) != NULL;
	if (!strcmp(key, "packet_link"))
		return (r->packet_link = whole_text(value, ROW_TEXT_MAX)) !=
		       NULL;
	return false;
}

/* What an end leaves over, under the end's key. */
static bool take_ends(struct row *r, const char *key, struct json_object *value)
{
	struct json_object *rest = NULL;
	bool taken = false;

	if (!strcmp(key, "src"))
		taken = take_end(value, &r->src, &rest);
	else if (!strcmp(key, "dst"))
		taken = take_end(value, &r->dst, &rest);
	if (taken && rest)
		keep(&r->extra, key, rest);
	json_object_put(rest);
	return taken;
}

static bool take_member(struct row *r, const char *key,
			struct json_object *value)
{
	bool is_time, taken = take_times(r, key, value, &is_time);

	if (is_time)
		return taken;
	if (!strcmp(key, "flow_id"))
		return take_flow_id(value, &r->flow_id);
	if (!strcmp(key, "icmp"))
		return take_icmp(value, r);
	return take_text(r, key, value) || take_number(r, key, value) ||
	       take_ends(r, key, value) || take_head(r, key, value);
}

/* An event's own: a flow that had one would keep it in extra. */
static bool take_shared(struct row *r, bool event, const char *key,
			struct json_object *value)
{
	if (event && !strcmp(key, "container"))
		return take_container(value, &r->container);
	if (!event && !strcmp(key, "policies"))
		return take_policies(value, &r->policies);
	return false;
}

/* Those of an event have no columns of a flow's, and the reverse. */
static bool is_for(bool event, const char *key)
{
	static const char *const both[] = { "time", "host", "boot_id", "seq" };
	static const char *const of_event[] = { "event", "level", "message" };

	for (size_t i = 0; i < ARRAY_SIZE(both); i++)
		if (!strcmp(both[i], key))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(of_event); i++)
		if (!strcmp(of_event[i], key))
			return event;
	return !event;
}

/* No flow ends before it starts, whatever a clock that was set back made the
 * record say. */
static void settle_times(struct row *r, struct json_object *record)
{
	if (!r->has_first)
		r->start = r->time;
	if (!r->has_last)
		r->stop = r->time;
	if (r->stop >= r->start)
		return;
	r->stop = r->start;
	if (r->has_last)
		keep(&r->extra, "last", json_at(record, "last"));
}

int row_take(struct json_object *record, struct row *ret)
{
	struct row r = { 0 };
	bool event = *json_text(record, "event");

	r.time = UINT64_MAX;
	if (!json_object_is_type(record, json_type_object))
		return -EBADMSG;
	json_object_object_foreach(record, key, value) {
		if (take_shared(&r, event, key, value) ||
		    (is_for(event, key) && take_member(&r, key, value)))
			continue;
		keep(&r.extra, key, value);
	}
	if (r.time == UINT64_MAX || !r.texts[event ? ROW_EVENT : ROW_VERDICT]) {
		row_fini(&r);
		return -EBADMSG;
	}
	settle_times(&r, record);
	*ret = r;
	return 0;
}

void row_fini(struct row *r)
{
	json_object_put(r->extra);
	r->extra = NULL;
}

struct json_object *row_summary(struct json_object *record)
{
	static const char *const keys[] = { "new_packets", "new_bytes",
					    "packet_head", "packet_link" };
	struct json_object *o = json_object_new_object();

	json_object_object_foreach(record, key, value)
		json_object_object_add(o, key, json_object_get(value));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		json_object_object_del(o, keys[i]);
	return o;
}

void row_merge(struct json_object *to, struct json_object *from)
{
	json_object_object_foreach(from, key, value) {
		struct json_object *there = json_at(to, key);

		if (json_object_is_type(there, json_type_object) &&
		    json_object_is_type(value, json_type_object))
			row_merge(there, value);
		else
			json_object_object_add(to, key, json_object_get(value));
	}
}
