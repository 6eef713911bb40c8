/* SPDX-License-Identifier: GPL-2.0-or-later */
/* csv.c - rows of the flow log. */
#include "schema.h"

static size_t commas(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += *s == ',';
	return n;
}

static void row(const char *json, const char *want)
{
	_cleanup_(buf_fini) struct buf out = BUF_INIT(BUF_UNBOUNDED);
	struct json_object *o = json_tokener_parse(json);

	format_csv(o, &out);
	assert_string_equal(buf_str(&out), want);
	json_object_put(o);
}

static void test_rows(_unused_ void **state)
{
	row(DENIED,
	    "2026-01-31T10:20:30.123456789Z,denied,ingress,no-policy-allows,\"shop/db, shop/deny\",tcp,"
	    "172.18.0.2,40000,02:42:ac:12:00:02,web.test,shop,web,aa,nginx:1,"
	    "172.18.0.3,5432,,,shop,db,bb,postgres,192.0.2.1,15432,SYN,,,br-1,br-1,"
	    "00000000000000ff,new,3,180,,,2026-01-31T10:20:30.000000000Z,"
	    "2026-01-31T10:20:31.000000000Z,,1:LQU9qZlK+B5F3KDmev6m5PMibrg=,h1,b-1,7,,,,,\n");
}

static void test_heading(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf out = BUF_INIT(BUF_UNBOUNDED);
	const char *heading = format_heading(FORMAT_KIND_CSV);
	struct json_object *o = json_object_new_object();

	format_csv(o, &out);
	assert_int_equal(commas(heading), commas(buf_str(&out)));
	assert_memory_equal(heading, "time,verdict,direction,", 23);
	assert_string_equal(strrchr(heading, ','), ",message\n");
	json_object_put(o);
}

/* Nothing in a cell ends it, is a formula or steers a terminal. */
static void test_hostile(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf out = BUF_INIT(BUF_UNBOUNDED);
	struct json_object *o = json_tokener_parse(
		"{\"time\":\"=HYPERLINK(\\\"x\\\")\",\"verdict\":\"a\\nb\",\"direction\":\"\\u001b[2J\",\"reason\":\"-1\"}");

	format_csv(o, &out);
	assert_memory_equal(out.data,
			    "\"'=HYPERLINK(\"\"x\"\")\",a\\x0ab,\\x1b[2J,'-1,",
			    40);
	json_object_put(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_heading),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
