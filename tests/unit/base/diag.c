/* SPDX-License-Identifier: GPL-2.0-or-later */
/* diag.c - diagnostics: their text, their order, and their bound. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"

static void assert_printed(const struct diag_list *list, const char *expected)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	diag_print(list, f);
	fclose(f);
	assert_string_equal(text, expected);
	free(text);
}

static void all_are_kept_in_order(_unused_ void **state)
{
	struct diag_list list = { 0 };

	diag_error(&list, (struct diag_place){ "a.yaml", 3, 7 },
		   "unknown field '%s'", "sepc");
	diag_warning(&list, (struct diag_place){ "a.yaml", 0, 0 }, "is empty");
	assert_int_equal(diag_errno(&list, "/b", -ENOENT, "cannot read"),
			 -ENOENT);
	diag_error(&list, (struct diag_place){ 0 }, "nowhere");
	assert_int_equal(list.errors, 3);
	assert_int_equal(list.warnings, 1);
	assert_printed(&list,
		       "a.yaml:3:7: error: unknown field 'sepc'\n"
		       "a.yaml: warning: is empty\n"
		       "/b: error: cannot read: No such file or directory\n"
		       "error: nowhere\n");
	diag_fini(&list);
	assert_int_equal(list.errors, 0);
}

static void more_than_are_kept_are_counted(_unused_ void **state)
{
	struct diag_list list = { 0 };

	for (int i = 0; i < DIAG_MAX + 5; i++)
		diag_error(&list, (struct diag_place){ "f", 1, 1 }, "%d", i);
	assert_int_equal(list.entries.len, DIAG_MAX);
	assert_int_equal(list.errors, DIAG_MAX + 5);
	diag_fini(&list);
}

static void what_a_file_says_does_not_drive_a_terminal(_unused_ void **state)
{
	struct diag_list list = { 0 };

	diag_error(&list, (struct diag_place){ "f\n", 1, 1 },
		   "unknown field '\x1b[2Jx'");
	assert_printed(&list, "f?:1:1: error: unknown field '?[2Jx'\n");
	diag_fini(&list);
}

static void a_long_message_is_cut(_unused_ void **state)
{
	struct diag d = { .severity = DIAG_ERROR,
			  .file = (char *)"f",
			  .line = 1,
			  .col = 2,
			  .message = (char *)"0123456789" };
	char text[20];

	assert_string_equal(diag_format(&d, text, sizeof(text)),
			    "f:1:2: error: 01234");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_kept_in_order),
		cmocka_unit_test(more_than_are_kept_are_counted),
		cmocka_unit_test(what_a_file_says_does_not_drive_a_terminal),
		cmocka_unit_test(a_long_message_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
