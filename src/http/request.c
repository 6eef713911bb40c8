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
	r->shown = xstrndup(get->path, strcspn(get->path, "?"));
	r->body = BUF_INIT(max);
	r->easy = curl_easy_init();
	if (r->easy && set_options(r, socket) == CURLE_OK)
		return r;
	http_request_free(r);
	return NULL;
}

void http_request_free(struct http_request *r)
{
	if (!r)
		return;
	if (r->easy)
		curl_easy_cleanup(r->easy);
	buf_fini(&r->body);
	free((char *)r->get.path);
	free(r->shown);
	free(r);
}
