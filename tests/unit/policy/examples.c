/* SPDX-License-Identifier: GPL-2.0-or-later */
/* examples.c - every shipped example loads without a word, and together. */
#include "text.h"

#include <glob.h>
#include <stdio.h>

static void load(const char *path, struct diag_list *diag,
		 struct policy_set **ret)
{
	policy_load_file(path, diag, ret);
	diag_print(diag, stderr);
	assert_int_equal(diag->errors, 0);
	assert_int_equal(diag->warnings, 0);
	assert_non_null(*ret);
	assert_true((*ret)->policies.len > 0);
}

static void every_example(_unused_ void **state)
{
	struct policy_set *sets[100] = { NULL };
	_cleanup_(policy_set_unrefp) struct policy_set *all = NULL;
	_cleanup_(diag_fini) struct diag_list diag = { 0 };
	_cleanup_(globfree) glob_t found = { 0 };

	assert_int_equal(glob(POLICY_EXAMPLES "/*.yaml", 0, NULL, &found), 0);
	glob(POLICY_EXAMPLES "/*.yml", GLOB_APPEND, NULL, &found);
	glob(POLICY_EXAMPLES "/*.json", GLOB_APPEND, NULL, &found);
	assert_true(found.gl_pathc >= 12);
	assert_true(found.gl_pathc <= ARRAY_SIZE(sets));
	for (size_t i = 0; i < found.gl_pathc; i++)
		load(found.gl_pathv[i], &diag, &sets[i]);
	/* Somebody copies all of them into one directory. */
	all = policy_set_merge(sets, found.gl_pathc, &diag);
	diag_print(&diag, stderr);
	assert_int_equal(diag.errors, 0);
	for (size_t i = 0; i < found.gl_pathc; i++)
		policy_set_unref(sets[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_example),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
