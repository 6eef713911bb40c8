/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine_json.c - what Docker and Podman write alike. */
#include "runtime/engine_json.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "runtime/bounds.h"
#include "runtime/escape.h"

#define GO_NEVER "0001-" /* year of Go's zero time */

json *engine_member(json *o, const char *key, enum json_type type)
{
	json *value = NULL;

	if (!json_object_is_type(o, json_type_object) ||
	    !json_object_object_get_ex(o, key, &value) ||
	    !json_object_is_type(value, type))
		return NULL;
	return value;
}

/* A string value without NUL in it and of at most @max bytes, or NULL. */
const char *engine_text_of(json *value, size_t max)
{
	const char *s;
	size_t n;

	if (!json_object_is_type(value, json_type_string))
		return NULL;
	s = json_object_get_string(value);
	n = (size_t)json_object_get_string_len(value);
	return n <= max && strlen(s) == n ? s : NULL;
}

const char *engine_text(json *o, const char *key, size_t max)
{
	return engine_text_of(engine_member(o, key, json_type_string), max);
}

bool engine_is_id(const char *s)
{
	size_t n = s ? strlen(s) : 0;

	if (!n || n > DOCKER_ID_MAX)
		return false;
	for (; *s; s++)
		if (!((*s >= '0' && *s <= '9') || (*s >= 'a' && *s <= 'z') ||
		      (*s >= 'A' && *s <= 'Z')))
			return false;
	return true;
}

const char *engine_id(json *o, const char *key)
{
	const char *s = engine_text(o, key, DOCKER_ID_MAX);

	return engine_is_id(s) ? s : NULL;
}

char *engine_copy(json *o, const char *key)
{
	return xstrdup(engine_text(o, key, DOCKER_NAME_MAX) ?: "");
}

bool engine_number(const char **at, unsigned max, unsigned *ret)
{
	unsigned n = 0;
	const char *p = *at;

	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++) {
		n = 10 * n + (unsigned)(*p - '0');
		if (n > max)
			return false;
	}
	*at = p;
	*ret = n;
	return true;
}

const char *engine_name(const char *name)
{
	return name && name[0] == '/' ? name + 1 : name;
}

/* See docker/json.h for what is kept of a label. */
static void add_label(struct docker_container *c, const char *key, json *value)
{
	enum bounds_label keep;
	const char *s;
	size_t n;

	if (!json_object_is_type(value, json_type_string)) {
		c->cut++;
		return;
	}
	s = json_object_get_string(value);
	n = (size_t)json_object_get_string_len(value);
	keep = bounds_label(key, s, n);
	c->cut += keep != BOUNDS_WHOLE;
	if (keep == BOUNDS_LEFT_OUT) {
		c->cut_own += bounds_own_label(key);
		return;
	}
	if (keep == BOUNDS_CUT)
		n = BOUNDS_VALUE;
	vec_push(&c->labels, (struct label){ xstrdup(key), xstrndup(s, n) });
}

void engine_labels(struct docker_container *c, json *labels)
{
	if (!labels)
		return;
	if (json_object_object_length(labels) > DOCKER_LABELS_MAX) {
		c->overlabelled = true;
		return;
	}
	json_object_object_foreach(labels, key, value)
		add_label(c, key, value);
}

uint8_t engine_proto(const char *s)
{
	if (!s)
		return 0;
	if (!strcmp(s, "tcp"))
		return IPPROTO_TCP;
	if (!strcmp(s, "udp"))
		return IPPROTO_UDP;
	return !strcmp(s, "sctp") ? IPPROTO_SCTP : 0;
}

uint16_t engine_port(json *o, const char *key)
{
	json *value = engine_member(o, key, json_type_int);
	int64_t n = value ? json_object_get_int64(value) : 0;

	return n > 0 && n <= UINT16_MAX ? (uint16_t)n : 0;
}

/* "172.17.0.2/16" or ""; no address when it is neither. */
struct addr engine_addr(const char *text)
{
	struct addr a = { 0 };
	const char *slash = text ? strchr(text, '/') : NULL;

	if (!text)
		return a;
	(void)addr_parse((struct slice){ text, slash ? (size_t)(slash - text)
						     : strlen(text) },
			 &a);
	return a;
}

/* RFC 3339 in UTC, as Go writes it; 0 for never. */
uint64_t engine_time(const char *s)
{
	struct tm tm = { 0 };
	uint64_t ns = 0, unit = 100000000;
	const char *p;
	time_t seconds;

	if (!s || !strncmp(s, GO_NEVER, sizeof(GO_NEVER) - 1))
		return 0;
	p = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!p)
		return 0;
	seconds = timegm(&tm);
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9'; p++, unit /= 10)
			ns += (uint64_t)(*p - '0') * unit;
	return seconds > 0 ? (uint64_t)seconds * 1000000000U + ns : 0;
}

/* One of "PortBindings": "80/tcp": [{"HostIp": "", "HostPort": "8080"}]. A
 * port that the engine is yet to choose (none, 0, a range) is not known. */
static void add_binding(struct docker_inspect *i, uint16_t port, uint8_t proto,
			json *o)
{
	const char *ip = engine_text(o, "HostIp", ADDR_STRLEN);
	const char *text = engine_text(o, "HostPort", 16);
	struct published_port p = { .port = port, .proto = proto };
	unsigned n;

	if (!text || !engine_number(&text, UINT16_MAX, &n) || *text || !n ||
	    i->bindings.len >= PUBLISHED_MAX)
		return;
	p.host_port = (uint16_t)n;
	if (ip && ip[0]) {
		if (addr_parse(slice_of(ip), &p.host) == 0)
			vec_push(&i->bindings, p);
		return;
	}
	p.host.family = AF_INET;
	vec_push(&i->bindings, p);
	p.host.family = AF_INET6;
	vec_push(&i->bindings, p);
}

void engine_bindings(struct docker_inspect *i, json *bindings)
{
	if (!bindings)
		return;
	json_object_object_foreach(bindings, key, list) {
		const char *at = key;
		unsigned port;
		uint8_t proto;

		if (!engine_number(&at, UINT16_MAX, &port) || !port ||
		    *at++ != '/' || !json_object_is_type(list, json_type_array))
			continue;
		proto = engine_proto(at);
		for (size_t k = 0; proto && k < json_object_array_length(list);
		     k++)
			add_binding(i, (uint16_t)port, proto,
				    json_object_array_get_idx(list, k));
	}
}

static void add_capabilities(struct buf *out, json *list)
{
	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		escape_add_capability(
			out,
			engine_text_of(json_object_array_get_idx(list, i), 64));
}

static void add_mounts(struct buf *out, json *list)
{
	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		escape_add_mount(out,
				 engine_text(json_object_array_get_idx(list, i),
					     "Source", PATH_MAX));
}

/* Why what runs in the container can change what holds it, or NULL. Only words
 * of ours: paths and names are chosen by whoever made the container. */
char *engine_escapes(json *o, json *config)
{
	struct buf out = BUF_INIT(ESCAPES_MAX);
	json *privileged =
		engine_member(config, "Privileged", json_type_boolean);
	char *text;

	if (privileged && json_object_get_boolean(privileged))
		escape_add(&out, "privileged", "");
	if (!strcmp(engine_text(config, "PidMode", DOCKER_NAME_MAX) ?: "",
		    "host"))
		escape_add(&out, "host's processes", "");
	add_capabilities(&out,
			 engine_member(config, "CapAdd", json_type_array));
	add_mounts(&out, engine_member(o, "Mounts", json_type_array));
	text = out.len ? buf_take(&out) : NULL;
	buf_fini(&out);
	return text;
}
