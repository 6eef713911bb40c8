/* SPDX-License-Identifier: GPL-2.0-or-later */
/* buf.h - a growable byte buffer with a bound that its owner chose. */
#pragma once

#include <stdarg.h>
#include <stdint.h>

#include "base/macro.h"
#include "base/slice.h"

/**
 * Bytes, always followed by a NUL that @len does not count.
 *
 * Once an append would pass @max the buffer keeps what it has, remembers
 * -ENOBUFS and refuses all that follows: check buf_error() once at the end.
 */
struct buf {
	char *data; /* never NULL after the first append */
	size_t len, cap, max;
	int error;
};

#define BUF_INIT(bound) ((struct buf){ .max = (bound) })

/** No bound, for text that we make ourselves. */
#define BUF_UNBOUNDED (SIZE_MAX / 2)

void buf_fini(struct buf *b);

/** Forget the content and a remembered error; keep the memory. */
void buf_clear(struct buf *b);

/** buf_add() when there may not be room yet. */
int buf_grow_and_add(struct buf *b, const void *bytes, size_t n);

/** Append. Returns 0, or -ENOBUFS when the bound would be passed. */
static inline int buf_add(struct buf *b, const void *bytes, size_t n)
{
	if (b->error || b->cap - b->len <= n || n > b->max - b->len || !n)
		return buf_grow_and_add(b, bytes, n);
	memcpy(b->data + b->len, bytes, n);
	b->len += n;
	b->data[b->len] = '\0';
	return 0;
}

static inline int buf_adds(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

/** Append as printf(3) does. Returns 0 or -ENOBUFS, as buf_add() does. */
int buf_addf(struct buf *b, const char *fmt, ...) _printf_(2, 3);
int buf_addv(struct buf *b, const char *fmt, va_list args) _printf_(2, 0);

/** Remove @n bytes from the front. */
void buf_consume(struct buf *b, size_t n);

/** 0, or the first error that an append met. */
static inline int buf_error(const struct buf *b)
{
	return b->error;
}

/** The content as a string; "" when nothing was appended. */
static inline const char *buf_str(const struct buf *b)
{
	return b->data ? b->data : "";
}

static inline struct slice buf_slice(const struct buf *b)
{
	return (struct slice){ buf_str(b), b->len };
}

/** Give the content away as a string that the caller frees. */
char *buf_take(struct buf *b);

/**
 * Append a whole regular file.
 *
 * Returns 0; -EFBIG when it is larger than the bound; -EISDIR or -EINVAL when
 * it is no regular file (a FIFO would block the loop); or -errno.
 */
int buf_read_file(struct buf *b, const char *path);

/** Replace @path, or make it, mode 0600: after a crash it is the old file or
 *  the new one, whole. Returns 0 or -errno. */
int write_file_atomically(const char *path, struct slice text);

/** Append what is left to read of @fd. Returns 0, -EFBIG or -errno. */
int buf_read_fd(struct buf *b, int fd);
