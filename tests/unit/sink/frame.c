/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frame.c - the queue, and frames that arrive in pieces or are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/macro.h"
#include "sink/frame.h"

static void add(struct sink_queue *q, uint64_t number, const char *text,
		bool fits)
{
	struct sink_head head = { .len = (uint32_t)strlen(text),
				  .type = SINK_FRAME_LINE,
				  .number = number };

	assert_int_equal(sink_queue_add(q, &head, slice_of(text)), fits);
}

static void the_queue_keeps_order_and_bound(_unused_ void **state)
{
	struct sink_entry e;
	struct sink_queue q;

	sink_queue_init(&q, 3 * (sizeof(struct sink_head) + 2));
	assert_false(sink_queue_at(&q, 0, &e));
	add(&q, 0, "a\n", true);
	add(&q, 1, "b\n", true);
	add(&q, 2, "c\n", true);
	add(&q, 3, "d\n", false);
	sink_queue_pop(&q);
	add(&q, 4, "e\n", true);
	for (uint64_t i = 1; i < 5; i += i == 2 ? 2 : 1) {
		assert_true(sink_queue_at(&q, 0, &e));
		assert_int_equal(e.head.number, i);
		assert_int_equal(e.content.ptr[0], 'a' + (char)i);
		sink_queue_pop(&q);
	}
	assert_int_equal(q.lines, 0);
	assert_int_equal(sink_queue_bytes(&q).len, 0);
	sink_queue_pop(&q);
	sink_queue_fini(&q);
}

/* Much more goes through than the bound, in changing amounts. */
static void the_queue_forgets_what_was_taken(_unused_ void **state)
{
	uint64_t in = 0, out = 0;
	struct sink_entry e;
	struct sink_queue q;

	sink_queue_init(&q, 1000);
	for (unsigned round = 0; round < 2000; round++) {
		for (unsigned i = 0; i < round % 17; i++)
			add(&q, in++, "some text\n", true);
		for (unsigned i = 0; i < round % 17; i++) {
			assert_true(sink_queue_at(&q, 0, &e));
			assert_int_equal(e.head.number, out++);
			sink_queue_pop(&q);
		}
	}
	assert_true(q.bytes.cap <= 4096);
	sink_queue_fini(&q);
}

/* What waits is what goes over the wire, however it is cut. */
static void frames_arrive_in_any_pieces(_unused_ void **state)
{
	for (size_t piece = 1; piece < 60; piece++) {
		struct sink_frames frames;
		struct sink_queue q;
		struct sink_entry e;
		struct slice bytes;
		uint64_t next = 7;

		sink_queue_init(&q, 1000);
		add(&q, 7, "first\n", true);
		add(&q, 8, "", true);
		add(&q, 9, "third\n", true);
		sink_frames_init(&frames, 100);
		bytes = sink_queue_bytes(&q);
		for (size_t at = 0; at < bytes.len; at += piece) {
			sink_frames_add(&frames, bytes.ptr + at,
					MIN(piece, bytes.len - at));
			while (sink_frames_next(&frames, &e) > 0)
				assert_int_equal(e.head.number, next++);
		}
		assert_int_equal(next, 10);
		assert_true(slice_eq_str(e.content, "third\n"));
		sink_frames_fini(&frames);
		sink_queue_fini(&q);
	}
}

static void what_is_no_frame_is_refused(_unused_ void **state)
{
	static const struct sink_head wrong[] = {
		{ .len = 101, .type = SINK_FRAME_LINE },
		{ .len = UINT32_MAX, .type = SINK_FRAME_LINE },
		{ .len = 1, .type = 0 },
		{ .len = 1, .type = SINK_FRAME_REPORT + 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct sink_frames frames;
		struct sink_entry e;

		sink_frames_init(&frames, 100);
		sink_frames_add(&frames, &wrong[i], sizeof(wrong[i]));
		assert_int_equal(sink_frames_next(&frames, &e), -EBADMSG);
		sink_frames_fini(&frames);
	}
}

static int parse(const void *bytes, size_t len, char *problem)
{
	struct sink_entry e = { .head = { .type = SINK_FRAME_REPORT },
				.content = { bytes, len } };
	struct sink_report report;

	return sink_report_parse(&e, &report, problem);
}

static void a_report_is_checked(_unused_ void **state)
{
	struct {
		struct sink_report report;
		char text[SINK_PROBLEM_MAX + 8];
	} sent = { .text = "disk\33full" };
	char problem[SINK_PROBLEM_MAX];

	assert_int_equal(parse(&sent, sizeof(sent.report) + 9, problem), 0);
	assert_string_equal(problem, "disk?full");
	assert_int_equal(parse(&sent, sizeof(sent.report), problem), 0);
	assert_string_equal(problem, "");
	assert_int_equal(parse(&sent, sizeof(sent.report) - 1, problem),
			 -EBADMSG);
	assert_int_equal(
		parse(&sent, sizeof(sent.report) + SINK_PROBLEM_MAX, problem),
		-EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_queue_keeps_order_and_bound),
		cmocka_unit_test(the_queue_forgets_what_was_taken),
		cmocka_unit_test(frames_arrive_in_any_pieces),
		cmocka_unit_test(what_is_no_frame_is_refused),
		cmocka_unit_test(a_report_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
