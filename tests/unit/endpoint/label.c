/* SPDX-License-Identifier: GPL-2.0-or-later */
/* label.c - namespace, named ports and synthetic labels from labels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "endpoint/endpoint.h"

/* Sets @labels of a fresh endpoint; the caller frees @ret_problem. */
static struct endpoint *with(const struct label *labels, size_t n,
			     const char *fallback, char **ret_problem)
{
	struct endpoint *e = endpoint_new("docker", "id");

	free(e->name);
	e->name = xstrdup("web-1");
	free(e->image);
	e->image = xstrdup("nginx:1");
	endpoint_set_labels(e, labels, n, fallback, ret_problem);
	return e;
}

static void expect_namespace(const struct label *labels, size_t n,
			     const char *fallback, const char *expected,
			     bool problem_expected)
{
	_cleanup_(freep) char *problem = NULL;
	_cleanup_(endpoint_unrefp) struct endpoint *e =
		with(labels, n, fallback, &problem);

	assert_string_equal(e->namespace, expected);
	assert_int_equal(problem != NULL, problem_expected);
}

static void namespace_is_chosen_in_order(_unused_ void **state)
{
	const struct label both[] = { { "com.docker.compose.project", "shop" },
				      { "bulkhead.namespace", "prod" } };
	const struct label bad[] = { { "bulkhead.namespace", "Not/One" } };

	expect_namespace(both, 2, "moby", "prod", false);
	expect_namespace(both, 1, "moby", "shop", false);
	expect_namespace(NULL, 0, "k8s.io", "default", false);
	expect_namespace(NULL, 0, "moby", "moby", false);
	expect_namespace(NULL, 0, NULL, "default", false);
	expect_namespace(bad, 1, NULL, "default", true);
}

static void expect_project(const char *project, const char *expected)
{
	const struct label label = { "com.docker.compose.project", project };

	expect_namespace(&label, 1, NULL, expected,
			 !strcmp(expected, "default"));
}

static void a_project_makes_a_namespace(_unused_ void **state)
{
	const struct label own = { "bulkhead.namespace", "my_app" };
	char longest[64] = "", name[66];

	expect_project("my_app", "my-app");
	expect_project("a__b", "a--b");
	expect_project("_app_-", "app");
	expect_project("___", "default");
	expect_project("", "default");
	expect_project("My_App", "default");
	memset(longest, 'x', 63);
	snprintf(name, sizeof(name), "%s_", longest);
	expect_project(name, longest);
	snprintf(name, sizeof(name), "%sy", longest);
	expect_project(name, "default");
	/* What is meant as a namespace is not bent into one. */
	expect_namespace(&own, 1, NULL, "default", true);
}

static void a_kind_is_a_label(_unused_ void **state)
{
	const struct label labels[] = { { "bulkhead/kind", "forged" } };
	_cleanup_(endpoint_unrefp) struct endpoint *e =
		endpoint_new("docker", "id");
	_cleanup_(freep) char *problem = NULL;

	endpoint_set_labels_only(e, labels, 1, &problem);
	assert_null(label_set_get(e->labels, "bulkhead/kind"));
	e->kind = "build";
	free(e->namespace);
	e->namespace = xstrdup("kept");
	endpoint_set_labels_only(e, labels, 1, &problem);
	assert_string_equal(label_set_get(e->labels, "bulkhead/kind"), "build");
	assert_string_equal(e->namespace, "kept");
	assert_null(problem);
}

static void nobody_forges_our_labels(_unused_ void **state)
{
	const struct label labels[] = { { "bulkhead/name", "db" },
					{ "bulkhead/other", "x" },
					{ "app", "web" } };
	_cleanup_(freep) char *problem = NULL;
	_cleanup_(endpoint_unrefp) struct endpoint *e =
		with(labels, 3, NULL, &problem);

	assert_string_equal(label_set_get(e->labels, "bulkhead/name"), "web-1");
	assert_string_equal(label_set_get(e->labels, "bulkhead/image"),
			    "nginx:1");
	assert_string_equal(label_set_get(e->labels, "bulkhead/runtime"),
			    "docker");
	assert_string_equal(label_set_get(e->labels, "app"), "web");
	assert_null(label_set_get(e->labels, "bulkhead/other"));
}

static void ports_are_read(_unused_ void **state)
{
	const struct label labels[] = {
		{ "bulkhead.ports",
		  "http=8080/tcp, dns=53/udp,dns=53,x=9/SCTP" }
	};
	_cleanup_(freep) char *problem = NULL;
	_cleanup_(endpoint_unrefp) struct endpoint *e =
		with(labels, 1, NULL, &problem);

	assert_null(problem);
	assert_int_equal(endpoint_named_port(e, "http", IPPROTO_TCP), 8080);
	assert_int_equal(endpoint_named_port(e, "http", IPPROTO_UDP), 0);
	assert_int_equal(endpoint_named_port(e, "dns", IPPROTO_UDP), 53);
	assert_int_equal(endpoint_named_port(e, "dns", IPPROTO_TCP), 53);
	assert_int_equal(endpoint_named_port(e, "x", IPPROTO_SCTP), 9);
}

/* What is wrong is left out, and the rest still counts. */
static void malformed_ports_are_left_out(_unused_ void **state)
{
	static const char *const wrong[] = {
		"http",		 "=80/tcp",
		"http=",	 "http=0",
		"http=65536",	 "http=-1",
		"http=80/",	 "http=80/icmp",
		"HTTP=80",	 "a--b=80",
		"-a=80",	 "a-=80",
		"80=80",	 "http=8 0",
		"http=80/tcp/x", "sixteen-letters1=80",
		"h\ttp=80",
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_(freep) char *text = xasprintf("%s,good=1", wrong[i]);
		_cleanup_(freep) char *problem = NULL;
		struct label label = { "bulkhead.ports", text };
		_cleanup_(endpoint_unrefp) struct endpoint *e =
			with(&label, 1, NULL, &problem);

		assert_non_null(problem);
		assert_int_equal(e->ports.len, 1);
		assert_int_equal(endpoint_named_port(e, "good", IPPROTO_TCP),
				 1);
	}
}

static void a_port_label_is_bounded(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);
	_cleanup_(freep) char *problem = NULL;
	struct label label = { "bulkhead.ports", NULL };
	struct endpoint *e;

	for (int i = 1; i <= 5000; i++)
		buf_addf(&text, "p%d=%d,", i, i);
	label.value = buf_str(&text);
	e = with(&label, 1, NULL, &problem);
	assert_int_equal(e->ports.len, 256);
	assert_non_null(problem);
	assert_true(strlen(problem) < 2000);
	endpoint_unref(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(namespace_is_chosen_in_order),
		cmocka_unit_test(a_project_makes_a_namespace),
		cmocka_unit_test(nobody_forges_our_labels),
		cmocka_unit_test(a_kind_is_a_label),
		cmocka_unit_test(ports_are_read),
		cmocka_unit_test(malformed_ports_are_left_out),
		cmocka_unit_test(a_port_label_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
