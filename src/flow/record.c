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

#include "base/alloc.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/hash.h"
#include "flow/community.h"
#include "json/write.h"

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

/* SipHash of a count under a key of this process: nobody can guess the next
 * one. (getrandom(2) for each was a twentieth of what a record takes.) */
uint64_t flow_id_new(void)
{
	static uint64_t key[2], count;
	uint64_t id;

	if (!count && getrandom(key, sizeof(key), 0) < 0)
		key[0] = clock_realtime();
	do {
		count++;
		id = hash_sip(key, &count, sizeof(count));
	} while (!id);
	return id;
}

/* ---- values ------------------------------------------------------------ */

static void put_text(struct json_writer *w, const char *key, const char *s)
{
	json_put_text(w, key, s, TEXT_MAX);
}

/* Unless it is empty. */
static void put_known(struct json_writer *w, const char *key, const char *s)
{
	if (*s)
		put_text(w, key, s);
}

/* What we made ourselves; unless it is empty. */
static void put_plain(struct json_writer *w, const char *key, const char *s)
{
	if (*s)
		json_put_plain(w, key, slice_of(s));
}

static void put_time(struct json_writer *w, const char *key, uint64_t time)
{
	char text[CLOCK_STRLEN];

	put_plain(w, key, clock_format(time, text));
}

static void put_addr(struct json_writer *w, const char *key,
		     const struct addr *a)
{
	char text[ADDR_STRLEN];

	put_plain(w, key, addr_format(a, text));
}

/* ---- parts ------------------------------------------------------------- */

/* Smaller labels behind a large one still get their place. A key that is no
 * text might become another one's. */
static void put_labels(struct json_writer *w, const struct label_set *set)
{
	size_t room = LABELS_MAX, omitted = 0;

	json_open(w, "labels", '{');
	for (size_t i = 0; i < set->n; i++) {
		const struct label *l = &set->labels[i];
		size_t size = strlen(l->key) +
			      MIN(strlen(l->value), (size_t)TEXT_MAX) +
			      LABEL_EXTRA;

		if (strlen(l->key) > TEXT_MAX || size > room ||
		    !json_is_text(l->key)) {
			omitted++;
			continue;
		}
		room -= size;
		json_put_name(w, l->key);
		put_text(w, NULL, l->value);
	}
	json_close(w, '}');
	if (omitted)
		json_put_number(w, "labels_omitted", omitted);
}

static void put_container(struct json_writer *w, const struct endpoint *e)
{
	json_open(w, "container", '{');
	put_text(w, "id", e->id);
	put_text(w, "name", e->name);
	put_text(w, "image", e->image);
	put_text(w, "namespace", e->namespace);
	put_labels(w, e->labels);
	put_text(w, "runtime", e->runtime);
	json_close(w, '}');
}

static void put_end(struct json_writer *w, const char *key,
		    const struct flow_end *end, const char *name,
		    const struct addr *a, const uint16_t *port)
{
	char mac[MAC_STRLEN];

	json_open(w, key, '{');
	put_addr(w, "ip", a);
	if (port)
		json_put_number(w, "port", *port);
	if (name)
		put_known(w, "name", name);
	if (mac_is_set(&end->mac))
		put_plain(w, "mac", mac_format(&end->mac, mac));
	if (end->owner)
		put_container(w, end->owner);
	json_close(w, '}');
}

static void put_published(struct json_writer *w, const struct flow_record *r)
{
	if (!addr_is_set(&r->published))
		return;
	json_open(w, "published", '{');
	put_addr(w, "ip", &r->published);
	if (r->published_port)
		json_put_number(w, "port", r->published_port);
	json_close(w, '}');
}

static void put_ends(struct json_writer *w, const struct flow_record *r)
{
	const struct flow_packet *p = &r->packet;
	bool dport = p->has_ports || p->has_dport;

	put_end(w, "src", &r->src, r->src_name, &p->src,
		p->has_ports ? &p->sport : NULL);
	put_end(w, "dst", &r->dst, r->dst_name, &p->dst,
		dport ? &p->dport : NULL);
	put_published(w, r);
}

static void put_policies(struct json_writer *w, const char *const *names,
			 size_t n)
{
	size_t kept = MIN(n, (size_t)POLICIES_MAX);

	json_open(w, "policies", '[');
	for (size_t i = 0; i < kept; i++)
		put_text(w, NULL, names[i]);
	json_close(w, ']');
	if (n > kept)
		json_put_number(w, "policies_omitted", n - kept);
}

static void put_tcp_flags(struct json_writer *w, uint8_t flags)
{
	static const char *const names[] = { "FIN", "SYN", "RST", "PSH",
					     "ACK", "URG", "ECE", "CWR" };
	char text[ARRAY_SIZE(names) * 4 + 1] = "";
	size_t len = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(flags & 1U << i))
			continue;
		if (len)
			text[len++] = ',';
		memcpy(text + len, names[i], 3);
		len += 3;
	}
	json_put_plain(w, "tcp_flags", (struct slice){ text, len });
}

static void put_transport(struct json_writer *w, const struct flow_packet *p)
{
	if (p->has_tcp_flags)
		put_tcp_flags(w, p->tcp_flags);
	if (p->has_icmp) {
		json_open(w, "icmp", '{');
		json_put_number(w, "type", p->icmp_type);
		json_put_number(w, "code", p->icmp_code);
		json_close(w, '}');
	}
	if (p->has_vlan)
		json_put_number(w, "vlan", p->vlan);
	if (p->later_fragment)
		json_put_flag(w, "fragment", true);
	if (!p->complete)
		json_put_flag(w, "truncated", true);
}

static void put_interfaces(struct json_writer *w, const struct flow_record *r)
{
	put_known(w, "iface_in", r->in);
	put_known(w, "iface_out", r->out);
	put_known(w, "phys_in", r->phys_in);
	put_known(w, "phys_out", r->phys_out);
}

static void put_counts(struct json_writer *w, const struct flow_record *r)
{
	if (!r->uncounted) {
		json_put_number(w, "packets", r->packets);
		json_put_number(w, "bytes", r->bytes);
		json_put_number(w, "new_packets", r->new_packets);
		json_put_number(w, "new_bytes", r->new_bytes);
	}
	if (r->has_reply) {
		json_put_number(w, "packets_reply", r->packets_reply);
		json_put_number(w, "bytes_reply", r->bytes_reply);
	}
	if (r->has_duration)
		json_put_number(w, "duration_ms", r->duration_ns / 1000000);
	if (r->first)
		put_time(w, "first", r->first);
	put_time(w, "last", r->last);
}

static void put_head(struct json_writer *w, const struct flow_record *r)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);

	if (!r->head)
		return;
	base64_encode((struct slice){ (const char *)r->head,
				      MIN(r->head_len, (size_t)HEAD_MAX) },
		      &text);
	json_put_plain(w, "packet_head", buf_slice(&text));
	put_plain(w, "packet_link", r->head_ethernet ? "ethernet" : "ip");
}

/* ---- lines ------------------------------------------------------------- */

static struct json_writer line_begin(const struct flow_origin *origin,
				     uint64_t time, uint64_t seq,
				     struct buf *line)
{
	struct json_writer w = { .out = line };

	json_open(&w, NULL, '{');
	put_time(&w, "time", time);
	put_known(&w, "host", origin->host);
	put_known(&w, "boot_id", origin->boot_id);
	json_put_number(&w, "seq", seq);
	return w;
}

static int line_end(struct json_writer *w)
{
	json_close(w, '}');
	buf_adds(w->out, "\n");
	return buf_error(w->out);
}

static void put_flow(struct json_writer *w, const struct flow_record *r)
{
	static const char *const states[] = {
		[FLOW_NEW] = "new",
		[FLOW_UPDATE] = "update",
		[FLOW_END] = "end",
	};
	static const char digits[] = "0123456789abcdef";
	char id[16];

	if (!r->id)
		return;
	for (unsigned i = 0; i < sizeof(id); i++)
		id[i] = digits[r->id >> (60 - 4 * i) & 15];
	json_put_plain(w, "flow_id", (struct slice){ id, sizeof(id) });
	put_plain(w, "state", states[r->state]);
}

int flow_record_format(const struct flow_record *r,
		       const struct flow_origin *origin, struct buf *line)
{
	struct json_writer w = line_begin(origin, r->time, r->seq, line);
	char proto[FLOW_PROTO_MAX], community[FLOW_COMMUNITY_MAX];

	put_plain(&w, "verdict",
		  r->allowed ? "allowed"
		  : r->audit ? "audit"
			     : "denied");
	put_flow(&w, r);
	if (!r->no_reason) {
		put_plain(&w, "direction", deny_direction_name(r->direction));
		put_plain(&w, "reason", deny_reason_name(r->reason));
	}
	put_policies(&w, (const char *const *)r->policies.data,
		     r->policies.len);
	put_plain(&w, "proto", flow_packet_proto(&r->packet, proto));
	put_ends(&w, r);
	put_transport(&w, &r->packet);
	put_interfaces(&w, r);
	put_counts(&w, r);
	flow_community_id(&r->packet, community);
	put_plain(&w, "community_id", community);
	put_head(&w, r);
	return line_end(&w);
}

static void put_networks(struct json_writer *w, const struct endpoint *e)
{
	size_t n = MIN(e->attachments.len, (size_t)NETWORKS_MAX);

	json_open(w, "networks", '[');
	for (size_t i = 0; i < n; i++) {
		const struct attachment *a = &e->attachments.data[i];

		json_open(w, NULL, '{');
		put_known(w, "name", a->network);
		json_open(w, "ips", '[');
		put_addr(w, NULL, &a->v4);
		put_addr(w, NULL, &a->v6);
		json_close(w, ']');
		json_close(w, '}');
	}
	json_close(w, ']');
	if (e->attachments.len > n)
		json_put_number(w, "networks_omitted", e->attachments.len - n);
}

static void put_value(struct json_writer *w, const struct flow_value *v)
{
	if (v->text)
		put_text(w, v->key, v->text);
	else if (v->is_bool)
		json_put_flag(w, v->key, v->number != 0);
	else
		json_put_number(w, v->key, v->number);
}

int flow_event_format(const struct flow_event *e,
		      const struct flow_origin *origin, uint64_t seq,
		      uint64_t now, struct buf *line)
{
	struct json_writer w = line_begin(origin, now, seq, line);

	put_plain(&w, "event", e->name);
	put_plain(&w, "level", e->level);
	put_known(&w, "message", e->message);
	if (e->container)
		put_container(&w, e->container);
	if (e->container && e->networks)
		put_networks(&w, e->container);
	if (e->has_policies)
		put_policies(&w, e->policies, e->npolicies);
	for (size_t i = 0; i < FLOW_VALUES_MAX && e->values[i].key; i++)
		put_value(&w, &e->values[i]);
	return line_end(&w);
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
