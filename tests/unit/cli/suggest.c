/* SPDX-License-Identifier: GPL-2.0-or-later */
/* suggest.c - the word that a user may have meant. */
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
#include "cli/suggest.h"

static const char *const words[] = { "status",	"wait",	 "get",	    "check",
				     "explain", "flows", "teardown" };

static void suggests(const char *typed, const char *want)
{
	const char *got = suggest(typed, words, ARRAY_SIZE(words));

	if (want)
		assert_string_equal(got, want);
	else
		assert_null(got);
}

static void test_near(_unused_ void **state)
{
	suggests("stauts", "status");
	suggests("statu", "status");
	suggests("chek", "check");
	suggests("flow", "flows");
	suggests("explian", "explain");
	suggests("tear", "teardown");
	suggests("gte", "get");
}

static void test_far(_unused_ void **state)
{
	suggests("", NULL);
	suggests("frobnicate", NULL);
	suggests("xyz", NULL);
	suggests("a-word-longer-than-any-command-could-ever-be", NULL);
	assert_null(suggest("x", NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_near),
		cmocka_unit_test(test_far),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
