/* SPDX-License-Identifier: GPL-2.0-or-later */
/* client.h - the command line's side of the control socket; blocking. */
#pragma once

#include <json-c/json.h>

/**
 * Send one command and wait for its answer.
 *
 * @arguments  may be NULL; its reference stays the caller's.
 * @timeout_ms of the whole call; -1: none.
 * @ret_result the answer's "result", owned by the caller.
 * @ret_error  on failure, what to print; the caller frees it. It quotes the
 *             agent, which quotes containers: not fit for a terminal as it is.
 * Returns 0; -EREMOTEIO when the agent answered with an error; -ETIMEDOUT;
 * -ENOENT or -ECONNREFUSED when no agent runs; -EACCES; or -errno.
 */
int control_request(const char *path, const char *command,
		    struct json_object *arguments, int timeout_ms,
		    struct json_object **ret_result, char **ret_error);
