/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vec.h - growable arrays of any type: VEC(int) numbers = { 0 }. */
#pragma once

#include "base/alloc.h"

/** Zero-initialise it; free @data with vec_fini(). Elements are moved. */
#define VEC(type)                \
	struct {                 \
		type *data;      \
		size_t len, cap; \
	}

#define vec_grow(v)                                                    \
	do {                                                           \
		if ((v)->len == (v)->cap) {                            \
			(v)->cap = (v)->cap ? 2 * (v)->cap : 8;        \
			(v)->data = xreallocarray((v)->data, (v)->cap, \
						  sizeof(*(v)->data)); \
		}                                                      \
	} while (0)

/** Append @...: one value of the element type (a compound literal is fit). */
#define vec_push(v, ...)                               \
	do {                                           \
		vec_grow(v);                           \
		(v)->data[(v)->len++] = (__VA_ARGS__); \
	} while (0)

/** Remove element @i, keeping the order. */
#define vec_remove(v, i)                                           \
	do {                                                       \
		size_t _i = (i);                                   \
		memmove((v)->data + _i, (v)->data + _i + 1,        \
			((v)->len - _i - 1) * sizeof(*(v)->data)); \
		(v)->len--;                                        \
	} while (0)

/** Each element in turn, by pointer. */
#define vec_foreach(item, v)                           \
	for (__typeof__(*(v)->data) *item = (v)->data; \
	     item && item < (v)->data + (v)->len; item++)

#define vec_sort(v, compare)                                           \
	do {                                                           \
		if ((v)->len > 1)                                      \
			qsort((v)->data, (v)->len, sizeof(*(v)->data), \
			      compare);                                \
	} while (0)

#define vec_fini(v)                      \
	do {                             \
		free((v)->data);         \
		(v)->data = NULL;        \
		(v)->len = (v)->cap = 0; \
	} while (0)
