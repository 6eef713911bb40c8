/* SPDX-License-Identifier: GPL-2.0-or-later */
/* protocol.c - IP protocols by name. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/macro.h"
#include "base/protocol.h"

static void known(_unused_ void **state)
{
	assert_string_equal(protocol_name(6), "tcp");
	assert_string_equal(protocol_name(58), "icmpv6");
	assert_null(protocol_name(112));
	assert_int_equal(protocol_parse("udp"), 17);
	assert_int_equal(protocol_parse("SCTP"), 132);
	assert_int_equal(protocol_parse("112"), 112);
	assert_int_equal(protocol_parse("0"), 0);
}

static void each_there_and_back(_unused_ void **state)
{
	for (unsigned i = 0; i <= UINT8_MAX; i++) {
		char number[4];

		snprintf(number, sizeof(number), "%u", i);
		assert_int_equal(protocol_parse(number), i);
		if (protocol_name((uint8_t)i))
			assert_int_equal(
				protocol_parse(protocol_name((uint8_t)i)), i);
	}
}

static void none(_unused_ void **state)
{
	static const char *const bad[] = {
		"",    "tc", "tcpx", "256",  "-1",
		"0x6", "6 ", "vrrp", " tcp", "0006"
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(protocol_parse(bad[i]), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known),
		cmocka_unit_test(each_there_and_back),
		cmocka_unit_test(none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
