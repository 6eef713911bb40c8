/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch.c - told when something happens to the files of a directory. */
#include "cli/watch.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/alloc.h"

/* inotify does not tell of every file system's changes. */
#define LOOK_AGAIN_MS 1000

int watch_open(const char *path)
{
	_cleanup_(freep) char *dir = xstrdup(path);
	_cleanup_(closep) int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char *slash = strrchr(dir, '/');

	if (fd < 0)
		return -errno;
	if (slash)
		slash[slash == dir] = '\0';
	if (inotify_add_watch(fd, slash ? dir : ".",
			      IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static void drain(int fd)
{
	char events[4096];

	while (read(fd, events, sizeof(events)) > 0)
		;
}

int watch_wait(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, LOOK_AGAIN_MS) < 0 && errno != EINTR)
		return -errno;
	drain(fd);
	return 0;
}
