/* SPDX-License-Identifier: GPL-2.0-or-later */
/* get.c - the lists, cell by cell. */
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macro.h"
#include "cli/get.h"

/* The cell under @heading of @item. */
static void shows(const struct view *v, const char *heading, const char *item,
		  const char *want)
{
	_cleanup_(buf_fini) struct buf out = BUF_INIT(BUF_UNBOUNDED);
	struct json_object *o = json_tokener_parse(item);
	const struct column *c = v->columns;

	while (strcmp(c->heading, heading))
		c++;
	c->cell(o, &out);
	assert_string_equal(buf_str(&out), want);
	json_object_put(o);
}

static void test_endpoints(_unused_ void **state)
{
	const struct view *v = &view_endpoints;

	shows(v, "ADDRESSES",
	      "{\"attachments\":[{\"ipv4\":\"10.0.0.2\",\"ipv6\":null},"
	      "{\"ipv4\":\"10.1.0.2\",\"ipv6\":\"fd00::2\"}]}",
	      "10.0.0.2,10.1.0.2,fd00::2");
	shows(v, "INGRESS", "{\"ingress\":{\"isolated\":false}}", "open");
	shows(v, "INGRESS",
	      "{\"ingress\":{\"isolated\":true,\"policies\":[\"a/b\",\"a/c\"]}}",
	      "a/b, a/c");
	shows(v, "EGRESS", "{\"egress\":{\"isolated\":true,\"policies\":[]}}",
	      "isolated");
	shows(v, "EGRESS",
	      "{\"egress\":{\"isolated\":false},\"unenforceable\":\"host network\"}",
	      "unenforceable");
	shows(v, "ID",
	      "{\"id\":\"0123456789abcdef0123456789abcdef0123456789abcdef"
	      "0123456789abcdef\"}",
	      "0123456789ab");
	shows(v, "ID", "{\"id\":\"static/default/vm1\"}", "static/default/vm1");
	shows(v, "PORTS",
	      "{\"ports\":[{\"name\":\"http\",\"protocol\":\"tcp\",\"port\":80},"
	      "{\"name\":\"dns\",\"protocol\":\"udp\",\"port\":53}]}",
	      "http=80/tcp,dns=53/udp");
	shows(v, "PUBLISHED",
	      "{\"published\":[{\"host\":\"::\",\"host_port\":8080,\"port\":80,"
	      "\"protocol\":\"tcp\"},{\"host\":\"0.0.0.0\",\"host_port\":53,"
	      "\"port\":53,\"protocol\":\"udp\"}]}",
	      "[::]:8080->80/tcp,0.0.0.0:53->53/udp");
	shows(v, "LABELS", "{\"labels\":{\"app\":\"web\",\"x\":\"a b\"}}",
	      "app=\"web\",x=\"a b\"");
}

static void test_policies(_unused_ void **state)
{
	const struct view *v = &view_policies;

	shows(v, "TYPES", "{\"types\":[\"Ingress\",\"Egress\"]}",
	      "Ingress,Egress");
	shows(v, "POD-SELECTOR", "{\"pod_selector\":\"\"}", "(all)");
	shows(v, "ENDPOINTS", "{\"endpoints\":[\"a/b\",\"a/c\"]}", "2");
	shows(v, "RULES", "{\"ingress_rules\":2,\"egress_rules\":0}",
	      "2 in, 0 out");
	shows(v, "PLACE", "{\"file\":\"/p.yaml\",\"line\":4}", "/p.yaml:4");
}

static void test_networks(_unused_ void **state)
{
	const struct view *v = &view_networks;

	shows(v, "ENFORCED", "{\"managed\":true,\"filtered\":true}", "yes");
	shows(v, "ENFORCED", "{\"managed\":true,\"filtered\":false}",
	      "not filtered");
	shows(v, "ENFORCED", "{\"managed\":false,\"filtered\":false}", "no");
	shows(v, "SUBNETS", "{\"subnets\":[\"10.0.0.0/8\",\"fd00::/64\"]}",
	      "10.0.0.0/8, fd00::/64");
}

static void test_rules(_unused_ void **state)
{
	const struct view *v = &view_rules;

	shows(v, "PEERS", "{\"allows\":false,\"peers\":[],\"ports\":[]}",
	      "nobody");
	shows(v, "PORTS", "{\"allows\":false,\"peers\":[],\"ports\":[]}", "");
	shows(v, "PEERS", "{\"allows\":true,\"peers\":[],\"ports\":[]}",
	      "everybody");
	shows(v, "PORTS", "{\"allows\":true,\"peers\":[],\"ports\":[]}",
	      "every port");
	shows(v, "PEERS",
	      "{\"allows\":true,\"peers\":[\"pods a=b,c=d\",\"x\"]}",
	      "pods a=b,c=d; x");
	shows(v, "PORTS", "{\"allows\":true,\"ports\":[\"tcp/80\",\"udp\"]}",
	      "tcp/80, udp");
}

/* What a broken or newer agent may send never crashes a cell. */
static void test_anything(_unused_ void **state)
{
	static const struct view *const views[] = {
		&view_endpoints,
		&view_policies,
		&view_networks,
		&view_rules,
	};
	static const char *const items[] = {
		"{}",	 "[]",	 "1",
		"\"x\"", "null", "{\"labels\":[],\"ingress\":7}"
	};

	for (size_t i = 0; i < ARRAY_SIZE(views); i++)
		for (size_t k = 0; k < ARRAY_SIZE(items); k++) {
			struct json_object *o = json_tokener_parse(items[k]);
			const struct column *c = views[i]->columns;
			_cleanup_(buf_fini) struct buf out =
				BUF_INIT(BUF_UNBOUNDED);

			for (; c->heading; c++) {
				c->cell(o, &out);
				if (c->style)
					c->style(o);
			}
			assert_true(c - views[i]->columns <= COLUMNS_MAX);
			json_object_put(o);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_endpoints),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
