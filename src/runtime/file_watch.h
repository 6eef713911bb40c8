/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file_watch.h - tells when a file appears, goes, or has been written. */
#pragma once

#include "loop/loop.h"

struct file_watch;

/**
 * Call @fn when @path was created, replaced, removed, or closed after writing;
 * not while it is being written. Returns NULL when its directory cannot be
 * watched (it does not exist, or the inotify limit is reached).
 */
struct file_watch *file_watch_open(struct loop *loop, const char *path,
				   loop_fn fn, void *arg);

/** May be called from @fn. Accepts NULL. */
void file_watch_close(struct file_watch *w);
