/* SPDX-License-Identifier: GPL-2.0-or-later */
/* record.c - the schema of a line, and that nothing can break it. */
#include "flow/record.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <json-c/json.h>

#include <cmocka.h>

static const struct flow_origin origin = { .host = "ship", .boot_id = "b-1" };

static struct flow_record syn(void)
{
	return (struct flow_record){
		.time = UINT64_C(1700000000123456789),
		.seq = 7,
		.direction = DENY_INGRESS,
		.reason = DENY_NO_POLICY_ALLOWS,
		.packet = {
			.ethertype = 0x0800,
			.has_proto = true,
			.has_ports = true,
			.has_tcp_flags = true,
			.complete = true,
			.proto = IPPROTO_TCP,
			.src = { AF_INET, { 128, 232, 110, 120 } },
			.dst = { AF_INET, { 66, 35, 250, 204 } },
			.sport = 34855,
			.dport = 80,
			.tcp_flags = 0x02,
		},
		.in = "br0",
		.out = "br1",
		.packets = 1,
		.bytes = 60,
		.first = UINT64_C(1700000000123456789),
		.last = UINT64_C(1700000000123456789),
	};
}

static struct endpoint *endpoint(const char *name, const struct label *labels,
				 size_t n)
{
	struct endpoint *e = endpoint_new("docker", "0123456789ab");

	free(e->name);
	free(e->image);
	free(e->namespace);
	e->name = xstrdup(name);
	e->image = xstrdup("shop/web:1");
	e->namespace = xstrdup("shop");
	label_set_unref(e->labels);
	e->labels = label_set_new(labels, n);
	return e;
}

static char *format(const struct flow_record *r)
{
	struct buf line = BUF_INIT(FLOW_LINE_MAX);

	assert_int_equal(flow_record_format(r, &origin, &line), 0);
	assert_int_equal(line.data[line.len - 1], '\n');
	assert_null(memchr(line.data, '\n', line.len - 1));
	return buf_take(&line);
}

/* Strictly: one value, and all of it UTF-8. */
static struct json_object *parse(const char *line)
{
	struct json_tokener *tok = json_tokener_new();
	struct json_object *o;

	json_tokener_set_flags(tok, JSON_TOKENER_STRICT |
					    JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tok, line, (int)strlen(line));
	assert_int_equal(json_tokener_get_error(tok), json_tokener_success);
	json_tokener_free(tok);
	return o;
}

static void the_whole_line_is_as_documented(_unused_ void **state)
{
	struct label labels[] = { { "app", "web" }, { "tier", "1" } };
	struct flow_record r = syn();
	_cleanup_(endpoint_unrefp) struct endpoint *e =
		endpoint("web", labels, 2);
	_cleanup_(freep) char *line = NULL;

	r.src.owner = e;
	r.src.mac = (struct mac){ { 2, 0, 0, 0, 0, 1 } };
	vec_push(&r.policies, xstrdup("shop/deny"));
	line = format(&r);
	assert_string_equal(
		line,
		"{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"host\":\"ship\",\"boot_id\":\"b-1\",\"seq\":7,\"verdict\":\"denied\",\"direction\":\"ingress\",\"reason\":\"no-policy-allows\",\"policies\":[\"shop/deny\"],\"proto\":\"tcp\",\"src\":{\"ip\":\"128.232.110.120\",\"port\":34855,\"mac\":\"02:00:00:00:00:01\",\"container\":{\"id\":\"0123456789ab\",\"name\":\"web\",\"image\":\"shop/web:1\",\"namespace\":\"shop\",\"labels\":{\"app\":\"web\",\"tier\":\"1\"},\"runtime\":\"docker\"}},\"dst\":{\"ip\":\"66.35.250.204\",\"port\":80},\"tcp_flags\":\"SYN\",\"iface_in\":\"br0\",\"iface_out\":\"br1\",\"packets\":1,\"bytes\":60,\"new_packets\":0,\"new_bytes\":0,\"first\":\"2023-11-14T22:13:20.123456789Z\",\"last\":\"2023-11-14T22:13:20.123456789Z\",\"community_id\":\"1:LQU9qZlK+B5F3KDmev6m5PMibrg=\"}\n");
	flow_record_fini(&r);
}

static void what_is_unknown_is_absent(_unused_ void **state)
{
	struct flow_record r = syn();
	_cleanup_(freep) char *line = NULL;

	r.audit = true;
	r.packet.has_ports = r.packet.has_tcp_flags = false;
	r.packet.complete = false;
	line = format(&r);
	assert_non_null(strstr(line, "\"verdict\":\"audit\""));
	assert_non_null(strstr(line, "\"policies\":[]"));
	assert_non_null(strstr(line, "\"dst\":{\"ip\":\"66.35.250.204\"}"));
	assert_non_null(strstr(line, "\"truncated\":true"));
	assert_null(strstr(line, "port\""));
	assert_null(strstr(line, "tcp_flags"));
	assert_null(strstr(line, "community_id"));
	assert_null(strstr(line, "container"));
	assert_null(strstr(line, "phys_in"));
}

static void flags_and_icmp_are_spelled_out(_unused_ void **state)
{
	struct flow_record r = syn();
	_cleanup_(freep) char *tcp = NULL, *icmp = NULL;

	r.packet.tcp_flags = 0xff;
	r.packet.has_vlan = true;
	r.packet.vlan = 5;
	tcp = format(&r);
	assert_non_null(strstr(tcp, "\"tcp_flags\":\"FIN,SYN,RST,PSH,ACK,URG,"
				    "ECE,CWR\",\"vlan\":5"));
	r.packet.has_ports = r.packet.has_tcp_flags = false;
	r.packet.has_icmp = true;
	r.packet.proto = IPPROTO_ICMP;
	r.packet.icmp_type = 3;
	r.packet.icmp_code = 13;
	icmp = format(&r);
	assert_non_null(strstr(icmp, "\"icmp\":{\"type\":3,\"code\":13}"));
}

static void a_hostile_name_cannot_break_the_line(_unused_ void **state)
{
	struct label labels[] = { { "a\"b\\\n", "\x01\xff\xed\xa0\x80" } };
	struct flow_record r = syn();
	_cleanup_(endpoint_unrefp) struct endpoint *e =
		endpoint("\"},\n{\"x\":\"\xc3\x28\x1b[31m", labels, 1);
	_cleanup_(freep) char *line = NULL;
	struct json_object *o, *src, *container, *name;

	r.src.owner = e;
	line = format(&r);
	o = parse(line);
	assert_true(json_object_object_get_ex(o, "src", &src));
	assert_true(json_object_object_get_ex(src, "container", &container));
	assert_true(json_object_object_get_ex(container, "name", &name));
	assert_string_equal(json_object_get_string(name),
			    "\"},\n{\"x\":\"\xef\xbf\xbd(\x1b[31m");
	json_object_put(o);
}

/* The worst that a container can bring, at both ends, still fits. */
static void a_line_is_bounded(_unused_ void **state)
{
	struct label labels[64];
	char *control = xcalloc(1, 200001);
	struct flow_record r = syn();
	_cleanup_(endpoint_unrefp) struct endpoint *e = NULL;
	_cleanup_(freep) char *line = NULL;

	memset(control, 1, 200000);
	for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
		labels[i] = (struct label){ xasprintf("key%zu", i), control };
	e = endpoint(control, labels, ARRAY_SIZE(labels));
	free(e->image);
	e->image = xstrdup(control);
	r.src.owner = r.dst.owner = e;
	for (int i = 0; i < 1000; i++)
		vec_push(&r.policies, xstrdup(control));
	line = format(&r);
	assert_non_null(strstr(line, "\"labels_omitted\":"));
	assert_non_null(strstr(line, "\"policies_omitted\":936,"));
	json_object_put(parse(line));
	flow_record_fini(&r);
	for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
		free((char *)labels[i].key);
	free(control);
}

static void an_event_says_what_happened(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf line = BUF_INIT(FLOW_LINE_MAX);
	static const char *const policies[] = { "shop/db" };
	struct flow_event e = {
		.name = "loss",
		.level = "warning",
		.message = "12 records were lost (sink:file)",
		.policies = policies,
		.npolicies = 1,
		.has_policies = true,
		.values = { { .key = "where", .text = "sink:file" },
			    { .key = "records", .number = 12 },
			    { .key = "exact", .is_bool = true } },
	};

	assert_int_equal(flow_event_format(&e, &origin, 8,
					   UINT64_C(1700000000000000000),
					   &line),
			 0);
	assert_string_equal(
		buf_str(&line),
		"{\"time\":\"2023-11-14T22:13:20.000000000Z\",\"host\":\"ship\",\"boot_id\":\"b-1\",\"seq\":8,\"event\":\"loss\",\"level\":\"warning\",\"message\":\"12 records were lost (sink:file)\",\"policies\":[\"shop/db\"],\"where\":\"sink:file\",\"records\":12,\"exact\":false}\n");
}

static void a_container_event_has_its_networks(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf line = BUF_INIT(FLOW_LINE_MAX);
	_cleanup_(endpoint_unrefp) struct endpoint *e =
		endpoint_new("docker", "c1");
	struct attachment *a = endpoint_attach(e, "front", "n1");
	struct flow_event event = { .name = "container-start",
				    .level = "info",
				    .message = "x",
				    .container = e,
				    .networks = true };
	char *problem = NULL;

	free(e->name);
	free(e->image);
	e->name = xstrdup("web");
	e->image = xstrdup("img");
	assert_int_equal(addr_parse(slice_of("10.0.0.2"), &a->v4), 0);
	assert_int_equal(addr_parse(slice_of("fd00::2"), &a->v6), 0);
	endpoint_set_labels(e, NULL, 0, "shop", &problem);
	assert_int_equal(flow_event_format(&event, &origin, 1, 0, &line), 0);
	assert_non_null(strstr(
		buf_str(&line),
		"\"networks\":[{\"name\":\"front\",\"ips\":[\"10.0.0.2\",\"fd00::2\"]}]}\n"));
	assert_non_null(strstr(buf_str(&line), "\"container\":{\"id\":\"c1\""));
}

static void this_host_has_a_name(_unused_ void **state)
{
	struct flow_origin here = flow_origin_here();

	assert_true(here.host[0] != '\0');
	assert_int_equal(strlen(here.boot_id), 36);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_whole_line_is_as_documented),
		cmocka_unit_test(what_is_unknown_is_absent),
		cmocka_unit_test(flags_and_icmp_are_spelled_out),
		cmocka_unit_test(a_hostile_name_cannot_break_the_line),
		cmocka_unit_test(a_line_is_bounded),
		cmocka_unit_test(an_event_says_what_happened),
		cmocka_unit_test(a_container_event_has_its_networks),
		cmocka_unit_test(this_host_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
