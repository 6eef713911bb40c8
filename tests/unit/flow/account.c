/* SPDX-License-Identifier: GPL-2.0-or-later */
/* account.c - **I8**: the account of dropped packets, and what survives. */
#include "flow/account.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macro.h"

static char path[64];

static int set_up(_unused_ void **state)
{
	strcpy(path, "/tmp/bulkhead-account-XXXXXX");
	return close(mkstemp(path));
}

static int tear_down(_unused_ void **state)
{
	unlink(path);
	return 0;
}

static void every_way_to_account_adds_up(_unused_ void **state)
{
	struct flow_account *a = flow_account_open(NULL, "boot");
	struct flow_balance b;

	assert_false(flow_account_inherited(a));
	flow_account_begin(a, 100);
	flow_account_recorded(a, 7);
	flow_account_suppressed(a, 20);
	flow_account_lost(a, 3);
	assert_int_equal(flow_account_sum(a), 130);
	assert_int_equal(flow_account_missing(a, 130), 0);
	b = flow_account_balance(a, 130, 130);
	assert_int_equal(b.dropped, 30);
	assert_int_equal(b.recorded, 7);
	assert_int_equal(b.suppressed, 20);
	assert_int_equal(b.lost, 3);
	assert_true(b.exact);
	b = flow_account_balance(a, 130, 130);
	assert_int_equal(b.dropped + b.recorded + b.suppressed + b.lost, 0);
	assert_true(b.exact);
	flow_account_close(a);
	flow_account_close(NULL);
}

/* Dropped while the elements were read: it may be in them, or not yet. */
static void what_comes_meanwhile_is_no_error(_unused_ void **state)
{
	for (uint64_t in_them = 0; in_them <= 5; in_them++) {
		struct flow_account *a = flow_account_open(NULL, "boot");
		struct flow_balance b;

		flow_account_begin(a, 0);
		flow_account_recorded(a, 10 + in_them);
		b = flow_account_balance(a, 10, 15);
		assert_int_equal(b.dropped, 10 + in_them);
		assert_true(b.exact);
		flow_account_close(a);
	}
}

static void too_much_and_too_little_are_told(_unused_ void **state)
{
	struct flow_account *a = flow_account_open(NULL, "boot");
	struct flow_balance b;

	flow_account_begin(a, 0);
	flow_account_recorded(a, 9);
	assert_int_equal(flow_account_missing(a, 10), 1);
	b = flow_account_balance(a, 10, 10);
	assert_int_equal(b.dropped, 10);
	assert_false(b.exact);
	flow_account_lost(a, 1); /* late: the sum has it then */
	flow_account_recorded(a, 5);
	b = flow_account_balance(a, 12, 12);
	assert_false(b.exact);
	/* Once: the next one starts from the counters. */
	flow_account_recorded(a, 4);
	b = flow_account_balance(a, 16, 16);
	assert_int_equal(b.dropped, 4);
	assert_true(b.exact);
	flow_account_close(a);
}

static void it_survives_the_agent_not_the_boot(_unused_ void **state)
{
	struct flow_account *a = flow_account_open(path, "boot-1");

	assert_false(flow_account_inherited(a));
	flow_account_begin(a, 1000);
	flow_account_recorded(a, 11);
	flow_account_keep(a);
	flow_account_close(a);
	a = flow_account_open(path, "boot-1");
	assert_true(flow_account_inherited(a));
	assert_int_equal(flow_account_sum(a), 1011);
	assert_int_equal(flow_account_missing(a, 1020), 9);
	flow_account_close(a);
	a = flow_account_open(path, "boot-2");
	assert_false(flow_account_inherited(a));
	assert_int_equal(flow_account_sum(a), 0);
	flow_account_close(a);
	/* A host that cannot tell its boots apart inherits nothing. */
	a = flow_account_open(path, "");
	assert_false(flow_account_inherited(a));
	flow_account_close(a);
	a = flow_account_open(path, "");
	assert_false(flow_account_inherited(a));
	flow_account_close(a);
}

/* Told by a line that died with the agent: the next one misses it. */
static void what_was_told_to_nobody_is_missed(_unused_ void **state)
{
	struct flow_account *a = flow_account_open(path, "boot-1");
	struct flow_balance b;

	flow_account_begin(a, 100);
	flow_account_recorded(a, 5);
	flow_account_keep(a);
	flow_account_recorded(a, 7);
	b = flow_account_balance(a, 112, 112);
	assert_true(b.exact);
	flow_account_close(a);
	a = flow_account_open(path, "boot-1");
	assert_int_equal(flow_account_sum(a), 105);
	assert_int_equal(flow_account_missing(a, 112), 7);
	flow_account_close(a);
	/* Counters that began anew are accounted for at once. */
	a = flow_account_open(path, "boot-1");
	flow_account_begin(a, 3);
	flow_account_close(a);
	a = flow_account_open(path, "boot-1");
	assert_int_equal(flow_account_sum(a), 3);
	flow_account_close(a);
}

static void a_file_of_something_else_is_not_believed(_unused_ void **state)
{
	struct flow_account *a;
	int fd = open(path, O_WRONLY);

	assert_int_equal(write(fd, "boot-1 boot-1 boot-1", 20), 20);
	close(fd);
	a = flow_account_open(path, "boot-1");
	assert_false(flow_account_inherited(a));
	assert_int_equal(flow_account_sum(a), 0);
	flow_account_close(a);
}

static void without_a_file_it_counts_on(_unused_ void **state)
{
	struct flow_account *a = flow_account_open("/nowhere/account", "boot");

	assert_false(flow_account_inherited(a));
	flow_account_recorded(a, 2);
	assert_int_equal(flow_account_sum(a), 2);
	flow_account_close(a);
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(every_way_to_account_adds_up),
		UNIT(what_comes_meanwhile_is_no_error),
		UNIT(too_much_and_too_little_are_told),
		UNIT(it_survives_the_agent_not_the_boot),
		UNIT(what_was_told_to_nobody_is_missed),
		UNIT(a_file_of_something_else_is_not_believed),
		UNIT(without_a_file_it_counts_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
