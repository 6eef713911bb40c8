/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options.c - what a command's options set, and what ends it. */
#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/macro.h"
#include "cli/options.h"

struct given {
	bool force;
	const char *limit;
	enum format format;
	int first; /* argument, in argv */
};

/* The words of @line after the command's name, read. */
static int read_line(const char *line, struct given *ret)
{
	struct given given = { .limit = "60s", .format = FORMAT_TABLE };
	const struct cli_option options[] = {
		{ 0, "force", OPTION_FLAG, &given.force, 0 },
		{ 't', "timeout", OPTION_TEXT, &given.limit, 0 },
		{ 'o', "output", OPTION_FORMAT, &given.format, FORMATS_DATA },
		{ 0 },
	};
	static char words[128];
	char *argv[8] = { words }, *save;
	int argc = 1, r;

	snprintf(words, sizeof(words), "x %s", line);
	strtok_r(words, " ", &save);
	while ((argv[argc] = strtok_r(NULL, " ", &save)))
		argc++;
	optind = 0;
	r = options_read(&command_wait, options, argc, argv);
	given.first = optind;
	*ret = given;
	return r;
}

static void test_defaults(_unused_ void **state)
{
	struct given g;

	assert_int_equal(read_line("", &g), -1);
	assert_false(g.force);
	assert_string_equal(g.limit, "60s");
	assert_int_equal(g.format, FORMAT_TABLE);
	assert_int_equal(g.first, 1);
}

static void test_given(_unused_ void **state)
{
	static const char *const lines[] = {
		"-t 3s --force -o json web",
		"web --timeout=3s --output json --force",
		"--time 3s --force -ojson -- web",
	};
	struct given g;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		assert_int_equal(read_line(lines[i], &g), -1);
		assert_true(g.force);
		assert_string_equal(g.limit, "3s");
		assert_int_equal(g.format, FORMAT_JSON);
	}
}

static void test_what_ends_it(_unused_ void **state)
{
	static const char *const wrong[] = { "-x",	  "--forced", "-t",
					     "--force=1", "-o table", "-f" };
	struct given g;

	assert_int_equal(read_line("-h", &g), EXIT_DONE);
	assert_int_equal(read_line("--force --help -x", &g), EXIT_DONE);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(read_line(wrong[i], &g), EXIT_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_given),
		cmocka_unit_test(test_what_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
