/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frame.c - a gRPC body cut into messages. */
#include "grpc/frame.h"

#include <arpa/inet.h>
#include <errno.h>

void frames_fini(struct frames *f)
{
	buf_fini(&f->partial);
}

bool frames_pending(const struct frames *f)
{
	return f->partial.len > 0;
}

static size_t length_of(const char *head)
{
	uint32_t length;

	memcpy(&length, head + 1, sizeof(length));
	return ntohl(length);
}

static int check_head(const struct frames *f, const char *head)
{
	if (head[0] != 0)
		return -EBADMSG;
	return length_of(head) > f->max ? -EMSGSIZE : 0;
}

/* Complete the first @want bytes of what is kept; false while they lack. */
static bool fill(struct frames *f, struct slice *bytes, size_t want)
{
	size_t n;

	if (f->partial.len < want) {
		n = MIN(want - f->partial.len, bytes->len);
		buf_add(&f->partial, bytes->ptr, n);
		*bytes = (struct slice){ bytes->ptr + n, bytes->len - n };
	}
	return f->partial.len >= want;
}

static int next_partial(struct frames *f, struct slice *bytes,
			struct slice *ret)
{
	size_t length;
	int r;

	if (!fill(f, bytes, FRAME_HEAD))
		return 0;
	r = check_head(f, f->partial.data);
	if (r < 0)
		return r;
	length = length_of(f->partial.data);
	if (!fill(f, bytes, FRAME_HEAD + length))
		return 0;
	*ret = (struct slice){ f->partial.data + FRAME_HEAD, length };
	/* Its bytes stay until something is appended. */
	f->partial.len = 0;
	return 1;
}

int frames_next(struct frames *f, struct slice *bytes, struct slice *ret)
{
	size_t length;
	int r;

	if (!bytes->len)
		return 0;
	if (f->partial.len || bytes->len < FRAME_HEAD)
		return next_partial(f, bytes, ret);
	/* Most messages come whole: they are not copied. */
	r = check_head(f, bytes->ptr);
	if (r < 0)
		return r;
	length = length_of(bytes->ptr);
	if (bytes->len - FRAME_HEAD < length)
		return next_partial(f, bytes, ret);
	*ret = (struct slice){ bytes->ptr + FRAME_HEAD, length };
	*bytes = (struct slice){ bytes->ptr + FRAME_HEAD + length,
				 bytes->len - FRAME_HEAD - length };
	return 1;
}

void frame_add(struct buf *out, struct slice message)
{
	uint32_t length = htonl((uint32_t)message.len);

	buf_add(out, "", 1);
	buf_add(out, &length, sizeof(length));
	if (message.len)
		buf_add(out, message.ptr, message.len);
}
