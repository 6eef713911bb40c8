/* SPDX-License-Identifier: GPL-2.0-or-later */
/* record.c - what the flow log says of a packet, and how that reads as JSON.
 *
 * A field that is not known is left out rather than guessed. Keys come in a
 * fixed order, the ones that a person looks for first.
 */
#include "flow/record.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "flow/community.h"
#include "flow/text.h"

/* Bytes of any one name; a label's key and value may have as much each. */
#define TEXT_MAX 1024
/* Bytes of a container's labels, with some for quotes. */
#define LABELS_MAX  16384
#define LABEL_EXTRA 8
/* Policies that a record names. */
#define POLICIES_MAX 64
/* Networks of a container that an event names. */
#define NETWORKS_MAX 64
/* Bytes of a packet's head; base64 makes four of three. */
#define HEAD_MAX 256

/* JSON writes a control character as six bytes. */
static_assert(6 * (2 * (LABELS_MAX + 5 * TEXT_MAX) + POLICIES_MAX * TEXT_MAX) +
			      2 * TEXT_MAX * 6 + 2 * HEAD_MAX + 4096 <
		      FLOW_LINE_MAX,
	      "a record may be longer than a line");

void flow_record_fini(struct flow_record *r)
{
	vec_foreach(policy, &r->policies)
		free(*policy);
	vec_fini(&r->policies);
	free(r->src_name);
	free(r->dst_name);
	free(r->head);
	r->src_name = r->dst_name = NULL;
	r->head = NULL;
}

uint64_t flow_id_new(void)
{
	uint64_t id = 0;

	while (!id)
		if (getrandom(&id, sizeof(id), 0) < 0)
			id = clock_monotonic();
	return id;
}

/* ---- values ------------------------------------------------------------ */

static struct json_object *text_new(const char *s)
{
	_cleanup_(buf_fini) struct buf clean = BUF_INIT(BUF_UNBOUNDED);

	flow_text_add(&clean, s, TEXT_MAX);
	return json_object_new_string_len(buf_str(&clean), (int)clean.len);
}

/* Keys are literals and added once: no look-up for a former value. */
static void put(struct json_object *to, const char *key,
		struct json_object *value)
{
	json_object_object_add_ex(to, key, value,
				  JSON_C_OBJECT_ADD_KEY_IS_NEW |
					  JSON_C_OBJECT_ADD_CONSTANT_KEY);
}

/* Unless it is empty. */
static void put_text(struct json_object *to, const char *key, const char *s)
{
	if (*s)
		put(to, key, text_new(s));
}

static void put_number(struct json_object *to, const char *key, uint64_t n)
{
	put(to, key, json_object_new_uint64(n));
}

static void put_time(struct json_object *to, const char *key, uint64_t time)
{
	char text[CLOCK_STRLEN];

	put(to, key, json_object_new_string(clock_format(time, text)));
}

/* ---- parts ------------------------------------------------------------- */

/* Smaller labels behind a large one still get their place. */
static void put_labels(struct json_object *to, const struct label_set *set)
{
	struct json_object *labels = json_object_new_object();
	size_t room = LABELS_MAX, omitted = 0;

	for (size_t i = 0; i < set->n; i++) {
		_cleanup_(buf_fini) struct buf key = BUF_INIT(BUF_UNBOUNDED);
		const struct label *l = &set->labels[i];
		size_t size = strlen(l->key) +
			      MIN(strlen(l->value), (size_t)TEXT_MAX) +
			      LABEL_EXTRA;

		if (strlen(l->key) > TEXT_MAX || size > room) {
			omitted++;
			continue;
		}
		room -= size;
		flow_text_add(&key, l->key, TEXT_MAX);
		json_object_object_add(labels, buf_str(&key),
				       text_new(l->value));
	}
	put(to, "labels", labels);
	if (omitted)
		put_number(to, "labels_omitted", omitted);
}

static struct json_object *container_new(const struct endpoint *e)
{
	struct json_object *o = json_object_new_object();

	put(o, "id", text_new(e->id));
	put(o, "name", text_new(e->name));
	put(o, "image", text_new(e->image));
	put(o, "namespace", text_new(e->namespace));
	put_labels(o, e->labels);
	put(o, "runtime", text_new(e->runtime));
	return o;
}

static struct json_object *end_new(const struct flow_end *end, const char *name,
				   const struct addr *a, const uint16_t *port)
{
	struct json_object *o = json_object_new_object();
	char ip[ADDR_STRLEN], mac[MAC_STRLEN];

	put_text(o, "ip", addr_format(a, ip));
	if (port)
		put_number(o, "port", *port);
	if (name)
		put_text(o, "name", name);
	if (mac_is_set(&end->mac))
		put_text(o, "mac", mac_format(&end->mac, mac));
	if (end->owner)
		put(o, "container", container_new(end->owner));
	return o;
}

static void put_published(struct json_object *to, const struct flow_record *r)
{
	struct json_object *o;
	char ip[ADDR_STRLEN];

	if (!addr_is_set(&r->published))
		return;
	o = json_object_new_object();
	put_text(o, "ip", addr_format(&r->published, ip));
	if (r->published_port)
		put_number(o, "port", r->published_port);
	put(to, "published", o);
}

static void put_ends(struct json_object *to, const struct flow_record *r)
{
	const struct flow_packet *p = &r->packet;

	bool dport = p->has_ports || p->has_dport;

	put(to, "src",
	    end_new(&r->src, r->src_name, &p->src,
		    p->has_ports ? &p->sport : NULL));
	put(to, "dst",
	    end_new(&r->dst, r->dst_name, &p->dst, dport ? &p->dport : NULL));
	put_published(to, r);
}

static void put_policies(struct json_object *to, const struct flow_record *r)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < MIN(r->policies.len, POLICIES_MAX); i++)
		json_object_array_add(list, text_new(r->policies.data[i]));
	put(to, "policies", list);
}

static void put_tcp_flags(struct json_object *to, uint8_t flags)
{
	static const char *const names[] = { "FIN", "SYN", "RST", "PSH",
					     "ACK", "URG", "ECE", "CWR" };
	_cleanup_(buf_fini) struct buf text = BUF_INIT(64);

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (flags & 1U << i)
			buf_addf(&text, "%s%s", text.len ? "," : "", names[i]);
	put(to, "tcp_flags", json_object_new_string(buf_str(&text)));
}

static void put_transport(struct json_object *to, const struct flow_packet *p)
{
	struct json_object *icmp;

	if (p->has_tcp_flags)
		put_tcp_flags(to, p->tcp_flags);
	if (p->has_icmp) {
		icmp = json_object_new_object();
		put_number(icmp, "type", p->icmp_type);
		put_number(icmp, "code", p->icmp_code);
		put(to, "icmp", icmp);
	}
	if (p->has_vlan)
		put_number(to, "vlan", p->vlan);
	if (p->later_fragment)
		put(to, "fragment", json_object_new_boolean(true));
	if (!p->complete)
		put(to, "truncated", json_object_new_boolean(true));
}

static void put_interfaces(struct json_object *to, const struct flow_record *r)
{
	put_text(to, "iface_in", r->in);
	put_text(to, "iface_out", r->out);
	put_text(to, "phys_in", r->phys_in);
	put_text(to, "phys_out", r->phys_out);
}

static void put_counts(struct json_object *to, const struct flow_record *r)
{
	if (!r->uncounted) {
		put_number(to, "packets", r->packets);
		put_number(to, "bytes", r->bytes);
		put_number(to, "new_packets", r->new_packets);
		put_number(to, "new_bytes", r->new_bytes);
	}
	if (r->has_reply) {
		put_number(to, "packets_reply", r->packets_reply);
		put_number(to, "bytes_reply", r->bytes_reply);
	}
	if (r->has_duration)
		put_number(to, "duration_ms", r->duration_ns / 1000000);
	if (r->first)
		put_time(to, "first", r->first);
	put_time(to, "last", r->last);
}

/* RFC 4648, with padding. */
static void put_base64(struct json_object *to, const char *key,
		       const uint8_t *bytes, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);

	for (size_t i = 0; i < n; i += 3) {
		unsigned left = (unsigned)MIN(n - i, (size_t)3);
		unsigned bits = (unsigned)bytes[i] << 16 |
				(left > 1 ? bytes[i + 1] << 8 : 0) |
				(left > 2 ? bytes[i + 2] : 0);
		char four[4] = { digits[bits >> 18], digits[bits >> 12 & 63],
				 left > 1 ? digits[bits >> 6 & 63] : '=',
				 left > 2 ? digits[bits & 63] : '=' };

		buf_add(&text, four, sizeof(four));
	}
	put(to, key, json_object_new_string(buf_str(&text)));
}

static void put_head(struct json_object *to, const struct flow_record *r)
{
	if (!r->head)
		return;
	put_base64(to, "packet_head", r->head, r->head_len);
	put_text(to, "packet_link", r->head_ethernet ? "ethernet" : "ip");
}

/* ---- lines ------------------------------------------------------------- */

static struct json_object *line_new(const struct flow_origin *origin,
				    uint64_t time, uint64_t seq)
{
	struct json_object *o = json_object_new_object();

	put_time(o, "time", time);
	put_text(o, "host", origin->host);
	put_text(o, "boot_id", origin->boot_id);
	put_number(o, "seq", seq);
	return o;
}

/* Takes @o. */
static int finish(struct json_object *o, struct buf *line)
{
	size_t len;
	const char *s = json_object_to_json_string_length(
		o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE,
		&len);
	int r = buf_add(line, s, len);

	json_object_put(o);
	return r < 0 ? r : buf_adds(line, "\n");
}

static void put_flow(struct json_object *to, const struct flow_record *r)
{
	static const char *const states[] = {
		[FLOW_NEW] = "new",
		[FLOW_UPDATE] = "update",
		[FLOW_END] = "end",
	};
	char id[17];

	if (!r->id)
		return;
	snprintf(id, sizeof(id), "%016llx", (unsigned long long)r->id);
	put_text(to, "flow_id", id);
	put_text(to, "state", states[r->state]);
}

int flow_record_format(const struct flow_record *r,
		       const struct flow_origin *origin, struct buf *line)
{
	struct json_object *o = line_new(origin, r->time, r->seq);
	char proto[FLOW_PROTO_MAX], community[FLOW_COMMUNITY_MAX];

	put_text(o, "verdict",
		 r->allowed ? "allowed"
		 : r->audit ? "audit"
			    : "denied");
	put_flow(o, r);
	if (!r->no_reason) {
		put_text(o, "direction", deny_direction_name(r->direction));
		put_text(o, "reason", deny_reason_name(r->reason));
	}
	put_policies(o, r);
	put_text(o, "proto", flow_packet_proto(&r->packet, proto));
	put_ends(o, r);
	put_transport(o, &r->packet);
	put_interfaces(o, r);
	put_counts(o, r);
	flow_community_id(&r->packet, community);
	put_text(o, "community_id", community);
	put_head(o, r);
	return finish(o, line);
}

static void put_networks(struct json_object *to, const struct endpoint *e)
{
	struct json_object *list = json_object_new_array();
	char ip[ADDR_STRLEN];

	vec_foreach(a, &e->attachments) {
		struct json_object *network, *ips;

		if (json_object_array_length(list) == NETWORKS_MAX)
			break;
		network = json_object_new_object();
		ips = json_object_new_array();
		put_text(network, "name", a->network);
		if (addr_is_set(&a->v4))
			json_object_array_add(
				ips, text_new(addr_format(&a->v4, ip)));
		if (addr_is_set(&a->v6))
			json_object_array_add(
				ips, text_new(addr_format(&a->v6, ip)));
		put(network, "ips", ips);
		json_object_array_add(list, network);
	}
	put(to, "networks", list);
}

static void put_names(struct json_object *to, const struct flow_event *e)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < MIN(e->npolicies, (size_t)POLICIES_MAX); i++)
		json_object_array_add(list, text_new(e->policies[i]));
	put(to, "policies", list);
}

static void put_value(struct json_object *to, const struct flow_value *v)
{
	if (v->text)
		put(to, v->key, text_new(v->text));
	else if (v->is_bool)
		put(to, v->key, json_object_new_boolean(v->number != 0));
	else
		put_number(to, v->key, v->number);
}

int flow_event_format(const struct flow_event *e,
		      const struct flow_origin *origin, uint64_t seq,
		      uint64_t now, struct buf *line)
{
	struct json_object *o = line_new(origin, now, seq);

	put_text(o, "event", e->name);
	put_text(o, "level", e->level);
	put_text(o, "message", e->message);
	if (e->container)
		put(o, "container", container_new(e->container));
	if (e->container && e->networks)
		put_networks(o, e->container);
	if (e->has_policies)
		put_names(o, e);
	for (size_t i = 0; i < FLOW_VALUES_MAX && e->values[i].key; i++)
		put_value(o, &e->values[i]);
	return finish(o, line);
}

/* ---- origin ------------------------------------------------------------ */

/* procfs files have no size, so they are read, not loaded. */
static void read_line(const char *path, char *ret, size_t size)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, ret, size - 1) : 0;

	ret[n > 0 ? n : 0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
}

struct flow_origin flow_origin_here(void)
{
	struct flow_origin o = { 0 };

	if (gethostname(o.host, sizeof(o.host) - 1) < 0)
		o.host[0] = '\0';
	read_line("/proc/sys/kernel/random/boot_id", o.boot_id,
		  sizeof(o.boot_id));
	return o;
}
