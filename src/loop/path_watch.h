/* SPDX-License-Identifier: GPL-2.0-or-later */
/* path_watch.h - which names in which directories a path depends on, watched.
 *
 * A path can come to mean another file without a change in its own directory:
 * a symbolic link on the way is swapped, a directory is renamed or made. So
 * each look-up on the way (a name in a directory) is a dependency, and every
 * directory in which one happens has an inotify watch. Dependencies are made
 * anew by each scan, between begin and end; the watches of the scan before
 * stay until end, so that nothing is missed in between.
 */
#pragma once

#include <stdint.h>
#include <sys/inotify.h>

#include "loop/loop.h"

struct path_watch;

/**
 * Something happened to a name that @owner depends on. @mask as of inotify(7).
 * @entry is the name when a whole directory is depended on, else NULL. With
 * IN_Q_OVERFLOW, events were lost and @owner is NULL.
 */
typedef void (*path_watch_fn)(void *arg, uint32_t mask, void *owner,
			      const char *entry);

/** Returns 0 or -errno. */
int path_watch_open(struct loop *loop, path_watch_fn fn, void *arg,
		    struct path_watch **ret);
void path_watch_close(struct path_watch *w);

/** From here on say again what is depended on; see path_watch_end(). */
void path_watch_begin(struct path_watch *w);
/** Drop what was not depended on since begin. Returns 0, or the first -errno
 *  that a watch met: changes may then go unseen. */
int path_watch_end(struct path_watch *w);

/**
 * Depend on every name that the absolute @path is looked up by.
 *
 * @content whether writes to the file at its end are events too.
 * @ret_resolved the path without symbolic links; the caller frees it.
 * Returns 0, or -errno where the path ends (its dependencies stay).
 */
int path_watch_follow(struct path_watch *w, const char *path, bool content,
		      void *owner, char **ret_resolved);

/** Depend on all names in directory @path, which has no links in it. */
void path_watch_directory(struct path_watch *w, const char *path, void *owner);

/** Forget the dependencies of @owner, which goes away. */
void path_watch_forget(struct path_watch *w, const void *owner);

/** Deliver what has happened up to now. */
void path_watch_drain(struct path_watch *w);
