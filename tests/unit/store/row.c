/* SPDX-License-Identifier: GPL-2.0-or-later */
/* row.c - records taken apart. */
#include <errno.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json/json.h"
#include "store/row.h"

static void extra_is(const char *json, const char *want)
{
	struct json_object *o = json_tokener_parse(json);
	struct row row;

	assert_int_equal(row_take(o, &row), 0);
	assert_string_equal(row.extra
				    ? json_object_to_json_string_ext(
					      row.extra, JSON_C_TO_STRING_PLAIN)
				    : "",
			    want);
	row_fini(&row);
	json_object_put(o);
}

#define FLOW \
	"{\"time\":\"2026-01-31T10:20:30.000000000Z\",\"verdict\":\"denied\""

/* What its column would give back otherwise stays as it is. */
static void test_extra(_unused_ void **state)
{
	extra_is(FLOW "}", "");
	extra_is(FLOW ",\"vlan\":5,\"x\":null}", "{\"vlan\":5,\"x\":null}");
	extra_is("{\"time\":\"2026-01-31T10:20:30Z\",\"verdict\":\"denied\"}",
		 "{\"time\":\"2026-01-31T10:20:30Z\"}");
	extra_is(FLOW ",\"src\":{\"ip\":\"::1\",\"port\":7,\"zone\":1}}",
		 "{\"src\":{\"zone\":1}}");
	extra_is(FLOW ",\"src\":{\"ip\":\"0:0::1\"},\"dst\":{}}",
		 "{\"src\":{\"ip\":\"0:0::1\"},\"dst\":{}}");
	extra_is(FLOW ",\"seq\":18446744073709551615,\"packets\":1.5}",
		 "{\"seq\":18446744073709551615,\"packets\":1.5}");
	extra_is(FLOW ",\"flow_id\":\"00FF\",\"icmp\":{\"type\":3}}",
		 "{\"flow_id\":\"00FF\",\"icmp\":{\"type\":3}}");
	extra_is(FLOW ",\"reason\":\"\",\"proto\":6,\"policies\":[\"a\",1]}",
		 "{\"reason\":\"\",\"proto\":6,\"policies\":[\"a\",1]}");
	extra_is(FLOW ",\"level\":\"info\",\"container\":{\"id\":\"a\"}}",
		 "{\"level\":\"info\",\"container\":{\"id\":\"a\"}}");
	extra_is(
		"{\"time\":\"2026-01-31T10:20:30.000000000Z\",\"event\":\"loss\",\"records\":4,"
		"\"policies\":[\"a\"],\"src\":{\"ip\":\"::1\"}}",
		"{\"records\":4,\"policies\":[\"a\"],\"src\":{\"ip\":\"::1\"}}");
	/* A clock that was set back. */
	extra_is(
		FLOW
		",\"first\":\"2026-01-31T10:20:30.000000000Z\",\"last\":\"2026-01-31T10:20:29.000000000Z\"}",
		"{\"last\":\"2026-01-31T10:20:29.000000000Z\"}");
}

static void test_values(_unused_ void **state)
{
	struct json_object *o = json_tokener_parse(
		FLOW
		",\"flow_id\":\"ffffffffffffffff\",\"seq\":3,\"first\":\"1970-01-01T00:00:01.000000000Z\","
		"\"src\":{\"ip\":\"10.0.0.1\",\"port\":9,\"mac\":\"02:00:00:00:00:01\",\"name\":\"n\",\"container\":{\"name\":\"web\"}},"
		"\"icmp\":{\"type\":8,\"code\":1},\"policies\":[\"a/b\"]}");
	struct row row;

	assert_int_equal(row_take(o, &row), 0);
	assert_int_equal(row.flow_id.value, -1);
	assert_int_equal(row.numbers[ROW_SEQ].value, 3);
	assert_false(row.numbers[ROW_PACKETS].is_set);
	assert_int_equal(row.start, 1000000000);
	assert_true(row.has_first);
	assert_false(row.has_last);
	assert_int_equal(row.stop, row.time);
	assert_int_equal(row.src.addr.family, AF_INET);
	assert_int_equal(row.src.port.value, 9);
	assert_string_equal(row.src.name, "n");
	assert_string_equal(json_text(row.src.container, "name"), "web");
	assert_int_equal(row.icmp_code.value, 1);
	assert_null(row.extra);
	row_fini(&row);
	json_object_put(o);
}

static void test_no_record(_unused_ void **state)
{
	static const char *const wrong[] = {
		"{}",
		"[]",
		"{\"verdict\":\"denied\"}",
		"{\"time\":\"2026-01-31T10:20:30Z\"}",
		"{\"time\":\"yesterday\",\"verdict\":\"denied\"}",
		"{\"time\":\"2400-01-31T10:20:30Z\",\"verdict\":\"denied\"}",
		"{\"time\":\"2026-01-31T10:20:30Z\",\"verdict\":3}",
		"{\"time\":\"2026-01-31T10:20:30Z\",\"verdict\":\"\"}",
	};
	struct row row;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct json_object *o = json_tokener_parse(wrong[i]);

		assert_int_equal(row_take(o, &row), -EBADMSG);
		json_object_put(o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_extra),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_no_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
