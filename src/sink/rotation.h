/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rotation.h - the files that a log was rotated to: PATH.1, PATH.2 …, the
 * youngest first, each plain or as PATH.1.gz.
 *
 * At each moment, also after a crash, every line is in one of them. A file is
 * compressed beside the others and takes the place of the plain one when it is
 * whole and on disk; until the plain one is gone that moment later, both are
 * there and say the same.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct rotation {
	const char *path; /* borrowed */
	unsigned keep;
	pthread_mutex_t names; /* they change under it */
	atomic_bool stop;      /* compress nothing any more */
};

void rotation_init(struct rotation *r, const char *path, unsigned keep);
void rotation_fini(struct rotation *r);

/** Make room at PATH; what would be PATH.keep+1 is removed. Returns 0 or
 *  -errno. */
int rotation_shift(struct rotation *r);

/**
 * Compress the oldest file that is plain. It takes its time, with the lowest
 * priority, and may be called while others write and shift. Returns 1; 0 when
 * there is none, or no more time; or -errno.
 */
int rotation_compress(struct rotation *r);
