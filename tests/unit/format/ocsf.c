/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ocsf.c - records and events against the attributes that OCSF publishes. */
#include "schema.h"

/* Attributes of network_activity, application_lifecycle,
 * device_config_state_change, detection_finding and base_event with the
 * profiles host, security_control and container, and their types by
 * dictionary.json: the OCSF schema repository at v1.2.0
 * (https://github.com/ocsf/ocsf-schema). */
#define ENDPOINT(name)                                                       \
	{ name ".ip", IP, false }, { name ".port", PORT, false },            \
		{ name ".mac", MAC, false },                                 \
		{ name ".hostname", TEXT, false },                           \
		{ name ".interface_name", TEXT, false },                     \
		{ name ".name", TEXT, false }, { name ".uid", TEXT, false }, \
		{ name ".type_id", LONG, false },                            \
		{ name ".type", TEXT, false },                               \
		{ name ".container.uid", TEXT, false },                      \
		{ name ".container.name", TEXT, false },                     \
		{ name ".container.runtime", TEXT, false },                  \
		{ name ".container.image.uid", TEXT, false },                \
	{                                                                    \
		name ".container.image.name", TEXT, false                    \
	}

static const struct field fields[] = {
	{ "activity_id", LONG, false },
	{ "activity_name", TEXT, false },
	{ "category_uid", LONG, false },
	{ "class_uid", LONG, false },
	{ "type_uid", LONG, false },
	{ "severity_id", LONG, false },
	{ "time", LONG, false }, /* timestamp_t: milliseconds */
	{ "start_time", LONG, false },
	{ "end_time", LONG, false },
	{ "duration", LONG, false },
	{ "message", TEXT, false },
	{ "status_detail", TEXT, false },
	{ "metadata.version", TEXT, false },
	{ "metadata.product.name", TEXT, false },
	{ "metadata.product.vendor_name", TEXT, false },
	{ "metadata.product.version", TEXT, false },
	{ "metadata.log_name", TEXT, false },
	{ "metadata.log_provider", TEXT, false },
	{ "metadata.original_time", TEXT, false },
	{ "metadata.sequence", LONG, false },
	{ "metadata.event_code", TEXT, false },
	{ "metadata.profiles", TEXT, true },
	{ "device.hostname", TEXT, false },
	{ "device.type_id", LONG, false },
	ENDPOINT("src_endpoint"),
	ENDPOINT("dst_endpoint"),
	{ "connection_info.direction_id", LONG, false },
	{ "connection_info.protocol_name", TEXT, false },
	{ "connection_info.protocol_num", LONG, false },
	{ "connection_info.protocol_ver_id", LONG, false },
	{ "connection_info.tcp_flags", LONG, false },
	{ "connection_info.uid", TEXT, false },
	{ "traffic.packets", LONG, false },
	{ "traffic.bytes", LONG, false },
	{ "traffic.packets_in", LONG, false },
	{ "traffic.bytes_in", LONG, false },
	{ "traffic.packets_out", LONG, false },
	{ "traffic.bytes_out", LONG, false },
	{ "action_id", LONG, false },
	{ "disposition_id", LONG, false },
	{ "firewall_rule.name", TEXT, false },
	{ "firewall_rule.type", TEXT, false },
	{ "app.name", TEXT, false },
	{ "app.vendor_name", TEXT, false },
	{ "app.uid", TEXT, false },
	{ "app.version", TEXT, false },
	{ "finding_info.uid", TEXT, false },
	{ "finding_info.title", TEXT, false },
	{ "finding_info.desc", TEXT, false },
	{ "unmapped", ANY, false },
};

/* What each class requires beyond the base event. */
static const struct {
	int class;
	const char *required[2];
} classes[] = {
	{ 0, { NULL } },
	{ 2004, { "finding_info.title", "finding_info.uid" } },
	{ 4001, { "src_endpoint", "dst_endpoint" } },
	{ 5019, { "device.type_id" } },
	{ 6002, { "app.vendor_name" } },
};

static int64_t number(struct json_object *o, const char *key)
{
	assert_non_null(json_at(o, key));
	return json_number(o, key);
}

static void check(struct json_object *o)
{
	static const char *const required[] = {
		"activity_id",	    "category_uid",
		"class_uid",	    "type_uid",
		"severity_id",	    "time",
		"metadata.version", "metadata.product.vendor_name",
	};
	int64_t class = number(o, "class_uid");
	bool known = false;

	check_fields(o, "", fields, ARRAY_SIZE(fields));
	for (size_t i = 0; i < ARRAY_SIZE(required); i++)
		assert_non_null(path_of(o, required[i]));
	assert_int_equal(number(o, "category_uid"), class / 1000);
	assert_int_equal(number(o, "type_uid"),
			 class * 100 + number(o, "activity_id"));
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		if (classes[i].class != class)
			continue;
		known = true;
		for (size_t k = 0; k < 2 && classes[i].required[k]; k++)
			assert_non_null(path_of(o, classes[i].required[k]));
	}
	assert_true(known);
}

static void test_denied(_unused_ void **state)
{
	struct json_object *native = json_tokener_parse(DENIED);
	struct json_object *o = format_ocsf(native);

	check(o);
	has(o, "class_uid", "4001");
	has(o, "activity_id", "5");
	has(o, "action_id", "2");
	has(o, "disposition_id", "2");
	has(o, "time", "1769854830123");
	has(o, "start_time", "1769854830000");
	has(o, "src_endpoint.ip", "\"172.18.0.2\"");
	has(o, "src_endpoint.name", "\"shop/web\"");
	has(o, "src_endpoint.hostname", "\"web.test\"");
	has(o, "dst_endpoint.port", "5432");
	has(o, "dst_endpoint.container.uid", "\"bb\"");
	has(o, "dst_endpoint.container.image.name", "\"postgres\"");
	has(o, "connection_info.protocol_num", "6");
	has(o, "connection_info.tcp_flags", "2");
	has(o, "connection_info.direction_id", "1");
	has(o, "traffic.packets_out", "3");
	has(o, "firewall_rule.name", "\"shop/db, shop/deny\"");
	has(o, "unmapped.src_labels", "{\"app\":\"web\",\"a.b\":\"c\"}");
	json_object_put(o);
	json_object_put(native);
}

static void test_allowed(_unused_ void **state)
{
	struct json_object *native = json_tokener_parse(ALLOWED);
	struct json_object *o = format_ocsf(native);

	check(o);
	has(o, "activity_id", "2");
	has(o, "action_id", "1");
	has(o, "disposition_id", "1");
	has(o, "duration", "1500");
	has(o, "traffic.bytes", "700");
	has(o, "traffic.bytes_in", "300");
	has(o, "connection_info.protocol_num", "58");
	has(o, "connection_info.protocol_ver_id", "6");
	json_object_put(o);
	json_object_put(native);
}

static void test_events(_unused_ void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		struct json_object *native = event_new(events[i]);
		struct json_object *o = format_ocsf(native);

		check(o);
		has(o, "severity_id", "4");
		json_object_put(o);
		json_object_put(native);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_denied),
		cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
