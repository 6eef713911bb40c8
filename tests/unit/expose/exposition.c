/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exposition.c - Prometheus' text format 0.0.4, byte by byte. */
#include <errno.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "expose/exposition.h"
#include "json/json.h"

static int format(struct buf *out, const char *families)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);
	struct json_object *metrics;
	int r;

	buf_addf(&text, "{\"families\": [%s]}", families);
	metrics = json_parse(buf_slice(&text));
	assert_non_null(metrics);
	r = exposition_add(out, metrics);
	json_object_put(metrics);
	return r;
}

static void expect(const char *families, const char *want)
{
	_cleanup_(buf_fini) struct buf out = BUF_INIT(BUF_UNBOUNDED);

	assert_int_equal(format(&out, families), 0);
	assert_string_equal(buf_str(&out), want);
}

static void refuse(const char *families)
{
	_cleanup_(buf_fini) struct buf out = BUF_INIT(BUF_UNBOUNDED);

	assert_int_equal(format(&out, families), -EPROTO);
}

#define FAMILY(name, type, samples)                                         \
	"{\"name\": \"" name "\", \"type\": \"" type "\", \"help\": \"h\"," \
	" \"samples\": [" samples "]}"
#define HEAD(name, type) "# HELP " name " h\n# TYPE " name " " type "\n"

static void plain(_unused_ void **state)
{
	expect("", "");
	expect(FAMILY("a_total", "counter", ""), HEAD("a_total", "counter"));
	expect(FAMILY("a", "gauge",
		      "{\"value\": 1}, {\"labels\": {\"x\": \"y\", \"z\": \"\"}, \"value\": -2}"),
	       HEAD("a", "gauge") "a 1\na{x=\"y\",z=\"\"} -2\n");
}

static void numbers(_unused_ void **state)
{
	expect(FAMILY("a", "gauge",
		      "{\"value\": 18446744073709551615}, {\"value\": 0.1},"
		      "{\"value\": 1e300}, {\"value\": 0.30000000000000004},"
		      "{\"value\": 1769854830.123}, {\"value\": 1e999}"),
	       HEAD("a", "gauge") "a 18446744073709551615\na 0.1\na 1e+300\n"
				  "a 0.30000000000000004\na 1769854830.123\n"
				  "a +Inf\n");
}

static void escapes(_unused_ void **state)
{
	expect(FAMILY("a", "gauge",
		      "{\"labels\": {\"x\": \"q\\\" b\\\\ n\\n e\\u001b r\\u202e \\u00e4\"}, \"value\": 1}"),
	       HEAD("a",
		    "gauge") "a{x=\"q\\\" b\\\\ n\\\\x0a e\\\\x1b r\\\\u{202e} \xc3\xa4\"} 1\n");
	expect("{\"name\": \"a\", \"type\": \"gauge\", \"help\": \"b\\\\ \\\"q\\\" \\n\", \"samples\": []}",
	       "# HELP a b\\\\ \"q\" \\\\x0a\n# TYPE a gauge\n");
}

static void histogram(_unused_ void **state)
{
	expect(FAMILY("d_seconds", "histogram",
		      "{\"labels\": {\"x\": \"y\"}, \"buckets\": [{\"le\": 0.0025, \"count\": 0},"
		      " {\"le\": 1, \"count\": 2}], \"count\": 3, \"sum\": 4.5}"),
	       HEAD("d_seconds",
		    "histogram") "d_seconds_bucket{x=\"y\",le=\"0.0025\"} 0\n"
				 "d_seconds_bucket{x=\"y\",le=\"1\"} 2\n"
				 "d_seconds_bucket{x=\"y\",le=\"+Inf\"} 3\n"
				 "d_seconds_sum{x=\"y\"} 4.5\n"
				 "d_seconds_count{x=\"y\"} 3\n");
	expect(FAMILY("d", "histogram", "{\"count\": 0, \"sum\": 0}"),
	       HEAD("d",
		    "histogram") "d_bucket{le=\"+Inf\"} 0\nd_sum 0\nd_count 0\n");
}

static void bad_names(_unused_ void **state)
{
	refuse(FAMILY("", "gauge", ""));
	refuse(FAMILY("1a", "gauge", ""));
	refuse(FAMILY("a b", "gauge", ""));
	refuse(FAMILY("a\\n", "gauge", ""));
	refuse(FAMILY("a", "summary", ""));
	refuse(FAMILY("a", "gauge", "") "," FAMILY("a", "counter", ""));
	refuse(FAMILY("a", "gauge",
		      "{\"labels\": {\"\": \"\"}, \"value\": 1}"));
	refuse(FAMILY("a", "gauge",
		      "{\"labels\": {\"__x\": \"\"}, \"value\": 1}"));
	refuse(FAMILY("a", "gauge",
		      "{\"labels\": {\"x\\\"\": \"\"}, \"value\": 1}"));
	refuse(FAMILY(
		"a", "histogram",
		"{\"labels\": {\"le\": \"\"}, \"count\": 0, \"sum\": 0}"));
	refuse("1");
}

static void bad_samples(_unused_ void **state)
{
	refuse(FAMILY("a", "gauge", "{}"));
	refuse(FAMILY("a", "gauge", "{\"value\": \"1\"}"));
	refuse(FAMILY("a", "gauge", "{\"value\": true}"));
	refuse(FAMILY("a", "gauge", "{\"labels\": 1, \"value\": 1}"));
	refuse(FAMILY("a", "gauge", "{\"labels\": {\"x\": 1}, \"value\": 1}"));
	refuse("{\"name\": \"a\", \"type\": \"gauge\"}");
}

#define BUCKETS(b, count)        \
	FAMILY("a", "histogram", \
	       "{\"buckets\": [" b "], \"count\": " count ", \"sum\": 0}")

static void bad_histograms(_unused_ void **state)
{
	refuse(BUCKETS("{\"le\": 1, \"count\": 2}", "1"));
	refuse(BUCKETS("{\"le\": 1, \"count\": 2}, {\"le\": 2, \"count\": 1}",
		       "3"));
	refuse(BUCKETS("{\"le\": 1, \"count\": 1}, {\"le\": 1, \"count\": 1}",
		       "3"));
	refuse(BUCKETS("{\"le\": 1, \"count\": -1}", "3"));
	refuse(BUCKETS("{\"le\": \"1\", \"count\": 1}", "3"));
	refuse(BUCKETS("{\"le\": 1e999, \"count\": 1}", "3"));
	refuse(BUCKETS("", "1.5"));
	refuse(FAMILY("a", "histogram", "{\"count\": 1}"));
}

static void too_long(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf out = BUF_INIT(20);

	assert_int_equal(format(&out, FAMILY("a", "gauge", "{\"value\": 1}")),
			 -ENOBUFS);
}

static void our_own(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf out = BUF_INIT(BUF_UNBOUNDED);

	exposition_gauge(&out, "up", "h", 0);
	assert_string_equal(buf_str(&out), HEAD("up", "gauge") "up 0\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),	  cmocka_unit_test(numbers),
		cmocka_unit_test(escapes),	  cmocka_unit_test(histogram),
		cmocka_unit_test(bad_names),	  cmocka_unit_test(bad_samples),
		cmocka_unit_test(bad_histograms), cmocka_unit_test(too_long),
		cmocka_unit_test(our_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
