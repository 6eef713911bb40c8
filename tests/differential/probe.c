/* SPDX-License-Identifier: GPL-2.0-or-later */
/* probe.c - one packet, or one connection attempt, and what became of it.
 *
 * TCP counts as delivered when the handshake is complete, UDP and SCTP when
 * the datagram is read at the right node, an echo when its answer came back.
 */
#include "probe.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SCTP_INIT 1
#define SCTP_MIN  20 /* common header, chunk header, initiate tag */

/* A batch and its probes by id. */
struct batch {
	const struct lab *lab;
	probe_list *probes;
	struct probe *by_id[65536];
	struct probe_noise *noise;
};

union sockaddr_any {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t to_sockaddr(const struct addr *a, uint16_t port,
			     union sockaddr_any *ret)
{
	*ret = (union sockaddr_any){ 0 };
	if (a->family == AF_INET) {
		ret->in.sin_family = AF_INET;
		ret->in.sin_port = htons(port);
		memcpy(&ret->in.sin_addr, a->bytes, 4);
		return sizeof(ret->in);
	}
	ret->in6.sin6_family = AF_INET6;
	ret->in6.sin6_port = htons(port);
	memcpy(&ret->in6.sin6_addr, a->bytes, 16);
	return sizeof(ret->in6);
}

/* A v4-mapped one as what it stands for. */
static struct addr from_sockaddr(const union sockaddr_any *sa)
{
	const struct in6_addr *a = &sa->in6.sin6_addr;

	if (sa->sa.sa_family == AF_INET)
		return addr_from_bytes(AF_INET, &sa->in.sin_addr);
	if (IN6_IS_ADDR_V4MAPPED(a))
		return addr_from_bytes(AF_INET, a->s6_addr + 12);
	return addr_from_bytes(AF_INET6, a->s6_addr);
}

/* ---- sending ----------------------------------------------------------- */

static int bound_socket(const struct probe *p, int type)
{
	union sockaddr_any sa;
	socklen_t len = to_sockaddr(&p->src, p->id, &sa);
	int fd = socket(p->src.family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, &sa.sa, len) < 0)
		err(1, "source port %u", p->id);
	return fd;
}

static void start_tcp(struct probe *p)
{
	struct linger at_once = { 1, 0 };
	union sockaddr_any sa;
	socklen_t len = to_sockaddr(&p->dst, p->port, &sa);

	p->fd = bound_socket(p, SOCK_STREAM);
	setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	if (connect(p->fd, &sa.sa, len) < 0 && errno != EINPROGRESS &&
	    errno != ECONNREFUSED && errno != EACCES)
		err(1, "connect");
}

/* A refusal may come back at once, where the deny action is reject. */
static void sent(ssize_t n, const char *what)
{
	if (n < 0 && errno != EPERM && errno != EACCES && errno != ECONNREFUSED)
		err(1, "%s", what);
}

static void send_udp(const struct probe *p)
{
	union sockaddr_any sa;
	socklen_t len = to_sockaddr(&p->dst, p->port, &sa);
	int fd = bound_socket(p, SOCK_DGRAM);

	sent(sendto(fd, &p->id, sizeof(p->id), 0, &sa.sa, len), "udp");
	close(fd);
}

/* From a raw socket, with the probe's source address. */
static void send_raw(int fd, const struct probe *p, void *bytes, size_t n)
{
	union sockaddr_any sa;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control = { 0 };
	struct iovec iov = { bytes, n };
	struct msghdr m = { .msg_name = &sa,
			    .msg_namelen = to_sockaddr(&p->dst, 0, &sa),
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &control };
	bool v4 = p->src.family == AF_INET;
	struct in_pktinfo info4 = { 0 };
	struct in6_pktinfo info6 = { 0 };
	size_t size = v4 ? sizeof(info4) : sizeof(info6);
	struct cmsghdr *c;

	memcpy(&info4.ipi_spec_dst, p->src.bytes, 4);
	memcpy(&info6.ipi6_addr, p->src.bytes, 16);
	m.msg_controllen = CMSG_SPACE(size);
	c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
	c->cmsg_type = v4 ? IP_PKTINFO : IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(c), v4 ? (void *)&info4 : (void *)&info6, size);
	sent(sendmsg(fd, &m, 0), "raw");
}

static uint16_t checksum(const uint8_t *b, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)(b[i] << 8 | b[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void put_be16(uint8_t *to, uint16_t v)
{
	to[0] = (uint8_t)(v >> 8);
	to[1] = (uint8_t)v;
}

static void send_echo(const struct lab_node *node, const struct probe *p)
{
	bool v6 = p->proto == IPPROTO_ICMPV6;
	uint8_t echo[8] = { v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO };

	put_be16(echo + 4, p->id);
	if (!v6) /* the kernel fills in ICMPv6's */
		put_be16(echo + 2, checksum(echo, sizeof(echo)));
	send_raw(node->icmp[v6], p, echo, sizeof(echo));
}

/* Common header and an INIT chunk; nobody here checks the CRC. Both ports are
 * the same, so that a probe is the answer to the one the other way, as far as
 * conntrack can see; the id is the initiate tag. */
static void send_sctp(const struct lab_node *node, const struct probe *p)
{
	uint8_t init[32] = { 0 };

	put_be16(init, p->port);
	put_be16(init + 2, p->port);
	init[12] = SCTP_INIT;
	put_be16(init + 14, 20);
	put_be16(init + 18, p->id);
	send_raw(node->sctp[p->src.family == AF_INET6], p, init, sizeof(init));
}

static void start(const struct lab *lab, struct probe *p)
{
	const struct lab_node *node = &lab->nodes[p->from];

	switch (p->proto) {
	case IPPROTO_TCP:
		start_tcp(p);
		break;
	case IPPROTO_UDP:
		send_udp(p);
		break;
	case IPPROTO_SCTP:
		send_sctp(node, p);
		break;
	default:
		send_echo(node, p);
	}
}

/* ---- receiving --------------------------------------------------------- */

/* Something with @id came to @node from @src. */
static void arrived(struct batch *b, uint16_t id, uint8_t proto, unsigned node,
		    const struct addr *src)
{
	struct probe *p = b->by_id[id];

	if (!p || p->proto != proto)
		return;
	if (p->to != node || !addr_eq(&p->src, src))
		errx(1, "a packet came to the wrong node: the lab is broken");
	p->delivered = true;
}

static void read_udp(struct batch *b, unsigned node, int fd)
{
	union sockaddr_any from = { 0 };
	socklen_t len = sizeof(from);
	uint16_t id;

	while (recvfrom(fd, &id, sizeof(id), 0, &from.sa, &len) == sizeof(id)) {
		struct addr src = from_sockaddr(&from);

		arrived(b, id, IPPROTO_UDP, node, &src);
		len = sizeof(from);
	}
}

/* The transport part of the next packet of a raw socket; its sender. */
static const uint8_t *read_raw(int fd, uint8_t *bytes, size_t size, size_t need,
			       struct addr *ret_src)
{
	union sockaddr_any from = { 0 };
	socklen_t len = sizeof(from);
	ssize_t n;
	size_t skip = 0;

	do {
		n = recvfrom(fd, bytes, size, 0, &from.sa, &len);
		if (n <= 0)
			return NULL;
		*ret_src = from_sockaddr(&from);
		skip = ret_src->family == AF_INET ? (bytes[0] & 15U) * 4U : 0;
	} while ((size_t)n < skip + need);
	return bytes + skip;
}

static void read_sctp(struct batch *b, unsigned node, int fd)
{
	uint8_t bytes[256];
	const uint8_t *sctp;
	struct addr src;

	while ((sctp = read_raw(fd, bytes, sizeof(bytes), SCTP_MIN, &src)))
		arrived(b, (uint16_t)(sctp[18] << 8 | sctp[19]), IPPROTO_SCTP,
			node, &src);
}

static void read_echoes(struct batch *b, unsigned node, int fd, bool v6)
{
	uint8_t bytes[512], reply = v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY;
	const uint8_t *icmp;
	struct addr src;

	while ((icmp = read_raw(fd, bytes, sizeof(bytes), 8, &src))) {
		struct probe *p = b->by_id[icmp[4] << 8 | icmp[5]];

		if (icmp[0] == reply && p && p->from == node &&
		    p->proto == (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP) &&
		    addr_eq(&p->dst, &src))
			p->delivered = true;
	}
}

static void read_tcp(struct batch *b)
{
	vec_foreach(p, b->probes) {
		struct pollfd poll_one = { .fd = p->fd, .events = POLLOUT };
		int error = 0;
		socklen_t len = sizeof(error);

		if (p->proto != IPPROTO_TCP || poll(&poll_one, 1, 0) != 1)
			continue;
		getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &len);
		p->delivered = !error;
	}
}

static void accept_all(int fd)
{
	struct linger at_once = { 1, 0 };
	int c;

	while ((c = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >=
	       0) {
		setsockopt(c, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		close(c);
	}
}

static void read_all(struct batch *b)
{
	for (unsigned n = 0; n < LAB_NODES; n++) {
		const struct lab_node *node = &b->lab->nodes[n];

		for (unsigned i = 0; i < LAB_PORTS; i++)
			read_udp(b, n, node->udp[i]);
		for (unsigned f = 0; f < 2; f++) {
			read_sctp(b, n, node->sctp[f]);
			read_echoes(b, n, node->icmp[f], f);
		}
	}
	read_tcp(b);
}

/* Nothing of this batch is left for the next one: no socket, no reset on its
 * way. */
static void clean_up(struct batch *b)
{
	vec_foreach(p, b->probes)
		if (p->proto == IPPROTO_TCP)
			close(p->fd);
	for (unsigned n = 0; n < LAB_NODES; n++) {
		const struct lab_node *node = &b->lab->nodes[n];

		for (unsigned i = 0; i < LAB_PORTS; i++)
			accept_all(node->tcp[i]);
		if (node->published >= 0)
			accept_all(node->published);
	}
	lab_fence(b->lab);
}

static void logged(void *arg, const struct nflog_packet *log)
{
	struct batch *b = arg;
	struct probe *p = b->by_id[log->id];

	if (!p || p->proto != log->proto || !addr_eq(&p->src, &log->src) ||
	    !addr_eq(&p->dst, &log->dst)) {
		b->noise->packets++;
		b->noise->example = *log;
		return;
	}
	if (!p->logs++)
		p->log = *log;
}

static uint16_t next_id(struct probe_ids *ids)
{
	if (ids->next < PROBE_ID_FIRST || ids->next >= PROBE_ID_LAST)
		ids->next = PROBE_ID_FIRST;
	return ids->next++;
}

void probe_batch(const struct lab *lab, struct nflog *nflog,
		 struct probe_ids *ids, probe_list *probes,
		 struct probe_noise *ret_noise)
{
	struct batch *b = xnew(struct batch);
	unsigned sender = LAB_NODES;

	*b = (struct batch){ .lab = lab, .probes = probes, .noise = ret_noise };
	*ret_noise = (struct probe_noise){ 0 };
	vec_foreach(p, probes) {
		/* Between senders, so that no queue fills up. */
		if (p->from != sender)
			lab_fence(lab);
		if (p->from != sender)
			lab_enter(lab, p->from);
		sender = p->from;
		p->id = next_id(ids);
		b->by_id[p->id] = p;
		start(lab, p);
	}
	lab_fence(lab);
	read_all(b);
	clean_up(b);
	nflog_drain(nflog, logged, b);
	free(b);
}

const char *probe_format(const struct lab *lab, const struct probe *p,
			 char text[static 160])
{
	const char *proto = p->proto == IPPROTO_TCP    ? "tcp"
			    : p->proto == IPPROTO_UDP  ? "udp"
			    : p->proto == IPPROTO_SCTP ? "sctp"
						       : "icmp";
	char src[ADDR_STRLEN], dst[ADDR_STRLEN];

	snprintf(text, 160, "%s %s -> %s %s %s/%u%s", lab->nodes[p->from].name,
		 addr_format(&p->src, src), lab->nodes[p->to].name,
		 addr_format(&p->dst, dst), proto, p->port,
		 p->published ? " (published)" : "");
	return text;
}
