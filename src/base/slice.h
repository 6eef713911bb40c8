/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slice.h - a borrowed run of bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/** Bytes that somebody else owns; not terminated. */
struct slice {
	const char *ptr;
	size_t len;
};

#define SLICE(literal) ((struct slice){ (literal), sizeof(literal) - 1 })

static inline struct slice slice_of(const char *s)
{
	return (struct slice){ s, strlen(s) };
}

static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (!a.len || !memcmp(a.ptr, b.ptr, a.len));
}

static inline bool slice_eq_str(struct slice a, const char *s)
{
	return slice_eq(a, slice_of(s));
}
