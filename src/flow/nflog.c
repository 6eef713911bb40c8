/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nflog.c - packets that the kernel's "log group N" hands over.
 *
 * Loss is counted twice. The sequence number that the kernel gives each packet
 * of the group goes up also for what the socket had no room for, so a gap tells
 * exactly how many are missing, but only once a later packet arrives. The
 * socket's own count of drops tells at once. (ENOBUFS would tell neither how
 * many nor where: it overtakes what waits in the socket.)
 */
#include "flow/nflog.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/sock_diag.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"

/* Packets that may wait in the kernel for company, and how long in 1/100 s. */
#define QUEUE_MAX  1
#define QUEUE_TIME 0
/* One packet is read at once. Of many, those of a moment are read together: to
 * be woken for each takes longer than to tell of it. */
#define TOGETHER_MS 1
#define TOGETHER_NS (TOGETHER_MS * 1000000U)
/* The kernel sends at most one batch of its buffer (about a page). */
#define DATAGRAM_MAX 65536
/* What the kernel charges for a datagram at least, with its own structures. */
#define CHARGE_MIN 512

struct flow_nflog {
	struct mnl_socket *socket;
	struct loop_fd *watch;
	struct loop_timer *together; /* runs while the watch does not */
	uint64_t read_at;	     /* monotonic ns */
	uint64_t packets;	     /* read so far */
	struct flow_nflog_options options;
	bool started;	   /* @expected is known */
	bool connections;  /* the kernel tells them */
	uint32_t expected; /* sequence number */
	uint64_t missing;  /* in gaps so far */
	size_t marked;	   /* datagrams that waited then, at most */
	_Alignas(struct nlmsghdr) char buf[DATAGRAM_MAX];
};

/* ---- messages ---------------------------------------------------------- */

static struct slice attr_slice(const struct nlattr *attr)
{
	return (struct slice){ mnl_attr_get_payload(attr),
			       mnl_attr_get_payload_len(attr) };
}

/* Copies a fixed structure out; false when the attribute is too short. */
static bool attr_copy(const struct nlattr *attr, void *ret, size_t n)
{
	struct slice s = attr_slice(attr);

	if (s.len < n)
		return false;
	memcpy(ret, s.ptr, n);
	return true;
}

static void take_u32(const struct nlattr *attr, unsigned *ret)
{
	uint32_t be;

	if (attr_copy(attr, &be, sizeof(be)))
		*ret = ntohl(be);
}

static void take_time(const struct nlattr *attr, uint64_t *ret)
{
	struct nfulnl_msg_packet_timestamp t;
	uint64_t sec, usec;

	if (!attr_copy(attr, &t, sizeof(t)))
		return;
	sec = be64toh(t.sec);
	usec = be64toh(t.usec);
	/* Nonsense would overflow, and print as a year without end. */
	if (sec < UINT32_MAX && usec < 1000000)
		*ret = sec * 1000000000U + usec * 1000U;
}

static void take_ethernet(const struct nlattr *attr,
			  struct flow_nflog_packet *p)
{
	struct slice s = attr_slice(attr);

	if (s.len < 2 * sizeof(struct mac))
		return;
	memcpy(&p->dst_mac, s.ptr, sizeof(struct mac));
	memcpy(&p->src_mac, s.ptr + sizeof(struct mac), sizeof(struct mac));
}

static void take_header(const struct nlattr *attr, struct flow_nflog_packet *p)
{
	struct nfulnl_msg_packet_hdr header;

	if (attr_copy(attr, &header, sizeof(header)))
		p->ethertype = ntohs(header.hw_protocol);
}

static void take_prefix(const struct nlattr *attr, struct flow_nflog_packet *p)
{
	struct slice s = attr_slice(attr);

	s.len = strnlen(s.ptr, s.len);
	p->prefix = s;
}

/* The kernel takes the outer tag off a frame and gives it beside. */
static void take_vlan(const struct nlattr *nest, struct flow_nflog_packet *p)
{
	const char *end = (const char *)nest + nest->nla_len;
	uint16_t be;

	for (const struct nlattr *attr = mnl_attr_get_payload(nest);
	     mnl_attr_ok(attr, (int)(end - (const char *)attr));
	     attr = mnl_attr_next(attr)) {
		if (!attr_copy(attr, &be, sizeof(be)))
			continue;
		if (mnl_attr_get_type(attr) == NFULA_VLAN_PROTO)
			p->vlan_proto = ntohs(be);
		if (mnl_attr_get_type(attr) != NFULA_VLAN_TCI)
			continue;
		p->has_vlan = true;
		p->vlan = ntohs(be) & 0xfff;
	}
}

static void take_attr(const struct nlattr *attr, struct flow_nflog_packet *p)
{
	switch (mnl_attr_get_type(attr)) {
	case NFULA_PACKET_HDR:
		take_header(attr, p);
		break;
	case NFULA_PREFIX:
		take_prefix(attr, p);
		break;
	case NFULA_PAYLOAD:
		p->payload = attr_slice(attr);
		break;
	case NFULA_TIMESTAMP:
		take_time(attr, &p->time);
		break;
	case NFULA_IFINDEX_INDEV:
		take_u32(attr, &p->in);
		break;
	case NFULA_IFINDEX_OUTDEV:
		take_u32(attr, &p->out);
		break;
	case NFULA_IFINDEX_PHYSINDEV:
		take_u32(attr, &p->phys_in);
		break;
	case NFULA_IFINDEX_PHYSOUTDEV:
		take_u32(attr, &p->phys_out);
		break;
	case NFULA_VLAN:
		take_vlan(attr, p);
		break;
	case NFULA_CT:
		p->has_original = conntrack_parse_original(attr_slice(attr),
							   &p->original);
		break;
	case NFULA_SEQ:
		p->has_seq = attr_copy(attr, &p->seq, sizeof(p->seq));
		p->seq = ntohl(p->seq);
		break;
	default:
		break;
	}
}

/* Of Ethernet only: another medium's header has no such addresses. */
static bool is_ethernet(const struct nlattr *type)
{
	uint16_t be;

	return type && attr_copy(type, &be, sizeof(be)) &&
	       ntohs(be) == ARPHRD_ETHER;
}

/* The inet hooks know the family better than the frame's type field, which
 * nobody has filled for what this host sends. */
static void settle_ethertype(struct flow_nflog_packet *p)
{
	if (p->family == NFPROTO_IPV4)
		p->ethertype = ETHERTYPE_IP;
	else if (p->family == NFPROTO_IPV6)
		p->ethertype = ETHERTYPE_IPV6;
	else if (p->family == NFPROTO_ARP)
		p->ethertype = ETHERTYPE_ARP;
}

/* To the message's own end; libmnl's loop would go to its aligned one. */
static int bytes_left(const struct nlmsghdr *nlh, const struct nlattr *attr)
{
	return (int)((const char *)nlh + nlh->nlmsg_len - (const char *)attr);
}

static void parse_packet(const struct nlmsghdr *nlh, uint16_t group,
			 flow_nflog_fn fn, void *arg)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *hwtype = NULL, *hwheader = NULL;
	struct flow_nflog_packet p = { .prefix = SLICE(""),
				       .payload = SLICE("") };

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*nfg) ||
	    ntohs(nfg->res_id) != group)
		return;
	p.family = nfg->nfgen_family;
	for (const struct nlattr *attr = (const void *)(nfg + 1);
	     mnl_attr_ok(attr, bytes_left(nlh, attr));
	     attr = mnl_attr_next(attr)) {
		if (mnl_attr_get_type(attr) == NFULA_HWTYPE)
			hwtype = attr;
		else if (mnl_attr_get_type(attr) == NFULA_HWHEADER)
			hwheader = attr;
		else
			take_attr(attr, &p);
	}
	if (hwheader && is_ethernet(hwtype))
		take_ethernet(hwheader, &p);
	settle_ethertype(&p);
	fn(arg, &p);
}

/* The message that @rest begins with, and @rest behind it; NULL: there is no
 * whole one. (libmnl's own check takes a length from 2^31 on for negative, and
 * so for good.) */
static const struct nlmsghdr *next_message(struct slice *rest)
{
	const struct nlmsghdr *nlh = (const void *)rest->ptr;
	size_t len;

	if (rest->len < sizeof(*nlh) || nlh->nlmsg_len < sizeof(*nlh) ||
	    nlh->nlmsg_len > rest->len)
		return NULL;
	len = MIN((size_t)NLMSG_ALIGN(nlh->nlmsg_len), rest->len);
	rest->ptr += len;
	rest->len -= len;
	return nlh;
}

void flow_nflog_parse(struct slice bytes, uint16_t group, flow_nflog_fn fn,
		      void *arg)
{
	const struct nlmsghdr *nlh;

	while ((nlh = next_message(&bytes)))
		if (nlh->nlmsg_type ==
		    (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET))
			parse_packet(nlh, group, fn, arg);
}

/* ---- socket ------------------------------------------------------------ */

static void count_gap(struct flow_nflog *n, uint32_t seq)
{
	if (n->started)
		n->missing += seq - n->expected; /* modulo 2^32, as it counts */
	n->started = true;
	n->expected = seq + 1;
}

static void on_packet(void *arg, const struct flow_nflog_packet *p)
{
	struct flow_nflog *n = arg;

	n->packets++;
	if (p->has_seq)
		count_gap(n, p->seq);
	n->options.fn(n->options.arg, p);
}

/* One datagram of the kernel's; @ret_len is 0 for what another one sent. */
static int receive(struct flow_nflog *n, int flags, size_t *ret_len)
{
	struct sockaddr_nl from = { 0 };
	socklen_t from_len = sizeof(from);
	ssize_t len = recvfrom(mnl_socket_get_fd(n->socket), n->buf,
			       sizeof(n->buf), flags, (struct sockaddr *)&from,
			       &from_len);

	if (len < 0)
		return -errno;
	*ret_len = from_len == sizeof(from) && from.nl_pid == 0 ? (size_t)len
								: 0;
	return 0;
}

static void meminfo(const struct flow_nflog *n, uint32_t ret[SK_MEMINFO_VARS])
{
	socklen_t len = SK_MEMINFO_VARS * sizeof(*ret);

	memset(ret, 0, len);
	if (getsockopt(mnl_socket_get_fd(n->socket), SOL_SOCKET, SO_MEMINFO,
		       ret, &len) < 0)
		ret[SK_MEMINFO_RMEM_ALLOC] = (uint32_t)n->options.buffer;
}

/* How many datagrams wait nobody tells, but what they are charged for. More
 * may come than are read, so "until none waits" might never be. */
void flow_nflog_mark(struct flow_nflog *n)
{
	uint32_t mem[SK_MEMINFO_VARS];

	meminfo(n, mem);
	n->marked = mem[SK_MEMINFO_RMEM_ALLOC] / CHARGE_MIN + 1;
}

bool flow_nflog_read(struct flow_nflog *n)
{
	uint64_t begin = clock_monotonic();
	size_t len = 0;
	int r;

	do {
		r = receive(n, MSG_DONTWAIT, &len);
		if (r == -ENOBUFS)
			continue;
		if (r < 0) {
			n->marked = 0;
			break;
		}
		n->marked -= n->marked > 0;
		flow_nflog_parse((struct slice){ n->buf, len },
				 n->options.group, on_packet, n);
	} while (clock_monotonic() - begin < LOOP_SLICE_NS);
	return !n->marked;
}

static void on_readable(void *arg, _unused_ int events, _unused_ int error)
{
	struct flow_nflog *n = arg;
	uint64_t before = n->read_at;

	n->read_at = clock_monotonic();
	if (n->read_at - before > TOGETHER_NS) {
		flow_nflog_read(n);
		return;
	}
	loop_fd_set(n->watch, 0);
	loop_timer_start(n->together, TOGETHER_MS, 0);
}

static void read_together(void *arg)
{
	struct flow_nflog *n = arg;
	uint64_t before = n->packets;

	n->read_at = clock_monotonic();
	flow_nflog_read(n);
	if (n->packets - before > 1)
		loop_timer_start(n->together, TOGETHER_MS, 0);
	else
		loop_fd_set(n->watch, LOOP_READABLE);
}

/* The whole configuration in one message: no packet meets half of it. */
static struct nlmsghdr *build_bind(char *buf,
				   const struct flow_nflog_options *options,
				   uint16_t flags)
{
	struct nfulnl_msg_config_cmd cmd = { .command = NFULNL_CFG_CMD_BIND };
	struct nfulnl_msg_config_mode mode = {
		.copy_range = htonl(options->copy_range),
		.copy_mode = NFULNL_COPY_PACKET,
	};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg =
		mnl_nlmsg_put_extra_header(nlh, sizeof(struct nfgenmsg));

	nlh->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = 1;
	nfg->nfgen_family = AF_UNSPEC;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(options->group);
	mnl_attr_put(nlh, NFULA_CFG_CMD, sizeof(cmd), &cmd);
	mnl_attr_put(nlh, NFULA_CFG_MODE, sizeof(mode), &mode);
	mnl_attr_put_u32(nlh, NFULA_CFG_QTHRESH, htonl(QUEUE_MAX));
	mnl_attr_put_u32(nlh, NFULA_CFG_TIMEOUT, htonl(QUEUE_TIME));
	mnl_attr_put_u16(nlh, NFULA_CFG_FLAGS, htons(flags));
	return nlh;
}

/* True when @datagram is the answer to our request. */
static bool is_answer(struct slice datagram, int *ret_error)
{
	const struct nlmsghdr *nlh = next_message(&datagram);
	const struct nlmsgerr *e;

	if (!nlh || nlh->nlmsg_type != NLMSG_ERROR ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*e))
		return false;
	e = mnl_nlmsg_get_payload(nlh);
	*ret_error = e->error;
	return true;
}

/* Packets may come before the answer does; they count like any other. */
static int await_answer(struct flow_nflog *n)
{
	struct slice datagram;
	size_t len = 0;
	int r, error;

	for (;;) {
		r = receive(n, 0, &len);
		if (r == -EINTR || r == -ENOBUFS)
			continue;
		if (r < 0)
			return r;
		datagram = (struct slice){ n->buf, len };
		if (is_answer(datagram, &error))
			return error;
		flow_nflog_parse(datagram, n->options.group, on_packet, n);
	}
}

/* The kernel says EPERM for a group that another socket has, and for a lack
 * of capability: its list of groups tells which. */
static bool group_is_taken(uint16_t group)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(1 << 20);
	unsigned number;

	if (buf_read_file(&text,
			  "/proc/thread-self/net/netfilter/nfnetlink_log") < 0)
		return false;
	for (const char *line = buf_str(&text); line && *line;) {
		if (sscanf(line, "%u", &number) == 1 && number == group)
			return true;
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return false;
}

static int request_bind(struct flow_nflog *n, uint16_t flags)
{
	char buf[256] = { 0 }; /* padding is sent, too */
	struct nlmsghdr *nlh = build_bind(buf, &n->options, flags);

	if (mnl_socket_sendto(n->socket, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	return await_answer(n);
}

static int bind_group(struct flow_nflog *n)
{
	int size = n->options.buffer, fd = mnl_socket_get_fd(n->socket), r;

	/* FORCE needs CAP_NET_ADMIN in the first user namespace; a smaller
	 * buffer only loses packets earlier, and counts them. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	r = request_bind(n, NFULNL_CFG_F_SEQ | NFULNL_CFG_F_CONNTRACK);
	n->connections = r == 0;
	/* A kernel that cannot tell connections refuses the whole request. */
	if (r == -EOPNOTSUPP)
		r = request_bind(n, NFULNL_CFG_F_SEQ);
	return r == -EPERM && group_is_taken(n->options.group) ? -EBUSY : r;
}

int flow_nflog_open(struct loop *loop, const struct flow_nflog_options *options,
		    struct flow_nflog **ret)
{
	struct flow_nflog *n = xnew(struct flow_nflog);
	int r;

	n->options = *options;
	n->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	r = n->socket && !mnl_socket_bind(n->socket, 0, MNL_SOCKET_AUTOPID)
		    ? bind_group(n)
		    : -errno;
	if (r < 0) {
		flow_nflog_close(n);
		return r;
	}
	n->watch = loop_fd_new(loop, mnl_socket_get_fd(n->socket),
			       LOOP_READABLE, on_readable, n);
	n->together = loop_timer_new(loop, read_together, n);
	*ret = n;
	return 0;
}

void flow_nflog_close(struct flow_nflog *n)
{
	if (!n)
		return;
	loop_fd_close(n->watch);
	loop_timer_close(n->together);
	if (n->socket)
		mnl_socket_close(n->socket);
	free(n);
}

bool flow_nflog_tells_connections(const struct flow_nflog *n)
{
	return n->connections;
}

/* A datagram carries one packet as long as QUEUE_MAX is one; were it more,
 * this would be a lower bound until the gap is seen. */
uint64_t flow_nflog_lost(const struct flow_nflog *n)
{
	uint32_t mem[SK_MEMINFO_VARS];

	meminfo(n, mem);
	return MAX(n->missing, (uint64_t)mem[SK_MEMINFO_DROPS]);
}
