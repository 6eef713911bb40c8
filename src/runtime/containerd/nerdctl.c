/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nerdctl.c - what nerdctl writes about a container (json-c).
 *
 * Its ports are published by CNI's portmap plugin, which changes a packet's
 * destination before it is judged: so they decide nothing, but for what a
 * container sends to itself, and are there for people.
 */
#include "runtime/containerd/nerdctl.h"

#include "base/buf.h"
#include "json/json.h"
#include "runtime/engine_json.h"

#define CONFIG_MAX (1U << 20)

char *nerdctl_only_network(struct slice text)
{
	_cleanup_(json_unrefp) json *list = json_parse(text);
	const char *name = json_count(list) == 1 ? json_item_text(list, 0) : "";

	return name[0] && strlen(name) <= BOUNDS_VALUE ? xstrdup(name) : NULL;
}

/* {"HostPort": 8080, "ContainerPort": 80, "Protocol": "tcp", "HostIP": ""} */
static void add_mapping(struct containerd_record *r, json *o)
{
	struct published_port p = {
		.host_port = engine_port(o, "HostPort"),
		.port = engine_port(o, "ContainerPort"),
		.proto = engine_proto(json_text(o, "Protocol")),
	};
	const char *host = json_text(o, "HostIP");

	if (!p.host_port || !p.port || !p.proto ||
	    r->published.len >= PUBLISHED_MAX)
		return;
	if (host[0]) {
		if (addr_parse(slice_of(host), &p.host) == 0)
			vec_push(&r->published, p);
		return;
	}
	p.host.family = AF_INET;
	vec_push(&r->published, p);
	p.host.family = AF_INET6;
	vec_push(&r->published, p);
}

void nerdctl_ports(struct slice text, struct containerd_record *r)
{
	_cleanup_(json_unrefp) json *o = json_parse(text);
	json *inside = json_at(o, "portMappings");
	json *list = inside ?: o;

	for (size_t i = 0; i < json_count(list); i++)
		add_mapping(r, json_item(list, i));
}

void nerdctl_read_ports(struct containerd_record *r)
{
	_cleanup_(freep) char *path = NULL;
	_cleanup_(buf_fini) struct buf text = BUF_INIT(CONFIG_MAX);

	if (!r->state_dir || r->published.len)
		return;
	path = xasprintf("%s/network-config.json", r->state_dir);
	if (buf_read_file(&text, path) == 0)
		nerdctl_ports(buf_slice(&text), r);
}
