/* SPDX-License-Identifier: GPL-2.0-or-later */
/* request.h - the parts that client.c, request.c and message.c share. */
#pragma once

#include <curl/curl.h>

#include "base/buf.h"
#include "http/http.h"

#define HTTP_BODY_MAX	 (64U << 20)
#define HTTP_HEADER_MAX	 (64U << 10)
#define HTTP_H2_BUFFER	 (64U << 10)
#define HTTP_CONNECT_MS	 5000
#define HTTP_CONNECTIONS 8  /* kept open when idle */
#define HTTP_PARALLEL	 16 /* at once; further requests wait */

struct http_request {
	struct http_client *client;
	struct http_request *prev, *next; /* the client's list */
	struct http_get get;		  /* its path is owned */
	char *shown; /* "GET /path" without the query, for messages */
	CURL *easy;
	struct curl_slist *headers; /* of a POST */
	struct buf body; /* whole body, or what @data did not get yet */
	struct buf head; /* header lines, if they are kept */
	size_t header_bytes;
	bool too_large, headers_too_large;
	bool cut; /* we ended it, for nobody wants the rest of the body */
	bool has_head, opened; /* head arrived; that was told */
	bool ended;
	bool remote;   /* to no unix socket */
	CURLcode code; /* how it ended */
	char reason[CURL_ERROR_SIZE];
};

/** A request of @client that is not under way yet; NULL without memory. */
struct http_request *http_request_new(struct http_client *client,
				      const char *socket,
				      const struct http_get *get);
/** Make it a POST. Returns false without memory. */
bool http_request_post(struct http_request *r, const struct http_body *body);
/** Make it one to a server at @origin. */
bool http_request_remote(struct http_request *r, const char *origin,
			 const struct http_tls *tls);
/** Make it one of HTTP/2. */
bool http_request_h2(struct http_request *r);
void http_request_free(struct http_request *r);

/** True when its body goes to @data piece by piece. */
bool http_request_streams(const struct http_request *r);

/** The negative errno for how @r ended, 0 when it has an answer. */
int http_request_error(const struct http_request *r);

/** What happened, for people. The caller frees it. */
char *http_request_message(const struct http_request *r, const char *socket);
