/* SPDX-License-Identifier: GPL-2.0-or-later */
/* docker_json.c - answers of the Docker API as plain structs. */
#include "runtime/docker_json.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "json/json.h"

/* A range of ports is one entry for each port and family; no host has more. */
#define PUBLISHED_MAX (1U << 18)
#define SUBNETS_MAX   64
#define ESCAPES_MAX   512
#define GO_NEVER      "0001-" /* year of Go's zero time */

typedef struct json_object json;

static json *member(json *o, const char *key, enum json_type type)
{
	json *value = NULL;

	if (!json_object_is_type(o, json_type_object) ||
	    !json_object_object_get_ex(o, key, &value) ||
	    !json_object_is_type(value, type))
		return NULL;
	return value;
}

/* A string value without NUL in it and of at most @max bytes, or NULL. */
static const char *text_of(json *value, size_t max)
{
	const char *s;
	size_t n;

	if (!json_object_is_type(value, json_type_string))
		return NULL;
	s = json_object_get_string(value);
	n = (size_t)json_object_get_string_len(value);
	return n <= max && strlen(s) == n ? s : NULL;
}

static const char *text_at(json *o, const char *key, size_t max)
{
	return text_of(member(o, key, json_type_string), max);
}

static bool is_id(const char *s)
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

static const char *id_at(json *o, const char *key)
{
	const char *s = text_at(o, key, DOCKER_ID_MAX);

	return is_id(s) ? s : NULL;
}

static char *copy_at(json *o, const char *key)
{
	return xstrdup(text_at(o, key, DOCKER_NAME_MAX) ?: "");
}

static bool parse_number(const char **at, unsigned max, unsigned *ret)
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

/* "1.41" */
static bool parse_api(const char *s, unsigned *ret_major, unsigned *ret_minor)
{
	unsigned major, minor;

	if (!s || !parse_number(&s, 999, &major) || *s++ != '.' ||
	    !parse_number(&s, 999, &minor) || *s)
		return false;
	*ret_major = major;
	*ret_minor = minor;
	return true;
}

int docker_json_version(struct slice text, struct docker_version *ret)
{
	_cleanup_(json_unrefp) json *o = json_parse(text);
	struct docker_version v = { 0 };

	if (!parse_api(text_at(o, "ApiVersion", 16), &v.api_major,
		       &v.api_minor))
		return -EBADMSG;
	parse_api(text_at(o, "MinAPIVersion", 16), &v.min_major, &v.min_minor);
	v.engine = copy_at(o, "Version");
	*ret = v;
	return 0;
}

void docker_version_fini(struct docker_version *v)
{
	free(v->engine);
	*v = (struct docker_version){ 0 };
}

static const char *name_without_slash(const char *name)
{
	return name && name[0] == '/' ? name + 1 : name;
}

int docker_json_event(struct slice text, struct docker_event *ret)
{
	_cleanup_(json_unrefp) json *o = json_parse(text);
	json *actor = member(o, "Actor", json_type_object);
	json *attributes = member(actor, "Attributes", json_type_object);
	const char *type = text_at(o, "Type", 64);
	const char *action = text_at(o, "Action", DOCKER_NAME_MAX);
	const char *id = id_at(actor, "ID");
	const char *container, *name;
	json *time;

	if (!type || !action || !actor)
		return -EBADMSG;
	/* "exec_create: COMMAND" may be long; it is not for us anyway. */
	container = id_at(attributes, "container");
	name = name_without_slash(text_at(attributes, "name", DOCKER_NAME_MAX));
	time = member(o, "timeNano", json_type_int);
	*ret = (struct docker_event){
		.network = !strcmp(type, "network"),
		.action = xstrdup(action),
		.id = xstrdup(id ?: ""),
		.container = container ? xstrdup(container) : NULL,
		.name = name ? xstrdup(name) : NULL,
		.time = time ? (uint64_t)json_object_get_int64(time) : 0,
	};
	return 0;
}

void docker_event_fini(struct docker_event *e)
{
	free(e->action);
	free(e->id);
	free(e->container);
	free(e->name);
	*e = (struct docker_event){ 0 };
}

static bool is_own_label(const char *key)
{
	return !strncmp(key, "bulkhead.", 9);
}

/* See docker_json.h for what is kept of a label. */
static void add_label(struct docker_container *c, const char *key, json *value)
{
	const char *s;
	size_t n;

	if (!json_object_is_type(value, json_type_string) ||
	    strlen(key) > DOCKER_KEY_MAX) {
		c->cut++;
		return;
	}
	s = json_object_get_string(value);
	n = (size_t)json_object_get_string_len(value);
	if (strlen(s) != n || (is_own_label(key) && n > DOCKER_OWN_VALUE_MAX)) {
		c->cut++;
		c->cut_own += is_own_label(key);
		return;
	}
	if (!is_own_label(key) && n > DOCKER_VALUE_MAX) {
		n = DOCKER_VALUE_MAX;
		c->cut++;
	}
	vec_push(&c->labels, (struct label){ xstrdup(key), xstrndup(s, n) });
}

static void add_labels(struct docker_container *c, json *labels)
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

static uint8_t proto_of(const char *s)
{
	if (!s)
		return 0;
	if (!strcmp(s, "tcp"))
		return IPPROTO_TCP;
	if (!strcmp(s, "udp"))
		return IPPROTO_UDP;
	return !strcmp(s, "sctp") ? IPPROTO_SCTP : 0;
}

static uint16_t port_at(json *o, const char *key)
{
	json *value = member(o, key, json_type_int);
	int64_t n = value ? json_object_get_int64(value) : 0;

	return n > 0 && n <= UINT16_MAX ? (uint16_t)n : 0;
}

/* One of "Ports": {"IP", "PrivatePort", "PublicPort", "Type"}; a port that is
 * only exposed has no PublicPort. */
static void add_listed_port(struct docker_container *c, json *o)
{
	struct published_port p = {
		.host_port = port_at(o, "PublicPort"),
		.port = port_at(o, "PrivatePort"),
		.proto = proto_of(text_at(o, "Type", 8)),
	};
	const char *ip = text_at(o, "IP", 64);

	if (!p.host_port || !p.port || !p.proto ||
	    c->published.len >= PUBLISHED_MAX ||
	    addr_parse(slice_of(ip ?: "0.0.0.0"), &p.host) < 0)
		return;
	vec_push(&c->published, p);
}

static int parse_container(json *o, struct docker_container *ret)
{
	const char *id = id_at(o, "Id");
	json *names = member(o, "Names", json_type_array);
	json *ports = member(o, "Ports", json_type_array);
	const char *name = NULL;
	struct docker_container c = { 0 };

	if (!id)
		return -EBADMSG;
	if (names && json_object_array_length(names))
		name = text_of(json_object_array_get_idx(names, 0),
			       DOCKER_NAME_MAX);
	c.id = xstrdup(id);
	c.name = xstrdup(name_without_slash(name) ?: "");
	c.image = copy_at(o, "Image");
	c.state = copy_at(o, "State");
	c.network_mode = copy_at(member(o, "HostConfig", json_type_object),
				 "NetworkMode");
	add_labels(&c, member(o, "Labels", json_type_object));
	for (size_t i = 0; ports && i < json_object_array_length(ports); i++)
		add_listed_port(&c, json_object_array_get_idx(ports, i));
	*ret = c;
	return 0;
}

void docker_container_fini(struct docker_container *c)
{
	vec_foreach(l, &c->labels) {
		free((char *)l->key);
		free((char *)l->value);
	}
	vec_fini(&c->labels);
	vec_fini(&c->published);
	free(c->id);
	free(c->name);
	free(c->image);
	free(c->state);
	free(c->network_mode);
	*c = (struct docker_container){ 0 };
}

void docker_containers_fini(docker_containers *list)
{
	vec_foreach(c, list)
		docker_container_fini(c);
	vec_fini(list);
}

int docker_json_containers(struct slice text, docker_containers *ret,
			   size_t *ret_bad)
{
	_cleanup_(json_unrefp) json *list = json_parse(text);
	docker_containers all = { 0 };
	size_t bad = 0;

	if (!json_object_is_type(list, json_type_array))
		return -EBADMSG;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct docker_container c;

		if (parse_container(json_object_array_get_idx(list, i), &c) < 0)
			bad++;
		else
			vec_push(&all, c);
	}
	*ret = all;
	*ret_bad = bad;
	return 0;
}

static const char *option_at(json *network, const char *key)
{
	return text_at(member(network, "Options", json_type_object), key,
		       DOCKER_NAME_MAX);
}

/* The bridge's name as the engine's bridge driver chooses it; "" for a driver
 * that makes none. An unfit name is none: better unenforceable than wrong. */
static void set_bridge(struct network *n, json *o)
{
	const char *name = option_at(o, "com.docker.network.bridge.name");
	char made[IFNAMSIZ];

	if (strcmp(n->driver, "bridge"))
		return;
	snprintf(made, sizeof(made), "br-%.12s", n->id);
	if (!name)
		/* Podman tells it beside the options. */
		name = text_at(o, "network_interface", IFNAMSIZ - 1);
	if (!name || !name[0])
		name = made;
	if (strlen(name) < sizeof(n->bridge))
		memcpy(n->bridge, name, strlen(name) + 1);
}

/* The engine does not tell a gateway that it chose itself for a given subnet;
 * then it is the subnet's first address. Within an IPRange it may be another,
 * so none is claimed. */
static void add_gateway(struct network *n, json *config,
			const struct prefix *subnet)
{
	const char *told = text_at(config, "Gateway", ADDR_STRLEN);
	const char *range = text_at(config, "IPRange", PREFIX_STRLEN);
	struct addr a, last;

	if (told && told[0]) {
		if (addr_parse(slice_of(told), &a) == 0)
			vec_push(&n->gateways, a);
		return;
	}
	if (n->internal || !n->bridge[0] || (range && range[0]))
		return;
	prefix_range(subnet, &a, &last);
	a.bytes[addr_size(a.family) - 1] |= 1;
	vec_push(&n->gateways, a);
}

static void add_subnets(struct network *n, json *o)
{
	json *config = member(member(o, "IPAM", json_type_object), "Config",
			      json_type_array);

	for (size_t i = 0;
	     config && i < json_object_array_length(config) && i < SUBNETS_MAX;
	     i++) {
		json *entry = json_object_array_get_idx(config, i);
		const char *text = text_at(entry, "Subnet", PREFIX_STRLEN);
		struct prefix p;
		int r = text ? prefix_parse(slice_of(text), &p) : -EINVAL;

		if (r < 0 && r != -EDOM)
			continue;
		vec_push(&n->subnets, p);
		add_gateway(n, entry, &p);
	}
}

/* "172.17.0.2/16" or ""; no address when it is neither. */
static struct addr parse_member_addr(const char *text)
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

static void add_members(struct docker_network *n, json *containers)
{
	if (!containers)
		return;
	json_object_object_foreach(containers, id, o) {
		const char *mac = text_at(o, "MacAddress", MAC_STRLEN);
		struct docker_member m = { 0 };

		if (!is_id(id)) /* "ep-…": no container's */
			continue;
		m.container = xstrdup(id);
		m.v4 = parse_member_addr(
			text_at(o, "IPv4Address", PREFIX_STRLEN));
		m.v6 = parse_member_addr(
			text_at(o, "IPv6Address", PREFIX_STRLEN));
		if (mac)
			(void)mac_parse(slice_of(mac), &m.mac);
		vec_push(&n->members, m);
	}
}

static int parse_network(json *o, const char *runtime,
			 struct docker_network *ret)
{
	const char *id = id_at(o, "Id");
	json *internal = member(o, "Internal", json_type_boolean);
	struct docker_network n = { 0 };

	if (!id)
		return -EBADMSG;
	n.network = network_new(runtime, id,
				text_at(o, "Name", DOCKER_NAME_MAX) ?: "");
	free(n.network->driver);
	n.network->driver = copy_at(o, "Driver");
	n.network->internal = internal && json_object_get_boolean(internal);
	set_bridge(n.network, o);
	add_subnets(n.network, o);
	add_members(&n, member(o, "Containers", json_type_object));
	*ret = n;
	return 0;
}

void docker_network_fini(struct docker_network *n)
{
	vec_foreach(m, &n->members)
		free(m->container);
	vec_fini(&n->members);
	network_free(n->network);
	n->network = NULL;
}

void docker_networks_fini(docker_networks *list)
{
	vec_foreach(n, list)
		docker_network_fini(n);
	vec_fini(list);
}

int docker_json_networks(struct slice text, const char *runtime,
			 docker_networks *ret, size_t *ret_bad)
{
	_cleanup_(json_unrefp) json *list = json_parse(text);
	docker_networks all = { 0 };
	size_t bad = 0;

	if (!json_object_is_type(list, json_type_array))
		return -EBADMSG;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct docker_network n;

		if (parse_network(json_object_array_get_idx(list, i), runtime,
				  &n) < 0)
			bad++;
		else
			vec_push(&all, n);
	}
	*ret = all;
	*ret_bad = bad;
	return 0;
}

int docker_json_network(struct slice text, const char *runtime,
			struct docker_network *ret)
{
	_cleanup_(json_unrefp) json *o = json_parse(text);

	return parse_network(o, runtime, ret);
}

/* RFC 3339 in UTC, as Go writes it; 0 for never. */
static uint64_t parse_time(const char *s)
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
	const char *ip = text_at(o, "HostIp", ADDR_STRLEN);
	const char *text = text_at(o, "HostPort", 16);
	struct published_port p = { .port = port, .proto = proto };
	unsigned n;

	if (!text || !parse_number(&text, UINT16_MAX, &n) || *text || !n ||
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

static void add_bindings(struct docker_inspect *i, json *bindings)
{
	if (!bindings)
		return;
	json_object_object_foreach(bindings, key, list) {
		const char *at = key;
		unsigned port;
		uint8_t proto;

		if (!parse_number(&at, UINT16_MAX, &port) || !port ||
		    *at++ != '/' || !json_object_is_type(list, json_type_array))
			continue;
		proto = proto_of(at);
		for (size_t k = 0; proto && k < json_object_array_length(list);
		     k++)
			add_binding(i, (uint16_t)port, proto,
				    json_object_array_get_idx(list, k));
	}
}

static bool is_one_of(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(s, *list))
			return true;
	return false;
}

static void add_escape(struct buf *out, const char *what, const char *which)
{
	if (out->len)
		buf_adds(out, ", ");
	buf_addf(out, "%s%s", what, which);
}

/* Capabilities that reach beyond the container's own namespaces. */
static void add_capabilities(struct buf *out, json *list)
{
	static const char *const mighty[] = {
		"ALL",	     "SYS_ADMIN",	"SYS_MODULE",
		"SYS_RAWIO", "DAC_READ_SEARCH", NULL,
	};

	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		const char *name =
			text_of(json_object_array_get_idx(list, i), 64) ?: "";

		name += strncmp(name, "CAP_", 4) ? 0 : 4;
		if (is_one_of(name, mighty))
			add_escape(out, "capability ", name);
	}
}

/* Who can ask an engine can have a container that nothing holds. */
static void add_mounts(struct buf *out, json *list)
{
	static const char *const sockets[] = { "docker.sock", "containerd.sock",
					       "podman.sock", NULL };
	static const char *const above[] = { "/",	    "/run",
					     "/run/docker", "/run/containerd",
					     "/var",	    "/var/run",
					     NULL };

	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		const char *source = text_at(json_object_array_get_idx(list, i),
					     "Source", PATH_MAX);
		const char *slash = source ? strrchr(source, '/') : NULL;

		if (slash && is_one_of(slash + 1, sockets))
			add_escape(out, "mounts ", slash + 1);
		else if (slash && is_one_of(source, above))
			add_escape(out, "mounts the host's ", source);
	}
}

/* Why what runs in the container can change what holds it, or NULL. Only words
 * of ours: paths and names are chosen by whoever made the container. */
static char *find_escapes(json *o, json *config)
{
	struct buf out = BUF_INIT(ESCAPES_MAX);
	json *privileged = member(config, "Privileged", json_type_boolean);
	char *text;

	if (privileged && json_object_get_boolean(privileged))
		add_escape(&out, "privileged", "");
	if (!strcmp(text_at(config, "PidMode", DOCKER_NAME_MAX) ?: "", "host"))
		add_escape(&out, "host's processes", "");
	add_capabilities(&out, member(config, "CapAdd", json_type_array));
	add_mounts(&out, member(o, "Mounts", json_type_array));
	text = out.len ? buf_take(&out) : NULL;
	buf_fini(&out);
	return text;
}

int docker_json_inspect(struct slice text, struct docker_inspect *ret)
{
	_cleanup_(json_unrefp) json *o = json_parse(text);
	json *state = member(o, "State", json_type_object);
	json *config = member(o, "HostConfig", json_type_object);
	json *pid = member(state, "Pid", json_type_int);
	struct docker_inspect i = { 0 };

	if (!id_at(o, "Id") || !state)
		return -EBADMSG;
	i.pid = pid && json_object_get_int64(pid) > 0
			? (unsigned)json_object_get_int(pid)
			: 0;
	i.started = parse_time(text_at(state, "StartedAt", 64));
	i.image = copy_at(member(o, "Config", json_type_object), "Image");
	i.escapable = find_escapes(o, config);
	add_bindings(&i, member(config, "PortBindings", json_type_object));
	*ret = i;
	return 0;
}

void docker_inspect_fini(struct docker_inspect *i)
{
	vec_fini(&i->bindings);
	free(i->escapable);
	free(i->image);
	i->escapable = i->image = NULL;
}

char *docker_json_message(struct slice text)
{
	_cleanup_(json_unrefp) json *o = json_parse(text);
	const char *message = text_at(o, "message", 4096);

	return message ? xstrdup(message) : NULL;
}
