/* SPDX-License-Identifier: GPL-2.0-or-later */
/* peer.c - a socket to whoever takes messages; every wait has its limit. */
#include "sink/peer.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"

#define WAIT_MS 5000

static int wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n;

	do
		n = poll(&p, 1, WAIT_MS);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n ? 0 : -ETIMEDOUT;
}

int peer_open_unix(const char *path, struct peer *ret)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	_cleanup_(closep) int fd = -1;

	if (strlen(path) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	memcpy(to.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (void *)&to, sizeof(to)) < 0)
		return -errno;
	ret->fd = TAKE_FD(fd);
	return 0;
}

static int connect_to(const struct addrinfo *a, int *ret)
{
	_cleanup_(closep) int fd = socket(
		a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof(int);
	int error = 0, r;

	if (fd < 0)
		return -errno;
	if (connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
		if (errno != EINPROGRESS)
			return -errno;
		r = wait_for(fd, POLLOUT);
		if (r < 0)
			return r;
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
		if (error)
			return -error;
	}
	*ret = TAKE_FD(fd);
	return 0;
}

int peer_open_network(enum sink_transport transport, const char *host,
		      const char *port, struct peer *ret)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
				  .ai_flags = AI_NUMERICSERV,
				  .ai_socktype = transport == SINK_TCP
							 ? SOCK_STREAM
							 : SOCK_DGRAM };
	struct addrinfo *list = NULL;
	int r = getaddrinfo(host, port, &hints, &list);

	if (r != 0)
		return r == EAI_SYSTEM ? -errno : -EHOSTUNREACH;
	r = -EHOSTUNREACH;
	for (const struct addrinfo *a = list; a && r < 0; a = a->ai_next)
		r = connect_to(a, &ret->fd);
	freeaddrinfo(list);
	return r;
}

void peer_close(struct peer *p)
{
	closep(&p->fd);
	p->fd = -1;
}

int peer_send(const struct peer *p, struct slice bytes, int passed)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)bytes.ptr, bytes.len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (passed >= 0) {
		control.head = (struct cmsghdr){
			.cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		};
		memcpy(CMSG_DATA(&control.head), &passed, sizeof(int));
		msg.msg_iovlen = 0;
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	while (sendmsg(p->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
		int r = errno == EAGAIN	 ? wait_for(p->fd, POLLOUT)
			: errno == EINTR ? 0
					 : -errno;

		if (r < 0)
			return r;
	}
	return 0;
}

int peer_stream(const struct peer *p, struct slice bytes)
{
	while (bytes.len) {
		ssize_t n = send(p->fd, bytes.ptr, bytes.len,
				 MSG_NOSIGNAL | MSG_DONTWAIT);
		int r = 0;

		if (n >= 0) {
			bytes.ptr += n;
			bytes.len -= (size_t)n;
		} else if (errno == EAGAIN) {
			r = wait_for(p->fd, POLLOUT);
		} else if (errno != EINTR) {
			r = -errno;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

bool peer_is_gone(const struct peer *p)
{
	struct pollfd polled = { .fd = p->fd, .events = POLLRDHUP };

	return poll(&polled, 1, 0) > 0;
}

int peer_flush(const struct peer *p)
{
	uint64_t deadline = clock_monotonic() + WAIT_MS * 1000000ULL;
	useconds_t pause = 50;
	int left;

	for (;;) {
		if (ioctl(p->fd, SIOCOUTQ, &left) < 0)
			return -errno;
		if (peer_is_gone(p))
			return -ECONNRESET;
		if (!left)
			return 0;
		if (clock_monotonic() > deadline)
			return -ETIMEDOUT;
		usleep(pause);
		pause = MIN(2 * pause, 10000U);
	}
}
