/* SPDX-License-Identifier: GPL-2.0-or-later */
/* server.h - metrics over HTTP, to whoever can connect.
 *
 * Everything about a client is bounded: how many there are, how long a request
 * may be, how long a connection may last, however busy it is. Every request
 * asks the agent, one at a time, within a time limit; a client that has to wait
 * for its turn waits no longer either.
 */
#pragma once

#include "base/macro.h"

struct server;

#define SERVER_CLIENTS_MAX 16
#define SERVER_REQUEST_MAX (32U << 10) /* bytes, with its headers */
#define SERVER_IDLE_S	   10
#define SERVER_LIFETIME_S  60

struct server_options {
	const char *socket; /* the agent's; borrowed, outlives the server */
	int timeout_ms;	    /* of asking it */
};

/** Serve on @fd, which listens and is the server's from then on, in threads of
 *  its own. Returns 0 or -errno. */
int server_start(int fd, const struct server_options *options,
		 struct server **ret);
/** End connections that are too old: to be called about every second. */
void server_tick(struct server *s);
/** Accepts NULL. Waits for what is being answered. */
void server_stop(struct server *s);
DEFINE_FREEP(struct server, server_stop)
