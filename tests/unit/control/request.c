/* SPDX-License-Identifier: GPL-2.0-or-later */
/* request.c - what is a request line, and what is none. */
#include <errno.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macro.h"
#include "control/request.h"
#include "json/json.h"

static void accepts(const char *line, const char *command, int n)
{
	struct json_object *arguments;
	const char *error = NULL;
	char *got;

	assert_int_equal(
		control_parse_request(slice_of(line), &got, &arguments, &error),
		0);
	assert_string_equal(got, command);
	assert_int_equal(json_object_object_length(arguments), n);
	free(got);
	json_object_put(arguments);
}

static void refuses(struct slice line, const char *why)
{
	struct json_object *arguments = NULL;
	const char *error = NULL;
	char *command = NULL;

	assert_int_equal(
		control_parse_request(line, &command, &arguments, &error),
		-EINVAL);
	assert_null(command);
	assert_null(arguments);
	assert_non_null(strstr(error, why));
}

static void test_accepts(_unused_ void **state)
{
	accepts("{\"command\":\"status\"}", "status", 0);
	accepts(" {\"command\": \"status\", \"arguments\": {} } \r", "status",
		0);
	accepts("{\"arguments\":{\"a\":1,\"b\":[2]},\"command\":\"x\"}", "x",
		2);
	/* What a newer client may say. */
	accepts("{\"command\":\"status\",\"colour\":true}", "status", 0);
}

static void test_refuses(_unused_ void **state)
{
	static const char *const none[] = {
		"",
		" ",
		"{",
		"status",
		"1",
		"[]",
		"null",
		"\"status\"",
		"{\"command\":\"status\"",
		"{'command':'status'}",
		"{\"command\":\"status\"} x",
		"{\"command\":\"status\"}{}",
		"{\"command\":\"\xff\"}",
		"{\"command\":\"status\",}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		refuses(slice_of(none[i]), "no JSON object");
	refuses(SLICE("{}"), "names no command");
	refuses(SLICE("{\"command\":1}"), "names no command");
	refuses(SLICE("{\"command\":null}"), "names no command");
	refuses(SLICE("{\"command\":\"\"}"), "names no command");
	refuses(SLICE("{\"command\":\"a\",\"arguments\":[]}"), "arguments");
	refuses(SLICE("{\"command\":\"a\",\"arguments\":null}"), "arguments");
	refuses(SLICE("{\"command\":\"a\"}\0{"), "no JSON object");
}

static void test_depth(_unused_ void **state)
{
	char line[2 * JSON_DEPTH_MAX + 64];
	char open[JSON_DEPTH_MAX + 1], close[JSON_DEPTH_MAX + 1];
	/* The request and its arguments are two levels themselves. */
	size_t fits = JSON_DEPTH_MAX - 3;

	memset(open, '[', sizeof(open));
	memset(close, ']', sizeof(close));
	snprintf(line, sizeof(line),
		 "{\"command\":\"a\",\"arguments\":{\"x\":%.*s%.*s}}",
		 (int)fits, open, (int)fits, close);
	accepts(line, "a", 1);
	snprintf(line, sizeof(line),
		 "{\"command\":\"a\",\"arguments\":{\"x\":%.*s%.*s}}",
		 JSON_DEPTH_MAX, open, JSON_DEPTH_MAX, close);
	refuses(slice_of(line), "no JSON object");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepts),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
