/* SPDX-License-Identifier: GPL-2.0-or-later */
/* address.c - where to listen: 127.0.0.1:9477, [::1]:9477, unix:/run/x.sock. */
#include "expose/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"

#define BACKLOG 16

static int parse_unix(const char *path, struct address *ret,
		      const char **ret_error)
{
	struct address a = { 0 };
	size_t n = strlen(path);

	*ret_error = "a unix socket needs an absolute path";
	if (path[0] != '/')
		return -EINVAL;
	*ret_error = "the path is too long for a unix socket";
	if (n >= sizeof(a.un.sun_path))
		return -EINVAL;
	a.un.sun_family = AF_UNIX;
	memcpy(a.un.sun_path, path, n);
	a.len = sizeof(a.un);
	*ret = a;
	return 0;
}

static int parse_port(const char *text, in_port_t *ret)
{
	unsigned long port = 0;
	size_t n = strlen(text);

	if (!n || n > 5)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		port = 10 * port + (unsigned long)(*text - '0');
	}
	if (port > UINT16_MAX)
		return -EINVAL;
	*ret = htons((uint16_t)port);
	return 0;
}

static bool parse_host(const char *host, in_port_t port, struct address *ret)
{
	struct address a = { 0 };
	struct sockaddr_in *v4 = (void *)&a.storage;
	struct sockaddr_in6 *v6 = (void *)&a.storage;

	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = port;
		a.len = sizeof(*v4);
	} else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = port;
		a.len = sizeof(*v6);
	} else {
		return false;
	}
	*ret = a;
	return true;
}

int address_parse(const char *text, struct address *ret, const char **ret_error)
{
	const char *colon = strrchr(text, ':');
	_cleanup_(freep) char *host = NULL;
	struct address a;
	in_port_t port;
	size_t n;

	if (!strncmp(text, "unix:", 5))
		return parse_unix(text + 5, ret, ret_error);
	*ret_error = "expected ADDRESS:PORT or unix:PATH";
	if (!colon)
		return -EINVAL;
	*ret_error = "the port is no number from 0 to 65535";
	if (parse_port(colon + 1, &port) < 0)
		return -EINVAL;
	n = (size_t)(colon - text);
	host = n >= 2 && text[0] == '[' && text[n - 1] == ']'
		       ? xstrndup(text + 1, n - 2)
		       : xstrndup(text, n);
	*ret_error = "the address is no number such as 127.0.0.1 or [::1]";
	if (!parse_host(host, port, &a))
		return -EINVAL;
	/* ::1:80 could be an address, too. */
	*ret_error = "an IPv6 address with a port stands in brackets";
	if ((a.any.sa_family == AF_INET6) != (text[0] == '['))
		return -EINVAL;
	*ret = a;
	return 0;
}

bool address_is_local(const struct address *a)
{
	const struct sockaddr_in *v4 = (const void *)&a->storage;
	const struct sockaddr_in6 *v6 = (const void *)&a->storage;

	if (a->any.sa_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	if (a->any.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
	return true;
}

/* Returns 0 when nothing is at the path of @a, or no more. */
static int remove_stale(const struct address *a)
{
	_cleanup_(closep) int fd = -1;
	struct stat st;

	if (lstat(a->un.sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, &a->any, a->len) == 0 || errno != ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(a->un.sun_path) < 0 ? -errno : 0;
}

static int bind_unix(int fd, const struct address *a)
{
	mode_t before;
	int r = remove_stale(a);

	if (r < 0)
		return r;
	/* From its first moment on: 0660. */
	before = umask(0117);
	r = bind(fd, &a->any, a->len) < 0 ? -errno : 0;
	umask(before);
	return r;
}

static int bind_inet(int fd, const struct address *a)
{
	int yes = 1;

	/* Connections of the last run may linger; and [::] is IPv6 alone, so
	 * that what is served is what was said. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0)
		return -errno;
	if (a->any.sa_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes)) < 0)
		return -errno;
	return bind(fd, &a->any, a->len) < 0 ? -errno : 0;
}

int address_listen(const struct address *a, int *ret_fd)
{
	_cleanup_(closep) int fd = -1;
	int r;

	fd = socket(a->any.sa_family,
		    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	r = a->any.sa_family == AF_UNIX ? bind_unix(fd, a) : bind_inet(fd, a);
	if (r < 0)
		return r;
	if (listen(fd, BACKLOG) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

void address_unlink(const struct address *a)
{
	if (a->any.sa_family == AF_UNIX)
		unlink(a->un.sun_path);
}

const char *address_format(int fd, char text[static ADDRESS_STRLEN])
{
	struct address a = { .len = sizeof(a.storage) };
	const struct sockaddr_in *v4 = (const void *)&a.storage;
	const struct sockaddr_in6 *v6 = (const void *)&a.storage;
	char host[INET6_ADDRSTRLEN] = "";

	text[0] = '\0';
	if (getsockname(fd, &a.any, &a.len) < 0)
		return text;
	switch (a.any.sa_family) {
	case AF_INET:
		inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
		snprintf(text, ADDRESS_STRLEN, "%s:%u", host,
			 ntohs(v4->sin_port));
		break;
	case AF_INET6:
		inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
		snprintf(text, ADDRESS_STRLEN, "[%s]:%u", host,
			 ntohs(v6->sin6_port));
		break;
	case AF_UNIX:
		snprintf(text, ADDRESS_STRLEN, "unix:%.108s", a.un.sun_path);
		break;
	}
	return text;
}
