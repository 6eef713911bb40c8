/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ports.c - protocol, port and endPort of a rule. */
#include "text.h"

#define PORT "f:4:23: error: spec.ingress[0].ports[0]"

/* The ports of one ingress rule; the first item starts at column 23. */
static void check_ports(const char *ports, const char *expected)
{
	_cleanup_(freep) char *spec =
		xasprintf("{ingress: [{ports: [%s]}]}", ports);

	check_spec(spec, expected);
}

static void valid(_unused_ void **state)
{
	check_ports("", "default/p I () in[|]");
	check_ports("{}", "default/p I () in[tcp|]");
	check_ports("{port: 80}", "default/p I () in[tcp/80|]");
	check_ports("{port: 1}, {port: 65535}",
		    "default/p I () in[tcp/1,tcp/65535|]");
	check_ports("{port: http}", "default/p I () in[tcp/http|]");
	check_ports("{protocol: UDP, port: 53}, {protocol: SCTP}",
		    "default/p I () in[udp/53,sctp|]");
	check_ports("{port: 80, endPort: 90}, {endPort: 80, port: 80}",
		    "default/p I () in[tcp/80-90,tcp/80|]");
	check_ports("{port: null, protocol: ~, endPort: }",
		    "default/p I () in[tcp|]");
	check_ports("{port: 0x50}", "default/p I () in[tcp/80|]");
}

static void bad_protocol(_unused_ void **state)
{
	check_ports("{protocol: tcp}",
		    "f:4:34: error: spec.ingress[0].ports[0].protocol: must be "
		    "TCP, UDP or SCTP, found \"tcp\"\n");
	check_ports("{protocol: ''}",
		    "f:4:34: error: spec.ingress[0].ports[0].protocol: must be "
		    "TCP, UDP or SCTP, found \"\"\n");
	check_ports("{protocol: 6}",
		    "f:4:34: error: spec.ingress[0].ports[0].protocol: must be "
		    "a string, found integer 6; quote it\n");
}

static void bad_port(_unused_ void **state)
{
	static const char *const numbers[] = { "0", "-1", "65536",
					       "9223372036854775807" };

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		_cleanup_(freep) char *port =
			xasprintf("{port: %s}", numbers[i]);
		_cleanup_(freep) char *expected = xasprintf(
			"f:4:30: error: spec.ingress[0].ports[0].port: must be "
			"from 1 to 65535, found %s\n",
			numbers[i]);

		check_ports(port, expected);
	}
	check_ports("{port: '80'}",
		    "f:4:30: error: spec.ingress[0].ports[0].port: port name "
		    "\"80\" must have a letter; a port number is written "
		    "without quotes\n");
	check_ports("{port: 80.5}",
		    "f:4:30: error: spec.ingress[0].ports[0].port: must be a "
		    "port number or the name of a port, found number\n");
	check_ports("{port: [80]}",
		    "f:4:30: error: spec.ingress[0].ports[0].port: must be a "
		    "port number or the name of a port, found list\n");
	check_ports("{port: web--1}",
		    "f:4:30: error: spec.ingress[0].ports[0].port: port name "
		    "\"web--1\" must not have two '-' in a row\n");
}

static void bad_end(_unused_ void **state)
{
	check_ports("{port: 80, endPort: 79}",
		    "f:4:43: error: spec.ingress[0].ports[0].endPort: must not "
		    "be less than port, which is 80\n");
	check_ports("{port: 80, endPort: 65536}",
		    "f:4:43: error: spec.ingress[0].ports[0].endPort: must be "
		    "from 1 to 65535, found 65536\n");
	check_ports("{endPort: 80}",
		    "f:4:33: error: spec.ingress[0].ports[0].endPort: must be "
		    "absent when port is absent\n");
	check_ports("{port: http, endPort: 80}",
		    "f:4:45: error: spec.ingress[0].ports[0].endPort: must be "
		    "absent when port is a name\n");
	check_ports("{port: 80, endPort: '90'}",
		    "f:4:43: error: spec.ingress[0].ports[0].endPort: must be "
		    "an integer, found string\n");
}

static void bad_item(_unused_ void **state)
{
	check_ports("80", PORT ": must be a mapping, found integer\n");
	check_ports("{prot: TCP}",
		    "f:4:24: error: spec.ingress[0].ports[0]: unknown field "
		    "\"prot\"; known here: protocol, port, endPort\n");
	check_ports("~", PORT ": must not be null; remove the item, or write "
			      "what it is\n");
	check_spec("{ingress: [{ports: {port: 80}}]}",
		   "f:4:22: error: spec.ingress[0].ports: must be a list, "
		   "found mapping\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid),    cmocka_unit_test(bad_protocol),
		cmocka_unit_test(bad_port), cmocka_unit_test(bad_end),
		cmocka_unit_test(bad_item),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
