/* SPDX-License-Identifier: GPL-2.0-or-later */
/* put.c - putting results together. */
#include "agent/report/put.h"

#include <netinet/in.h>

#include "base/alloc.h"
#include "base/clock.h"

void report_optional(struct json_object *to, const char *key, const char *value)
{
	report_object(to, key,
		      value && value[0] ? json_object_new_string(value) : NULL);
}

void report_uint(struct json_object *to, const char *key, uint64_t value)
{
	report_object(to, key, json_object_new_uint64(value));
}

void report_bool(struct json_object *to, const char *key, bool value)
{
	report_object(to, key, json_object_new_boolean(value));
}

void report_time(struct json_object *to, const char *key, uint64_t realtime)
{
	char text[CLOCK_STRLEN];

	report_optional(to, key,
			realtime ? clock_format(realtime, text) : NULL);
}

void report_addr(struct json_object *to, const char *key, const struct addr *a)
{
	char text[ADDR_STRLEN];

	report_optional(to, key, addr_format(a, text));
}

struct json_object *report_array(struct json_object *to, const char *key)
{
	struct json_object *array = json_object_new_array();

	report_object(to, key, array);
	return array;
}

struct json_object *report_mapping(struct json_object *to, const char *key)
{
	struct json_object *mapping = json_object_new_object();

	report_object(to, key, mapping);
	return mapping;
}

struct json_object *report_item(struct json_object *array)
{
	struct json_object *item = json_object_new_object();

	json_object_array_add(array, item);
	return item;
}

void report_ref(struct json_object *array, const char *namespace,
		const char *name)
{
	_cleanup_(freep) char *ref = xasprintf("%s/%s", namespace, name);

	json_object_array_add(array, json_object_new_string(ref));
}

const char *report_protocol(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_SCTP:
		return "sctp";
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return "icmp";
	}
	return "other";
}

const char *report_argument(struct json_object *arguments, const char *key)
{
	struct json_object *value = NULL;

	if (!arguments || !json_object_object_get_ex(arguments, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}
