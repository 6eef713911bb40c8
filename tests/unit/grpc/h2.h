/* SPDX-License-Identifier: GPL-2.0-or-later */
/* h2.h - a server of HTTP/2 on a unix socket that answers gRPC calls as told,
 * and misbehaves: one connection a call, as our client makes them. It does not
 * read which method is called, which would take HPACK's Huffman code.
 */
#pragma once

#include <arpa/inet.h>
#include <stdint.h>

#include "../http/server.h"

enum { H2_DATA, H2_HEADERS, H2_RESET = 3, H2_SETTINGS, H2_GOAWAY = 7 };
enum { H2_END_STREAM = 1, H2_END_HEADERS = 4 };

static inline void h2_frame(int fd, uint8_t type, uint8_t flags,
			    uint32_t stream, const void *payload, size_t n)
{
	uint8_t head[9] = { (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n,
			    type, flags };

	stream = htonl(stream);
	memcpy(head + 5, &stream, sizeof(stream));
	server_bytes(fd, head, sizeof(head));
	if (n)
		server_bytes(fd, payload, n);
}

/* A header as HPACK's literal without indexing. */
static inline size_t h2_header(char *out, const char *name, const char *value)
{
	size_t n = strlen(name), v = strlen(value);

	out[0] = 0;
	out[1] = (char)n;
	memcpy(out + 2, name, n);
	out[2 + n] = (char)v;
	memcpy(out + 3 + n, value, v);
	return 3 + n + v;
}

/* :status 200 and content-type. */
static inline void h2_open(int fd)
{
	char block[128] = "\x88";
	size_t n = 1 + h2_header(block + 1, "content-type", "application/grpc");

	h2_frame(fd, H2_HEADERS, H2_END_HEADERS, 1, block, n);
}

static inline void h2_data(int fd, const void *bytes, size_t n)
{
	h2_frame(fd, H2_DATA, 0, 1, bytes, n);
}

/* Trailers; @message may be NULL. */
static inline void h2_close(int fd, const char *status, const char *message)
{
	char block[512];
	size_t n = h2_header(block, "grpc-status", status);

	if (message)
		n += h2_header(block + n, "grpc-message", message);
	h2_frame(fd, H2_HEADERS, H2_END_HEADERS | H2_END_STREAM, 1, block, n);
}

/* The preface and the call, up to its last frame; false at the end. */
static inline bool h2_read_all(int fd, char *bytes, size_t n)
{
	while (n) {
		ssize_t got = read(fd, bytes, n);

		if (got <= 0)
			return false;
		bytes += got;
		n -= (size_t)got;
	}
	return true;
}

static inline bool h2_read_call(int fd)
{
	char preface[24];
	uint8_t head[9];

	if (!h2_read_all(fd, preface, sizeof(preface)) ||
	    memcmp(preface, "PRI * HTTP/2.0", 14) != 0)
		return false;
	h2_frame(fd, H2_SETTINGS, 0, 0, NULL, 0);
	while (h2_read_all(fd, (char *)head, sizeof(head))) {
		size_t n = (size_t)head[0] << 16 | (size_t)head[1] << 8 |
			   head[2];
		char *payload = malloc(n + 1);
		bool ok = h2_read_all(fd, payload, n);

		free(payload);
		if (!ok)
			return false;
		if (head[3] == H2_DATA && head[4] & H2_END_STREAM)
			return true;
	}
	return false;
}

/* Until the client closes: what is not read would reset the connection. */
static inline void h2_drain(int fd)
{
	char bytes[512];

	while (read(fd, bytes, sizeof(bytes)) > 0)
		;
}

/* Answers the call on @fd. */
typedef void (*h2_fn)(int fd);

static inline void h2_connection(int fd, server_any fn)
{
	if (h2_read_call(fd))
		((h2_fn)fn)(fd);
	h2_drain(fd);
}

static inline void h2_listen(struct server *s, h2_fn fn)
{
	server_listen_by(s, h2_connection, (server_any)fn);
}
