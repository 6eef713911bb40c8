/* SPDX-License-Identifier: GPL-2.0-or-later */
/* peer.h - a socket to whoever takes messages; every wait has its limit. */
#pragma once

#include "base/slice.h"
#include "sink/config.h"

/** Not connected when @fd is -1. */
struct peer {
	int fd;
};

/** Datagrams to a unix socket. Returns 0 or -errno. */
int peer_open_unix(const char *path, struct peer *ret);
/** UDP or TCP; names are looked up anew each time. */
int peer_open_network(enum sink_transport transport, const char *host,
		      const char *port, struct peer *ret);
void peer_close(struct peer *p);

/** One datagram. Returns 0; -EMSGSIZE; or -errno. @passed: a descriptor to go
 *  with it, or -1. */
int peer_send(const struct peer *p, struct slice bytes, int passed);

/** All of @bytes into a stream. */
int peer_stream(const struct peer *p, struct slice bytes);
/** Until the other machine has acknowledged all. */
int peer_flush(const struct peer *p);
/** True when the other end has closed a stream. */
bool peer_is_gone(const struct peer *p);
