/* SPDX-License-Identifier: GPL-2.0-or-later */
/* request.c - one line of the control protocol, from whoever may connect. */
#include "control/request.h"

#include <errno.h>
#include <json-c/json.h>

#include "base/alloc.h"
#include "json/json.h"

static const char *check(struct json_object *request)
{
	struct json_object *command, *arguments;

	if (!json_object_is_type(request, json_type_object))
		return "the request is no JSON object";
	if (!json_object_object_get_ex(request, "command", &command) ||
	    !json_object_is_type(command, json_type_string) ||
	    !json_object_get_string_len(command))
		return "the request names no command";
	if (json_object_object_get_ex(request, "arguments", &arguments) &&
	    !json_object_is_type(arguments, json_type_object))
		return "the request's arguments are no JSON object";
	return NULL;
}

int control_parse_request(struct slice line, char **ret_command,
			  struct json_object **ret_arguments,
			  const char **ret_error)
{
	struct json_object *request = json_parse(line);
	struct json_object *command, *arguments;
	const char *error = check(request);

	if (error) {
		json_object_put(request);
		*ret_error = error;
		return -EINVAL;
	}
	command = json_object_object_get(request, "command");
	if (json_object_object_get_ex(request, "arguments", &arguments))
		json_object_get(arguments);
	else
		arguments = json_object_new_object();
	*ret_command = xstrdup(json_object_get_string(command));
	*ret_arguments = arguments;
	json_object_put(request);
	return 0;
}
