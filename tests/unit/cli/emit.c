/* SPDX-License-Identifier: GPL-2.0-or-later */
/* emit.c - JSON and YAML for programs. */
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macro.h"
#include "cli/emit.h"

static void emits(const char *in,
		  void (*emit)(struct buf *out, struct json_object *o),
		  const char *want)
{
	_cleanup_(buf_fini) struct buf out = BUF_INIT(BUF_UNBOUNDED);
	struct json_object *o = json_tokener_parse(in);

	emit(&out, o);
	assert_string_equal(buf_str(&out), want);
	json_object_put(o);
}

static const char sample[] =
	"{\"a\": 1, \"b\": [], \"c\": {}, \"d\": [1, {\"e\": null, \"f\": [true]},"
	" [\"x\", []]], \"g\": {\"h\": \"y\\u001b\"}}";

static void test_compact(_unused_ void **state)
{
	emits(sample, json_compact,
	      "{\"a\":1,\"b\":[],\"c\":{},\"d\":[1,{\"e\":null,\"f\":[true]},"
	      "[\"x\",[]]],\"g\":{\"h\":\"y\\u001b\"}}\n");
	emits("null", json_compact, "null\n");
	emits("-9223372036854775808", json_compact, "-9223372036854775808\n");
}

static void test_pretty(_unused_ void **state)
{
	emits("{}", json_pretty, "{}\n");
	emits(sample, json_pretty,
	      "{\n"
	      "  \"a\": 1,\n"
	      "  \"b\": [],\n"
	      "  \"c\": {},\n"
	      "  \"d\": [\n"
	      "    1,\n"
	      "    {\n"
	      "      \"e\": null,\n"
	      "      \"f\": [\n"
	      "        true\n"
	      "      ]\n"
	      "    },\n"
	      "    [\n"
	      "      \"x\",\n"
	      "      []\n"
	      "    ]\n"
	      "  ],\n"
	      "  \"g\": {\n"
	      "    \"h\": \"y\\u001b\"\n"
	      "  }\n"
	      "}\n");
}

static void test_yaml(_unused_ void **state)
{
	emits("[]", json_yaml, "[]\n");
	emits("\"no\"", json_yaml, "\"no\"\n");
	emits(sample, json_yaml,
	      "a: 1\n"
	      "b: []\n"
	      "c: {}\n"
	      "d:\n"
	      "  - 1\n"
	      "  - e: null\n"
	      "    f:\n"
	      "      - true\n"
	      "  - - \"x\"\n"
	      "    - []\n"
	      "g:\n"
	      "  h: \"y\\u001b\"\n");
}

/* Words that some YAML takes for a boolean, and keys that are no word. */
static void test_yaml_keys(_unused_ void **state)
{
	emits("{\"y\":1,\"No\":2,\"app.kubernetes.io/name\":3,\"\":4,\"1\":5,"
	      "\"a_1\":6,\"x: y\":7}",
	      json_yaml,
	      "\"y\": 1\n\"No\": 2\n\"app.kubernetes.io/name\": 3\n\"\": 4\n"
	      "\"1\": 5\na_1: 6\n\"x: y\": 7\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compact),
		cmocka_unit_test(test_pretty),
		cmocka_unit_test(test_yaml),
		cmocka_unit_test(test_yaml_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
