/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file.c - endpoints and networks as a file lists them. */
#include "runtime/static/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/table.h"
#include "yaml/node.h"

#define RUNTIME "static"

struct seen {
	const char *id; /* the endpoint's, borrowed */
	UT_hash_handle hh;
};

struct parser {
	const char *file;
	struct diag_list *diag;
	struct static_file *out;
	struct seen *seen;	 /* endpoints so far, by id */
	struct seen *interfaces; /* and by interface */
};

typedef const struct yaml_node node;

void static_file_free(struct static_file *f)
{
	if (!f)
		return;
	vec_foreach(e, &f->endpoints)
		endpoint_unref(*e);
	vec_foreach(n, &f->networks)
		network_free(*n);
	vec_fini(&f->endpoints);
	vec_fini(&f->networks);
	free(f);
}

#define complain(p, n, ...) \
	diag_error((p)->diag, yaml_place(n, (p)->file), __VA_ARGS__)

/* Every key of @mapping must be among @keys, a NULL-terminated list. */
static bool check_keys(struct parser *p, node *mapping, const char *const *keys,
		       const char *what)
{
	if (mapping->kind != YAML_MAPPING) {
		complain(p, mapping, "%s must be a mapping, not a %s", what,
			 yaml_kind_name(mapping->kind));
		return false;
	}
	for (size_t i = 0; i < mapping->n; i++) {
		node *key = mapping->pairs[i].key;
		size_t k = 0;

		while (keys[k] && !slice_eq_str(key->text, keys[k]))
			k++;
		if (!keys[k])
			complain(p, key, "%s has no key \"%.*s\"", what,
				 (int)MIN(key->text.len, 64U), key->text.ptr);
	}
	return true;
}

/* The string at @key; NULL when it is missing or (with a complaint) unfit. */
static const char *text_at(struct parser *p, node *mapping, const char *key)
{
	node *value = yaml_get(mapping, key);

	if (!value || value->kind == YAML_NULL)
		return NULL;
	if (value->kind == YAML_STRING && value->text.len &&
	    strlen(value->text.ptr) == value->text.len)
		return value->text.ptr;
	complain(p, value, "%s must be a non-empty string, not a %s", key,
		 yaml_kind_name(value->kind));
	return NULL;
}

/* The list at @key, or NULL. */
static node *list_at(struct parser *p, node *mapping, const char *key)
{
	node *value = yaml_get(mapping, key);

	if (!value || value->kind == YAML_NULL)
		return NULL;
	if (value->kind == YAML_SEQUENCE)
		return value;
	complain(p, value, "%s must be a list, not a %s", key,
		 yaml_kind_name(value->kind));
	return NULL;
}

/* The name of a network device at @key; what is missing or unfit leaves @ret
 * as it is. */
static void device_at(struct parser *p, node *mapping, const char *key,
		      char ret[IFNAMSIZ])
{
	const char *name = text_at(p, mapping, key);

	if (!name)
		return;
	if (strlen(name) >= IFNAMSIZ || strpbrk(name, "/: \t\n"))
		complain(p, yaml_get(mapping, key),
			 "%s: \"%.64s\" is no interface name", key, name);
	else
		memcpy(ret, name, strlen(name) + 1);
}

/* Remember @key; returns whose it was already, or NULL. */
static const char *claim(struct seen **table, const char *key, const char *id)
{
	struct seen *seen;

	HASH_FIND_STR(*table, key, seen);
	if (seen)
		return seen->id;
	seen = xnew(struct seen);
	seen->id = id;
	HASH_ADD_KEYPTR(hh, *table, key, strlen(key), seen);
	return NULL;
}

static void forget(struct seen **table)
{
	struct seen *seen, *next;

	HASH_ITER(hh, *table, seen, next) {
		HASH_DEL(*table, seen);
		free(seen);
	}
}

/* --- networks ---------------------------------------------------------------- */

static struct network *find_network(const struct static_file *f,
				    const char *bridge)
{
	vec_foreach(n, &f->networks)
		if (!strcmp((*n)->bridge, bridge))
			return *n;
	return NULL;
}

static struct network *add_network(struct static_file *f, const char *name,
				   const char *bridge)
{
	_cleanup_(freep) char *id = xasprintf(RUNTIME "/%s", name);
	struct network *n = network_new(RUNTIME, id, name);

	free(n->driver);
	n->driver = xstrdup(bridge[0] ? "bridge" : "");
	memcpy(n->bridge, bridge, strlen(bridge) + 1);
	vec_push(&f->networks, n);
	return n;
}

static void add_subnets(struct parser *p, node *list, struct network *n)
{
	for (size_t i = 0; list && i < list->n; i++) {
		node *item = list->items[i];
		struct prefix prefix;

		if (item->kind == YAML_STRING &&
		    prefix_parse(item->text, &prefix) == 0)
			vec_push(&n->subnets, prefix);
		else
			complain(
				p, item,
				"subnets: \"%.*s\" is no network address such as 10.9.0.0/24",
				(int)MIN(item->text.len, 64U), item->text.ptr);
	}
}

static void parse_network(struct parser *p, node *item)
{
	static const char *const keys[] = { "name", "bridge", "subnets", NULL };
	char bridge[IFNAMSIZ] = "";
	const char *name;

	if (!check_keys(p, item, keys, "a network"))
		return;
	name = text_at(p, item, "name");
	device_at(p, item, "bridge", bridge);
	if (!name || !bridge[0]) {
		complain(p, item, "a network needs a name and a bridge");
		return;
	}
	if (find_network(p->out, bridge)) {
		complain(p, item, "another network has bridge %s already",
			 bridge);
		return;
	}
	add_subnets(p, list_at(p, item, "subnets"),
		    add_network(p->out, name, bridge));
}

/* --- endpoints ---------------------------------------------------------------- */

static void set_addresses(struct parser *p, node *list, struct attachment *a)
{
	for (size_t i = 0; list && i < list->n; i++) {
		node *item = list->items[i];
		struct addr addr, *to;

		if (item->kind != YAML_STRING ||
		    addr_parse(item->text, &addr) < 0) {
			complain(p, item,
				 "addresses: \"%.*s\" is no IP address",
				 (int)MIN(item->text.len, 64U), item->text.ptr);
			continue;
		}
		to = addr.family == AF_INET ? &a->v4 : &a->v6;
		if (addr_is_set(to))
			complain(p, item,
				 "addresses: one of each family at most");
		*to = addr;
	}
}

static void set_mac(struct parser *p, node *item, struct attachment *a)
{
	const char *mac = text_at(p, item, "mac");

	if (mac && mac_parse(slice_of(mac), &a->mac) < 0)
		complain(p, yaml_get(item, "mac"),
			 "mac: \"%.64s\" is no MAC address", mac);
}

/* Put @e's only attachment on the network of @bridge. */
static void join(struct static_file *f, struct endpoint *e, const char *bridge)
{
	struct attachment *a = &e->attachments.data[0];
	const struct network *n = find_network(f, bridge)
					  ?: add_network(f, bridge, bridge);

	free(a->network);
	free(a->network_id);
	a->network = xstrdup(n->name);
	a->network_id = xstrdup(n->id);
	memcpy(a->bridge, n->bridge, IFNAMSIZ);
}

static void attach(struct parser *p, node *item, struct endpoint *e)
{
	struct attachment *a = endpoint_attach(e, "", "");
	char bridge[IFNAMSIZ] = "";

	device_at(p, item, "bridge", bridge);
	device_at(p, item, "interface", a->interface);
	set_addresses(p, list_at(p, item, "addresses"), a);
	set_mac(p, item, a);
	if (bridge[0])
		join(p->out, e, bridge);
	else
		e->unenforceable =
			a->interface[0] ? xasprintf("%s is no port of a bridge",
						    a->interface)
					: xstrdup("no bridge");
}

void static_file_place(struct static_file *f, struct endpoint *e,
		       const char *bridge)
{
	free(e->unenforceable);
	e->unenforceable = NULL;
	join(f, e, bridge);
}

typedef VEC(struct label) labels;

/* The labels, borrowed from the document. */
static void collect_labels(struct parser *p, node *mapping, labels *ret)
{
	if (!mapping || mapping->kind == YAML_NULL)
		return;
	if (mapping->kind != YAML_MAPPING) {
		complain(p, mapping, "labels must be a mapping, not a %s",
			 yaml_kind_name(mapping->kind));
		return;
	}
	for (size_t i = 0; i < mapping->n; i++) {
		node *key = mapping->pairs[i].key;
		node *value = mapping->pairs[i].value;

		if (value->kind != YAML_STRING)
			complain(
				p, value,
				"labels: the value of \"%.*s\" must be a string: put it in quotes",
				(int)MIN(key->text.len, 64U), key->text.ptr);
		else
			vec_push(ret, (struct label){ key->text.ptr,
						      value->text.ptr });
	}
}

/* As label bulkhead.ports, which is read where all are. */
static char *collect_ports(struct parser *p, node *mapping)
{
	struct buf text = BUF_INIT(BUF_UNBOUNDED);

	if (!mapping || mapping->kind == YAML_NULL)
		return NULL;
	if (mapping->kind != YAML_MAPPING) {
		complain(p, mapping, "ports must be a mapping, not a %s",
			 yaml_kind_name(mapping->kind));
		return NULL;
	}
	for (size_t i = 0; i < mapping->n; i++)
		buf_addf(&text, "%s%s=%s", i ? "," : "",
			 mapping->pairs[i].key->text.ptr,
			 mapping->pairs[i].value->text.ptr ?: "");
	return buf_take(&text);
}

static void set_labels(struct parser *p, node *item, struct endpoint *e)
{
	const char *namespace = text_at(p, item, "namespace");
	_cleanup_(freep) char *ports =
		collect_ports(p, yaml_get(item, "ports"));
	_cleanup_(freep) char *problem = NULL;
	labels all = { 0 };

	collect_labels(p, yaml_get(item, "labels"), &all);
	if (ports)
		vec_push(&all, (struct label){ "bulkhead.ports", ports });
	if (namespace)
		vec_push(&all,
			 (struct label){ "bulkhead.namespace", namespace });
	endpoint_set_labels(e, all.data, all.len, NULL, &problem);
	if (problem)
		complain(p, item, "%s", problem);
	vec_fini(&all);
}

/* Keep @e, unless there is one of that name or interface already. */
static void keep(struct parser *p, node *item, struct endpoint *e)
{
	const char *interface = e->attachments.data[0].interface;
	const char *other;

	free(e->id);
	e->id = xasprintf(RUNTIME "/%s/%s", e->namespace, e->name);
	vec_push(&p->out->endpoints, e);
	if (claim(&p->seen, e->id, e->id))
		complain(p, item, "endpoint %s/%s is listed twice",
			 e->namespace, e->name);
	other = interface[0] ? claim(&p->interfaces, interface, e->id) : NULL;
	if (other)
		complain(p, item, "interface %s is that of endpoint %s already",
			 interface, other + strlen(RUNTIME "/"));
}

static void parse_endpoint(struct parser *p, node *item)
{
	static const char *const keys[] = { "name",   "namespace", "labels",
					    "bridge", "interface", "addresses",
					    "mac",    "ports",	   NULL };
	struct endpoint *e;
	const char *name;

	if (!check_keys(p, item, keys, "an endpoint"))
		return;
	name = text_at(p, item, "name");
	if (!name) {
		complain(p, item, "an endpoint needs a name");
		return;
	}
	e = endpoint_new(RUNTIME, "");
	e->state = ENDPOINT_RUNNING;
	free(e->name);
	e->name = xstrdup(name);
	attach(p, item, e);
	set_labels(p, item, e);
	keep(p, item, e);
}

static void parse_root(struct parser *p, node *root)
{
	static const char *const keys[] = { "networks", "endpoints", NULL };
	node *list;

	if (root->kind == YAML_NULL ||
	    !check_keys(p, root, keys, "the document"))
		return;
	list = list_at(p, root, "networks");
	for (size_t i = 0; list && i < list->n; i++)
		parse_network(p, list->items[i]);
	list = list_at(p, root, "endpoints");
	if (list && list->n > STATIC_ENDPOINTS_MAX) {
		complain(p, list, "more than %d endpoints",
			 STATIC_ENDPOINTS_MAX);
		return;
	}
	for (size_t i = 0; list && i < list->n; i++)
		parse_endpoint(p, list->items[i]);
}

int static_file_parse(struct slice text, const char *file,
		      struct diag_list *diag, struct static_file **ret)
{
	_cleanup_(yaml_stream_freep) struct yaml_stream *stream = NULL;
	_cleanup_(static_file_freep) struct static_file *out =
		xnew(struct static_file);
	struct parser p = { .file = file, .diag = diag, .out = out };
	size_t errors = diag->errors;
	int r = yaml_parse(text, file, diag, &stream);

	if (r < 0)
		return r;
	for (size_t i = 0; i < yaml_documents(stream); i++)
		parse_root(&p, yaml_document(stream, i));
	forget(&p.seen);
	forget(&p.interfaces);
	if (diag->errors > errors)
		return -EINVAL;
	*ret = TAKE_PTR(out);
	return 0;
}
