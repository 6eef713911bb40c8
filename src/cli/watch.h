/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch.h - told when something happens to the files of a directory. */
#pragma once

/** Watch the directory that @path is in. Returns a descriptor, or -errno. */
int watch_open(const char *path);

/** Wait until a file there was written to, made or got its name, or a second has
 *  passed: not every file system tells. Returns 0 or -errno. */
int watch_wait(int fd);
