/* SPDX-License-Identifier: GPL-2.0-or-later */
/* grpc.h - gRPC calls over a unix socket: one message there, one or many back.
 *
 * A call is a POST of HTTP/2. How it ended is told by the trailers, not by the
 * HTTP status. Messages are bytes here: what they mean is the caller's.
 * In its callbacks a caller may start and cancel calls (but for the one whose
 * @done it is) and free the client.
 */
#pragma once

#include "http/http.h"

/** Codes of gRPC that a caller looks for. */
enum grpc_status {
	GRPC_OK = 0,
	GRPC_NOT_FOUND = 5,
	GRPC_PERMISSION_DENIED = 7,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_UNAUTHENTICATED = 16,
};

/** How a call ended. */
struct grpc_result {
	/* 0 when the server said OK; -ENOENT for NOT_FOUND, -EACCES,
	 * -EOPNOTSUPP for UNIMPLEMENTED, -EREMOTEIO for what else it refused;
	 * -EPROTO when it speaks no gRPC, -EMSGSIZE, -EBADMSG, -ETIMEDOUT, or
	 * what http.h has. */
	int error;
	int status;	     /* the server's code; -1 when it gave none */
	const char *message; /* for people: what failed; never NULL */
};

struct grpc_call {
	const char *method; /* "/package.Service/Method" */
	const char *const
		*metadata;    /* "name: value", NULL-terminated, or NULL */
	struct slice request; /* one message, copied */
	unsigned timeout_ms;  /* whole call; 0: none (streams) */
	size_t max_message;   /* bound of each; 0: 16 MiB */
	bool stream;	      /* many messages, else exactly one */
	/* Called for each; it is valid during the call only. */
	void (*message)(void *arg, struct slice message);
	/* Called exactly once unless cancelled; never from grpc_send(). */
	void (*done)(void *arg, const struct grpc_result *result);
	void *arg;
};

struct grpc_request;

/** Start a call; @client speaks HTTP/2. Freed after @done or by
 *  grpc_cancel(). */
struct grpc_request *grpc_send(struct http_client *client,
			       const struct grpc_call *call);

/** No callback comes afterwards. Accepts NULL. */
void grpc_cancel(struct grpc_request *r);
