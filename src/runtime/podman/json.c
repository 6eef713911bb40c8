/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json.c - answers of Podman's own API as plain structs. */
#include "runtime/podman/json.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "http/http.h"
#include "json/json.h"
#include "runtime/engine_json.h"

#define ADDRESSES_MAX 256
#define SUBNETS_MAX   64
#define VERSION_MAX   256

const char *const podman_hiding[] = { "name", "image", "podId",
				      "containerExitCode", NULL };

/* --- containers -------------------------------------------------------------- */

static void add_address(struct podman_container *c, const char *network,
			json *o)
{
	const char *mac = engine_text(o, "MacAddress", MAC_STRLEN);
	struct podman_address a = {
		.v4 = engine_addr(engine_text(o, "IPAddress", ADDR_STRLEN)),
		.v6 = engine_addr(
			engine_text(o, "GlobalIPv6Address", ADDR_STRLEN)),
	};

	if (strlen(network) > DOCKER_NAME_MAX ||
	    c->addresses.len >= ADDRESSES_MAX)
		return;
	if (mac)
		(void)mac_parse(slice_of(mac), &a.mac);
	a.network = xstrdup(network);
	vec_push(&c->addresses, a);
}

static void take_state(struct podman_container *c, json *state)
{
	json *running = engine_member(state, "Running", json_type_boolean);
	json *paused = engine_member(state, "Paused", json_type_boolean);
	json *oom = engine_member(state, "OOMKilled", json_type_boolean);
	json *pid = engine_member(state, "Pid", json_type_int);
	int64_t n = pid ? json_object_get_int64(pid) : 0;

	c->running = (running && json_object_get_boolean(running)) ||
		     (paused && json_object_get_boolean(paused));
	c->oom = oom && json_object_get_boolean(oom);
	c->entry.state = engine_copy(state, "Status");
	c->more.pid = n > 0 && n <= INT_MAX ? (unsigned)n : 0;
	c->more.started = engine_time(engine_text(state, "StartedAt", 64));
}

/* The name of its image as people know it, else as its creator wrote it. */
static char *image_of(json *o, json *config)
{
	const char *name = engine_text(o, "ImageName", DOCKER_NAME_MAX);

	return name && name[0] ? xstrdup(name) : engine_copy(config, "Image");
}

static char *path_at(json *o, const char *key)
{
	return xstrdup(engine_text(o, key, PATH_MAX) ?: "");
}

int podman_json_container(struct slice text, struct podman_container *ret)
{
	_cleanup_(json_unrefp) json *o = json_parse(text);
	json *state = engine_member(o, "State", json_type_object);
	json *config = engine_member(o, "Config", json_type_object);
	json *host = engine_member(o, "HostConfig", json_type_object);
	json *infra = engine_member(o, "IsInfra", json_type_boolean);
	json *settings = engine_member(o, "NetworkSettings", json_type_object);
	json *networks = engine_member(settings, "Networks", json_type_object);
	const char *id = engine_id(o, "Id");
	struct podman_container c = { 0 };

	if (!id || !state || !config || !host)
		return -EBADMSG;
	c.entry.id = xstrdup(id);
	c.entry.name = engine_copy(o, "Name");
	c.entry.image = image_of(o, config);
	c.entry.network_mode = engine_copy(host, "NetworkMode");
	c.more.image = xstrdup("");
	c.pod = xstrdup(engine_id(o, "Pod") ?: "");
	c.infra = infra && json_object_get_boolean(infra);
	c.spec = path_at(o, "OCIConfigPath");
	take_state(&c, state);
	engine_labels(&c.entry,
		      engine_member(config, "Labels", json_type_object));
	c.more.escapable = engine_escapes(o, host);
	engine_bindings(&c.more,
			engine_member(settings, "Ports", json_type_object));
	if (networks) {
		json_object_object_foreach(networks, name, value)
			add_address(&c, name, value);
	}
	*ret = c;
	return 0;
}

void podman_container_fini(struct podman_container *c)
{
	docker_container_fini(&c->entry);
	docker_inspect_fini(&c->more);
	vec_foreach(a, &c->addresses)
		free(a->network);
	vec_fini(&c->addresses);
	free(c->pod);
	free(c->spec);
	*c = (struct podman_container){ 0 };
}

int podman_json_ids(struct slice text, podman_ids *ret)
{
	_cleanup_(json_unrefp) json *list = json_parse(text);
	_cleanup_(podman_ids_fini) podman_ids ids = { 0 };

	if (!json_object_is_type(list, json_type_array))
		return -EBADMSG;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const char *id =
			engine_id(json_object_array_get_idx(list, i), "Id");

		if (!id)
			return -EBADMSG;
		vec_push(&ids, xstrdup(id));
	}
	*ret = ids;
	ids = (podman_ids){ 0 };
	return 0;
}

void podman_ids_fini(podman_ids *list)
{
	vec_foreach(id, list)
		free(*id);
	vec_fini(list);
}

/* --- networks ----------------------------------------------------------------- */

static void add_subnet(struct network *n, json *entry)
{
	const char *subnet = engine_text(entry, "subnet", PREFIX_STRLEN);
	const char *gateway = engine_text(entry, "gateway", ADDR_STRLEN);
	struct prefix p;
	struct addr a;
	int r = subnet ? prefix_parse(slice_of(subnet), &p) : -EINVAL;

	if (r < 0 && r != -EDOM)
		return;
	vec_push(&n->subnets, p);
	if (gateway && addr_parse(slice_of(gateway), &a) == 0)
		vec_push(&n->gateways, a);
}

static struct network *parse_network(json *o, const char *runtime)
{
	const char *id = engine_id(o, "id");
	const char *bridge = engine_text(o, "network_interface", IFNAMSIZ - 1);
	json *internal = engine_member(o, "internal", json_type_boolean);
	json *subnets = engine_member(o, "subnets", json_type_array);
	struct network *n;

	if (!id)
		return NULL;
	n = network_new(runtime, id,
			engine_text(o, "name", DOCKER_NAME_MAX) ?: "");
	free(n->driver);
	n->driver = engine_copy(o, "driver");
	n->internal = internal && json_object_get_boolean(internal);
	/* Of macvlan it is the parent. */
	if (bridge && !strcmp(n->driver, "bridge"))
		memcpy(n->bridge, bridge, strlen(bridge) + 1);
	for (size_t i = 0; subnets && i < SUBNETS_MAX &&
			   i < json_object_array_length(subnets);
	     i++)
		add_subnet(n, json_object_array_get_idx(subnets, i));
	return n;
}

int podman_json_networks(struct slice text, const char *runtime,
			 docker_networks *ret)
{
	_cleanup_(json_unrefp) json *list = json_parse(text);
	_cleanup_(docker_networks_fini) docker_networks all = { 0 };

	if (!json_object_is_type(list, json_type_array))
		return -EBADMSG;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct network *n = parse_network(
			json_object_array_get_idx(list, i), runtime);

		if (!n)
			return -EBADMSG;
		vec_push(&all, (struct docker_network){ .network = n });
	}
	*ret = all;
	all = (docker_networks){ 0 };
	return 0;
}

/* --- pods --------------------------------------------------------------------- */

static int parse_pod(json *o, struct podman_pod *ret)
{
	const char *id = engine_id(o, "Id");

	if (!id)
		return -EBADMSG;
	*ret = (struct podman_pod){ xstrdup(id), engine_copy(o, "Name") };
	return 0;
}

int podman_json_pod(struct slice text, struct podman_pod *ret)
{
	_cleanup_(json_unrefp) json *o = json_parse(text);

	return parse_pod(o, ret);
}

int podman_json_pods(struct slice text, podman_pods *ret)
{
	_cleanup_(json_unrefp) json *list = json_parse(text);
	_cleanup_(podman_pods_fini) podman_pods all = { 0 };

	if (!json_object_is_type(list, json_type_array))
		return -EBADMSG;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct podman_pod p;

		if (parse_pod(json_object_array_get_idx(list, i), &p) < 0)
			return -EBADMSG;
		vec_push(&all, p);
	}
	*ret = all;
	all = (podman_pods){ 0 };
	return 0;
}

void podman_pod_fini(struct podman_pod *p)
{
	free(p->id);
	free(p->name);
	*p = (struct podman_pod){ 0 };
}

void podman_pods_fini(podman_pods *list)
{
	vec_foreach(p, list)
		podman_pod_fini(p);
	vec_fini(list);
}

/* --- the engine itself ---------------------------------------------------------- */

int podman_json_info(struct slice text, struct podman_info *ret)
{
	_cleanup_(json_unrefp) json *o = json_parse(text);
	json *host = engine_member(o, "host", json_type_object);
	json *store = engine_member(o, "store", json_type_object);
	json *rootless =
		engine_member(engine_member(host, "security", json_type_object),
			      "rootless", json_type_boolean);

	if (!rootless || !store)
		return -EBADMSG;
	*ret = (struct podman_info){
		.rootless = json_object_get_boolean(rootless),
		.graph_root = path_at(store, "graphRoot"),
		.driver = engine_copy(store, "graphDriverName"),
	};
	return 0;
}

/* "Server: Libpod/4.3.1 (linux)" */
int podman_head_version(struct slice head, struct docker_version *ret)
{
	static const char product[] = "Libpod/";
	_cleanup_(freep) char *text = NULL;
	struct docker_version v = { .podman = true };
	struct slice server;
	const char *at;

	if (!http_header(head, "server", &server) ||
	    server.len < strlen(product) || server.len > VERSION_MAX ||
	    memcmp(server.ptr, product, strlen(product)))
		return -EBADMSG;
	text = xstrndup(server.ptr + strlen(product),
			server.len - strlen(product));
	at = text;
	if (!engine_number(&at, 999, &v.engine_major))
		return -EBADMSG;
	v.engine = xstrndup(text, strcspn(text, " "));
	*ret = v;
	return 0;
}

void podman_info_fini(struct podman_info *i)
{
	free(i->graph_root);
	free(i->driver);
	*i = (struct podman_info){ 0 };
}

/* --- events --------------------------------------------------------------------- */

static void take_attributes(struct podman_event *e, json *attributes)
{
	e->entry.name = engine_copy(attributes, "name");
	e->entry.image = engine_copy(attributes, "image");
	e->pod_id = xstrdup(engine_id(attributes, "podId") ?: "");
	for (size_t i = 0; attributes && podman_hiding[i]; i++)
		json_object_object_del(attributes, podman_hiding[i]);
	engine_labels(&e->entry, attributes);
}

int podman_json_event(struct slice text, struct podman_event *ret)
{
	_cleanup_(json_unrefp) json *o = json_parse(text);
	json *actor = engine_member(o, "Actor", json_type_object);
	const char *type = engine_text(o, "Type", 64);
	const char *action = engine_text(o, "Action", DOCKER_NAME_MAX);
	const char *id = engine_id(actor, "ID");
	json *time = engine_member(o, "timeNano", json_type_int);
	struct podman_event e = { 0 };

	if (!type || !action || !actor)
		return -EBADMSG;
	e.network = !strcmp(type, "network");
	e.pod = !strcmp(type, "pod");
	e.time = time && json_object_get_int64(time) > 0
			 ? (uint64_t)json_object_get_int64(time)
			 : 0;
	/* Images, volumes and the system have events too: they are nobody's. */
	if (!e.network && !e.pod && strcmp(type, "container"))
		id = NULL;
	e.action = xstrdup(action);
	e.id = xstrdup(id ?: "");
	take_attributes(&e,
			engine_member(actor, "Attributes", json_type_object));
	*ret = e;
	return 0;
}

void podman_event_fini(struct podman_event *e)
{
	docker_container_fini(&e->entry);
	free(e->action);
	free(e->id);
	free(e->pod_id);
	*e = (struct podman_event){ 0 };
}
