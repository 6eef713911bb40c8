/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log_owner.h - the user that the flow writer runs as, and what belongs to it.
 *
 * What the writer reads from and writes to is the network's and the disk's; it
 * has no business with what is root's. So it becomes a user of its own, and
 * before that the agent, while it still may, gives that user the files of the
 * sinks that an earlier agent, or an administrator, left behind as root's.
 */
#pragma once

#include <sys/types.h>

#include "sink/config.h"

#define LOG_OWNER_DEFAULT "bulkhead-log"

struct log_owner {
	char *name; /* NULL: the agent's own user */
	uid_t uid;
	gid_t gid;
};

void log_owner_fini(struct log_owner *o);

/**
 * Who it is: @name, or LOG_OWNER_DEFAULT when that is NULL.
 *
 * Without the default's entry, or without the capabilities that the change
 * takes, the writer stays the agent's user, which is logged: a host is not
 * left without enforcement, or without a log, for that. -ENOENT: there is no
 * user of the @name that somebody asked for.
 */
int log_owner_find(const char *name, struct log_owner *ret);

/**
 * Have the directories of @sinks made where they are missing, and their files
 * owned by @o. What cannot be done is logged; the sink tells what comes of it.
 */
void log_owner_prepare(const struct log_owner *o,
		       const sink_config_list *sinks);

/** In a process that is to be a flow writer: become @name, for good. Returns 0
 *  or -errno. */
int log_owner_become(const char *name);
