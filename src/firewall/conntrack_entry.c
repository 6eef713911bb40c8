/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntrack_entry.c - a connection, from what ctnetlink writes of it. */
#include "firewall/conntrack.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <string.h>

#include <libmnl/libmnl.h>

#include "firewall/netlink.h"

/* ---- from attributes --------------------------------------------------- */

static bool attr_copy(const struct nlattr *attr, void *ret, size_t n)
{
	if (mnl_attr_get_payload_len(attr) < n)
		return false;
	memcpy(ret, mnl_attr_get_payload(attr), n);
	return true;
}

static void take_addr(const struct nlattr *attr, uint8_t family,
		      struct addr *ret)
{
	uint8_t bytes[16];

	if (attr_copy(attr, bytes, addr_size(family)))
		*ret = addr_from_bytes(family, bytes);
}

static int take_ip(const struct nlattr *attr, void *arg)
{
	struct conntrack_tuple *t = arg;

	switch (mnl_attr_get_type(attr)) {
	case CTA_IP_V4_SRC:
		take_addr(attr, AF_INET, &t->src);
		break;
	case CTA_IP_V4_DST:
		take_addr(attr, AF_INET, &t->dst);
		break;
	case CTA_IP_V6_SRC:
		take_addr(attr, AF_INET6, &t->src);
		break;
	case CTA_IP_V6_DST:
		take_addr(attr, AF_INET6, &t->dst);
		break;
	}
	return MNL_CB_OK;
}

/* A tuple under way, and what both tuples of an entry share. */
struct tuple_reader {
	struct conntrack_entry *entry;
	struct conntrack_tuple *tuple;
};

static void take_icmp(const struct nlattr *attr, struct conntrack_entry *e)
{
	uint16_t be;

	switch (mnl_attr_get_type(attr)) {
	case CTA_PROTO_ICMP_TYPE:
	case CTA_PROTO_ICMPV6_TYPE:
		e->has_icmp = attr_copy(attr, &e->icmp_type, 1);
		break;
	case CTA_PROTO_ICMP_CODE:
	case CTA_PROTO_ICMPV6_CODE:
		attr_copy(attr, &e->icmp_code, 1);
		break;
	case CTA_PROTO_ICMP_ID:
	case CTA_PROTO_ICMPV6_ID:
		if (attr_copy(attr, &be, sizeof(be)))
			e->icmp_id = ntohs(be);
		break;
	}
}

static int take_proto(const struct nlattr *attr, void *arg)
{
	struct tuple_reader *r = arg;
	uint16_t be;

	switch (mnl_attr_get_type(attr)) {
	case CTA_PROTO_NUM:
		attr_copy(attr, &r->entry->proto, 1);
		break;
	case CTA_PROTO_SRC_PORT:
		if (attr_copy(attr, &be, sizeof(be)))
			r->tuple->sport = ntohs(be);
		break;
	case CTA_PROTO_DST_PORT:
		if (!attr_copy(attr, &be, sizeof(be)))
			break;
		r->tuple->dport = ntohs(be);
		r->entry->has_ports = true;
		break;
	default:
		if (r->tuple == &r->entry->original)
			take_icmp(attr, r->entry);
		break;
	}
	return MNL_CB_OK;
}

static int take_tuple(const struct nlattr *attr, void *arg)
{
	struct tuple_reader *r = arg;

	switch (mnl_attr_get_type(attr)) {
	case CTA_TUPLE_IP:
		mnl_attr_parse_nested(attr, take_ip, r->tuple);
		break;
	case CTA_TUPLE_PROTO:
		mnl_attr_parse_nested(attr, take_proto, r);
		break;
	}
	return MNL_CB_OK;
}

/* Set where conntrack has not seen how the connection began (tcp_new()). */
static int take_tcp(const struct nlattr *attr, void *arg)
{
	struct conntrack_entry *e = arg;
	struct nf_ct_tcp_flags flags;

	if (mnl_attr_get_type(attr) == CTA_PROTOINFO_TCP_FLAGS_ORIGINAL &&
	    attr_copy(attr, &flags, sizeof(flags)))
		e->picked_up = flags.flags & IP_CT_TCP_FLAG_BE_LIBERAL;
	return MNL_CB_OK;
}

static int take_protoinfo(const struct nlattr *attr, void *arg)
{
	if (mnl_attr_get_type(attr) == CTA_PROTOINFO_TCP)
		mnl_attr_parse_nested(attr, take_tcp, arg);
	return MNL_CB_OK;
}

static void take_u64(const struct nlattr *attr, uint64_t *ret)
{
	uint64_t be;

	if (attr_copy(attr, &be, sizeof(be)))
		*ret = be64toh(be);
}

static int take_count(const struct nlattr *attr, void *arg)
{
	struct conntrack_count *c = arg;

	if (mnl_attr_get_type(attr) == CTA_COUNTERS_PACKETS)
		take_u64(attr, &c->packets);
	else if (mnl_attr_get_type(attr) == CTA_COUNTERS_BYTES)
		take_u64(attr, &c->bytes);
	return MNL_CB_OK;
}

static int take_timestamp(const struct nlattr *attr, void *arg)
{
	struct conntrack_entry *e = arg;

	if (mnl_attr_get_type(attr) == CTA_TIMESTAMP_START)
		take_u64(attr, &e->start);
	else if (mnl_attr_get_type(attr) == CTA_TIMESTAMP_STOP)
		take_u64(attr, &e->stop);
	return MNL_CB_OK;
}

/* What the kernel was asked to keep of every connection. */
static void take_account(const struct nlattr *attr, struct conntrack_entry *e)
{
	switch (mnl_attr_get_type(attr)) {
	case CTA_COUNTERS_ORIG:
		e->has_counts = true;
		mnl_attr_parse_nested(attr, take_count, &e->sent);
		break;
	case CTA_COUNTERS_REPLY:
		mnl_attr_parse_nested(attr, take_count, &e->answered);
		break;
	case CTA_TIMESTAMP:
		mnl_attr_parse_nested(attr, take_timestamp, e);
		break;
	}
}

static int take_attr(const struct nlattr *attr, void *arg)
{
	struct conntrack_entry *e = arg;
	struct tuple_reader original = { e, &e->original };
	struct tuple_reader reply = { e, &e->reply };

	switch (mnl_attr_get_type(attr)) {
	case CTA_TUPLE_ORIG:
		mnl_attr_parse_nested(attr, take_tuple, &original);
		e->key = (struct slice){ mnl_attr_get_payload(attr),
					 mnl_attr_get_payload_len(attr) };
		break;
	case CTA_TUPLE_REPLY:
		mnl_attr_parse_nested(attr, take_tuple, &reply);
		break;
	case CTA_PROTOINFO:
		mnl_attr_parse_nested(attr, take_protoinfo, e);
		break;
	case CTA_ID:
		attr_copy(attr, &e->id, sizeof(e->id));
		break;
	case CTA_ZONE:
		e->has_zone = attr_copy(attr, &e->zone, sizeof(e->zone));
		break;
	default:
		take_account(attr, e);
		break;
	}
	return MNL_CB_OK;
}

/* ---- messages ---------------------------------------------------------- */

struct entry_reader {
	conntrack_fn fn;
	void *arg;
};

static bool is_whole(const struct conntrack_entry *e)
{
	return e->key.len <= CONNTRACK_KEY_MAX &&
	       addr_is_set(&e->original.src) &&
	       e->original.dst.family == e->original.src.family &&
	       e->reply.src.family == e->original.src.family &&
	       e->reply.dst.family == e->original.src.family;
}

static bool read_entry(const struct nlmsghdr *nlh, struct conntrack_entry *ret)
{
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
		return false;
	mnl_attr_parse(nlh, sizeof(struct nfgenmsg), take_attr, ret);
	return is_whole(ret);
}

static int take_message(const struct nlmsghdr *nlh, void *arg)
{
	const struct entry_reader *reader = arg;
	struct conntrack_entry entry = { 0 };

	if (nlh->nlmsg_type ==
		    (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW) &&
	    read_entry(nlh, &entry))
		reader->fn(reader->arg, &entry);
	return 0;
}

int conntrack_parse(const void *bytes, size_t n, uint32_t seq, conntrack_fn fn,
		    void *arg)
{
	struct entry_reader reader = { fn, arg };

	return fw_messages(bytes, n, seq, take_message, &reader);
}

void conntrack_parse_events(const void *bytes, size_t n, conntrack_event_fn fn,
			    void *arg)
{
	const struct nlmsghdr *nlh;
	const char *at = bytes;

	while ((nlh = fw_next_message(&at, &n))) {
		struct conntrack_entry entry = { 0 };
		bool end = nlh->nlmsg_type ==
			   (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE);

		if (!end && nlh->nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 |
						IPCTNL_MSG_CT_NEW))
			continue;
		if (read_entry(nlh, &entry))
			fn(arg, &entry, end);
	}
}

/* By hand: an attribute inside a message that is not ours to know. */
bool conntrack_parse_original(struct slice attributes,
			      struct conntrack_tuple *ret)
{
	_Alignas(struct nlattr) char bytes[CONNTRACK_CT_MAX];
	struct conntrack_entry entry = { 0 };
	struct tuple_reader reader = { &entry, ret };
	const struct nlattr *attr = (const void *)bytes;
	int left = (int)attributes.len;

	if (attributes.len > sizeof(bytes))
		return false;
	memcpy(bytes, attributes.ptr, attributes.len);
	for (; mnl_attr_ok(attr, left);
	     left -= MNL_ALIGN(attr->nla_len), attr = mnl_attr_next(attr))
		if (mnl_attr_get_type(attr) == CTA_TUPLE_ORIG) {
			*ret = (struct conntrack_tuple){ 0 };
			mnl_attr_parse_nested(attr, take_tuple, &reader);
			return addr_is_set(&ret->dst);
		}
	return false;
}
