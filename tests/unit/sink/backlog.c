/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backlog.c - lines wait within a bound, and none that is needed goes. */
#include "sink/backlog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LINE SLICE("a line\n")
#define SIZE (sizeof(struct sink_head) + 7)

static void lines_are_numbered(_unused_ void **state)
{
	struct backlog b;
	struct sink_entry entry;
	size_t offset = 0;

	backlog_init(&b, 1000);
	assert_int_equal(backlog_oldest(&b), 0);
	assert_true(backlog_add_line(&b, LINE));
	assert_true(backlog_add_reopen(&b));
	assert_true(backlog_add_line(&b, LINE));
	assert_int_equal(b.next, 2);
	for (uint64_t i = 0; i < 3; i++) {
		static const uint64_t numbers[] = { 0, 1, 1 };

		assert_true(sink_queue_at(&b.queue, offset, &entry));
		assert_int_equal(entry.head.number, numbers[i]);
		assert_int_equal(entry.head.type,
				 i == 1 ? SINK_FRAME_REOPEN : SINK_FRAME_LINE);
		offset = sink_queue_next(offset, &entry);
	}
	backlog_fini(&b);
}

/* Only what was sent makes room; else the new one is not taken. */
static void a_full_one_gives_up_what_was_sent(_unused_ void **state)
{
	struct backlog b;

	backlog_init(&b, 4 * SIZE);
	for (int i = 0; i < 4; i++)
		assert_true(backlog_add_line(&b, LINE));
	assert_true(backlog_is_tight(&b));
	assert_false(backlog_add_line(&b, LINE));
	assert_int_equal(b.next, 4);
	/* In part is not sent. */
	backlog_sent(&b, SIZE - 1);
	assert_false(backlog_add_line(&b, LINE));
	assert_int_equal(backlog_lines_unsent(&b), 4);
	backlog_sent(&b, 1);
	assert_int_equal(backlog_lines_unsent(&b), 3);
	assert_false(backlog_is_tight(&b));
	assert_true(backlog_add_line(&b, LINE));
	assert_int_equal(backlog_oldest(&b), 1);
	assert_int_equal(backlog_unsent(&b).len, 4 * SIZE);
	backlog_fini(&b);
}

static void what_is_settled_is_forgotten(_unused_ void **state)
{
	struct backlog b;

	backlog_init(&b, 1000);
	for (int i = 0; i < 5; i++)
		backlog_add_line(&b, LINE);
	/* Settled, but of an earlier writer: this one has nothing yet. */
	backlog_forget(&b, 3);
	assert_int_equal(backlog_oldest(&b), 0);
	backlog_sent(&b, 4 * SIZE);
	backlog_forget(&b, 3);
	assert_int_equal(backlog_oldest(&b), 3);
	assert_int_equal(backlog_lines_unsent(&b), 1);
	/* Another writer gets the rest from its beginning. */
	backlog_rewind(&b);
	assert_int_equal(backlog_lines_unsent(&b), 2);
	assert_int_equal(backlog_unsent(&b).len, 2 * SIZE);
	backlog_sent(&b, 2 * SIZE);
	backlog_forget(&b, 5);
	assert_int_equal(backlog_oldest(&b), 5);
	assert_int_equal(backlog_unsent(&b).len, 0);
	backlog_fini(&b);
}

static void a_line_that_is_too_long(_unused_ void **state)
{
	static char text[SINK_LINE_MAX + 1];
	struct backlog b;

	backlog_init(&b, 4 * SINK_LINE_MAX);
	assert_false(
		backlog_add_line(&b, (struct slice){ text, sizeof(text) }));
	assert_true(
		backlog_add_line(&b, (struct slice){ text, sizeof(text) - 1 }));
	backlog_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_numbered),
		cmocka_unit_test(a_full_one_gives_up_what_was_sent),
		cmocka_unit_test(what_is_settled_is_forgotten),
		cmocka_unit_test(a_line_that_is_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
