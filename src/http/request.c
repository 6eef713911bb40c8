/* SPDX-License-Identifier: GPL-2.0-or-later */
/* request.c - one request: its options, and the bounds on what comes back. */
#include "http/request.h"

#include <string.h>

#include "base/alloc.h"

static long status_of(const struct http_request *r)
{
	long status = 0;

	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

bool http_request_streams(const struct http_request *r)
{
	long status = status_of(r);

	return r->get.data && r->has_head && status >= 200 && status < 300;
}

/* Never calls out: libcurl must not be entered again from here, and callers
 * start and cancel requests in their callbacks. The client delivers it. */
static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct http_request *r = arg;

	size_t room = r->body.max - r->body.len;

	if (r->get.cut && size * n > room) {
		buf_add(&r->body, bytes, room);
		r->cut = true;
		return 0;
	}
	if (buf_add(&r->body, bytes, size * n) == 0)
		return size * n;
	r->too_large = true;
	return 0;
}

static size_t on_header(char *bytes, size_t size, size_t n, void *arg)
{
	struct http_request *r = arg;

	r->header_bytes += size * n;
	r->has_head |= size * n == 2 && bytes[0] == '\r';
	if (r->get.keep_head)
		buf_add(&r->head, bytes, size * n); /* has the same bound */
	if (r->header_bytes <= HTTP_HEADER_MAX)
		return size * n;
	r->headers_too_large = true;
	return 0;
}

static CURLcode set_options(struct http_request *r, const char *socket)
{
	_cleanup_(freep) char *url =
		xasprintf("http://localhost%s", r->get.path);
	CURL *c = r->easy;
	CURLcode e = CURLE_OK;

	e = e ?: curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, socket);
	e = e ?: curl_easy_setopt(c, CURLOPT_URL, url);
	e = e ?: curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	e = e ?: curl_easy_setopt(c, CURLOPT_PRIVATE, r);
	e = e ?: curl_easy_setopt(c, CURLOPT_PROXY, "");
	e = e ?: curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	e = e
		    ?: curl_easy_setopt(c, CURLOPT_HTTP_VERSION,
					CURL_HTTP_VERSION_1_1);
	e = e ?: curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	e = e ?: curl_easy_setopt(c, CURLOPT_WRITEDATA, r);
	e = e ?: curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	e = e ?: curl_easy_setopt(c, CURLOPT_HEADERDATA, r);
	e = e ?: curl_easy_setopt(c, CURLOPT_ERRORBUFFER, r->reason);
	e = e
		    ?: curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS,
					(long)HTTP_CONNECT_MS);
	return e
		       ?: curl_easy_setopt(c, CURLOPT_TIMEOUT_MS,
					   (long)r->get.timeout_ms);
}

struct http_request *http_request_new(struct http_client *client,
				      const char *socket,
				      const struct http_get *get)
{
	struct http_request *r = xnew(struct http_request);
	/* A stream's pieces are handed out as they come: the bound is only
	 * for a refusal's body. */
	size_t max = get->max_body && !get->data ? get->max_body
						 : HTTP_BODY_MAX;

	r->client = client;
	r->get = *get;
	r->get.path = xstrdup(get->path);
	r->shown =
		xasprintf("GET %.*s", (int)strcspn(get->path, "?"), get->path);
	r->body = BUF_INIT(max);
	r->head = BUF_INIT(HTTP_HEADER_MAX);
	r->easy = curl_easy_init();
	if (r->easy && set_options(r, socket) == CURLE_OK)
		return r;
	http_request_free(r);
	return NULL;
}

static bool add_headers(struct http_request *r, const char *const *headers)
{
	for (; headers && *headers; headers++) {
		struct curl_slist *more =
			curl_slist_append(r->headers, *headers);

		if (!more)
			return false;
		r->headers = more;
	}
	return true;
}

bool http_request_post(struct http_request *r, const struct http_body *body)
{
	_cleanup_(freep) char *shown = r->shown;
	CURL *c = r->easy;
	CURLcode e = CURLE_OK;

	r->shown = xasprintf("POST%s", shown + strlen("GET"));
	if (!add_headers(r, body->headers))
		return false;
	e = e ?: curl_easy_setopt(c, CURLOPT_HTTPHEADER, r->headers);
	e = e
		    ?: curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE,
					(curl_off_t)body->bytes.len);
	e = e ?: curl_easy_setopt(c, CURLOPT_COPYPOSTFIELDS, body->bytes.ptr);
	return e == CURLE_OK;
}

bool http_request_remote(struct http_request *r, const char *origin,
			 const struct http_tls *tls)
{
	_cleanup_(freep) char *url = xasprintf("%s%s", origin, r->get.path);
	CURL *c = r->easy;
	CURLcode e = CURLE_OK;

	r->remote = true;
	e = e ?: curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, NULL);
	e = e ?: curl_easy_setopt(c, CURLOPT_URL, url);
	e = e ?: curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	if (tls->ca)
		e = e ?: curl_easy_setopt(c, CURLOPT_CAINFO, tls->ca);
	if (tls->cert)
		e = e ?: curl_easy_setopt(c, CURLOPT_SSLCERT, tls->cert);
	if (tls->key)
		e = e ?: curl_easy_setopt(c, CURLOPT_SSLKEY, tls->key);
	return e == CURLE_OK;
}

bool http_request_h2(struct http_request *r)
{
	long version = CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
	CURLcode e = CURLE_OK;

	e = e ?: curl_easy_setopt(r->easy, CURLOPT_HTTP_VERSION, version);
	/* libcurl 7.88, Debian 12's, refuses to send a second request over a
	 * connection that began with HTTP/2 (CURLE_HTTP2, without a word): each
	 * has one of its own. Over a unix socket that costs some 0.1 ms. */
	e = e ?: curl_easy_setopt(r->easy, CURLOPT_FRESH_CONNECT, 1L);
	e = e ?: curl_easy_setopt(r->easy, CURLOPT_FORBID_REUSE, 1L);
	/* It reads up to 32 KiB at once, and leaves what its buffer (16 KiB by
	 * default) does not take for the next event: after an answer's end
	 * there is none but a timeout. */
	e = e
		    ?: curl_easy_setopt(r->easy, CURLOPT_BUFFERSIZE,
					(long)HTTP_H2_BUFFER);
	return e == CURLE_OK;
}

void http_request_free(struct http_request *r)
{
	if (!r)
		return;
	if (r->easy)
		curl_easy_cleanup(r->easy);
	curl_slist_free_all(r->headers);
	buf_fini(&r->body);
	buf_fini(&r->head);
	free((char *)r->get.path);
	free(r->shown);
	free(r);
}
