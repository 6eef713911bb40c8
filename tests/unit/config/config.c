/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.c - what the configuration says, and what is wrong with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/buf.h"
#include "config/config.h"

static void accepts(const char *text, struct config *ret)
{
	struct diag_list diag = { 0 };

	assert_int_equal(config_parse(slice_of(text), "c.yaml", &diag, ret), 0);
	assert_int_equal(diag.errors, 0);
	diag_fini(&diag);
}

/* Every diagnostic, one a line. */
static void refuses(const char *text, const char *expected)
{
	struct diag_list diag = { 0 };
	struct buf got = BUF_INIT(BUF_UNBOUNDED);
	struct config config;
	char line[512];

	assert_int_equal(config_parse(slice_of(text), "c.yaml", &diag, &config),
			 -22);
	vec_foreach(d, &diag.entries)
		buf_addf(&got, "%s\n", diag_format(d, line, sizeof(line)));
	assert_string_equal(buf_str(&got), expected);
	buf_fini(&got);
	diag_fini(&diag);
}

static void silence_means_defaults(void **state)
{
	struct config c;

	(void)state;
	accepts("", &c);
	assert_string_equal(c.policy_dir, "/etc/bulkhead/policies");
	assert_string_equal(c.state_dir, "/var/lib/bulkhead");
	assert_string_equal(c.control_socket, "/run/bulkhead/control.sock");
	assert_string_equal(c.flow_log, "/var/log/bulkhead/flows.jsonl");
	assert_null(c.control_group);
	assert_int_equal(c.log_level, LOG_LEVEL_INFO);
	assert_false(c.compile.audit);
	assert_false(c.compile.allow_unknown);
	assert_false(c.compile.reject);
	assert_true(c.anti_spoofing);
	assert_true(c.own_tables);
	assert_false(c.ignore_invalid_policies);
	/* Docker's in any case: it may start after us. */
	assert_true(c.runtimes.len >= 1);
	assert_string_equal(c.runtimes.data[0].ops->name, "docker");
	assert_string_equal(c.runtimes.data[0].socket, "/run/docker.sock");
	config_fini(&c);
}

static void every_key_is_read(void **state)
{
	struct config c;

	(void)state;
	accepts("policyDir: /p\n"
		"stateDir: /s\n"
		"controlSocket: /c\n"
		"controlGroup: ops\n"
		"logLevel: debug\n"
		"runtimes:\n"
		"  docker: {socket: /d}\n"
		"  static: {file: /e}\n"
		"enforcement:\n"
		"  mode: audit\n"
		"  unknownEndpoint: allow\n"
		"  denyAction: reject\n"
		"  antiSpoofing: disabled\n"
		"  tableOwnership: disabled\n"
		"  invalidPoliciesAtStart: ignore\n"
		"  ignoreNetworks: [lab, 0123abcd]\n"
		"flowLog: {path: /f}\n",
		&c);
	assert_string_equal(c.policy_dir, "/p");
	assert_string_equal(c.state_dir, "/s");
	assert_string_equal(c.control_socket, "/c");
	assert_string_equal(c.control_group, "ops");
	assert_int_equal(c.log_level, LOG_LEVEL_DEBUG);
	assert_int_equal(c.runtimes.len, 2);
	assert_string_equal(c.runtimes.data[0].socket, "/d");
	assert_string_equal(c.runtimes.data[1].ops->name, "static");
	assert_string_equal(c.runtimes.data[1].socket, "/e");
	assert_true(c.compile.audit);
	assert_true(c.compile.allow_unknown);
	assert_true(c.compile.reject);
	assert_false(c.anti_spoofing);
	assert_false(c.own_tables);
	assert_true(c.ignore_invalid_policies);
	assert_int_equal(c.ignore_networks.len, 2);
	assert_string_equal(c.ignore_networks.data[1], "0123abcd");
	assert_string_equal(c.flow_log, "/f");
	config_fini(&c);
}

static void sinks_are_read(void **state)
{
	const struct sink_config *s;
	struct config c;

	(void)state;
	accepts("flowLog: {}\n", &c);
	assert_int_equal(c.sinks.len, 1);
	assert_int_equal(c.sinks.data[0].kind, SINK_FILE);
	assert_string_equal(c.sinks.data[0].name, "file");
	assert_string_equal(c.sinks.data[0].path,
			    "/var/log/bulkhead/flows.jsonl");
	config_fini(&c);
	accepts("flowLog:\n"
		"  sinks:\n"
		"  - file: {path: /a, rotateSize: 100MiB, rotateAge: 24h, keep: 3}\n"
		"  - file: {path: /b, format: ecs, name: for-elastic}\n"
		"  - stdout:\n"
		"  - file: {path: /c, rotateSize: 4096}\n",
		&c);
	assert_int_equal(c.sinks.len, 4);
	assert_string_equal(c.flow_log, "/a");
	s = c.sinks.data;
	assert_string_equal(s[0].name, "file");
	assert_int_equal(s[0].rotate_size, 100 << 20);
	assert_int_equal(s[0].rotate_age, 24 * 3600);
	assert_int_equal(s[0].keep, 3);
	assert_string_equal(s[1].name, "for-elastic");
	assert_int_equal(s[1].format, FORMAT_KIND_ECS);
	assert_int_equal(s[2].kind, SINK_STDOUT);
	assert_int_equal(s[2].format, FORMAT_KIND_NATIVE);
	assert_string_equal(s[3].name, "file-2");
	assert_int_equal(s[3].rotate_size, 4096);
	assert_int_equal(s[3].keep, 7);
	config_fini(&c);
	accepts("flowLog: {path: /f, sinks: [{stdout: {}}]}\n", &c);
	assert_int_equal(c.sinks.len, 2);
	assert_string_equal(c.flow_log, "/f");
	config_fini(&c);
	accepts("flowLog:\n"
		"  sinks:\n"
		"  - journald: {}\n"
		"  - syslog: {address: 'unix:/dev/log'}\n"
		"  - syslog: {address: 'tcp:[::1]:601', facility: daemon}\n",
		&c);
	s = c.sinks.data;
	assert_true(sink_uses_unix(&s[0]) && sink_uses_unix(&s[1]));
	assert_string_equal(s[1].path, "/dev/log");
	assert_int_equal(s[1].facility, 16);
	assert_true(sink_uses_network(&s[2]));
	assert_int_equal(s[2].transport, SINK_TCP);
	assert_string_equal(s[2].host, "::1");
	assert_string_equal(s[2].port, "601");
	assert_int_equal(s[2].facility, 3);
	config_fini(&c);
	accepts("flowLog:\n"
		"  user: daemon\n"
		"  sinks:\n"
		"  - otlp: {url: 'https://h/', caFile: /a, certFile: /c, keyFile: /k}\n",
		&c);
	s = c.sinks.data;
	assert_string_equal(c.flow_user, "daemon");
	assert_string_equal(s[0].ca_file, "/a");
	assert_string_equal(s[0].cert_file, "/c");
	assert_string_equal(s[0].key_file, "/k");
	config_fini(&c);
	/* No file at all is possible too. */
	accepts("flowLog: {sinks: [{stdout: {}}]}\n", &c);
	assert_null(c.flow_log);
	config_fini(&c);
}

static void wrong_sinks_are_told(void **state)
{
	(void)state;
	refuses("flowLog:\n"
		"  sinks:\n"
		"  - file: {}\n"
		"  - file: {path: a}\n"
		"  - kafka: {}\n"
		"  - stdout: {path: /a}\n"
		"  - file: {path: /a, rotateSize: 1GB}\n"
		"  - file: {path: /a, rotateAge: -1h}\n"
		"  - file: {path: /a, keep: 0}\n"
		"  - file: {path: /a, format: xml}\n"
		"  - file: {path: /a, name: A/B}\n"
		"  - file: {path: /a, rotateSize: 99999999999GiB}\n"
		"  - stdout\n"
		"  - syslog: {}\n"
		"  - syslog: {address: log.example:514}\n"
		"  - syslog: {address: 'udp:h:0', facility: mine}\n"
		"  - otlp: {url: ftp://h}\n"
		"  - loki: {url: 'https://me:secret@h/'}\n"
		"  - otlp: {url: http://h, headers: {a b: c}, spoolSize: 1}\n",
		"c.yaml:3:3: error: more than 16 sinks\n"
		"c.yaml:3:5: error: file: path is missing\n"
		"c.yaml:4:18: error: \"a\" is no absolute path: begin it with /\n"
		"c.yaml:5:5: error: unknown kind of sink \"kafka\" (known: file, stdout, journald, syslog, sqlite, otlp, loki)\n"
		"c.yaml:6:14: error: unknown key \"path\" (known here: name, format)\n"
		"c.yaml:7:34: error: expected a size such as 100MiB, got \"1GB\"\n"
		"c.yaml:8:33: error: expected a duration such as 10s, 24h or 30d, got \"-1h\"\n"
		"c.yaml:9:28: error: expected how many rotated files to keep, from 1 to 1000\n"
		"c.yaml:10:30: error: \"xml\" is no format: use native, ecs, ocsf or csv\n"
		"c.yaml:11:28: error: \"A/B\" cannot be a sink's name: lower case letters, digits, '-' and '_', at most 32, and not \"writer\"\n"
		"c.yaml:12:34: error: expected a size such as 100MiB, got \"99999999999GiB\"\n"
		"c.yaml:13:5: error: expected a sink as a mapping of its kind to its keys, such as file: {path: /f}\n"
		"c.yaml:14:5: error: syslog: address is missing\n"
		"c.yaml:15:23: error: expected unix:PATH, udp:HOST:PORT or tcp:HOST:PORT, got \"log.example:514\"\n"
		"c.yaml:16:23: error: expected unix:PATH, udp:HOST:PORT or tcp:HOST:PORT, got \"udp:h:0\"\n"
		"c.yaml:16:44: error: unknown facility \"mine\": use daemon, local0 to local7, …\n"
		"c.yaml:17:17: error: \"ftp://h\" is no URL: http://… or https://…\n"
		"c.yaml:18:17: error: a URL that is shown to many must not hold a password: use headersFile\n"
		"c.yaml:19:37: error: \"a b\" is no HTTP header\n"
		"c.yaml:19:57: error: a spool has at least 1MiB\n");
	refuses("flowLog: {sinks: [{otlp: {url: 'https://h/', certFile: /c}}]}\n",
		"c.yaml:1:19: error: otlp: keyFile is missing\n");
	refuses("flowLog: {sinks: [{stdout: {name: a}}, {file: {name: a, path: /f}}]}\n",
		"c.yaml: error: two sinks have the name \"a\"\n");
}

static void a_runtime_needs_no_more_than_its_name(void **state)
{
	struct config c;

	(void)state;
	accepts("runtimes: {docker: }\n", &c);
	assert_int_equal(c.runtimes.len, 1);
	assert_string_equal(c.runtimes.data[0].socket, "/run/docker.sock");
	config_fini(&c);
}

static void containerd_has_namespaces_of_its_own(void **state)
{
	const struct config_runtime *r;
	struct config c;

	(void)state;
	accepts("runtimes: {containerd: }\n", &c);
	r = &c.runtimes.data[0];
	assert_string_equal(r->socket, "/run/containerd/containerd.sock");
	assert_int_equal(r->engine_namespaces.len, 0);
	assert_false(r->kubernetes);
	config_fini(&c);
	accepts("runtimes:\n"
		"  containerd: {namespaces: [default, k8s.io], kubernetes: enforce}\n",
		&c);
	r = &c.runtimes.data[0];
	assert_int_equal(r->engine_namespaces.len, 2);
	assert_string_equal(r->engine_namespaces.data[1], "k8s.io");
	assert_true(r->kubernetes);
	config_fini(&c);
	refuses("runtimes: {containerd: {namespaces: default}}\n",
		"c.yaml:1:37: error: expected a list of containerd's namespaces\n");
	refuses("runtimes: {containerd: {namespaces: [a, a, b/c]}}\n",
		"c.yaml:1:41: error: namespace a is listed twice\n"
		"c.yaml:1:44: error: \"b/c\" is no namespace of containerd: letters, digits and \".-_\", at most 76\n");
	refuses("runtimes: {containerd: {namespaceFrom: labels}}\n",
		"c.yaml:1:25: error: unknown key \"namespaceFrom\" (known here: socket, namespaces, kubernetes)\n");
	refuses("runtimes: {docker: {kubernetes: enforce}}\n",
		"c.yaml:1:21: error: unknown key \"kubernetes\" (known here: socket, namespaceFrom, namespaces)\n");
}

static void networks_can_name_namespaces(void **state)
{
	const struct namespace_rule *rule;
	struct config c;

	(void)state;
	accepts("runtimes: {docker: {namespaceFrom: labels}}\n", &c);
	assert_false(c.runtimes.data[0].namespaces.from_network);
	config_fini(&c);
	accepts("runtimes:\n"
		"  docker: {namespaceFrom: network, namespaces: {Shop_1: shop}}\n",
		&c);
	rule = &c.runtimes.data[0].namespaces;
	assert_true(rule->from_network);
	assert_int_equal(rule->networks.len, 1);
	assert_string_equal(rule->networks.data[0].key, "Shop_1");
	assert_string_equal(rule->networks.data[0].value, "shop");
	config_fini(&c);
	accepts("runtimes: {podman: {namespaceFrom: network}}\n", &c);
	assert_ptr_equal(c.runtimes.data[0].ops, &runtime_podman);
	assert_true(c.runtimes.data[0].namespaces.from_network);
	config_fini(&c);
	refuses("runtimes: {docker: {namespaces: {a: b}}}\n",
		"c.yaml:1:20: error: namespaces names networks: it needs namespaceFrom: network\n");
	refuses("runtimes:\n"
		"  docker: {namespaceFrom: network, namespaces: {a: B}}\n"
		"  static: {namespaceFrom: network}\n",
		"c.yaml:2:52: error: \"B\" is no namespace name: lower case letters, digits and '-', at most 63\n"
		"c.yaml:3:12: error: unknown key \"namespaceFrom\" (known here: file)\n");
}

static void all_that_is_wrong_is_told_with_its_place(void **state)
{
	(void)state;
	refuses("policyDir: relative\n"
		"logLevel: loud\n"
		"enforcement: {mode: enforec, denyAction: 5}\n"
		"runtimes: {dokcer: {}}\n"
		"flowLog: /f\n",
		"c.yaml:1:12: error: \"relative\" is no absolute path: begin it with /\n"
		"c.yaml:2:11: error: unknown level \"loud\": use error, warning, info or debug\n"
		"c.yaml:3:21: error: \"enforec\" is not possible here: use enforce or audit\n"
		"c.yaml:3:42: error: expected a string, got integer\n"
		"c.yaml:4:12: error: unknown runtime \"dokcer\" (known: docker, containerd, podman, static)\n"
		"c.yaml:5:10: error: expected a mapping, got a string\n");
}

static void what_the_flow_log_records_is_read(void **state)
{
	struct config c;

	(void)state;
	accepts("flowLog: {}\n", &c);
	assert_int_equal(c.flow_interval_ms, 10000);
	assert_int_equal(c.packet_head, 96);
	assert_false(c.flow_allowed);
	assert_false(c.compile.dns_names);
	assert_int_equal(c.compile.budget_rate, 100);
	assert_int_equal(c.compile.budget_burst, 1000);
	config_fini(&c);
	accepts("flowLog: {interval: 30s, packetHead: 0, budget: {rate: 0, burst: 5}}\n",
		&c);
	assert_int_equal(c.flow_interval_ms, 30000);
	assert_int_equal(c.packet_head, 0);
	assert_int_equal(c.compile.budget_rate, 0);
	assert_int_equal(c.compile.budget_burst, 5);
	config_fini(&c);
	refuses("flowLog:\n  interval: 31s\n  packetHead: 257\n  budget: {rate: -1}\n",
		"c.yaml:2:13: error: expected from 1s to 30s, got \"31s\"\n"
		"c.yaml:3:15: error: expected a whole number from 0 to 256\n"
		"c.yaml:4:18: error: expected a whole number from 0 to 1000000\n"
		"");
	accepts("flowLog: {allowed: true}\n", &c);
	assert_true(c.flow_allowed);
	assert_int_equal(c.flow_allowed_interval_ms, 300000);
	config_fini(&c);
	accepts("flowLog: {allowed: true, allowedInterval: 1h}\n", &c);
	assert_int_equal(c.flow_allowed_interval_ms, 3600000);
	config_fini(&c);
	accepts("flowLog: {allowedInterval: 0}\n", &c);
	assert_int_equal(c.flow_allowed_interval_ms, 0);
	config_fini(&c);
	accepts("flowLog: {dnsNames: true}\n", &c);
	assert_true(c.compile.dns_names);
	config_fini(&c);
	refuses("flowLog: {dnsNames: \"yes\"}\n",
		"c.yaml:1:21: error: expected true or false, not a string\n");
	refuses("flowLog: {allowedInterval: 9s}\n",
		"c.yaml:1:28: error: expected from 10s to 86400s, got \"9s\"\n");
	refuses("flowLog: {allowed: \"yes\"}\n",
		"c.yaml:1:20: error: expected true or false, not a string\n");
	refuses("flowLog: {interval: 10}\n",
		"c.yaml:1:21: error: expected a duration such as 10s, 24h or 30d, got \"10\"\n");
}

static void unknown_keys_are_errors(void **state)
{
	(void)state;
	refuses("flowlog: {}\n",
		"c.yaml:1:1: error: unknown key \"flowlog\" (known here: policyDir, stateDir, controlSocket, controlGroup, logLevel, runtimes, enforcement, flowLog)\n");
	refuses("flowLog: {file: /x}\n",
		"c.yaml:1:11: error: unknown key \"file\" (known here: path, sinks, user, interval, packetHead, budget, allowed, allowedInterval, dnsNames)\n");
}

static void one_document(void **state)
{
	(void)state;
	refuses("logLevel: info\n---\nlogLevel: debug\n",
		"c.yaml:3:1: error: a configuration is one document\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence_means_defaults),
		cmocka_unit_test(every_key_is_read),
		cmocka_unit_test(sinks_are_read),
		cmocka_unit_test(wrong_sinks_are_told),
		cmocka_unit_test(a_runtime_needs_no_more_than_its_name),
		cmocka_unit_test(containerd_has_namespaces_of_its_own),
		cmocka_unit_test(networks_can_name_namespaces),
		cmocka_unit_test(all_that_is_wrong_is_told_with_its_place),
		cmocka_unit_test(what_the_flow_log_records_is_read),
		cmocka_unit_test(unknown_keys_are_errors),
		cmocka_unit_test(one_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
