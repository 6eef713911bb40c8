/* SPDX-License-Identifier: GPL-2.0-or-later */
/* addr.c - addresses, prefixes and MAC addresses as text and back. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/addr.h"
#include "base/macro.h"

static struct addr addr(const char *text)
{
	struct addr a = { 0 };

	if (addr_parse(slice_of(text), &a) < 0)
		fail_msg("'%s' is an address", text);
	return a;
}

static struct prefix prefix(const char *text)
{
	struct prefix p = { 0 };

	if (prefix_parse(slice_of(text), &p) < 0)
		fail_msg("'%s' is a prefix", text);
	return p;
}

static void addresses(_unused_ void **state)
{
	static const struct {
		const char *text, *again;
		int family;
	} good[] = {
		{ "0.0.0.0", "0.0.0.0", AF_INET },
		{ "255.255.255.255", "255.255.255.255", AF_INET },
		{ "172.17.0.2", "172.17.0.2", AF_INET },
		{ "::", "::", AF_INET6 },
		{ "::1", "::1", AF_INET6 },
		{ "FD00:0:0:0::A", "fd00::a", AF_INET6 },
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", AF_INET6 },
		{ "1:0:0:2:0:0:0:3", "1:0:0:2::3", AF_INET6 },
		{ "::ffff:1.2.3.4", "::ffff:1.2.3.4", AF_INET6 },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", AF_INET6 },
	};
	char text[ADDR_STRLEN];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct addr a = addr(good[i].text);

		assert_int_equal(a.family, good[i].family);
		assert_string_equal(addr_format(&a, text), good[i].again);
	}
}

static void no_addresses(_unused_ void **state)
{
	static const char *const bad[] = {
		"",
		"1.2.3",
		"1.2.3.4.5",
		"1.2.3.256",
		"01.2.3.4",
		"1.2.3.4 ",
		" 1.2.3.4",
		"1.2.3.4/32",
		"0x1.2.3.4",
		"1.2.3.-4",
		"localhost",
		":",
		":::",
		"1::2::3",
		"fe80::1%eth0",
		"1:2:3:4:5:6:7:8:9",
		"12345::",
		"::1.2.3.256",
		"[::1]",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb",
	};
	struct addr a = { .family = 77 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (addr_parse(slice_of(bad[i]), &a) != -EINVAL)
			fail_msg("'%s' is no address", bad[i]);
	/* A NUL inside must not end the text early. */
	assert_int_equal(addr_parse(SLICE("1.2.3.4\0x"), &a), -EINVAL);
	assert_int_equal(addr_parse(SLICE("1.2.3.4\0"), &a), -EINVAL);
	assert_int_equal(a.family, 77);
}

static void address_order(_unused_ void **state)
{
	static const char *const sorted[] = { "0.0.0.0",  "10.0.0.1",
					      "10.0.0.2", "192.0.2.1",
					      "::",	  "::1",
					      "fd00::" };

	for (size_t i = 0; i < ARRAY_SIZE(sorted); i++)
		for (size_t j = 0; j < ARRAY_SIZE(sorted); j++) {
			struct addr a = addr(sorted[i]), b = addr(sorted[j]);
			int c = addr_compare(&a, &b);

			assert_int_equal((c > 0) - (c < 0), (i > j) - (i < j));
			assert_int_equal(addr_eq(&a, &b), i == j);
		}
}

static void no_address_is_empty_text(_unused_ void **state)
{
	struct addr none = { 0 };
	char text[ADDR_STRLEN] = "x";

	assert_false(addr_is_set(&none));
	assert_string_equal(addr_format(&none, text), "");
	assert_int_equal(addr_size(0), 0);
}

static void prefixes(_unused_ void **state)
{
	static const struct {
		const char *text, *again, *first, *last;
	} good[] = {
		{ "0.0.0.0/0", "0.0.0.0/0", "0.0.0.0", "255.255.255.255" },
		{ "10.0.0.0/8", "10.0.0.0/8", "10.0.0.0", "10.255.255.255" },
		{ "10.64.0.0/10", "10.64.0.0/10", "10.64.0.0",
		  "10.127.255.255" },
		{ "192.0.2.4/31", "192.0.2.4/31", "192.0.2.4", "192.0.2.5" },
		{ "192.0.2.4/32", "192.0.2.4/32", "192.0.2.4", "192.0.2.4" },
		{ "::/0", "::/0",
		  "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ "fd00:30::/64", "fd00:30::/64",
		  "fd00:30::", "fd00:30::ffff:ffff:ffff:ffff" },
		{ "2001:db8::/33", "2001:db8::/33",
		  "2001:db8::", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff" },
		{ "::1/128", "::1/128", "::1", "::1" },
	};
	char text[PREFIX_STRLEN];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct prefix p = prefix(good[i].text);
		struct addr first, last;

		prefix_range(&p, &first, &last);
		assert_string_equal(prefix_format(&p, text), good[i].again);
		assert_string_equal(addr_format(&first, text), good[i].first);
		assert_string_equal(addr_format(&last, text), good[i].last);
	}
}

static void no_prefixes(_unused_ void **state)
{
	static const char *const bad[] = {
		"",
		"/",
		"10.0.0.0",
		"10.0.0.0/",
		"10.0.0.0/33",
		"10.0.0.0/-1",
		"10.0.0.0/08",
		"10.0.0.0/8 ",
		"10.0.0.0/+8",
		"10.0.0.0/8/8",
		"::/129",
		"::/0128",
		"::/1e1",
		"/8",
		"10.0.0/8",
	};
	struct prefix p;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (prefix_parse(slice_of(bad[i]), &p) != -EINVAL)
			fail_msg("'%s' is no prefix", bad[i]);
}

static void host_bits_are_told_and_cleared(_unused_ void **state)
{
	static const struct {
		const char *text, *masked;
	} cases[] = {
		{ "10.0.0.1/8", "10.0.0.0/8" },
		{ "10.128.0.0/8", "10.0.0.0/8" },
		{ "192.0.2.1/31", "192.0.2.0/31" },
		{ "1.2.3.4/0", "0.0.0.0/0" },
		{ "fd00::1/64", "fd00::/64" },
		{ "::1/127", "::/127" },
	};
	char text[PREFIX_STRLEN];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct prefix p;

		assert_int_equal(prefix_parse(slice_of(cases[i].text), &p),
				 -EDOM);
		assert_string_equal(prefix_format(&p, text), cases[i].masked);
	}
}

static void containment(_unused_ void **state)
{
	static const struct {
		const char *prefix, *addr;
		bool in;
	} cases[] = {
		{ "10.0.0.0/8", "10.255.255.255", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "0.0.0.0/0", "1.2.3.4", true },
		{ "0.0.0.0/0", "::1", false },
		{ "::/0", "1.2.3.4", false },
		{ "::/0", "::ffff:1.2.3.4", true },
		{ "192.0.2.1/32", "192.0.2.1", true },
		{ "192.0.2.1/32", "192.0.2.0", false },
		{ "fd00:0:0:8000::/49", "fd00:0:0:8001::", true },
		{ "fd00:0:0:8000::/49", "fd00:0:0:7fff::", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct prefix p = prefix(cases[i].prefix);
		struct addr a = addr(cases[i].addr);

		assert_int_equal(prefix_contains(&p, &a), cases[i].in);
	}
}

static void cover(_unused_ void **state)
{
	struct prefix all = prefix("0.0.0.0/0"), ten = prefix("10.0.0.0/8"),
		      part = prefix("10.1.0.0/16"), six = prefix("::/0");

	assert_true(prefix_covers(&all, &ten));
	assert_true(prefix_covers(&ten, &part));
	assert_true(prefix_covers(&ten, &ten));
	assert_false(prefix_covers(&part, &ten));
	assert_false(prefix_covers(&six, &ten));
	assert_false(prefix_covers(&all, &six));
	assert_true(prefix_compare(&all, &ten) < 0);
	assert_true(prefix_compare(&ten, &part) < 0);
	assert_int_equal(prefix_compare(&ten, &ten), 0);
}

static void macs(_unused_ void **state)
{
	static const char *const bad[] = {
		"",
		"02:42:ac:11:00",
		"02:42:ac:11:00:0",
		"02:42:ac:11:00:022",
		"02-42-ac-11-00-02",
		"02:42:ac:11:00:0g",
		"02:42:ac:11:00: 2",
	};
	struct mac m = { { 0 } };
	char text[MAC_STRLEN];

	assert_false(mac_is_set(&m));
	assert_int_equal(mac_parse(SLICE("02:42:AC:11:00:02"), &m), 0);
	assert_true(mac_is_set(&m));
	assert_string_equal(mac_format(&m, text), "02:42:ac:11:00:02");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(mac_parse(slice_of(bad[i]), &m), -EINVAL);
	assert_string_equal(mac_format(&m, text), "02:42:ac:11:00:02");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(no_addresses),
		cmocka_unit_test(address_order),
		cmocka_unit_test(no_address_is_empty_text),
		cmocka_unit_test(prefixes),
		cmocka_unit_test(no_prefixes),
		cmocka_unit_test(host_bits_are_told_and_cleared),
		cmocka_unit_test(containment),
		cmocka_unit_test(cover),
		cmocka_unit_test(macs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
