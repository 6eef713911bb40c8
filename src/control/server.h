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
 * A stale socket of a dead agent is replaced; the directory is made when only
 * that is missing. Root, this process's user and members of @group are served.
 * Returns 0; -EADDRINUSE when another agent answers there; -ENOTSOCK when
 * @path is something else; -ENAMETOOLONG; or -errno.
 */
int control_listen(struct loop *loop, const char *path, gid_t group,
		   control_fn fn, void *arg, struct control_server **ret);

/** Removes the socket. Calls under way get no answer and must not be answered
 *  any more: they are freed. Accepts NULL. */
void control_close(struct control_server *s);
DEFINE_FREEP(struct control_server, control_close)

/** Close a connection that moves nothing for that long and waits for no
 *  answer; CONTROL_IDLE_MS unless set. */
void control_set_idle(struct control_server *s, unsigned ms);
#define CONTROL_IDLE_MS 60000

/** Clients that are connected, and commands under way whose clients have gone:
 *  at most CONTROL_CLIENTS_MAX. */
unsigned control_clients(const struct control_server *s);

/** Who asked: for a log, or for a command that not everyone may give. */
uid_t control_call_uid(const struct control_call *call);
pid_t control_call_pid(const struct control_call *call);

/**
 * Tell when the client goes before it has its answer; then the call is freed
 * and must not be answered. For commands that may wait for long: without it a
 * call whose client has gone holds a client's place until it is answered.
 * Not told by control_close().
 */
void control_call_on_hangup(struct control_call *call, void (*fn)(void *arg),
			    void *arg);

/** Answer; takes the reference of @result. A client that has gone is fine. */
void control_reply(struct control_call *call, struct json_object *result);
void control_fail(struct control_call *call, const char *fmt, ...)
	_printf_(2, 3);
