/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file_watch.h - tells when a file appears, goes, or has been written. */
#pragma once

#include "loop/loop.h"

struct file_watch;

/**
 * Call @fn, from the loop, when the absolute @path was created, replaced,
 * removed, or closed after writing (not while it is being written), or may
 * have been, because a directory on the way to it changed. Returns NULL when
 * nothing can be watched (the inotify limit is reached).
 */
struct file_watch *file_watch_open(struct loop *loop, const char *path,
				   loop_fn fn, void *arg);

/** May be called from @fn. Accepts NULL. */
void file_watch_close(struct file_watch *w);
