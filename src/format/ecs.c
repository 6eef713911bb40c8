/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ecs.c - the Elastic Common Schema, version 9.4.0.
 *
 * Where ECS has a field, it is used. ECS knows one container per event: that
 * is the one whose policy decided. Both ends' containers, and what ECS has no
 * field for, stand under "bulkhead", which ECS leaves to whoever writes.
 */
#include "format/format.h"

#include <ctype.h>
#include <json-c/json.h>
#include <string.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "bulkhead/version.h"
#include "format/build.h"

#define ECS_VERSION "9.4.0"
#define NS_PER_MS   1000000

/* ECS writes "00-00-5E-00-53-23". */
static void put_mac(struct json_object *to, const char *path, const char *mac)
{
	char text[MAC_STRLEN];

	if (strlen(mac) != MAC_STRLEN - 1)
		return;
	for (size_t i = 0; i < MAC_STRLEN; i++)
		text[i] = mac[i] == ':' ? '-'
					: (char)toupper((unsigned char)mac[i]);
	build_text(to, path, text);
}

static void put_container(struct json_object *to, struct json_object *from)
{
	build_copy_text(to, "id", from, "id");
	build_copy_text(to, "name", from, "name");
	build_copy_text(to, "image.name", from, "image");
	build_copy_text(to, "runtime", from, "runtime");
	build_copy_map(to, "labels", from, "labels");
}

/* One end as "source" or "destination", and its container as ours. */
static void put_end(struct json_object *to, const char *name,
		    struct json_object *end)
{
	struct json_object *o = json_object_new_object(), *ours;
	struct json_object *container = json_at(end, "container");
	_cleanup_(freep) char *path = xasprintf("bulkhead.%s.container", name);

	build_copy_text(o, "ip", end, "ip");
	build_copy_text(o, "domain", end, "name");
	build_text(o, "address",
		   *json_text(end, "name") ? json_text(end, "name")
					   : json_text(end, "ip"));
	build_copy_number(o, "port", end, "port");
	put_mac(o, "mac", json_text(end, "mac"));
	build_put(to, name, o);
	build_append(to, "related.ip", json_text(end, "ip"));
	build_append(to, "related.hosts", json_text(end, "name"));
	if (!container)
		return;
	ours = json_object_new_object();
	put_container(ours, container);
	build_copy_text(ours, "namespace", container, "namespace");
	build_put(to, path, ours);
}

static void put_counts(struct json_object *to, struct json_object *native)
{
	int64_t packets = json_number(native, "packets_reply");
	int64_t bytes = json_number(native, "bytes_reply");

	build_copy_number(to, "source.packets", native, "packets");
	build_copy_number(to, "source.bytes", native, "bytes");
	build_copy_number(to, "destination.packets", native, "packets_reply");
	build_copy_number(to, "destination.bytes", native, "bytes_reply");
	if (json_at(native, "packets"))
		build_number(
			to, "network.packets",
			build_sum(json_number(native, "packets"), packets));
	if (json_at(native, "bytes"))
		build_number(to, "network.bytes",
			     build_sum(json_number(native, "bytes"), bytes));
}

static void put_network(struct json_object *to, struct json_object *native)
{
	const char *proto = json_text(native, "proto");
	const char *ip = json_text(json_at(native, "dst"), "ip");
	bool icmp = !strcmp(proto, "icmp") || !strcmp(proto, "icmp6");

	build_text(to, "network.transport",
		   !strcmp(proto, "icmp6") ? "ipv6-icmp" : proto);
	if (*ip)
		build_text(to, "network.type",
			   strchr(ip, ':') ? "ipv6" : "ipv4");
	build_copy_text(to, "network.community_id", native, "community_id");
	build_copy_text(to, "network.direction", native, "direction");
	if (json_at(native, "vlan")) {
		_cleanup_(freep) char *vlan = xasprintf(
			"%lld", (long long)json_number(native, "vlan"));
		build_text(to, "network.vlan.id", vlan);
	}
	if (icmp) {
		struct json_object *from = json_at(native, "icmp");

		build_copy_number(to, "bulkhead.icmp.type", from, "type");
		build_copy_number(to, "bulkhead.icmp.code", from, "code");
	}
	put_counts(to, native);
}

/* "allowed" and "denied" are ECS's; audit let it pass. */
static void put_classes(struct json_object *to, struct json_object *native)
{
	const char *verdict = json_text(native, "verdict");
	const char *state = json_text(native, "state");
	bool denied = !strcmp(verdict, "denied");

	build_text(to, "event.kind", "event");
	build_append(to, "event.category", "network");
	build_append(to, "event.type", "connection");
	build_append(to, "event.type", denied ? "denied" : "allowed");
	if (!denied && !strcmp(state, "new"))
		build_append(to, "event.type", "start");
	if (!denied && !strcmp(state, "end"))
		build_append(to, "event.type", "end");
	build_text(to, "event.action",
		   denied		      ? "flow-denied"
		   : strcmp(verdict, "audit") ? "flow-allowed"
					      : "flow-audited");
	/* The outcome is that of what was tried: the connection. */
	build_text(to, "event.outcome", denied ? "failure" : "success");
}

static void put_rule(struct json_object *to, struct json_object *native)
{
	_cleanup_(buf_fini) struct buf names = BUF_INIT(BUF_UNBOUNDED);

	json_join(&names, json_at(native, "policies"));
	build_text(to, "rule.name", buf_str(&names));
	if (names.len)
		build_text(to, "rule.category", "NetworkPolicy");
	build_copy_texts(to, "bulkhead.policies", native, "policies");
}

static struct json_object *decider(struct json_object *native)
{
	bool egress = !strcmp(json_text(native, "direction"), "egress");

	return json_at(json_at(native, egress ? "src" : "dst"), "container");
}

static void put_decider(struct json_object *to, struct json_object *container)
{
	struct json_object *o;

	if (!container)
		return;
	o = json_object_new_object();
	put_container(o, container);
	build_put(to, "container", o);
	build_copy_text(to, "orchestrator.namespace", container, "namespace");
}

static void put_published(struct json_object *to, struct json_object *native)
{
	struct json_object *published = json_at(native, "published");

	build_copy_text(to, "bulkhead.published.ip", published, "ip");
	build_copy_number(to, "bulkhead.published.port", published, "port");
	build_append(to, "related.ip", json_text(published, "ip"));
}

static void put_flow(struct json_object *to, struct json_object *native)
{
	put_classes(to, native);
	build_copy_text(to, "event.reason", native, "reason");
	build_copy_text(to, "event.id", native, "flow_id");
	build_copy_text(to, "event.start", native, "first");
	build_copy_text(to, "event.end", native, "last");
	if (json_at(native, "duration_ms"))
		build_number(to, "event.duration",
			     build_product(json_number(native, "duration_ms"),
					   NS_PER_MS));
	put_end(to, "source", json_at(native, "src"));
	put_end(to, "destination", json_at(native, "dst"));
	put_network(to, native);
	put_rule(to, native);
	put_decider(to, decider(native));
	put_published(to, native);
	build_copy_text(to, "observer.ingress.interface.name", native,
			"iface_in");
	build_copy_text(to, "observer.egress.interface.name", native,
			"iface_out");
	build_copy_text(to, "bulkhead.verdict", native, "verdict");
	build_copy_text(to, "bulkhead.state", native, "state");
	build_copy_text(to, "bulkhead.tcp_flags", native, "tcp_flags");
}

/* ---- events ------------------------------------------------------------ */

/* What ECS calls each of ours. */
static const struct {
	const char *event, *category, *type;
} classes[] = {
	{ "agent-start", "process", "start" },
	{ "agent-stop", "process", "end" },
	{ "container-start", "process", "start" },
	{ "container-stop", "process", "end" },
	{ "container-exec", "process", "start" },
	{ "container-oom", "process", "end" },
	{ "policy-loaded", "configuration", "creation" },
	{ "policy-changed", "configuration", "change" },
	{ "policy-removed", "configuration", "deletion" },
	{ "policy-rejected", "configuration", "info" },
	{ "enforcement", "configuration", "change" },
	{ "tamper", "intrusion_detection", "info" },
	{ "quarantine", "configuration", "change" },
	{ "loss", "host", "info" },
	{ "suppressed", "host", "info" },
	{ "accounting", "host", "info" },
	{ "sink", "host", "info" },
	{ "clock", "host", "change" },
};

static void put_event_classes(struct json_object *to, const char *event)
{
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		if (strcmp(classes[i].event, event) != 0)
			continue;
		build_append(to, "event.category", classes[i].category);
		build_append(to, "event.type", classes[i].type);
	}
	build_text(to, "event.kind",
		   strcmp(event, "tamper") ? "event" : "alert");
	build_text(to, "event.action", event);
}

/* What the envelope or ECS has told already. */
static const char *const told[] = {
	"time",	   "host",  "boot_id", "seq",
	"message", "level", "event",   "container"
};

static void put_event(struct json_object *to, struct json_object *native)
{
	struct json_object *rest = build_rest(native, told, ARRAY_SIZE(told));
	const char *level = json_text(native, "level");

	put_event_classes(to, json_text(native, "event"));
	build_text(to, "log.level", level);
	build_copy_text(to, "message", native, "message");
	if (!strcmp(level, "error"))
		build_copy_text(to, "error.message", native, "message");
	put_decider(to, json_at(native, "container"));
	build_copy_text(to, "file.path", native, "file");
	build_copy_text(to, "file.hash.sha256", native, "hash");
	if (json_object_object_length(rest))
		build_put(to, "bulkhead", rest);
	else
		json_object_put(rest);
}

struct json_object *format_ecs(struct json_object *native)
{
	struct json_object *to = json_object_new_object();

	build_copy_text(to, "@timestamp", native, "time");
	build_text(to, "ecs.version", ECS_VERSION);
	if (build_is_event(native))
		put_event(to, native);
	else
		put_flow(to, native);
	build_text(to, "event.module", "bulkhead");
	build_text(to, "event.dataset",
		   build_is_event(native) ? "bulkhead.event" : "bulkhead.flow");
	build_copy_number(to, "event.sequence", native, "seq");
	build_copy_text(to, "host.hostname", native, "host");
	build_copy_text(to, "host.name", native, "host");
	build_copy_text(to, "host.boot.id", native, "boot_id");
	build_copy_text(to, "observer.hostname", native, "host");
	build_text(to, "observer.type", "firewall");
	build_text(to, "observer.product", "bulkhead");
	build_text(to, "observer.version", BULKHEAD_VERSION);
	return to;
}
