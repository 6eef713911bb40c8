/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runtime.c - how engines' versions stand to those that this was tried with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "runtime/runtime.h"

static void versions(_unused_ void **state)
{
	static const struct runtime_versions known = {
		.needed = { 1, 3 },
		.tried_from = { 1, 6 },
		.tried_to = { 2, 3 },
	};
	static const struct runtime_versions any_minor = {
		.tried_from = { 20, 10 },
		.tried_to = { 29, RUNTIME_ANY_MINOR },
	};
	static const struct {
		const char *version;
		enum runtime_support support;
	} cases[] = {
		{ "1.2.14", RUNTIME_TOO_OLD },
		{ "1.3", RUNTIME_OLDER },
		{ "1.5.18", RUNTIME_OLDER },
		{ "1.6.20~ds1", RUNTIME_TRIED },
		{ "v1.7.27", RUNTIME_TRIED },
		{ "2.0.0-rc.1", RUNTIME_TRIED },
		{ "v2.3.4", RUNTIME_TRIED },
		{ "2.4.0-beta.0", RUNTIME_NEWER },
		{ "2.10", RUNTIME_NEWER },
		{ "3", RUNTIME_NEWER },
		{ "0.9", RUNTIME_TOO_OLD },
		{ "", RUNTIME_UNKNOWN },
		{ "dev", RUNTIME_UNKNOWN },
		{ "v", RUNTIME_UNKNOWN },
		{ "99999999999999999999.1", RUNTIME_UNKNOWN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(runtime_support_of(&known, cases[i].version),
				 cases[i].support);
	assert_int_equal(runtime_support_of(&any_minor, "29.12.1"),
			 RUNTIME_TRIED);
	assert_int_equal(runtime_support_of(&any_minor, "30.0.0"),
			 RUNTIME_NEWER);
}

/* An engine has versions, a file has none. */
static void each_names_its_own(_unused_ void **state)
{
	for (size_t i = 0; runtime_all[i]; i++) {
		const struct runtime_versions *known =
			&runtime_all[i]->versions;

		assert_int_equal(known->tried == NULL,
				 runtime_all[i] == &runtime_static);
		if (known->tried)
			assert_int_equal(runtime_support_of(known, "0.1"),
					 RUNTIME_TOO_OLD);
		else
			assert_int_equal(runtime_support_of(known, "1.0"),
					 RUNTIME_UNKNOWN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions),
		cmocka_unit_test(each_names_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
