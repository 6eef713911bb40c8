/* SPDX-License-Identifier: GPL-2.0-or-later */
/* request.c - one line of the control protocol, from whoever may connect. */
#include "control/request.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>

#include "base/alloc.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct slice trim(struct slice s)
{
	while (s.len && is_blank(s.ptr[s.len - 1]))
		s.len--;
	while (s.len && is_blank(s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	return s;
}

struct json_object *control_parse(struct slice line, int depth)
{
	struct slice text = trim(line);
	struct json_tokener *tokener;
	struct json_object *o;

	if (!text.len || text.len > INT_MAX)
		return NULL;
	tokener = json_tokener_new_ex(depth);
	if (!tokener)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT |
						JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tokener, text.ptr, (int)text.len);
	/* A number alone ends only with the text's end: it stays "continue",
	 * and no message is one. */
	if (json_tokener_get_error(tokener) != json_tokener_success ||
	    json_tokener_get_parse_end(tokener) != text.len) {
		json_object_put(o);
		o = NULL;
	}
	json_tokener_free(tokener);
	return o;
}

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
	struct json_object *request = control_parse(line, CONTROL_DEPTH_MAX);
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
