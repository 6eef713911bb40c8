/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow.c - a record of the flow log. */
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <locale.h>

#include <cmocka.h>

#include "base/macro.h"
#include "cli/flow.h"
#include "json/json.h"

static const char record[] =
	"{\"time\":\"2026-01-31T10:20:30.123456789Z\",\"verdict\":\"denied\","
	"\"direction\":\"ingress\",\"reason\":\"no-policy-allows\","
	"\"policies\":[\"shop/deny\",\"shop/db\"],\"proto\":\"tcp\","
	"\"src\":{\"ip\":\"172.18.0.2\",\"port\":40000,\"container\":"
	"{\"namespace\":\"shop\",\"name\":\"w\\u001b[31m\"}},"
	"\"dst\":{\"ip\":\"fd00::3\",\"port\":5432}}";

static void formats(const char *in, const char *want)
{
	_cleanup_(buf_fini) struct buf out = BUF_INIT(BUF_UNBOUNDED);
	struct json_object *o = json_tokener_parse(in);

	assert_true(flow_valid(o));
	flow_format(o, false, &out);
	assert_string_equal(buf_str(&out), want);
	json_object_put(o);
}

static void test_formats(_unused_ void **state)
{
	formats(record,
		"2026-01-31T10:20:30.123Z  denied    ingress   tcp      "
		"shop/w\\x1b[31m 172.18.0.2:40000     "
		"[fd00::3]:5432                      "
		"no-policy-allows (shop/deny, shop/db)\n");
	formats("{\"time\":\"2026-01-31T10:20:30Z\",\"verdict\":\"audit\","
		"\"proto\":\"icmp\",\"src\":{\"ip\":\"10.0.0.1\"}}",
		"2026-01-31T10:20:30Z      audit     -         icmp     "
		"10.0.0.1                            "
		"-                                   "
		"\n");
}

static void test_event(_unused_ void **state)
{
	static const char loss[] =
		"{\"time\":\"2026-01-31T10:20:30.000000000Z\","
		"\"event\":\"loss\",\"records\":12}";
	struct json_object *o = json_tokener_parse(loss);

	formats(loss, "2026-01-31T10:20:30.000Z  loss      "
		      "12 records are missing here\n");
	/* What is missing may have been denied. */
	assert_true(
		flow_matches(&(struct flow_filter){ true, 0, UINT64_MAX }, o));
	json_object_put(o);
}

static bool matches(struct flow_filter f)
{
	struct json_object *o = json_tokener_parse(record);
	bool yes = flow_matches(&f, o);

	json_object_put(o);
	return yes;
}

static void test_matches(_unused_ void **state)
{
	const uint64_t at = 1769854830123456789;

	assert_true(matches((struct flow_filter){ true, 0, UINT64_MAX }));
	assert_true(matches((struct flow_filter){ false, at, at }));
	assert_false(
		matches((struct flow_filter){ false, at + 1, UINT64_MAX }));
	assert_false(matches((struct flow_filter){ false, 0, at - 1 }));
}

static void test_denied(_unused_ void **state)
{
	struct json_object *o = json_tokener_parse(
		"{\"time\":\"2026-01-31T10:20:30Z\",\"verdict\":\"audit\"}");

	assert_false(
		flow_matches(&(struct flow_filter){ true, 0, UINT64_MAX }, o));
	assert_true(
		flow_matches(&(struct flow_filter){ false, 0, UINT64_MAX }, o));
	json_object_put(o);
}

static void test_valid(_unused_ void **state)
{
	static const char *const wrong[] = {
		"{}",
		"[]",
		"1",
		"{\"time\":\"2026-01-31T10:20:30Z\"}",
		"{\"time\":5,\"verdict\":\"denied\"}",
		"{\"time\":\"now\",\"verdict\":\"denied\"}",
	};

	assert_false(flow_valid(NULL));
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct json_object *o = json_tokener_parse(wrong[i]);

		assert_false(flow_valid(o));
		json_object_put(o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats), cmocka_unit_test(test_event),
		cmocka_unit_test(test_matches), cmocka_unit_test(test_denied),
		cmocka_unit_test(test_valid),
	};

	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
