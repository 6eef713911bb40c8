/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reason.c - the kernel log prefix there and back. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "base/macro.h"
#include "base/reason.h"

static void every_prefix_comes_back(_unused_ void **state)
{
	for (int d = DENY_EGRESS; d <= DENY_INGRESS; d++)
		for (int r = 0; r <= DENY_POLICY_REVOKED; r++)
			for (int audit = 0; audit < 2; audit++) {
				char text[DENY_PREFIX_MAX];
				enum deny_direction direction;
				enum deny_reason reason;
				bool is_audit;

				deny_prefix_format(d, r, audit, text);
				/* The kernel keeps 127 bytes at most. */
				assert_true(strlen(text) < 64);
				assert_true(deny_prefix_parse(
					slice_of(text), &direction, &reason,
					&is_audit));
				assert_int_equal(direction, d);
				assert_int_equal(reason, r);
				assert_int_equal(is_audit, audit);
			}
}

static void the_text_is_what_is_documented(_unused_ void **state)
{
	char text[DENY_PREFIX_MAX];

	assert_string_equal(deny_prefix_format(DENY_INGRESS,
					       DENY_NO_POLICY_ALLOWS, false,
					       text),
			    "bulkhead ingress no-policy-allows");
	assert_string_equal(
		deny_prefix_format(DENY_EGRESS, DENY_SPOOFED, true, text),
		"bulkhead egress spoofed audit");
	assert_string_equal(deny_reason_name(DENY_POLICY_REVOKED),
			    "policy-revoked");
	assert_string_equal(deny_direction_name(DENY_EGRESS), "egress");
}

static void others_are_not_ours(_unused_ void **state)
{
	static const char *const others[] = {
		"",
		"bulkhead",
		"bulkhead ingress",
		"bulkhead ingress ",
		"bulkhead ingress no-policy-allow",
		"bulkhead ingress no-policy-allows ",
		"bulkhead ingress no-policy-allows  audit",
		"bulkhead Ingress no-policy-allows",
		"[UFW BLOCK] ",
	};
	enum deny_direction direction = DENY_INGRESS;
	enum deny_reason reason = DENY_INVALID;
	bool audit = true;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_false(deny_prefix_parse(slice_of(others[i]), &direction,
					       &reason, &audit));
	assert_int_equal(reason, DENY_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_prefix_comes_back),
		cmocka_unit_test(the_text_is_what_is_documented),
		cmocka_unit_test(others_are_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
