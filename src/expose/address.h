/* SPDX-License-Identifier: GPL-2.0-or-later */
/* address.h - where to listen: 127.0.0.1:9477, [::1]:9477, unix:/run/x.sock. */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ADDRESS_DEFAULT "127.0.0.1:9477"

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_storage storage;
		struct sockaddr_un un;
	};
	socklen_t len;
};

/**
 * Read a numeric address with a port, or "unix:" with an absolute path.
 *
 * @ret_error on failure, what is wrong, a literal.
 * Returns 0 or -EINVAL.
 */
int address_parse(const char *text, struct address *ret,
		  const char **ret_error);

/** True when only processes of this host reach it. */
bool address_is_local(const struct address *a);

/**
 * A socket that listens there and does not block. A unix socket that nobody
 * listens at any more is replaced; its mode is 0660. Returns 0; -EADDRINUSE;
 * -ENOTSOCK when the path is something else; or -errno.
 */
int address_listen(const struct address *a, int *ret_fd);

/** Remove what address_listen() made in the file tree. */
void address_unlink(const struct address *a);

#define ADDRESS_STRLEN 128

/** Where @fd listens, with the port that it was given when it asked for 0; as
 *  address_parse() reads it. Returns @text. */
const char *address_format(int fd, char text[static ADDRESS_STRLEN]);
