/* SPDX-License-Identifier: GPL-2.0-or-later */
/* question.c - who is named, and which records are asked for. */
#include <errno.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json/json.h"
#include "store/question.h"
#include "store/row.h"

static const char record[] =
	"{\"time\":\"2026-01-31T10:20:30Z\",\"verdict\":\"denied\",\"proto\":\"tcp\","
	"\"reason\":\"no-policy-allows\",\"direction\":\"egress\",\"policies\":[\"shop/a\",\"shop/b\"],"
	"\"flow_id\":\"00000000000000ff\","
	"\"first\":\"2026-01-31T10:20:20Z\",\"last\":\"2026-01-31T10:20:40Z\","
	"\"src\":{\"ip\":\"172.18.0.2\",\"port\":4000,\"container\":{\"id\":\"4f1c9a77\",\"name\":\"web\","
	"\"namespace\":\"shop\",\"labels\":{\"app\":\"web\",\"tier\":\"front\"}}},"
	"\"dst\":{\"ip\":\"2001:db8::5\",\"port\":443,\"name\":\"db.example\"}}";

/* True when the record is from @from and to @to. */
static bool goes(const char *from, const char *to)
{
	_cleanup_(question_fini) struct question q = { .until = UINT64_MAX };
	_cleanup_(json_unrefp) struct json_object *o =
		json_tokener_parse(record);
	_cleanup_(row_fini) struct row row = { 0 };
	const char *error;

	if (from)
		assert_int_equal(party_parse(from, &q.from, &error), 0);
	if (to)
		assert_int_equal(party_parse(to, &q.to, &error), 0);
	assert_int_equal(row_take(o, &row), 0);
	return question_matches(&q, &row);
}

static void test_parties(_unused_ void **state)
{
	static const char *const from[] = {
		"web",
		"shop/web",
		"shop/",
		"4f1c9a",
		"4f1c9a77",
		"shop/4f1c9a",
		"172.18.0.2",
		"172.18.0.0/16",
		"app=web",
		"app==web",
		"app=web,tier=front",
		"app!=db",
		"app,",
		"!db",
		"nothing!=x",
		"0.0.0.0/0",
		" app = web , tier=front",
	};
	static const char *const not_from[] = {
		"we",	      "db",
		"other/web",  "other/",
		"4f1c",	      "4f1c9b",
		"172.18.0.3", "10.0.0.0/8",
		"app=we",     "app!=web",
		"!app",	      "db,",
		"::/0",	      "app=web,tier=back",
	};

	for (size_t i = 0; i < ARRAY_SIZE(from); i++)
		if (!goes(from[i], NULL))
			fail_msg("from %s", from[i]);
	for (size_t i = 0; i < ARRAY_SIZE(not_from); i++)
		if (goes(not_from[i], NULL))
			fail_msg("not from %s", not_from[i]);
	assert_true(goes("web", "db.example"));
	assert_true(goes(NULL, "2001:db8::/32"));
	assert_false(goes(NULL, "web"));
	/* No container has no labels, not even other ones. */
	assert_false(goes(NULL, "app!=db"));
	assert_false(goes(NULL, "!app"));
}

static void test_wrong_parties(_unused_ void **state)
{
	static const char *const wrong[] = {
		"",	      "/web",	   "a/b/c",
		"=web",	      "!=web",	   "10.0.0.1/8",
		",",	      "a=b,,c",	   "10.0.0.0/33",
		"fd00::/129", "10.0.0.1/", "10.0.0.0/web"
	};
	struct party p;
	const char *error;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		error = NULL;
		assert_int_equal(party_parse(wrong[i], &p, &error), -EINVAL);
		assert_non_null(error);
	}
}

static bool asked(struct question q)
{
	_cleanup_(json_unrefp) struct json_object *o =
		json_tokener_parse(record);
	_cleanup_(row_fini) struct row row = { 0 };

	q.until = q.until ?: UINT64_MAX;
	assert_int_equal(row_take(o, &row), 0);
	return question_matches(&q, &row);
}

#define Q(...) ((struct question){ __VA_ARGS__ })
#define SECOND 1000000000ULL
#define FIRST  1769854820ULL

static void test_fields(_unused_ void **state)
{
	char denied[] = "no-policy-allows", tcp[] = "tcp", udp[] = "udp";
	char a[] = "shop/a", c[] = "shop/c", egress[] = "egress";

	assert_true(asked(Q()));
	assert_true(asked(Q(.verdicts = QUESTION_DENIED)));
	assert_false(asked(Q(.verdicts = QUESTION_ALLOWED | QUESTION_AUDIT)));
	assert_true(asked(Q(.port = { true, 443 })));
	assert_false(asked(Q(.port = { true, 4000 })));
	assert_true(asked(Q(.proto = tcp, .reason = denied, .policy = a,
			    .direction = egress)));
	assert_false(asked(Q(.proto = udp)));
	assert_false(asked(Q(.policy = c)));
	assert_true(asked(Q(.has_flow_id = true, .flow_id = 255)));
	assert_false(asked(Q(.has_flow_id = true, .flow_id = 256)));
	assert_false(asked(Q(.no_flows = true)));
}

/* A flow is there from its first packet to its last. */
static void test_time(_unused_ void **state)
{
	assert_true(asked(Q(.since = (FIRST + 20) * SECOND)));
	assert_false(asked(Q(.since = (FIRST + 20) * SECOND + 1)));
	assert_true(asked(Q(.until = FIRST * SECOND)));
	assert_false(asked(Q(.until = FIRST * SECOND - 1)));
	assert_true(asked(Q(.since = (FIRST + 5) * SECOND,
			    .until = (FIRST + 6) * SECOND)));
}

static bool event_asked(const char *json, struct question q)
{
	_cleanup_(json_unrefp) struct json_object *o = json_tokener_parse(json);
	_cleanup_(row_fini) struct row row = { 0 };
	bool yes;

	q.until = UINT64_MAX;
	assert_int_equal(row_take(o, &row), 0);
	yes = question_matches(&q, &row);
	question_fini(&q);
	return yes;
}

static void test_events(_unused_ void **state)
{
	static const char loss[] =
		"{\"time\":\"2026-01-31T10:20:30Z\",\"event\":\"loss\",\"records\":1}";
	static const char start[] =
		"{\"time\":\"2026-01-31T10:20:30Z\",\"event\":\"container-start\","
		"\"container\":{\"id\":\"4f1c9a77\",\"name\":\"web\",\"namespace\":\"shop\"}}";
	struct question web = { .events = true }, db = { .events = true };
	const char *error;

	assert_int_equal(party_parse("web", &web.to, &error), 0);
	assert_int_equal(party_parse("db", &db.from, &error), 0);
	assert_true(event_asked(loss, Q(.verdicts = QUESTION_DENIED)));
	assert_false(event_asked(start, Q()));
	assert_true(event_asked(start, Q(.events = true)));
	assert_true(event_asked(start, web));
	assert_false(event_asked(start, db));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parties),
		cmocka_unit_test(test_wrong_parties),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
