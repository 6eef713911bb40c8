/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http.h - HTTP requests, driven by the loop (libcurl): over unix sockets, and to
 * remote servers with TLS.
 *
 * In its callbacks a caller may start and cancel requests (but for the one
 * whose @done it is) and free the client.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "loop/loop.h"

struct http_client;
struct http_request;

/** Requests go to the unix socket @path, over kept connections. */
struct http_client *http_client_new(struct loop *loop, const char *path);

/** Likewise, but with HTTP/2 from the first byte on (prior knowledge), and each
 *  request over a connection of its own. */
struct http_client *http_client_new_h2(struct loop *loop, const char *path);

/** Files in PEM. */
struct http_tls {
	const char *ca;		/* who may sign; NULL: the system's */
	const char *cert, *key; /* ours, for a server that asks; NULL: none */
};

/**
 * Requests go to @origin ("https://host:4318"), over TCP. The certificate must
 * be the host's, in force, and signed by one of @tls's authorities. The files
 * are read anew for each connection. Redirections are not followed.
 */
struct http_client *http_client_new_remote(struct loop *loop,
					   const char *origin,
					   const struct http_tls *tls);

/** Cancels what is under way, silently. */
void http_client_free(struct http_client *client);
DEFINE_FREEP(struct http_client, http_client_free)

/** How a request ended. */
struct http_result {
	/* 0; -ECONNREFUSED, -ENOENT, -EACCES, -ETIMEDOUT, -ECONNRESET,
	 * -EPROTO (no HTTP), -EMSGSIZE (more than the bound) … */
	int error;
	int status;	   /* HTTP status, 0 when none arrived */
	struct slice body; /* whole body, unless @data took it; borrowed */
	struct slice head; /* if kept: header lines, then trailers; borrowed */
	const char *message; /* for people: what failed; never NULL */
};

struct http_get {
	const char *path;    /* "/containers/json?all=1", already encoded */
	size_t max_body;     /* bound in bytes; 0: 64 MiB. Not for a stream */
	unsigned timeout_ms; /* whole request; 0: none (streams) */
	bool keep_head;	     /* @done wants the header lines */
	bool cut;	     /* what is over @max_body is dropped: no error */
	/* Stream: called when a 2xx answer's head is there, may be NULL. */
	void (*opened)(void *arg);
	/* Stream: called for each piece of a 2xx body as it arrives. */
	void (*data)(void *arg, struct slice piece);
	/* Called exactly once unless cancelled; never from http_get(). */
	void (*done)(void *arg, const struct http_result *result);
	void *arg;
};

/** Start a GET. The request is freed after @done or by http_cancel(). */
struct http_request *http_get(struct http_client *client,
			      const struct http_get *get);

/** What a POST sends; all of it is copied. */
struct http_body {
	const char *const *headers; /* "name: value", NULL-terminated */
	struct slice bytes;
};

/** Start a POST; everything else is as with http_get(). */
struct http_request *http_post(struct http_client *client,
			       const struct http_get *get,
			       const struct http_body *body);

/** The last header (or trailer) @name, lower case, of a kept head. Returns
 *  false, with @ret untouched, when there is none. */
bool http_header(struct slice head, const char *name, struct slice *ret);

/** No callback comes afterwards. Accepts NULL. */
void http_cancel(struct http_request *request);

/** Percent-encode @text for a query value. The caller frees it. */
char *http_encode(const char *text);
