/* SPDX-License-Identifier: GPL-2.0-or-later */
/* target.c - DST[:PORT[/PROTO]]. */
#include <errno.h>
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
#include "cli/target.h"

static void splits(const char *text, const char *host, int port,
		   const char *protocol)
{
	_cleanup_(target_fini) struct target t = { 0 };
	const char *error;

	assert_int_equal(target_parse(text, &t, &error), 0);
	assert_string_equal(t.host, host);
	assert_int_equal(t.port, port);
	assert_string_equal(t.protocol, protocol);
}

static void test_splits(_unused_ void **state)
{
	splits("web", "web", 0, "icmp");
	splits("web:80", "web", 80, "tcp");
	splits("shop/web:65535/udp", "shop/web", 65535, "udp");
	splits("shop/web", "shop/web", 0, "icmp");
	splits("web:1/SCTP", "web", 1, "sctp");
	splits("10.0.0.1:53/udp", "10.0.0.1", 53, "udp");
	splits("10.0.0.1", "10.0.0.1", 0, "icmp");
	splits("fd00::1", "fd00::1", 0, "icmp");
	/* An address by itself, although it ends like a port. */
	splits("fd00::1:80", "fd00::1:80", 0, "icmp");
	splits("[fd00::1]:80", "fd00::1", 80, "tcp");
	splits("[fd00::1]:80/udp", "fd00::1", 80, "udp");
	splits("[fd00::1]", "fd00::1", 0, "icmp");
}

static void test_refuses(_unused_ void **state)
{
	static const char *const wrong[] = {
		"",	      ":80",
		"[]:80",      "[fd00::1",
		"web:",	      "web:0",
		"web:65536",  "web:999999",
		"web:http",   "web:80/",
		"web:80/x",   "web:80/icmp",
		"web:80x",    "web:-80",
		"web: 80",    "[fd00::1]80",
		"[fd00::1]:", "web:80/tcp/udp",
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct target t = { 0 };
		const char *error = NULL;

		assert_int_equal(target_parse(wrong[i], &t, &error), -EINVAL);
		assert_non_null(error);
		assert_null(t.host);
	}
}

static void hosts(const char *text, const char *want)
{
	char *got = target_host(text);

	assert_string_equal(got, want);
	free(got);
}

static void test_host(_unused_ void **state)
{
	hosts("web", "web");
	hosts("fd00::1", "fd00::1");
	hosts("[fd00::1]", "fd00::1");
	hosts("[]", "[]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_splits),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
