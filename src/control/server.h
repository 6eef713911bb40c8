/* SPDX-License-Identifier: GPL-2.0-or-later */
/* server.h - the agent's side of the control socket. */
#pragma once

#include <json-c/json.h>
#include <sys/types.h>

#include "base/macro.h"
#include "loop/loop.h"

struct control_server;

/** A command under way: answer it exactly once, now or later. */
struct control_call;

typedef void (*control_fn)(void *arg, struct control_call *call,
			   const char *command, struct json_object *arguments);

/**
 * Listen on @path, mode 0660 with group @group (-1: the process's own).
 *
 * A stale socket of a dead agent is replaced; one that still answers is
 * -EADDRINUSE. Returns 0 or -errno.
 */
int control_listen(struct loop *loop, const char *path, gid_t group,
		   control_fn fn, void *arg, struct control_server **ret);

/** Calls under way get no answer and must not be answered any more. */
void control_close(struct control_server *s);

/** Answer; takes the reference of @result. A client that has gone is fine. */
void control_reply(struct control_call *call, struct json_object *result);
void control_fail(struct control_call *call, const char *fmt, ...)
	_printf_(2, 3);
