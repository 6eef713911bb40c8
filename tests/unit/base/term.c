/* SPDX-License-Identifier: GPL-2.0-or-later */
/* term.c - control characters never reach a terminal. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/macro.h"
#include "base/term.h"

static void defused(_unused_ void **state)
{
	static const struct {
		const char *text, *safe;
	} cases[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "\x1b[31mred", "?[31mred" },
		{ "a\tb\nc\rd\x7f", "a?b?c?d?" },
		{ "caf\xc3\xa9 \xe2\x9c\x93", "caf\xc3\xa9 \xe2\x9c\x93" },
		/* CSI as U+009B, and its neighbours. */
		{ "\xc2\x9b[x", "??[x" },
		{ "\xc2\x80\xc2\x9f", "????" },
		{ "\xc2\xa0\xc2", "\xc2\xa0\xc2" },
	};
	char text[32];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(text, sizeof(text), "%s", cases[i].text);
		assert_string_equal(term_defuse(text), cases[i].safe);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
