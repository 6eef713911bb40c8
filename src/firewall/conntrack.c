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
/* A dump that the kernel tore is begun anew so often. */
#define ATTEMPTS 8
/* Deletes of one send; each has an original tuple of some 80 bytes. */
#define BATCH_BYTES 16384

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

	if (BATCH_BYTES - c->batch_len < CONNTRACK_KEY_MAX + 64)
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
	} while (r == 0 && clock_monotonic() - begin < LOOP_SLICE_NS);
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

static void take_addr(const struct nlattr *attr, uint8_t family,
		      struct addr *ret)
{
	if (addr_size(family) &&
	    mnl_attr_get_payload_len(attr) >= addr_size(family))
		*ret = addr_from_bytes(family, mnl_attr_get_payload(attr));
}

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
