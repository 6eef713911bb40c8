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

	flow_format(o, false, false, &out);
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
	formats("{\"time\":\"2026-01-31T10:20:30.000000000Z\","
		"\"event\":\"loss\",\"records\":12}",
		"2026-01-31T10:20:30.000Z  loss      "
		"12 records are missing here\n");
	formats("{\"time\":\"2026-01-31T10:20:30.000000000Z\",\"level\":\"info\","
		"\"event\":\"policy-changed\",\"message\":\"It \\u001bchanged.\"}",
		"2026-01-31T10:20:30.000Z  policy-changed  It \\x1bchanged.\n");
}

static void test_wide(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf out = BUF_INIT(BUF_UNBOUNDED);
	struct json_object *o = json_tokener_parse(
		"{\"time\":\"2026-01-31T10:20:30Z\",\"verdict\":\"denied\","
		"\"flow_id\":\"00000000000000ff\",\"state\":\"new\",\"packets\":3,\"bytes\":0}");

	flow_format(o, true, false, &out);
	assert_non_null(
		strstr(buf_str(&out),
		       "  00000000000000ff  new     3         0         "
		       "-         -         \n"));
	json_object_put(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_event),
		cmocka_unit_test(test_wide),
	};

	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
