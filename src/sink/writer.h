/* SPDX-License-Identifier: GPL-2.0-or-later */
/* writer.h - the flow writer: the process that puts lines into the sinks.
 *
 * It has no privileges, gets lines and nothing else from the agent, and ends
 * when the agent's end of the socket is closed, having written what it got.
 */
#pragma once

#include "base/slice.h"
#include "sink/config.h"

/**
 * What to do with the configuration's text, which comes first: fill @ret, and
 * give up what is not needed. Returns 0 or -errno.
 */
typedef int (*sink_writer_configure_fn)(struct slice text,
					sink_config_list *ret);

/** Serve @fd, which becomes the writer's, until its end. Returns 0 or -errno;
 *  what was handed over and not reported as settled is then lost. */
int sink_writer_run(int fd, sink_writer_configure_fn configure);
