/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntrack.c - the kernel's connections: read them all, delete some.
 *
 * The kernel makes the next part of a dump when the last one is read, as large
 * as that read's buffer. So the buffer is small: it bounds what one turn does
 * in the kernel and, with some hundred microseconds of judging for an entry at
 * worst, here.
 */
#include "firewall/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>

#include <libmnl/libmnl.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "firewall/netlink.h"

/* Some thirty entries. */
#define DUMP_BUFFER 8192
/* How long a slice may take others' time. */
#define SLICE_NS UINT64_C(2000000)
/* A dump that the kernel tore is begun anew so often. */
#define ATTEMPTS 8
/* Deletes of one send; each has an original tuple of some 80 bytes. */
#define BATCH_BYTES 16384
/* A tuple is far smaller; a longer one is not from our kernel. */
#define KEY_MAX 256

struct conntrack {
	struct loop *loop;
	struct conntrack_listener listener;
	struct mnl_socket *dump, *deletes;
	struct loop_fd *watch;
	uint32_t seq; /* of the dump under way */
	int attempts;
	uint64_t refused;
	size_t batch_len;
	_Alignas(struct nlmsghdr) char batch[BATCH_BYTES];
};

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
	return e->key.len <= KEY_MAX && addr_is_set(&e->original.src) &&
	       e->original.dst.family == e->original.src.family &&
	       e->reply.src.family == e->original.src.family &&
	       e->reply.dst.family == e->original.src.family;
}

static int take_message(const struct nlmsghdr *nlh, void *arg)
{
	const struct entry_reader *reader = arg;
	struct conntrack_entry entry = { 0 };

	if (nlh->nlmsg_type !=
		    (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW) ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
		return 0;
	mnl_attr_parse(nlh, sizeof(struct nfgenmsg), take_attr, &entry);
	if (is_whole(&entry))
		reader->fn(reader->arg, &entry);
	return 0;
}

int conntrack_parse(const void *bytes, size_t n, uint32_t seq, conntrack_fn fn,
		    void *arg)
{
	struct entry_reader reader = { fn, arg };

	return fw_messages(bytes, n, seq, take_message, &reader);
}

/* ---- deleting ---------------------------------------------------------- */

/* The kernel answers within the send, and only what it refuses. */
static void read_refusals(struct conntrack *c)
{
	_Alignas(struct nlmsghdr) char buffer[DUMP_BUFFER];
	ssize_t n;

	while ((n = recv(mnl_socket_get_fd(c->deletes), buffer, sizeof(buffer),
			 MSG_DONTWAIT)) >= 0 ||
	       errno == ENOBUFS || errno == EINTR) {
		const struct nlmsghdr *nlh = (const void *)buffer;
		int left = (int)n;

		for (; n > 0 && mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left)) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

			if (nlh->nlmsg_type == NLMSG_ERROR &&
			    mnl_nlmsg_get_payload_len(nlh) >= sizeof(int) &&
			    e->error && e->error != -ENOENT)
				c->refused++;
		}
	}
}

static void send_deletes(struct conntrack *c)
{
	if (!c->batch_len)
		return;
	if (mnl_socket_sendto(c->deletes, c->batch, c->batch_len) < 0)
		c->refused++;
	c->batch_len = 0;
	read_refusals(c);
}

void conntrack_delete(struct conntrack *c, const struct conntrack_entry *entry)
{
	struct nlmsghdr *nlh;
	struct nfgenmsg *header;

	if (BATCH_BYTES - c->batch_len < KEY_MAX + 64)
		send_deletes(c);
	nlh = mnl_nlmsg_put_header(c->batch + c->batch_len);
	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	header = mnl_nlmsg_put_extra_header(nlh, sizeof(*header));
	header->nfgen_family = entry->original.src.family;
	header->version = NFNETLINK_V0;
	mnl_attr_put(nlh, CTA_TUPLE_ORIG | NLA_F_NESTED, entry->key.len,
		     entry->key.ptr);
	if (entry->id)
		mnl_attr_put(nlh, CTA_ID, sizeof(entry->id), &entry->id);
	if (entry->has_zone)
		mnl_attr_put(nlh, CTA_ZONE, sizeof(entry->zone), &entry->zone);
	c->batch_len += NLMSG_ALIGN(nlh->nlmsg_len);
}

uint64_t conntrack_refused(const struct conntrack *c)
{
	return c->refused;
}

/* ---- dumping ----------------------------------------------------------- */

static void on_readable(void *arg, int events, int error);

static int open_socket(int bus, struct mnl_socket **ret)
{
	struct mnl_socket *socket = mnl_socket_open2(bus, SOCK_CLOEXEC);
	int r;

	if (!socket)
		return -errno;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		r = -errno;
		mnl_socket_close(socket);
		return r;
	}
	*ret = socket;
	return 0;
}

static void end_dump(struct conntrack *c)
{
	loop_fd_close(TAKE_PTR(c->watch));
	if (c->dump)
		mnl_socket_close(TAKE_PTR(c->dump));
}

/* A socket for each dump: what an abandoned one left unread goes with it. */
static int begin_dump(struct conntrack *c)
{
	char buffer[64] = { 0 };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *header;
	int r = open_socket(NETLINK_NETFILTER, &c->dump);

	if (r < 0)
		return r;
	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = ++c->seq;
	header = mnl_nlmsg_put_extra_header(nlh, sizeof(*header));
	header->nfgen_family = AF_UNSPEC;
	header->version = NFNETLINK_V0;
	if (mnl_socket_sendto(c->dump, nlh, nlh->nlmsg_len) < 0) {
		r = -errno;
		end_dump(c);
		return r;
	}
	c->watch = loop_fd_new(c->loop, mnl_socket_get_fd(c->dump),
			       LOOP_READABLE, on_readable, c);
	return 0;
}

/* Returns as conntrack_parse(); -EAGAIN when nothing waits to be read. */
static int read_part(struct conntrack *c)
{
	_Alignas(struct nlmsghdr) char buffer[DUMP_BUFFER];
	ssize_t n = recv(mnl_socket_get_fd(c->dump), buffer, sizeof(buffer),
			 MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0)
		return -errno;
	if ((size_t)n > sizeof(buffer))
		return -ENOBUFS;
	return conntrack_parse(buffer, (size_t)n, c->seq, c->listener.entry,
			       c->listener.arg);
}

static bool is_torn(int error)
{
	return error == -EINTR || error == -ENOBUFS || error == -EBADMSG;
}

static void on_readable(void *arg, _unused_ int events, _unused_ int error)
{
	struct conntrack *c = arg;
	uint64_t begin = clock_monotonic();
	int r;

	do {
		r = read_part(c);
	} while (r == 0 && clock_monotonic() - begin < SLICE_NS);
	c->listener.slice(c->listener.arg);
	send_deletes(c);
	if (r == 0 || r == -EAGAIN)
		return;
	end_dump(c);
	if (is_torn(r) && ++c->attempts < ATTEMPTS)
		r = begin_dump(c);
	if (!c->watch)
		c->listener.done(c->listener.arg, MIN(r, 0));
}

int conntrack_dump(struct conntrack *c)
{
	c->attempts = 0;
	return begin_dump(c);
}

int conntrack_open(struct loop *loop, struct conntrack_listener listener,
		   struct conntrack **ret)
{
	_cleanup_(conntrack_closep) struct conntrack *c =
		xnew(struct conntrack);
	int r = open_socket(NETLINK_NETFILTER, &c->deletes);

	if (r < 0)
		return r;
	c->loop = loop;
	c->listener = listener;
	*ret = TAKE_PTR(c);
	return 0;
}

void conntrack_close(struct conntrack *c)
{
	if (!c)
		return;
	end_dump(c);
	if (c->deletes)
		mnl_socket_close(c->deletes);
	free(c);
}

/* ---- the host's own addresses ------------------------------------------ */

struct local_reader {
	void (*fn)(void *arg, const struct addr *a);
	void *arg;
	uint8_t family;
	struct addr local, address;
};

static int take_local(const struct nlattr *attr, void *arg)
{
	struct local_reader *r = arg;

	/* Of a point-to-point link, the "address" is the other end's. */
	switch (mnl_attr_get_type(attr)) {
	case IFA_LOCAL:
		take_addr(attr, r->family, &r->local);
		break;
	case IFA_ADDRESS:
		take_addr(attr, r->family, &r->address);
		break;
	}
	return MNL_CB_OK;
}

static int take_address(const struct nlmsghdr *nlh, void *arg)
{
	struct local_reader *r = arg;
	const struct ifaddrmsg *header;

	if (nlh->nlmsg_type != RTM_NEWADDR ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*header))
		return 0;
	header = mnl_nlmsg_get_payload(nlh);
	r->family = header->ifa_family;
	r->local = r->address = (struct addr){ 0 };
	if (!addr_size(r->family))
		return 0;
	mnl_attr_parse(nlh, sizeof(*header), take_local, r);
	if (addr_is_set(&r->local))
		r->fn(r->arg, &r->local);
	else if (addr_is_set(&r->address))
		r->fn(r->arg, &r->address);
	return 0;
}

int conntrack_local_addresses(void (*fn)(void *arg, const struct addr *a),
			      void *arg)
{
	_Alignas(struct nlmsghdr) char buffer[4 * DUMP_BUFFER];
	struct local_reader reader = { .fn = fn, .arg = arg };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct mnl_socket *socket = NULL;
	struct ifaddrmsg *header;
	ssize_t n;
	int r = open_socket(NETLINK_ROUTE, &socket);

	if (r < 0)
		return r;
	nlh->nlmsg_type = RTM_GETADDR;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = 1;
	header = mnl_nlmsg_put_extra_header(nlh, sizeof(*header));
	header->ifa_family = AF_UNSPEC;
	r = mnl_socket_sendto(socket, nlh, nlh->nlmsg_len) < 0 ? -errno : 0;
	while (r == 0) {
		n = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		r = n < 0 ? -errno
			  : fw_messages(buffer, (size_t)n, 1, take_address,
					&reader);
	}
	mnl_socket_close(socket);
	return MIN(r, 0);
}
