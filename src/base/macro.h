/* SPDX-License-Identifier: GPL-2.0-or-later */
/* macro.h - cleanup attributes and the few macros that everything uses. */
#pragma once

#include <stddef.h>

/** Run @f on a pointer to the variable when it leaves its scope. */
#define _cleanup_(f) __attribute__((cleanup(f)))

/** Check @fmt, the 1-based index of a printf format, against the rest. */
#define _printf_(fmt, args) __attribute__((format(printf, fmt, args)))

#define _unused_ __attribute__((unused))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr)-offsetof(type, member)))

/** Give an owning pointer away: yields its value and leaves NULL behind. */
#define TAKE_PTR(p)                         \
	({                                  \
		__typeof__(p) _taken = (p); \
		(p) = NULL;                 \
		_taken;                     \
	})

/** Give a file descriptor away: yields it and leaves -1 behind. */
#define TAKE_FD(fd)                \
	({                         \
		int _taken = (fd); \
		(fd) = -1;         \
		_taken;            \
	})

/** Define @func##p, the cleanup function of a pointer that @func frees. */
#define DEFINE_FREEP(type, func)             \
	static inline void func##p(type **p) \
	{                                    \
		func(*p);                    \
	}

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
