/* SPDX-License-Identifier: GPL-2.0-or-later */
/* request.h - one line of the control protocol; private to the stage. */
#pragma once

#include "base/slice.h"

struct json_object;

/** Nesting of a message: deeper ones are refused. */
#define CONTROL_DEPTH_MAX 32

/** Parse a whole JSON text of @line, or NULL when it is none. */
struct json_object *control_parse(struct slice line, int depth);

/**
 * Split a request line.
 *
 * @ret_command   a copy, freed by the caller.
 * @ret_arguments an object, owned by the caller; an empty one when the line
 *                has none.
 * @ret_error     on failure, what is wrong, a literal.
 * Returns 0 or -EINVAL.
 */
int control_parse_request(struct slice line, char **ret_command,
			  struct json_object **ret_arguments,
			  const char **ret_error);
