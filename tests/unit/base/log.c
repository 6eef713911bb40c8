/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log.c - what reaches stderr, and what does not. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

static char written[32768];

/* Redirect stderr into a file while @level is written with @text. */
static const char *catch (enum log_level level, const char *text)
{
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	size_t n;

	assert_non_null(file);
	fflush(stderr);
	dup2(fileno(file), STDERR_FILENO);
	log_write(level, "%s", text);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(file);
	n = fread(written, 1, sizeof(written) - 1, file);
	written[n] = '\0';
	fclose(file);
	return written;
}

static void levels(_unused_ void **state)
{
	assert_int_equal(log_level_parse("error"), LOG_LEVEL_ERROR);
	assert_int_equal(log_level_parse("debug"), LOG_LEVEL_DEBUG);
	assert_int_equal(log_level_parse("verbose"), -EINVAL);
	assert_int_equal(log_level_parse(""), -EINVAL);
	log_set_level(LOG_LEVEL_WARNING);
	assert_string_equal(catch (LOG_LEVEL_INFO, "quiet"), "");
	assert_string_equal(catch (LOG_LEVEL_WARNING, "loud"),
			    "warning: loud\n");
	log_set_level(LOG_LEVEL_DEBUG);
	assert_string_equal(catch (LOG_LEVEL_DEBUG, "deep"), "debug: deep\n");
}

static void journal_prefix(_unused_ void **state)
{
	setenv("JOURNAL_STREAM", "1:2", 1);
	assert_string_equal(catch (LOG_LEVEL_ERROR, "x"), "<3>x\n");
	assert_string_equal(catch (LOG_LEVEL_INFO, "x"), "<6>x\n");
	unsetenv("JOURNAL_STREAM");
}

static void one_line_without_controls(_unused_ void **state)
{
	assert_string_equal(catch (LOG_LEVEL_ERROR, "a\nerror: forged\x1b[0m"),
			    "error: a?error: forged?[0m\n");
}

static void a_long_message_is_cut_not_lost(_unused_ void **state)
{
	static char text[20000];

	memset(text, 'x', sizeof(text) - 1);
	catch (LOG_LEVEL_ERROR, text);
	assert_true(strlen(written) > 8000);
	assert_int_equal(strncmp(written, "error: xxxx", 11), 0);
	assert_int_equal(written[strlen(written) - 1], '\n');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels),
		cmocka_unit_test(journal_prefix),
		cmocka_unit_test(one_line_without_controls),
		cmocka_unit_test(a_long_message_is_cut_not_lost),
	};

	unsetenv("JOURNAL_STREAM");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
