/* SPDX-License-Identifier: GPL-2.0-or-later */
/* listen.h - the control socket in the file system; private to the stage. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/** Who is at the other end of a connection, as the kernel tells. */
struct control_peer {
	pid_t pid;
	uid_t uid;
	gid_t gid;
};

/**
 * A listening, nonblocking socket at @path, mode 0660 and group @group.
 *
 * It appears under its name only once its mode and group are set. Its
 * directory is made when only that is missing.
 * Returns 0; -EADDRINUSE when another agent answers there; -ENOTSOCK when
 * @path is something else; -ENAMETOOLONG; or -errno.
 */
int control_socket(const char *path, gid_t group, int *ret_fd);

/** Remove @path, if it is a socket that nobody listens on any more. */
void control_socket_remove(const char *path);

/** Returns 0 or -errno. */
int control_peer(int fd, struct control_peer *ret);

/** True for root, for our own user and for members of @group. */
bool control_peer_allowed(int fd, const struct control_peer *peer, gid_t group);

/** True once the other end is closed, not merely shut for writing. */
bool control_peer_gone(int fd);
