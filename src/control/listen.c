/* SPDX-License-Identifier: GPL-2.0-or-later */
/* listen.c - the control socket in the file system, and who connects to it.
 *
 * The socket is bound under a name of its own, gets its group and mode, listens
 * and only then is renamed to where clients look. So nobody can connect while
 * the mode is not what it must be, and a stale socket is replaced without a
 * moment in which there is none.
 */
#include "control/listen.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/alloc.h"

#define BACKLOG 64

static int address(const char *path, struct sockaddr_un *ret)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t n = strlen(path);

	if (!n)
		return -EINVAL;
	if (n >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	memcpy(a.sun_path, path, n);
	*ret = a;
	return 0;
}

/* 0 when @path is free or a socket that nobody listens on any more. */
static int check_stale(const char *path)
{
	_cleanup_(closep) int fd = -1;
	struct sockaddr_un a;
	struct stat st;
	int r = address(path, &a);

	if (r < 0)
		return r;
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* A full backlog (EAGAIN) is a living agent's as well. */
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 ||
	    errno == EAGAIN)
		return -EADDRINUSE;
	return errno == ECONNREFUSED ? 0 : -errno;
}

static int make_directory(const char *path)
{
	_cleanup_(freep) char *dir = xstrdup(path);
	char *slash = strrchr(dir, '/');

	if (!slash || slash == dir)
		return 0;
	*slash = '\0';
	return mkdir(dir, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

/* On Linux a socket's mode before bind is that of the file it becomes. */
static int bind_private(int fd, const char *path)
{
	struct sockaddr_un a;
	int r = address(path, &a);

	if (r < 0)
		return r;
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	if (fchmod(fd, 0600) < 0 ||
	    bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -errno;
	return 0;
}

static int publish(int fd, const char *from, const char *to, gid_t group)
{
	if (chown(from, (uid_t)-1, group) < 0 || chmod(from, 0660) < 0 ||
	    listen(fd, BACKLOG) < 0 || rename(from, to) < 0)
		return -errno;
	return 0;
}

int control_socket(const char *path, gid_t group, int *ret_fd)
{
	_cleanup_(closep) int fd = -1;
	_cleanup_(freep) char *fresh = xasprintf("%s.new", path);
	int r = check_stale(path);

	if (r < 0)
		return r;
	r = make_directory(path);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	r = bind_private(fd, fresh);
	if (r < 0)
		return r;
	r = publish(fd, fresh, path, group);
	if (r < 0) {
		unlink(fresh);
		return r;
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

void control_socket_remove(const char *path)
{
	if (check_stale(path) == 0)
		unlink(path);
}

int control_peer(int fd, struct control_peer *ret)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
		return -errno;
	*ret = (struct control_peer){ cred.pid, cred.uid, cred.gid };
	return 0;
}

/* The peer's supplementary groups, as they were when it connected. */
static bool in_group(int fd, gid_t group)
{
	_cleanup_(freep) gid_t *groups = NULL;
	socklen_t size = 0;

	/* The first call tells the size needed. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) == 0 ||
	    errno != ERANGE || size > NGROUPS_MAX * sizeof(gid_t))
		return false;
	groups = xcalloc(1, size);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
		return false;
	for (size_t i = 0; i < size / sizeof(gid_t); i++)
		if (groups[i] == group)
			return true;
	return false;
}

bool control_peer_allowed(int fd, const struct control_peer *peer, gid_t group)
{
	return peer->uid == 0 || peer->uid == geteuid() || peer->gid == group ||
	       in_group(fd, group);
}

bool control_peer_gone(int fd)
{
	struct pollfd p = { .fd = fd };

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR));
}
