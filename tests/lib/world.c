/* SPDX-License-Identifier: GPL-2.0-or-later */
/* world.c - a host of a test: its policies and endpoints, read from YAML. */
#include "world.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "compile/print.h"
#include "yaml/node.h"

#define FILE_MAX (16U << 20)

static void _printf_(1, 2) __attribute__((noreturn))
give_up(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

static void check_diagnostics(const struct diag_list *diag, const char *text)
{
	if (!diag->errors)
		return;
	diag_print(diag, stderr);
	give_up("in:\n%s", text);
}

/* ---- scalars ----------------------------------------------------------- */

static const char *text_of(const struct yaml_node *mapping, const char *key,
			   const char *missing)
{
	const struct yaml_node *n = yaml_get(mapping, key);

	return n ? n->text.ptr : missing;
}

static bool flag_of(const struct yaml_node *mapping, const char *key)
{
	const struct yaml_node *n = yaml_get(mapping, key);

	return n && n->boolean;
}

static uint16_t port_of(const struct yaml_node *mapping, const char *key)
{
	const struct yaml_node *n = yaml_get(mapping, key);

	return n ? (uint16_t)n->integer : 0;
}

static struct addr addr_of(const struct yaml_node *mapping, const char *key)
{
	const char *text = text_of(mapping, key, NULL);
	struct addr a = { 0 };

	if (text && addr_parse(slice_of(text), &a) < 0)
		give_up("%s: no address: %s", key, text);
	return a;
}

static uint8_t proto_of(const char *name)
{
	if (!strcmp(name, "tcp"))
		return IPPROTO_TCP;
	if (!strcmp(name, "udp"))
		return IPPROTO_UDP;
	if (!strcmp(name, "sctp"))
		return IPPROTO_SCTP;
	give_up("no protocol: %s", name);
}

static size_t items_of(const struct yaml_node *list)
{
	return list && list->kind == YAML_SEQUENCE ? list->n : 0;
}

/* ---- endpoints --------------------------------------------------------- */

static void read_attachment(const struct yaml_node *from, struct endpoint *e)
{
	const char *bridge = text_of(from, "bridge", NULL);
	const char *mac = text_of(from, "mac", NULL);
	struct attachment *a;

	if (!bridge)
		return;
	a = endpoint_attach(e, bridge, bridge);
	snprintf(a->bridge, sizeof(a->bridge), "%s", bridge);
	a->v4 = addr_of(from, "ipv4");
	a->v6 = addr_of(from, "ipv6");
	if (mac && mac_parse(slice_of(mac), &a->mac) < 0)
		give_up("no MAC: %s", mac);
}

static void read_published(const struct yaml_node *from, struct endpoint *e)
{
	struct published_port p = {
		.host = addr_of(from, "host"),
		.host_port = port_of(from, "hostPort"),
		.port = port_of(from, "port"),
		.proto = proto_of(text_of(from, "protocol", "tcp")),
	};

	if (!addr_is_set(&p.host))
		p.host.family = AF_INET;
	vec_push(&e->published, p);
}

static void read_labels(const struct yaml_node *from, struct endpoint *e)
{
	const struct yaml_node *labels = yaml_get(from, "labels");
	_cleanup_(freep) char *problem = NULL;
	VEC(struct label) list = { 0 };

	for (size_t i = 0; labels && i < labels->n; i++)
		vec_push(&list,
			 (struct label){ labels->pairs[i].name.ptr,
					 labels->pairs[i].value->text.ptr });
	vec_push(&list,
		 (struct label){ "bulkhead.namespace",
				 text_of(from, "namespace", "default") });
	if (yaml_get(from, "ports"))
		vec_push(&list, (struct label){ "bulkhead.ports",
						text_of(from, "ports", "") });
	endpoint_set_labels(e, list.data, list.len, NULL, &problem);
	vec_fini(&list);
	if (problem)
		give_up("%s: %s", e->name, problem);
}

static void read_state(const struct yaml_node *from, struct endpoint *e)
{
	const char *state = text_of(from, "state", "running");

	e->state = !strcmp(state, "exited")    ? ENDPOINT_EXITED
		   : !strcmp(state, "created") ? ENDPOINT_CREATED
					       : ENDPOINT_RUNNING;
}

static struct endpoint *read_endpoint(const struct yaml_node *from)
{
	const char *name = text_of(from, "name", "");
	struct endpoint *e = endpoint_new("static", name);
	const struct yaml_node *more = yaml_get(from, "attachments");
	const struct yaml_node *published = yaml_get(from, "published");

	free(e->name);
	e->name = xstrdup(name);
	read_labels(from, e);
	read_state(from, e);
	read_attachment(from, e);
	for (size_t i = 0; i < items_of(more); i++)
		read_attachment(more->items[i], e);
	for (size_t i = 0; i < items_of(published); i++)
		read_published(published->items[i], e);
	return e;
}

static struct network *read_network(const struct yaml_node *from)
{
	const char *name = text_of(from, "name", "");
	struct network *n = network_new("static", name, name);
	const struct yaml_node *subnets = yaml_get(from, "subnets");
	struct prefix p;

	snprintf(n->bridge, sizeof(n->bridge), "%s",
		 text_of(from, "bridge", ""));
	for (size_t i = 0; i < items_of(subnets); i++) {
		if (prefix_parse(subnets->items[i]->text, &p) < 0)
			give_up("no prefix: %s", subnets->items[i]->text.ptr);
		vec_push(&n->subnets, p);
	}
	return n;
}

/* ---- the world --------------------------------------------------------- */

static void drop_endpoints(struct world *w)
{
	vec_foreach(e, &w->endpoints)
		endpoint_unref(*e);
	vec_foreach(n, &w->networks)
		network_free(*n);
	vec_fini(&w->endpoints);
	vec_fini(&w->networks);
}

void world_set_endpoints(struct world *w, const char *text)
{
	_cleanup_(yaml_stream_freep) struct yaml_stream *stream = NULL;
	_cleanup_(diag_fini) struct diag_list diag = { 0 };
	const struct yaml_node *root, *options, *list;

	yaml_parse(slice_of(text), "endpoints.yaml", &diag, &stream);
	check_diagnostics(&diag, text);
	drop_endpoints(w);
	root = yaml_document(stream, 0);
	options = yaml_get(root, "options");
	w->options.audit = flag_of(options, "audit");
	w->options.reject = flag_of(options, "reject");
	w->options.allow_unknown = flag_of(options, "allowUnknown");
	w->options.dns_names = flag_of(options, "dnsNames");
	w->options.originals = flag_of(options, "originals");
	if (flag_of(options, "budget")) {
		w->options.budget_rate = 100;
		w->options.budget_burst = 1000;
	}
	list = yaml_get(root, "networks");
	for (size_t i = 0; i < items_of(list); i++)
		vec_push(&w->networks, read_network(list->items[i]));
	list = yaml_get(root, "endpoints");
	for (size_t i = 0; i < items_of(list); i++)
		vec_push(&w->endpoints, read_endpoint(list->items[i]));
}

void world_set_policies(struct world *w, const char *text)
{
	_cleanup_(diag_fini) struct diag_list diag = { 0 };
	struct policy_set *set = NULL;

	policy_parse(slice_of(text), "policies.yaml", &diag, &set);
	check_diagnostics(&diag, text);
	policy_set_unref(w->policies);
	w->policies = set;
}

static void load_file(const char *dir, const char *name, struct buf *ret)
{
	_cleanup_(freep) char *path = xasprintf("%s/%s", dir, name);
	int r = buf_read_file(ret, path);

	if (r < 0)
		give_up("%s: %s", path, strerror(-r));
}

void world_load(const char *dir, struct world *ret)
{
	_cleanup_(buf_fini) struct buf policies = BUF_INIT(FILE_MAX);
	_cleanup_(buf_fini) struct buf endpoints = BUF_INIT(FILE_MAX);

	*ret = (struct world){ 0 };
	load_file(dir, "policies.yaml", &policies);
	load_file(dir, "endpoints.yaml", &endpoints);
	world_set_policies(ret, buf_str(&policies));
	world_set_endpoints(ret, buf_str(&endpoints));
}

struct endpoint *world_endpoint(const struct world *w, const char *name)
{
	vec_foreach(e, &w->endpoints)
		if (!strcmp((*e)->name, name))
			return *e;
	give_up("no endpoint %s", name);
}

void world_fini(struct world *w)
{
	drop_endpoints(w);
	policy_set_unref(w->policies);
	w->policies = NULL;
}

struct compile_input world_input(const struct world *w)
{
	return (struct compile_input){
		.options = w->options,
		.policies = w->policies,
		.endpoints = w->endpoints.data,
		.nendpoints = w->endpoints.len,
		.networks = (const struct network *const *)w->networks.data,
		.nnetworks = w->networks.len,
	};
}

char *world_print(struct compiler *c, const struct world *w)
{
	struct compile_input in = world_input(w);
	_cleanup_(ruleset_unrefp) struct ruleset *r = compiler_run(c, &in);
	struct buf text = BUF_INIT(BUF_UNBOUNDED);

	print_ruleset(r, &text);
	return buf_take(&text);
}
