/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ocsf.c - the Open Cybersecurity Schema Framework, version 1.2.0.
 *
 * A flow is Network Activity with the profiles of a security control and of
 * containers. Events go to the class that fits, and to the base event where
 * none does. What the schema has no attribute for stands in "unmapped".
 */
#include "format/format.h"

#include <json-c/json.h>
#include <string.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "bulkhead/version.h"
#include "format/build.h"

#define OCSF_VERSION "1.2.0"
#define NS_PER_MS    1000000

enum {
	SEVERITY_INFORMATIONAL = 1,
	SEVERITY_LOW,
	SEVERITY_MEDIUM,
	SEVERITY_HIGH
};
enum { ACTION_ALLOWED = 1, ACTION_DENIED };
enum { DISPOSITION_ALLOWED = 1, DISPOSITION_BLOCKED, DISPOSITION_LOGGED = 17 };
enum { ENDPOINT_OTHER = 99 };

static void put_time(struct json_object *to, const char *path,
		     struct json_object *native, const char *key)
{
	uint64_t ns;

	if (build_time(native, key, &ns))
		build_number(to, path, (int64_t)(ns / NS_PER_MS));
}

static void put_class(struct json_object *to, int category, int class,
		      int activity, int severity)
{
	build_number(to, "activity_id", activity);
	build_number(to, "category_uid", category);
	build_number(to, "class_uid", class);
	build_number(to, "type_uid", 100LL * class + activity);
	build_number(to, "severity_id", severity);
}

static void put_metadata(struct json_object *to, struct json_object *native)
{
	build_text(to, "metadata.version", OCSF_VERSION);
	build_text(to, "metadata.product.name", "bulkhead");
	build_text(to, "metadata.product.vendor_name", "bulkhead");
	build_text(to, "metadata.product.version", BULKHEAD_VERSION);
	build_text(to, "metadata.log_name", "flows");
	build_copy_text(to, "metadata.log_provider", native, "host");
	build_copy_text(to, "metadata.original_time", native, "time");
	build_copy_number(to, "metadata.sequence", native, "seq");
	put_time(to, "time", native, "time");
}

/* The host that judged. */
static void put_device(struct json_object *to, struct json_object *native)
{
	build_copy_text(to, "device.hostname", native, "host");
	build_number(to, "device.type_id", 1); /* Server */
}

/* ---- flows ------------------------------------------------------------- */

static void put_container(struct json_object *to, struct json_object *from)
{
	build_copy_text(to, "container.uid", from, "id");
	build_copy_text(to, "container.name", from, "name");
	build_copy_text(to, "container.runtime", from, "runtime");
	/* The schema wants an identifier of an image; its reference is one. */
	build_copy_text(to, "container.image.uid", from, "image");
	build_copy_text(to, "container.image.name", from, "image");
}

static void put_endpoint(struct json_object *to, const char *path,
			 struct json_object *end, const char *iface)
{
	struct json_object *o = json_object_new_object();
	struct json_object *container = json_at(end, "container");

	build_copy_text(o, "ip", end, "ip");
	build_copy_number(o, "port", end, "port");
	build_copy_text(o, "mac", end, "mac");
	build_copy_text(o, "hostname", end, "name");
	build_text(o, "interface_name", iface);
	if (container) {
		_cleanup_(freep) char *name = build_full_name(container);

		build_text(o, "name", name);
		build_copy_text(o, "uid", container, "id");
		build_number(o, "type_id", ENDPOINT_OTHER);
		build_text(o, "type", "Container");
		put_container(o, container);
	}
	/* At least one that names it, says the schema. */
	if (!json_object_object_length(o))
		build_text(o, "name", "unknown");
	build_put(to, path, o);
}

/* From its name, which is the kernel's or a number. */
static int protocol_number(const char *proto)
{
	static const struct {
		const char *name;
		int number;
	} known[] = {
		{ "icmp", 1 },	 { "igmp", 2 },	     { "tcp", 6 },
		{ "udp", 17 },	 { "gre", 47 },	     { "esp", 50 },
		{ "ah", 51 },	 { "icmp6", 58 },    { "icmpv6", 58 },
		{ "sctp", 132 }, { "udplite", 136 },
	};
	int n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(known[i].name, proto))
			return known[i].number;
	for (const char *c = proto; *c; c++) {
		if (*c < '0' || *c > '9' || n > 255)
			return -1;
		n = 10 * n + *c - '0';
	}
	return *proto && n <= 255 ? n : -1;
}

/* Bits of the TCP header from "SYN,ACK". */
static int tcp_flags(const char *text)
{
	static const char *const names[] = { "FIN", "SYN", "RST", "PSH",
					     "ACK", "URG", "ECE", "CWR" };
	int flags = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strstr(text, names[i]))
			flags |= 1 << i;
	return flags;
}

/* Inbound and outbound are seen from the endpoint whose policy decided. */
static int direction_id(const char *direction)
{
	if (!strcmp(direction, "ingress"))
		return 1;
	return strcmp(direction, "egress") ? 0 : 2;
}

static void put_connection(struct json_object *to, struct json_object *native)
{
	const char *proto = json_text(native, "proto");
	const char *flags = json_text(native, "tcp_flags");
	const char *ip = json_text(json_at(native, "dst"), "ip");
	int number = protocol_number(proto);

	build_number(to, "connection_info.direction_id",
		     direction_id(json_text(native, "direction")));
	build_text(to, "connection_info.protocol_name", proto);
	if (number >= 0)
		build_number(to, "connection_info.protocol_num", number);
	if (*ip)
		build_number(to, "connection_info.protocol_ver_id",
			     strchr(ip, ':') ? 6 : 4);
	if (*flags)
		build_number(to, "connection_info.tcp_flags", tcp_flags(flags));
	build_copy_text(to, "connection_info.uid", native, "flow_id");
}

static void put_sum(struct json_object *to, const char *path,
		    struct json_object *native, const char *key,
		    const char *reply)
{
	if (json_at(native, key))
		build_number(to, path,
			     build_sum(json_number(native, key),
				       json_number(native, reply)));
}

/* "out" is what the source sent. */
static void put_traffic(struct json_object *to, struct json_object *native)
{
	put_sum(to, "traffic.packets", native, "packets", "packets_reply");
	put_sum(to, "traffic.bytes", native, "bytes", "bytes_reply");
	build_copy_number(to, "traffic.packets_out", native, "packets");
	build_copy_number(to, "traffic.bytes_out", native, "bytes");
	build_copy_number(to, "traffic.packets_in", native, "packets_reply");
	build_copy_number(to, "traffic.bytes_in", native, "bytes_reply");
}

static void put_verdict(struct json_object *to, struct json_object *native)
{
	const char *verdict = json_text(native, "verdict");
	bool denied = !strcmp(verdict, "denied");
	_cleanup_(buf_fini) struct buf names = BUF_INIT(BUF_UNBOUNDED);

	build_append(to, "metadata.profiles", "host");
	build_append(to, "metadata.profiles", "security_control");
	build_append(to, "metadata.profiles", "container");
	build_number(to, "action_id", denied ? ACTION_DENIED : ACTION_ALLOWED);
	build_number(to, "disposition_id",
		     denied			 ? DISPOSITION_BLOCKED
		     : !strcmp(verdict, "audit") ? DISPOSITION_LOGGED
						 : DISPOSITION_ALLOWED);
	json_join(&names, json_at(native, "policies"));
	build_text(to, "firewall_rule.name", buf_str(&names));
	if (names.len)
		build_text(to, "firewall_rule.type", "NetworkPolicy");
	build_copy_text(to, "status_detail", native, "reason");
}

/* Open, Close, Refuse, Traffic. */
static int activity(struct json_object *native)
{
	const char *state = json_text(native, "state");
	bool denied = !strcmp(json_text(native, "verdict"), "denied");
	bool ended = !strcmp(state, "end");

	if (!strcmp(state, "update") || (denied && ended))
		return 6;
	if (denied)
		return 5;
	return ended ? 2 : 1;
}

static void put_labels(struct json_object *to, struct json_object *native,
		       const char *end, const char *path)
{
	struct json_object *container =
		json_at(json_at(native, end), "container");

	build_copy_map(to, path, container, "labels");
}

static void put_unmapped(struct json_object *to, struct json_object *native)
{
	struct json_object *published = json_at(native, "published");
	struct json_object *icmp = json_at(native, "icmp");

	build_copy_text(to, "unmapped.community_id", native, "community_id");
	build_copy_text(to, "unmapped.verdict", native, "verdict");
	build_copy_texts(to, "unmapped.policies", native, "policies");
	build_copy_number(to, "unmapped.icmp_type", icmp, "type");
	build_copy_number(to, "unmapped.icmp_code", icmp, "code");
	build_copy_text(to, "unmapped.published_ip", published, "ip");
	build_copy_number(to, "unmapped.published_port", published, "port");
	put_labels(to, native, "src", "unmapped.src_labels");
	put_labels(to, native, "dst", "unmapped.dst_labels");
	build_copy_text(to, "unmapped.boot_id", native, "boot_id");
}

static void put_flow(struct json_object *to, struct json_object *native)
{
	bool denied = !strcmp(json_text(native, "verdict"), "denied");

	put_class(to, 4, 4001, activity(native),
		  denied ? SEVERITY_LOW : SEVERITY_INFORMATIONAL);
	put_verdict(to, native);
	put_endpoint(to, "src_endpoint", json_at(native, "src"),
		     json_text(native, "iface_in"));
	put_endpoint(to, "dst_endpoint", json_at(native, "dst"),
		     json_text(native, "iface_out"));
	put_connection(to, native);
	put_traffic(to, native);
	put_time(to, "start_time", native, "first");
	put_time(to, "end_time", native, "last");
	build_copy_number(to, "duration", native, "duration_ms");
	put_device(to, native);
	put_unmapped(to, native);
}

/* ---- events ------------------------------------------------------------ */

enum class {
	CLASS_BASE = 0,
	CLASS_FINDING = 2004,
	CLASS_CONFIG = 5019,
	CLASS_LIFECYCLE = 6002,
};

static const struct {
	const char *event;
	enum class class;
	int activity;
} classes[] = {
	{ "agent-start", CLASS_LIFECYCLE, 3 },
	{ "agent-stop", CLASS_LIFECYCLE, 4 },
	{ "container-start", CLASS_LIFECYCLE, 3 },
	{ "container-stop", CLASS_LIFECYCLE, 4 },
	{ "container-exec", CLASS_LIFECYCLE, 99 },
	{ "container-oom", CLASS_LIFECYCLE, 99 },
	{ "policy-loaded", CLASS_CONFIG, 1 },
	{ "policy-changed", CLASS_CONFIG, 1 },
	{ "policy-removed", CLASS_CONFIG, 1 },
	{ "policy-rejected", CLASS_CONFIG, 1 },
	{ "enforcement", CLASS_CONFIG, 1 },
	{ "quarantine", CLASS_CONFIG, 1 },
	{ "tamper", CLASS_FINDING, 1 },
};

static int severity(const char *level)
{
	if (!strcmp(level, "error"))
		return SEVERITY_HIGH;
	return strcmp(level, "warning") ? SEVERITY_INFORMATIONAL
					: SEVERITY_MEDIUM;
}

/* What started or stopped: a container, or the agent. */
static void put_app(struct json_object *to, struct json_object *container)
{
	_cleanup_(freep) char *name = build_full_name(container);
	const char *runtime = json_text(container, "runtime");

	build_text(to, "app.name", *name ? name : "bulkheadd");
	build_text(to, "app.vendor_name",
		   container && *runtime ? runtime : "bulkhead");
	build_copy_text(to, "app.uid", container, "id");
	build_text(to, "app.version",
		   container ? json_text(container, "image")
			     : BULKHEAD_VERSION);
}

static void put_finding(struct json_object *to, struct json_object *native)
{
	_cleanup_(freep) char *uid =
		xasprintf("%s-%lld", json_text(native, "boot_id"),
			  (long long)json_number(native, "seq"));

	build_text(to, "finding_info.uid", uid);
	build_text(to, "finding_info.title", "The ruleset was tampered with");
	build_copy_text(to, "finding_info.desc", native, "message");
}

static const char *const told[] = { "time", "host", "seq", "message" };

static void put_event(struct json_object *to, struct json_object *native)
{
	const char *event = json_text(native, "event");
	enum class class = CLASS_BASE;
	int activity_id = 99;

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		if (!strcmp(classes[i].event, event)) {
			class = classes[i].class;
			activity_id = classes[i].activity;
		}
	put_class(to, (int)class / 1000, (int)class, activity_id,
		  severity(json_text(native, "level")));
	build_text(to, "activity_name", event);
	build_copy_text(to, "message", native, "message");
	build_text(to, "metadata.event_code", event);
	if (class == CLASS_LIFECYCLE)
		put_app(to, json_at(native, "container"));
	if (class == CLASS_FINDING)
		put_finding(to, native);
	if (class != CLASS_BASE) {
		build_append(to, "metadata.profiles", "host");
		put_device(to, native);
	}
	build_put(to, "unmapped", build_rest(native, told, ARRAY_SIZE(told)));
}

struct json_object *format_ocsf(struct json_object *native)
{
	struct json_object *to = json_object_new_object();

	put_metadata(to, native);
	if (build_is_event(native))
		put_event(to, native);
	else
		put_flow(to, native);
	return to;
}
