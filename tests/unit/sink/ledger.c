/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ledger.c - lines handed over = written + waiting + lost, whatever writers
 * say and however often they die.
 */
#include "sink/ledger.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Sink @sink's report, with @problem behind it. */
static int report(struct ledger *l, uint64_t sink, struct sink_report r,
		  const char *problem, uint64_t next, struct ledger_news *news)
{
	char bytes[sizeof(r) + 64];
	struct sink_entry frame = {
		.head = { .type = SINK_FRAME_REPORT, .number = sink },
	};

	memcpy(bytes, &r, sizeof(r));
	memcpy(bytes + sizeof(r), problem, strlen(problem));
	frame.content = (struct slice){ bytes, sizeof(r) + strlen(problem) };
	frame.head.len = (uint32_t)frame.content.len;
	return ledger_take(l, &frame, next, news);
}

static void stands(const struct ledger *l, uint64_t next, uint64_t written,
		   uint64_t waiting, uint64_t lost)
{
	struct sink_feed_sink s;

	ledger_stand(l, 0, next, &s);
	assert_int_equal(s.written, written);
	assert_int_equal(s.waiting, waiting);
	assert_int_equal(s.lost, lost);
	assert_int_equal(written + waiting + lost, next);
}

static void sums_hold_over_writers(_unused_ void **state)
{
	struct ledger_news news;
	struct ledger l;

	ledger_init(&l, 1);
	stands(&l, 10, 0, 10, 0);
	assert_int_equal(report(&l, 0,
				(struct sink_report){
					.settled = 6, .written = 5, .lost = 1 },
				"", 10, &news),
			 0);
	stands(&l, 10, 5, 4, 1);
	assert_int_equal(ledger_settled(&l, 10), 6);
	/* It dies, and the line 6 is in nobody's hands: its successor begins
	 * with 7. */
	ledger_end_writer(&l, 7);
	stands(&l, 10, 5, 3, 2);
	assert_int_equal(ledger_settled(&l, 10), 7);
	assert_int_equal(
		report(&l, 0,
		       (struct sink_report){ .settled = 10, .written = 3 }, "",
		       10, &news),
		0);
	stands(&l, 10, 8, 0, 2);
	/* A spool has them, but nobody else does yet; some are given up. */
	assert_int_equal(report(&l, 0,
				(struct sink_report){ .settled = 15,
						      .written = 3,
						      .lost = 1,
						      .spooled = 4 },
				"", 16, &news),
			 0);
	stands(&l, 16, 8, 5, 3);
	/* Lines without number, of a queue that is full. */
	assert_int_equal(report(&l, 0,
				(struct sink_report){ .settled = 15,
						      .written = 3,
						      .lost = 1,
						      .dropping = 1,
						      .spooled = 4 },
				"", 16, &news),
			 0);
	stands(&l, 16, 8, 4, 4);
	ledger_fini(&l);
}

static void losses_are_told_once(_unused_ void **state)
{
	struct ledger_news news;
	struct ledger l;

	ledger_init(&l, 2);
	assert_false(ledger_has_untold(&l));
	l.lost = 3;
	assert_true(ledger_has_untold(&l));
	assert_int_equal(ledger_tell(&l), 3);
	assert_int_equal(ledger_tell(&l), 0);
	report(&l, 1, (struct sink_report){ .settled = 5, .lost = 5 }, "", 5,
	       &news);
	assert_true(ledger_has_untold(&l));
	assert_int_equal(ledger_tell_sink(&l, 0), 0);
	assert_int_equal(ledger_tell_sink(&l, 1), 5);
	assert_false(ledger_has_untold(&l));
	ledger_end_writer(&l, 8);
	assert_int_equal(ledger_tell_sink(&l, 0), 8);
	assert_int_equal(ledger_tell_sink(&l, 1), 3);
	/* At the end what waits is lost, too. */
	assert_int_equal(ledger_tell_end(&l, 0, 10), 2);
	ledger_fini(&l);
}

/* Who was taken over by what it writes to can only say that it works, or that
 * it does not. */
static void impossible_reports_are_refused(_unused_ void **state)
{
	const struct sink_report good = { .settled = 5,
					  .written = 4,
					  .lost = 1 };
	struct sink_report r;
	struct ledger_news news;
	struct ledger l;

	ledger_init(&l, 1);
	assert_int_equal(report(&l, 1, good, "", 10, &news), -EBADMSG);
	assert_int_equal(report(&l, 0, good, "", 4, &news), -EBADMSG);
	assert_int_equal(report(&l, 0, good, "", 10, &news), 0);
	r = good;
	r.settled--;
	assert_int_equal(report(&l, 0, r, "", 10, &news), -EBADMSG);
	r = good;
	r.written--;
	assert_int_equal(report(&l, 0, r, "", 10, &news), -EBADMSG);
	r = good;
	r.lost--;
	assert_int_equal(report(&l, 0, r, "", 10, &news), -EBADMSG);
	stands(&l, 10, 4, 5, 1);
	ledger_fini(&l);
}

static void a_problem_is_news_once(_unused_ void **state)
{
	struct ledger_news news;
	struct ledger l;

	ledger_init(&l, 1);
	assert_int_equal(
		report(&l, 0, (struct sink_report){ 0 }, "full", 5, &news), 0);
	assert_true(news.tried);
	assert_int_equal(news.sink, 0);
	assert_true(ledger_set_problem(&l, news.sink, news.problem));
	assert_false(ledger_set_problem(&l, news.sink, news.problem));
	/* Its successor has not tried yet: that is no recovery. */
	ledger_end_writer(&l, 0);
	assert_int_equal(report(&l, 0, (struct sink_report){ 0 }, "", 5, &news),
			 0);
	assert_false(news.tried);
	assert_int_equal(
		report(&l, 0,
		       (struct sink_report){ .settled = 1, .written = 1 }, "",
		       5, &news),
		0);
	assert_true(news.tried);
	assert_true(ledger_set_problem(&l, 0, news.problem));
	ledger_fini(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_hold_over_writers),
		cmocka_unit_test(losses_are_told_once),
		cmocka_unit_test(impossible_reports_are_refused),
		cmocka_unit_test(a_problem_is_news_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
