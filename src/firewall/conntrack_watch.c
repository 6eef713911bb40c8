/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntrack_watch.c - the kernel's connections as they begin and end.
 *
 * What the socket had no room for is counted by the socket; ENOBUFS only says
 * that there was some.
 */
#include "firewall/conntrack_watch.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_compat.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>

#include "base/alloc.h"

/* What the kernel may hold for us: some 20,000 events. */
#define RECEIVE_BUFFER (16 << 20)
/* An event is a few hundred bytes, and a datagram has one or few. */
#define DATAGRAM_MAX 32768
/* Datagrams taken in one turn of the loop, so that a flood starves nobody. */
#define DATAGRAMS_PER_TURN 64

struct conntrack_watch {
	struct conntrack_watcher watcher;
	struct mnl_socket *socket;
	struct loop_fd *fd;
	uint32_t dropped; /* by the socket, as told */
	_Alignas(struct nlmsghdr) char buffer[DATAGRAM_MAX];
};

static void tell_lost(struct conntrack_watch *w)
{
	uint32_t mem[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(mem);
	uint32_t lost;

	if (getsockopt(mnl_socket_get_fd(w->socket), SOL_SOCKET, SO_MEMINFO,
		       mem, &len) < 0)
		return;
	lost = mem[SK_MEMINFO_DROPS] - w->dropped;
	w->dropped = mem[SK_MEMINFO_DROPS];
	if (lost)
		w->watcher.lost(w->watcher.arg, lost);
}

/* Of the kernel's; others may send to the socket, too. */
static int read_datagram(struct conntrack_watch *w)
{
	struct sockaddr_nl from = { 0 };
	socklen_t from_len = sizeof(from);
	ssize_t n = recvfrom(mnl_socket_get_fd(w->socket), w->buffer,
			     sizeof(w->buffer), MSG_DONTWAIT,
			     (struct sockaddr *)&from, &from_len);

	if (n < 0)
		return -errno;
	if (from_len == sizeof(from) && from.nl_pid == 0)
		conntrack_parse_events(w->buffer, (size_t)n, w->watcher.event,
				       w->watcher.arg);
	return 0;
}

bool conntrack_watch_read(struct conntrack_watch *w)
{
	for (int i = 0; i < DATAGRAMS_PER_TURN; i++) {
		int r = read_datagram(w);

		if (r == -ENOBUFS)
			tell_lost(w);
		else if (r < 0 && r != -EINTR)
			return true;
	}
	return false;
}

static void on_readable(void *arg, _unused_ int events, _unused_ int error)
{
	conntrack_watch_read(arg);
}

int conntrack_watch_open(struct conntrack_watcher watcher,
			 struct conntrack_watch **ret)
{
	struct conntrack_watch *w = xnew(struct conntrack_watch);
	int size = RECEIVE_BUFFER, fd, r;

	w->watcher = watcher;
	w->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!w->socket)
		goto fail;
	fd = mnl_socket_get_fd(w->socket);
	/* FORCE needs CAP_NET_ADMIN in the first user namespace; a smaller
	 * buffer only loses events earlier, and counts them. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (mnl_socket_bind(w->socket,
			    NF_NETLINK_CONNTRACK_NEW |
				    NF_NETLINK_CONNTRACK_DESTROY,
			    MNL_SOCKET_AUTOPID) < 0)
		goto fail;
	*ret = w;
	return 0;
fail:
	r = -errno;
	conntrack_watch_close(w);
	return r;
}

void conntrack_watch_start(struct conntrack_watch *w, struct loop *loop)
{
	if (!w->fd)
		w->fd = loop_fd_new(loop, mnl_socket_get_fd(w->socket),
				    LOOP_READABLE, on_readable, w);
}

void conntrack_watch_close(struct conntrack_watch *w)
{
	if (!w)
		return;
	loop_fd_close(w->fd);
	if (w->socket)
		mnl_socket_close(w->socket);
	free(w);
}
