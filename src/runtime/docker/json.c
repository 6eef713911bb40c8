/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json.c - answers of the Docker API as plain structs. */
#include "runtime/docker/json.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "json/json.h"
#include "runtime/engine_json.h"

#define SUBNETS_MAX 64

/* "1.41" */
static bool parse_api(const char *s, unsigned *ret_major, unsigned *ret_minor)
{
	unsigned major, minor;

	if (!s || !engine_number(&s, 999, &major) || *s++ != '.' ||
	    !engine_number(&s, 999, &minor) || *s)
		return false;
	*ret_major = major;
	*ret_minor = minor;
	return true;
}

static bool is_podman(json *o)
{
	json *parts = engine_member(o, "Components", json_type_array);

	for (size_t i = 0; parts && i < json_object_array_length(parts); i++) {
		const char *name = engine_text(
			json_object_array_get_idx(parts, i), "Name", 64);

		if (name && !strcmp(name, "Podman Engine"))
			return true;
	}
	return false;
}

int docker_json_version(struct slice text, struct docker_version *ret)
{
	_cleanup_(json_unrefp) json *o = json_parse(text);
	struct docker_version v = { 0 };
	const char *at;

	if (!parse_api(engine_text(o, "ApiVersion", 16), &v.api_major,
		       &v.api_minor))
		return -EBADMSG;
	parse_api(engine_text(o, "MinAPIVersion", 16), &v.min_major,
		  &v.min_minor);
	v.engine = engine_copy(o, "Version");
	at = v.engine;
	(void)engine_number(&at, 999, &v.engine_major);
	v.podman = is_podman(o);
	*ret = v;
	return 0;
}

int docker_version_choose(const struct docker_version *v, unsigned *ret_minor)
{
	if (v->api_major != DOCKER_API_MAJOR ||
	    v->api_minor < DOCKER_API_MINOR_MIN)
		return -EPROTONOSUPPORT;
	if (v->min_major > DOCKER_API_MAJOR ||
	    (v->min_major == DOCKER_API_MAJOR &&
	     v->min_minor > DOCKER_API_MINOR_MAX))
		return -EOVERFLOW;
	*ret_minor = MIN(v->api_minor, (unsigned)DOCKER_API_MINOR_MAX);
	return 0;
}

void docker_version_fini(struct docker_version *v)
{
	free(v->engine);
	*v = (struct docker_version){ 0 };
}

/* Longer than any line of events. */
#define ACTION_MAX (16 << 20)

int docker_json_event(struct slice text, struct docker_event *ret)
{
	_cleanup_(json_unrefp) json *o = json_parse(text);
	json *actor = engine_member(o, "Actor", json_type_object);
	json *attributes = engine_member(actor, "Attributes", json_type_object);
	const char *type = engine_text(o, "Type", 64);
	const char *action = engine_text(o, "Action", ACTION_MAX);
	const char *id = engine_id(actor, "ID");
	const char *container, *name;
	json *time;

	if (!type || !action || !actor)
		return -EBADMSG;
	container = engine_id(attributes, "container");
	name = engine_name(engine_text(attributes, "name", DOCKER_NAME_MAX));
	time = engine_member(o, "timeNano", json_type_int);
	*ret = (struct docker_event){
		.network = !strcmp(type, "network"),
		/* "exec_start: COMMAND" may be long. */
		.action = xstrndup(action, DOCKER_NAME_MAX),
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

/* One of "Ports": {"IP", "PrivatePort", "PublicPort", "Type"}; a port that is
 * only exposed has no PublicPort. */
static void add_listed_port(struct docker_container *c, json *o)
{
	struct published_port p = {
		.host_port = engine_port(o, "PublicPort"),
		.port = engine_port(o, "PrivatePort"),
		.proto = engine_proto(engine_text(o, "Type", 8)),
	};
	const char *ip = engine_text(o, "IP", 64);

	if (!p.host_port || !p.port || !p.proto ||
	    c->published.len >= PUBLISHED_MAX ||
	    addr_parse(slice_of(ip ?: "0.0.0.0"), &p.host) < 0)
		return;
	vec_push(&c->published, p);
}

static int parse_container(json *o, struct docker_container *ret)
{
	const char *id = engine_id(o, "Id");
	json *names = engine_member(o, "Names", json_type_array);
	json *ports = engine_member(o, "Ports", json_type_array);
	const char *name = NULL;
	struct docker_container c = { 0 };

	if (!id)
		return -EBADMSG;
	if (names && json_object_array_length(names))
		name = engine_text_of(json_object_array_get_idx(names, 0),
				      DOCKER_NAME_MAX);
	c.id = xstrdup(id);
	c.name = xstrdup(engine_name(name) ?: "");
	c.image = engine_copy(o, "Image");
	c.state = engine_copy(o, "State");
	c.network_mode =
		engine_copy(engine_member(o, "HostConfig", json_type_object),
			    "NetworkMode");
	engine_labels(&c, engine_member(o, "Labels", json_type_object));
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
	return engine_text(engine_member(network, "Options", json_type_object),
			   key, DOCKER_NAME_MAX);
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
		name = engine_text(o, "network_interface", IFNAMSIZ - 1);
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
	const char *told = engine_text(config, "Gateway", ADDR_STRLEN);
	const char *range = engine_text(config, "IPRange", PREFIX_STRLEN);
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

/* The bridge has no address then, the gateway is somebody else. */
static bool gateway_is_not_ours(json *o)
{
	const char *inhibit =
		option_at(o, "com.docker.network.bridge.inhibit_ipv4");

	return inhibit && !strcmp(inhibit, "true");
}

static void add_subnets(struct network *n, json *o)
{
	json *config = engine_member(engine_member(o, "IPAM", json_type_object),
				     "Config", json_type_array);

	for (size_t i = 0;
	     config && i < json_object_array_length(config) && i < SUBNETS_MAX;
	     i++) {
		json *entry = json_object_array_get_idx(config, i);
		const char *text = engine_text(entry, "Subnet", PREFIX_STRLEN);
		struct prefix p;
		int r = text ? prefix_parse(slice_of(text), &p) : -EINVAL;

		if (r < 0 && r != -EDOM)
			continue;
		vec_push(&n->subnets, p);
		if (p.addr.family != AF_INET || !gateway_is_not_ours(o))
			add_gateway(n, entry, &p);
	}
}

static void add_members(struct docker_network *n, json *containers)
{
	if (!containers)
		return;
	json_object_object_foreach(containers, id, o) {
		const char *mac = engine_text(o, "MacAddress", MAC_STRLEN);
		struct docker_member m = { 0 };

		if (!engine_is_id(id)) /* "ep-…": no container's */
			continue;
		m.container = xstrdup(id);
		m.v4 = engine_addr(
			engine_text(o, "IPv4Address", PREFIX_STRLEN));
		m.v6 = engine_addr(
			engine_text(o, "IPv6Address", PREFIX_STRLEN));
		if (mac)
			(void)mac_parse(slice_of(mac), &m.mac);
		vec_push(&n->members, m);
	}
}

static int parse_network(json *o, const char *runtime,
			 struct docker_network *ret)
{
	const char *id = engine_id(o, "Id");
	json *internal = engine_member(o, "Internal", json_type_boolean);
	struct docker_network n = { 0 };

	if (!id)
		return -EBADMSG;
	n.network = network_new(runtime, id,
				engine_text(o, "Name", DOCKER_NAME_MAX) ?: "");
	free(n.network->driver);
	n.network->driver = engine_copy(o, "Driver");
	n.network->internal = internal && json_object_get_boolean(internal);
	set_bridge(n.network, o);
	add_subnets(n.network, o);
	add_members(&n, engine_member(o, "Containers", json_type_object));
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

int docker_json_inspect(struct slice text, struct docker_inspect *ret)
{
	_cleanup_(json_unrefp) json *o = json_parse(text);
	json *state = engine_member(o, "State", json_type_object);
	json *config = engine_member(o, "HostConfig", json_type_object);
	json *pid = engine_member(state, "Pid", json_type_int);
	struct docker_inspect i = { 0 };

	if (!engine_id(o, "Id") || !state)
		return -EBADMSG;
	i.pid = pid && json_object_get_int64(pid) > 0
			? (unsigned)json_object_get_int(pid)
			: 0;
	i.started = engine_time(engine_text(state, "StartedAt", 64));
	i.image = engine_copy(engine_member(o, "Config", json_type_object),
			      "Image");
	i.escapable = engine_escapes(o, config);
	engine_bindings(
		&i, engine_member(config, "PortBindings", json_type_object));
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
	const char *message = engine_text(o, "message", 4096);

	return message ? xstrdup(message) : NULL;
}
