/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table.c - aligned columns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <locale.h>

#include <cmocka.h>

#include "base/macro.h"
#include "cli/table.h"

static void renders(const struct table *t, unsigned margin, const char *want)
{
	_cleanup_(buf_fini) struct buf out = BUF_INIT(BUF_UNBOUNDED);

	table_render(t, margin, &out);
	assert_string_equal(buf_str(&out), want);
}

static void test_aligns(_unused_ void **state)
{
	static const char *const headings[] = { "NAME", "N", "REST" };
	_cleanup_(table_freep) struct table *t = table_new(3, headings, false);

	table_add(t, STYLE_NONE, "a-long-name");
	table_add(t, STYLE_BAD, "");
	table_add(t, STYLE_NONE, "x");
	table_add(t, STYLE_NONE, "\xe4\xb8\xad");
	table_add(t, STYLE_NONE, "12345");
	table_add(t, STYLE_NONE, "y z");
	renders(t, 0,
		"NAME         N      REST\n"
		"a-long-name  -      x\n"
		"\xe4\xb8\xad           12345  y z\n");
	renders(t, 2,
		"  NAME         N      REST\n"
		"  a-long-name  -      x\n"
		"  \xe4\xb8\xad           12345  y z\n");
}

/* Neither escapes of our own nor of others count as columns. */
static void test_colour(_unused_ void **state)
{
	_cleanup_(table_freep) struct table *t = table_new(2, NULL, true);

	table_add(t, STYLE_BAD, "no");
	table_add(t, STYLE_NONE, "1");
	table_add(t, STYLE_NONE, "\x1b[m");
	table_add(t, STYLE_NONE, "2");
	renders(t, 0,
		"\x1b[31mno\x1b[0m      1\n"
		"\\x1b[m  2\n");
}

static void test_empty(_unused_ void **state)
{
	_cleanup_(table_freep) struct table *t = table_new(2, NULL, false);

	renders(t, 4, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aligns),
		cmocka_unit_test(test_colour),
		cmocka_unit_test(test_empty),
	};

	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
