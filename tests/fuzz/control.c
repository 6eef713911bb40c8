/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control.c - fuzz target: request lines of the control socket. */
#include <assert.h>
#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice line = { (const char *)data, size };
	struct json_object *arguments = NULL;
	char *command = NULL;
	const char *error = NULL;

	if (control_parse_request(line, &command, &arguments, &error) < 0) {
		assert(error && !command && !arguments);
		return 0;
	}
	assert(strlen(command) > 0 && !error);
	assert(json_object_is_type(arguments, json_type_object));
	free(command);
	json_object_put(arguments);
	return 0;
}
