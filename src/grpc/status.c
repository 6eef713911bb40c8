/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status.c - what the trailers of a call say. */
#include "grpc/status.h"

#include <errno.h>

#include "base/buf.h"
#include "grpc/grpc.h"

#define WORDS_MAX 512

static const char *const names[] = {
	"OK",
	"CANCELLED",
	"UNKNOWN",
	"INVALID_ARGUMENT",
	"DEADLINE_EXCEEDED",
	"NOT_FOUND",
	"ALREADY_EXISTS",
	"PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED",
	"FAILED_PRECONDITION",
	"ABORTED",
	"OUT_OF_RANGE",
	"UNIMPLEMENTED",
	"INTERNAL",
	"UNAVAILABLE",
	"DATA_LOSS",
	"UNAUTHENTICATED",
};

int status_code(struct slice head)
{
	struct slice text;
	int code = 0;

	if (!http_header(head, "grpc-status", &text) || !text.len ||
	    text.len > 3)
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return -1;
		code = 10 * code + (text.ptr[i] - '0');
	}
	return code;
}

const char *status_name(int code)
{
	return code >= 0 && (size_t)code < ARRAY_SIZE(names) ? names[code]
							     : "no known code";
}

int status_error(int code)
{
	switch (code) {
	case GRPC_OK:
		return 0;
	case GRPC_NOT_FOUND:
		return -ENOENT;
	case GRPC_PERMISSION_DENIED:
	case GRPC_UNAUTHENTICATED:
		return -EACCES;
	case GRPC_UNIMPLEMENTED:
		return -EOPNOTSUPP;
	default: /* they are the server's to choose */
		return -EREMOTEIO;
	}
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte at the front of @text, which may be "%41"; consumed. */
static char next_byte(struct slice *text)
{
	const char *p = text->ptr;
	size_t n = 1;
	char c = p[0];

	if (c == '%' && text->len > 2 && hex(p[1]) >= 0 && hex(p[2]) >= 0) {
		c = (char)(16 * hex(p[1]) + hex(p[2]));
		n = 3;
	}
	*text = (struct slice){ p + n, text->len - n };
	return c;
}

char *status_words(struct slice head)
{
	struct buf out = BUF_INIT(WORDS_MAX);
	struct slice text = { "", 0 };

	http_header(head, "grpc-message", &text);
	while (text.len && out.len < WORDS_MAX) {
		char c = next_byte(&text);

		/* It goes into logs and onto terminals. */
		if (c >= 0 && (c < ' ' || c == 0x7f))
			c = ' ';
		buf_add(&out, &c, 1);
	}
	return buf_take(&out);
}
