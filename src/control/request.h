/* SPDX-License-Identifier: GPL-2.0-or-later */
/* request.h - one line of the control protocol; private to the stage. */
#pragma once

#include "base/slice.h"

struct json_object;

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
