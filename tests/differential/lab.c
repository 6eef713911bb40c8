/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lab.c - a host, its containers and a machine outside. */
#include "lab.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"

const uint16_t lab_ports[LAB_PORTS] = { 53, 80, 443, 8080 };

/* Crossings of the longest way: there and back, through the host. */
#define FENCE_ROUNDS 6
#define FENCE_MS     10000

#define MESSAGE_MAX 8192

static void _printf_(1, 2) shell(const char *fmt, ...)
{
	_cleanup_(freep) char *command = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&command, fmt, args) < 0)
		command = NULL;
	va_end(args);
	if (!command || system(command))
		errx(1, "failed: %s", command);
}

void lab_enter(const struct lab *lab, unsigned node)
{
	if (setns(lab->nodes[node].ns, CLONE_NEWNET) < 0)
		err(1, "setns");
}

/* ---- namespaces and links ---------------------------------------------- */

static int own_namespace(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		err(1, "/proc/self/ns/net");
	return fd;
}

static void new_namespace(struct lab_node *node)
{
	if (unshare(CLONE_NEWNET) < 0)
		err(1, "unshare: a network namespace needs root");
	node->ns = own_namespace();
	shell("sysctl -qw net.ipv6.conf.all.disable_ipv6=0"
	      " net.ipv6.conf.default.accept_dad=0"
	      " net.ipv6.conf.all.accept_dad=0"
	      " net.ipv6.conf.default.accept_ra=0"
	      " net.ipv4.conf.default.rp_filter=0"
	      " net.ipv4.conf.all.rp_filter=0"
	      " && ip link set lo up");
}

static struct addr address(const char *fmt, unsigned net, unsigned host)
{
	_cleanup_(freep) char *text = NULL;
	struct addr a = { 0 };

	if (asprintf(&text, fmt, net, host) < 0)
		abort();
	if (addr_parse(slice_of(text), &a) < 0)
		errx(1, "no address: %s", text);
	return a;
}

static void link_addresses(struct lab_link *link, unsigned net, unsigned host)
{
	link->addr[0] = address("10.%u.0.%u", net, host);
	link->addr[1] = address("fd%u::%u", net, host);
}

static void host_link(struct lab *lab, const char *device, unsigned net)
{
	struct lab_node *host = &lab->nodes[LAB_HOST];

	link_addresses(&host->links[host->nlinks++], net, 1);
	shell("ip link set %s up && ip addr add 10.%u.0.1/24 dev %s &&"
	      " ip addr add fd%u::1/64 dev %s nodad",
	      device, net, device, net, device);
}

/* Its interface number @i, as .@host of network @net behind the host. */
static void node_link(struct lab *lab, unsigned n, unsigned net, unsigned host,
		      const char *bridge)
{
	struct lab_node *node = &lab->nodes[n];
	unsigned i = node->nlinks++;
	struct lab_link *link = &node->links[i];

	link_addresses(link, net, host);
	link->bridge = bridge;
	link->mac = (struct mac){ { 2, 0, 0, (uint8_t)net, 0, (uint8_t)host } };
	snprintf(link->host_veth, sizeof(link->host_veth), "v%ui%u", n, i);
	lab_enter(lab, LAB_HOST);
	shell("ip link add %s type veth peer name eth%u"
	      " address 02:00:00:%02x:00:%02x netns /proc/%d/fd/%d",
	      link->host_veth, i, net, host, getpid(), node->ns);
	if (bridge)
		shell("ip link set %s master %s up", link->host_veth, bridge);
	lab_enter(lab, n);
	shell("ip link set eth%u up && ip addr add 10.%u.0.%u/24 dev eth%u &&"
	      " ip addr add fd%u::%u/64 dev eth%u nodad",
	      i, net, host, i, net, host, i);
	/* Answers leave where the question came in: an address may be used on
	 * its own interface only. */
	for (unsigned f = 0; f < 2; f++) {
		char text[ADDR_STRLEN];
		const char *own = addr_format(&link->addr[f], text);

		shell("ip -%c route add %s%u%s dev eth%u table %u &&"
		      " ip -%c route add default via %s%u%s table %u &&"
		      " ip -%c rule add from %s lookup %u",
		      f ? '6' : '4', f ? "fd" : "10.", net,
		      f ? "::/64" : ".0.0/24", i, i + 1, f ? '6' : '4',
		      f ? "fd" : "10.", net, f ? "::1" : ".0.1", i + 1,
		      f ? '6' : '4', own, i + 1);
	}
	if (!i)
		shell("ip route add default via 10.%u.0.1 &&"
		      " ip -6 route add default via fd%u::1",
		      net, net);
}

static void build_host(struct lab *lab)
{
	new_namespace(&lab->nodes[LAB_HOST]);
	snprintf(lab->nodes[LAB_HOST].name, 16, "host");
	if (access("/proc/sys/net/bridge", F_OK))
		shell("modprobe br_netfilter");
	shell("sysctl -qw net.ipv4.ip_forward=1"
	      " net.ipv6.conf.all.forwarding=1"
	      " net.bridge.bridge-nf-call-iptables=1"
	      " net.bridge.bridge-nf-call-ip6tables=1");
	for (unsigned i = 0; i < 2; i++) {
		char bridge[] = { 'b', 'r', (char)('0' + i), 0 };

		/* Snooping would lose ND's multicasts: nobody queries. */
		shell("ip link add %s type bridge mcast_snooping 0", bridge);
		host_link(lab, bridge, 71 + i);
	}
}

static void build_endpoints(struct lab *lab)
{
	for (unsigned n = 0; n < LAB_ENDPOINTS; n++) {
		snprintf(lab->nodes[n].name, 16, "e%u", n);
		new_namespace(&lab->nodes[n]);
		if (n < 5)
			node_link(lab, n, 71, 2 + n, "br0");
		if (n >= 4)
			node_link(lab, n, 72, 2 + n - 4, "br1");
	}
}

static void build_outside(struct lab *lab)
{
	snprintf(lab->nodes[LAB_OUTSIDE].name, 16, "outside");
	new_namespace(&lab->nodes[LAB_OUTSIDE]);
	node_link(lab, LAB_OUTSIDE, 73, 2, NULL);
	lab_enter(lab, LAB_HOST);
	host_link(lab, lab->nodes[LAB_OUTSIDE].links[0].host_veth, 73);
}

/* ---- sockets ----------------------------------------------------------- */

/* Listening on every address of both families. */
static int listener(int type, uint16_t port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6,
				    .sin6_port = htons(port) };
	int fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int off = 0, on = 1, size = 4 << 20;

	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 ||
	    (type == SOCK_STREAM && listen(fd, 4096) < 0))
		err(1, "listen on port %u", port);
	return fd;
}

static int raw_socket(int family, int proto)
{
	int fd = socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, proto);
	int size = 4 << 20;

	if (fd < 0)
		err(1, "raw socket for protocol %d", proto);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return fd;
}

static void open_sockets(struct lab *lab, unsigned n)
{
	struct lab_node *node = &lab->nodes[n];

	lab_enter(lab, n);
	shell("sysctl -qw net.core.somaxconn=4096"
	      " net.ipv4.tcp_max_syn_backlog=4096");
	for (unsigned i = 0; i < LAB_PORTS; i++) {
		node->tcp[i] = listener(SOCK_STREAM, lab_ports[i]);
		node->udp[i] = listener(SOCK_DGRAM, lab_ports[i]);
	}
	node->published = n == LAB_HOST ? listener(SOCK_STREAM, LAB_PUBLISHED)
					: -1;
	node->fence = listener(SOCK_DGRAM, LAB_FENCE);
	node->icmp[0] = raw_socket(AF_INET, IPPROTO_ICMP);
	node->icmp[1] = raw_socket(AF_INET6, IPPROTO_ICMPV6);
	node->sctp[0] = raw_socket(AF_INET, IPPROTO_SCTP);
	node->sctp[1] = raw_socket(AF_INET6, IPPROTO_SCTP);
}

void lab_open(struct lab *lab)
{
	struct rlimit files;
	cpu_set_t one;

	/* A socket for each TCP probe of a batch. */
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur < 4096)
		err(1, "4096 open files are needed");
	/* See lab_fence(). */
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		err(1, "sched_setaffinity");
	*lab = (struct lab){ .home = own_namespace() };
	build_host(lab);
	build_endpoints(lab);
	build_outside(lab);
	for (unsigned n = 0; n < LAB_NODES; n++)
		open_sockets(lab, n);
}

static void close_sockets(struct lab_node *node)
{
	for (unsigned i = 0; i < LAB_PORTS; i++) {
		close(node->tcp[i]);
		close(node->udp[i]);
	}
	for (unsigned f = 0; f < 2; f++) {
		close(node->icmp[f]);
		close(node->sctp[f]);
	}
	if (node->published >= 0)
		close(node->published);
	close(node->fence);
	close(node->ns);
}

void lab_close(struct lab *lab)
{
	if (setns(lab->home, CLONE_NEWNET) < 0)
		err(1, "setns");
	for (unsigned n = 0; n < LAB_NODES; n++)
		close_sockets(&lab->nodes[n]);
	close(lab->home);
}

/* ---- the fence --------------------------------------------------------- */

static void fence_send(const struct lab *lab, const struct addr *to)
{
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6,
				   .sin6_port = htons(LAB_FENCE) };

	memcpy(&sa.sin6_addr, to->bytes, 16);
	if (sendto(lab->nodes[LAB_HOST].fence, "f", 1, 0,
		   (struct sockaddr *)&sa, sizeof(sa)) != 1)
		err(1, "fence");
}

static void fence_wait(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char byte;

	while (recv(fd, &byte, 1, 0) < 0)
		if (errno != EAGAIN || poll(&p, 1, FENCE_MS) != 1)
			errx(1, "a packet from the host to a container, which "
				"no policy may stop, did not arrive");
}

void lab_fence(const struct lab *lab)
{
	for (unsigned round = 0; round < FENCE_ROUNDS; round++) {
		for (unsigned n = 0; n <= LAB_OUTSIDE; n++)
			fence_send(lab, &lab->nodes[n].links[0].addr[1]);
		for (unsigned n = 0; n <= LAB_OUTSIDE; n++)
			fence_wait(lab->nodes[n].fence);
	}
}

/* ---- questions --------------------------------------------------------- */

static bool same_network(const struct addr *a, const struct addr *b)
{
	struct prefix p = { *a, a->family == AF_INET ? 24 : 64 };

	memset(p.addr.bytes + p.len / 8, 0, sizeof(p.addr.bytes) - p.len / 8);
	return prefix_contains(&p, b);
}

struct addr lab_source(const struct lab_node *node, const struct addr *peer)
{
	unsigned f = peer->family == AF_INET ? 0 : 1;

	for (unsigned i = 0; i < node->nlinks; i++)
		if (same_network(&node->links[i].addr[f], peer))
			return node->links[i].addr[f];
	return node->links[0].addr[f];
}

void lab_flush_conntrack(const struct lab *lab)
{
	char buf[MESSAGE_MAX];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg;
	struct mnl_socket *nl;
	ssize_t n;

	lab_enter(lab, LAB_HOST);
	nl = mnl_socket_open(NETLINK_NETFILTER);
	h->nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_DELETE;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nfg = mnl_nlmsg_put_extra_header(h, sizeof(*nfg));
	nfg->nfgen_family = AF_UNSPEC;
	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(nl, h, h->nlmsg_len) < 0)
		err(1, "conntrack");
	n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
	if (n < 0 || mnl_cb_run(buf, (size_t)n, 0, mnl_socket_get_portid(nl),
				NULL, NULL) < 0)
		err(1, "conntrack flush");
	mnl_socket_close(nl);
}

unsigned long lab_backlog_drops(void)
{
	FILE *f = fopen("/proc/net/softnet_stat", "r");
	unsigned long total = 0, dropped;

	while (f && fscanf(f, "%*x %lx%*[^\n]", &dropped) == 1)
		total += dropped;
	if (f)
		fclose(f);
	return total;
}
