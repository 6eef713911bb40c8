/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntrack.c - the kernel's connections: read them all, delete some.
 *
 * The kernel makes the next part of a dump when the last one is read, as large
 * as that read's buffer. But its table is one for all network namespaces, and
 * for a part it walks on until the buffer is full: past a quarter of a million
 * empty slots that takes 10 ms or more, within one call. So the calls are made
 * in a thread, a few parts at a time; what they hold is told on the loop.
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

/* Some thirty entries: what judging them takes, at some hundred microseconds
 * for one at worst, is what one turn of the loop may take. */
#define DUMP_BUFFER 8192
/* Read in the thread before the loop is told. */
#define DUMP_PARTS 8
/* A dump that the kernel tore is begun anew so often. */
#define ATTEMPTS 8
/* Deletes of one send; each has an original tuple of some 80 bytes. */
#define BATCH_BYTES 16384

/* A dump under way. The thread has it while it reads. */
struct dump {
	struct loop *loop;
	struct conntrack *conntrack; /* NULL: closed meanwhile */
	struct mnl_socket *socket;
	uint32_t seq;
	bool asked, reading;
	int error; /* -errno, after the parts */
	unsigned parts, told;
	size_t len[DUMP_PARTS];
	_Alignas(struct nlmsghdr) char bytes[DUMP_PARTS][DUMP_BUFFER];
};

struct conntrack {
	struct loop *loop;
	struct conntrack_listener listener;
	struct mnl_socket *deletes;
	struct dump *dump;
	struct loop_timer *turn;
	uint32_t seq; /* of the last dump */
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

static int ask(const struct dump *d)
{
	_Alignas(struct nlmsghdr) char buffer[64] = { 0 };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *header;

	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = d->seq;
	header = mnl_nlmsg_put_extra_header(nlh, sizeof(*header));
	header->nfgen_family = AF_UNSPEC;
	header->version = NFNETLINK_V0;
	return mnl_socket_sendto(d->socket, nlh, nlh->nlmsg_len) < 0 ? -errno
								     : 0;
}

/* The next part waits when the call before returns, unless the dump is over or
 * the kernel had no memory for it. */
static int read_part(struct dump *d)
{
	ssize_t n = recv(mnl_socket_get_fd(d->socket), d->bytes[d->parts],
			 DUMP_BUFFER, MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0)
		return errno == EAGAIN ? -ENOBUFS : -errno;
	if (n > DUMP_BUFFER)
		return -ENOBUFS;
	d->len[d->parts++] = (size_t)n;
	return 0;
}

/* In the thread. */
static void read_parts(void *arg)
{
	struct dump *d = arg;

	d->parts = d->told = 0;
	d->error = d->asked ? 0 : ask(d);
	d->asked = true;
	while (d->error == 0 && d->parts < DUMP_PARTS)
		d->error = read_part(d);
}

static void close_socket(void *arg)
{
	const struct dump *d = arg;

	mnl_socket_close(d->socket);
}

/* In a thread, too: with the end of any netfilter socket the kernel waits until
 * all that nf_tables has to free is freed, for a grace period of 10 ms. */
static void let_go(struct dump *d)
{
	loop_work(d->loop, close_socket, free, d);
}

static void on_read(void *arg)
{
	struct dump *d = arg;

	d->reading = false;
	if (d->conntrack)
		loop_timer_start(d->conntrack->turn, 0, 0);
	else
		let_go(d);
}

static void read_on(struct conntrack *c)
{
	c->dump->reading = true;
	loop_work(c->loop, read_parts, on_read, c->dump);
}

/* A socket for each dump: what an abandoned one left unread goes with it. */
static int begin_dump(struct conntrack *c)
{
	struct dump *d = xnew(struct dump);
	int r = open_socket(NETLINK_NETFILTER, &d->socket);

	if (r < 0) {
		free(d);
		return r;
	}
	d->loop = c->loop;
	d->conntrack = c;
	d->seq = ++c->seq;
	c->dump = d;
	read_on(c);
	return 0;
}

static bool is_torn(int error)
{
	return error == -EINTR || error == -ENOBUFS || error == -EBADMSG;
}

/* Returns as conntrack_parse(). What is behind a dump's end is no matter. */
static int tell_part(struct conntrack *c)
{
	struct dump *d = c->dump;
	unsigned i = d->told++;

	return conntrack_parse(d->bytes[i], d->len[i], d->seq,
			       c->listener.entry, c->listener.arg);
}

static void end_dump(struct conntrack *c, int r)
{
	let_go(TAKE_PTR(c->dump));
	if (is_torn(r) && ++c->attempts < ATTEMPTS)
		r = begin_dump(c);
	if (!c->dump)
		c->listener.done(c->listener.arg, MIN(r, 0));
}

static void on_turn(void *arg)
{
	struct conntrack *c = arg;
	uint64_t begin = clock_monotonic();
	struct dump *d = c->dump;
	int r = 0;

	if (c->listener.behind && c->listener.behind(c->listener.arg)) {
		loop_timer_start(c->turn, 0, 0);
		return;
	}
	while (r == 0 && d->told < d->parts &&
	       clock_monotonic() - begin < LOOP_SLICE_NS)
		r = tell_part(c);
	c->listener.slice(c->listener.arg);
	send_deletes(c);
	if (r == 0 && d->told < d->parts)
		loop_timer_start(c->turn, 0, 0);
	else if (r == 0 && d->error == 0)
		read_on(c);
	else
		end_dump(c, r ? r : d->error);
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
	c->turn = loop_timer_new(loop, on_turn, c);
	*ret = TAKE_PTR(c);
	return 0;
}

void conntrack_close(struct conntrack *c)
{
	if (!c)
		return;
	/* A thread may have it; then its end frees it. */
	if (c->dump && c->dump->reading)
		c->dump->conntrack = NULL;
	else if (c->dump)
		let_go(c->dump);
	loop_timer_close(c->turn);
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
