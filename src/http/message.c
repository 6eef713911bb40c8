/* SPDX-License-Identifier: GPL-2.0-or-later */
/* message.c - why a request failed: as an errno, and in words. */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "http/request.h"

static int connect_error(const struct http_request *r)
{
	long error = 0;

	curl_easy_getinfo(r->easy, CURLINFO_OS_ERRNO, &error);
	if (error > 0)
		return -(int)error;
	/* It came to no connect(2): there was no socket for it. */
	return r->remote ? -EAFNOSUPPORT : -ECONNREFUSED;
}

/* libcurl tells a broken chunk header only in its text. */
static bool is_broken_chunk(const struct http_request *r)
{
	return strstr(r->reason, "chunk") != NULL;
}

int http_request_error(const struct http_request *r)
{
	if (r->too_large || r->headers_too_large)
		return -EMSGSIZE;
	if (r->cut)
		return 0;
	switch (r->code) {
	case CURLE_OK:
		return 0;
	case CURLE_COULDNT_CONNECT:
		return connect_error(r);
	case CURLE_COULDNT_RESOLVE_HOST:
		/* Of a unix socket: sun_path's size. */
		return r->remote ? -EHOSTUNREACH : -ENAMETOOLONG;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_UNSUPPORTED_PROTOCOL: /* an answer without a status line */
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_HTTP2:
		return -EPROTO;
	case CURLE_RECV_ERROR:
		return is_broken_chunk(r) ? -EPROTO : -ECONNRESET;
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_SEND_ERROR:
	case CURLE_HTTP2_STREAM:
		return -ECONNRESET;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	default: /* libcurl's enum grows */
		return -EIO;
	}
}

static bool is_socket(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

static const char *connect_words(const char *socket, int error)
{
	switch (error) {
	case -ENOENT:
		return "no such file; is the service running?";
	case -EACCES:
	case -EPERM:
		return "permission denied; needs root or the socket's group";
	case -ECONNREFUSED:
		return is_socket(socket)
			       ? "nobody listens on this socket; is the service running?"
			       : "is not a socket";
	case -ENAMETOOLONG:
		return "path is too long for a unix socket";
	default:
		return NULL;
	}
}

/* Of a server that is no unix socket. */
static const char *remote_words(const struct http_request *r)
{
	if (r->code == CURLE_COULDNT_RESOLVE_HOST)
		return "no such host";
	if (r->code != CURLE_COULDNT_CONNECT)
		return NULL;
	if (connect_error(r) == -EAFNOSUPPORT)
		return "no socket can be had for it: the service's unit may forbid the network";
	return strerror(-connect_error(r));
}

static char *too_large(const struct http_request *r, const char *socket)
{
	if (r->headers_too_large)
		return xasprintf(
			"%s: headers of the answer to %s are larger than %u bytes",
			socket, r->shown, HTTP_HEADER_MAX);
	return xasprintf("%s: answer to %s is larger than %zu bytes", socket,
			 r->shown, r->body.max);
}

static char *answered(const struct http_request *r, const char *socket)
{
	long status = 0;

	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	return xasprintf("%s: %s: HTTP status %ld", socket, r->shown, status);
}

static char *reset(const struct http_request *r, const char *socket)
{
	if (r->code == CURLE_GOT_NOTHING)
		return xasprintf(
			"%s: connection closed without an answer to %s", socket,
			r->shown);
	return xasprintf(
		"%s: connection closed in the middle of the answer to %s",
		socket, r->shown);
}

char *http_request_message(const struct http_request *r, const char *socket)
{
	int error = http_request_error(r);
	const char *words = r->remote ? remote_words(r)
				      : connect_words(socket, error);

	if (!error)
		return answered(r, socket);
	if (error == -EMSGSIZE)
		return too_large(r, socket);
	if (words)
		return xasprintf("%s: %s", socket, words);
	if (error == -ECONNRESET)
		return reset(r, socket);
	if (error == -ETIMEDOUT)
		return xasprintf("%s: no complete answer to %s within %u ms",
				 socket, r->shown,
				 r->get.timeout_ms ?: HTTP_CONNECT_MS);
	if (error == -EPROTO)
		return xasprintf("%s: does not speak HTTP (%s: %s)", socket,
				 r->shown, r->reason);
	return xasprintf("%s: %s: %s", socket, r->shown,
			 r->reason[0] ? r->reason
				      : curl_easy_strerror(r->code));
}

/* "name: value\r\n" -> the value, when @line is of @name. */
static bool header_value(struct slice line, const char *name, struct slice *ret)
{
	size_t n = strlen(name);

	if (line.len <= n || line.ptr[n] != ':' ||
	    strncasecmp(line.ptr, name, n) != 0)
		return false;
	line = (struct slice){ line.ptr + n + 1, line.len - n - 1 };
	while (line.len && strchr(" \t", line.ptr[0]))
		line = (struct slice){ line.ptr + 1, line.len - 1 };
	while (line.len && strchr(" \t\r\n", line.ptr[line.len - 1]))
		line.len--;
	*ret = line;
	return true;
}

bool http_header(struct slice head, const char *name, struct slice *ret)
{
	bool found = false;

	while (head.len) {
		const char *end = memchr(head.ptr, '\n', head.len);
		size_t n = end ? (size_t)(end + 1 - head.ptr) : head.len;

		found |= header_value((struct slice){ head.ptr, n }, name, ret);
		head = (struct slice){ head.ptr + n, head.len - n };
	}
	return found;
}
