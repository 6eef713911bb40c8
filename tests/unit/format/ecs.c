/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ecs.c - records and events against the fields that ECS publishes. */
#include "schema.h"

/* Names, types and whether a list: generated/ecs/ecs_flat.yml of the ECS
 * repository at v9.4.0 (https://github.com/elastic/ecs). */
static const struct field fields[] = {
	{ "@timestamp", DATE, false },
	{ "ecs.version", TEXT, false },
	{ "event.kind", TEXT, false },
	{ "event.category", TEXT, true },
	{ "event.type", TEXT, true },
	{ "event.action", TEXT, false },
	{ "event.outcome", TEXT, false },
	{ "event.reason", TEXT, false },
	{ "event.id", TEXT, false },
	{ "event.start", DATE, false },
	{ "event.end", DATE, false },
	{ "event.duration", LONG, false },
	{ "event.module", TEXT, false },
	{ "event.dataset", TEXT, false },
	{ "event.sequence", LONG, false },
	{ "host.hostname", TEXT, false },
	{ "host.name", TEXT, false },
	{ "host.boot.id", TEXT, false },
	{ "observer.hostname", TEXT, false },
	{ "observer.type", TEXT, false },
	{ "observer.product", TEXT, false },
	{ "observer.version", TEXT, false },
	{ "observer.ingress.interface.name", TEXT, false },
	{ "observer.egress.interface.name", TEXT, false },
	{ "network.transport", TEXT, false },
	{ "network.type", TEXT, false },
	{ "network.community_id", TEXT, false },
	{ "network.direction", TEXT, false },
	{ "network.vlan.id", TEXT, false },
	{ "network.packets", LONG, false },
	{ "network.bytes", LONG, false },
	{ "rule.name", TEXT, false },
	{ "rule.category", TEXT, false },
	{ "container.id", TEXT, false },
	{ "container.name", TEXT, false },
	{ "container.image.name", TEXT, false },
	{ "container.runtime", TEXT, false },
	{ "container.labels", ANY, false }, /* object */
	{ "orchestrator.namespace", TEXT, false },
	{ "related.ip", IP, true },
	{ "related.hosts", TEXT, true },
	{ "log.level", TEXT, false },
	{ "message", TEXT, false },
	{ "error.message", TEXT, false },
	{ "file.path", TEXT, false },
	{ "file.hash.sha256", TEXT, false },
	{ "source.ip", IP, false },
	{ "source.domain", TEXT, false },
	{ "source.address", TEXT, false },
	{ "source.port", LONG, false },
	{ "source.mac", MAC, false },
	{ "source.packets", LONG, false },
	{ "source.bytes", LONG, false },
	{ "destination.ip", IP, false },
	{ "destination.domain", TEXT, false },
	{ "destination.address", TEXT, false },
	{ "destination.port", LONG, false },
	{ "destination.mac", MAC, false },
	{ "destination.packets", LONG, false },
	{ "destination.bytes", LONG, false },
	{ "bulkhead", ANY, false }, /* ours */
};

/* Each category's expected types, from the same file. */
static const struct {
	const char *category, *types;
} expected[] = {
	{ "network",
	  "access allowed connection denied end info protocol start" },
	{ "process", "access change end info start" },
	{ "configuration", "access change creation deletion info" },
	{ "host", "access change end info start" },
	{ "intrusion_detection", "allowed denied info" },
};

static void check(struct json_object *o)
{
	struct json_object *category = path_of(o, "event.category");
	struct json_object *type = path_of(o, "event.type");

	check_fields(o, "", fields, ARRAY_SIZE(fields));
	assert_non_null(path_of(o, "@timestamp"));
	assert_non_null(path_of(o, "ecs.version"));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		if (strcmp(expected[i].category, json_item_text(category, 0)) !=
		    0)
			continue;
		for (size_t k = 0; k < json_count(type); k++)
			assert_non_null(strstr(expected[i].types,
					       json_item_text(type, k)));
	}
}

static void test_denied(_unused_ void **state)
{
	struct json_object *native = json_tokener_parse(DENIED);
	struct json_object *o = format_ecs(native);

	check(o);
	has(o, "@timestamp", "\"2026-01-31T10:20:30.123456789Z\"");
	has(o, "event.type", "[\"connection\",\"denied\"]");
	has(o, "event.outcome", "\"failure\"");
	has(o, "event.action", "\"flow-denied\"");
	has(o, "event.id", "\"00000000000000ff\"");
	has(o, "source.ip", "\"172.18.0.2\"");
	has(o, "source.mac", "\"02-42-AC-12-00-02\"");
	has(o, "source.domain", "\"web.test\"");
	has(o, "destination.port", "5432");
	has(o, "network.community_id", "\"1:LQU9qZlK+B5F3KDmev6m5PMibrg=\"");
	has(o, "network.type", "\"ipv4\"");
	has(o, "rule.name", "\"shop/db, shop/deny\"");
	/* Ingress: the destination's policy decided. */
	has(o, "container.id", "\"bb\"");
	has(o, "orchestrator.namespace", "\"shop\"");
	has(o, "bulkhead.source.container.labels",
	    "{\"app\":\"web\",\"a.b\":\"c\"}");
	has(o, "bulkhead.policies", "[\"shop/db\",\"shop/deny\"]");
	has(o, "related.ip", "[\"172.18.0.2\",\"172.18.0.3\",\"192.0.2.1\"]");
	json_object_put(o);
	json_object_put(native);
}

static void test_allowed(_unused_ void **state)
{
	struct json_object *native = json_tokener_parse(ALLOWED);
	struct json_object *o = format_ecs(native);

	check(o);
	has(o, "event.type", "[\"connection\",\"allowed\",\"end\"]");
	has(o, "event.duration", "1500000000");
	has(o, "network.transport", "\"ipv6-icmp\"");
	has(o, "network.type", "\"ipv6\"");
	has(o, "network.bytes", "700");
	has(o, "network.vlan.id", "\"5\"");
	has(o, "container.id", "\"aa\"");
	has_not(o, "source.port");
	has_not(o, "rule.description");
	json_object_put(o);
	json_object_put(native);
}

static void test_events(_unused_ void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		struct json_object *native = event_new(events[i]);
		struct json_object *o = format_ecs(native);

		check(o);
		has(o, "message", "\"Something happened.\"");
		has(o, "bulkhead.records", "4");
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
