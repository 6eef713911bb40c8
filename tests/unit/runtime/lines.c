/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lines.c - the same lines however the stream is cut into pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "runtime/lines.h"

/* @text in pieces of @step bytes; its lines joined by '|'. */
static size_t split(const char *text, size_t step, struct buf *out)
{
	struct lines l = LINES_INIT(8);
	size_t n = strlen(text), skipped;

	for (size_t at = 0; at < n; at += step) {
		struct slice piece = { text + at, MIN(step, n - at) };
		struct slice line;

		while (lines_next(&l, &piece, &line)) {
			buf_add(out, line.ptr, line.len);
			buf_adds(out, "|");
		}
	}
	skipped = l.skipped;
	lines_fini(&l);
	return skipped;
}

static void every_cut(_unused_ void **state)
{
	/* A bound of 8 counts the line's end. */
	static const char text[] =
		"one\n\ntwo\n1234567\n12345678\nthree\nmuch too long to keep\nx\nrest";

	for (size_t step = 1; step < sizeof(text); step++) {
		_cleanup_(buf_fini) struct buf out = BUF_INIT(BUF_UNBOUNDED);

		assert_int_equal(split(text, step, &out), 2);
		assert_string_equal(buf_str(&out), "one|two|1234567|three|x|");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
