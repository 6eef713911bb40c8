/* SPDX-License-Identifier: GPL-2.0-or-later */
/* handover.c - what outlives the agent, and what does not. */
#include "flow/handover.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macro.h"

static char path[64];

static int set_up(_unused_ void **state)
{
	strcpy(path, "/tmp/bulkhead-handover-XXXXXX");
	return close(mkstemp(path));
}

static int tear_down(_unused_ void **state)
{
	unlink(path);
	return 0;
}

static void what_lives_is_handed_over_once(_unused_ void **state)
{
	struct handover *h = handover_open(path, "boot");
	struct handover_slot *a = handover_add(h, 1), *b = handover_add(h, 2);
	uint64_t id = b->id;

	assert_true(a->id && a->id != b->id);
	b->first = 5;
	b->packets = 6;
	handover_drop(h, a);
	handover_close(h);
	h = handover_open(path, "boot");
	assert_null(handover_take(h, 1));
	b = handover_take(h, 2);
	assert_non_null(b);
	assert_true(b->id == id && b->first == 5 && b->packets == 6);
	assert_null(handover_take(h, 2));
	handover_close(h);
	handover_close(NULL);
}

/* Also those that one of several agents never asked for. */
static void what_nobody_takes_waits_until_swept(_unused_ void **state)
{
	struct handover *h = handover_open(path, "boot");

	handover_add(h, 1);
	handover_close(h);
	handover_close(handover_open(path, "boot"));
	h = handover_open(path, "boot");
	assert_non_null(handover_take(h, 1));
	handover_close(h);
	h = handover_open(path, "boot");
	handover_sweep(h);
	assert_null(handover_take(h, 1));
	handover_close(h);
	h = handover_open(path, "boot");
	assert_null(handover_take(h, 1));
	handover_close(h);
}

static void a_new_one_is_not_taken_for_the_old(_unused_ void **state)
{
	struct handover *h = handover_open(path, "boot");
	uint64_t id = handover_add(h, 1)->id;
	struct handover_slot *again;

	handover_close(h);
	h = handover_open(path, "boot");
	again = handover_add(h, 1);
	assert_true(again->id != id && !again->packets);
	assert_null(handover_take(h, 1));
	handover_close(h);
}

static void another_boot_inherits_nothing(_unused_ void **state)
{
	struct handover *h = handover_open(path, "boot-1");

	handover_add(h, 1);
	handover_close(h);
	h = handover_open(path, "boot-2");
	assert_null(handover_take(h, 1));
	handover_close(h);
}

static void it_is_full_and_has_room_again(_unused_ void **state)
{
	struct handover *h = handover_open(path, "boot");
	struct handover_slot *last = NULL;

	for (uint64_t key = 1; key <= HANDOVER_MAX; key++)
		assert_non_null(last = handover_add(h, key));
	assert_null(handover_add(h, HANDOVER_MAX + 1));
	handover_drop(h, last);
	assert_non_null(handover_add(h, HANDOVER_MAX + 1));
	handover_close(h);
	h = handover_open(path, "boot");
	assert_null(handover_add(h, HANDOVER_MAX + 2));
	assert_non_null(handover_take(h, HANDOVER_MAX + 1));
	handover_sweep(h);
	assert_non_null(handover_add(h, HANDOVER_MAX + 2));
	handover_close(h);
}

static void a_killed_agent_hands_over_too(_unused_ void **state)
{
	struct handover *h;
	struct handover_slot *slot;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		handover_add(handover_open(path, "boot"), 7)->packets = 9;
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	h = handover_open(path, "boot");
	slot = handover_take(h, 7);
	assert_non_null(slot);
	assert_true(slot->id && slot->packets == 9);
	handover_close(h);
}

static void without_a_file_it_works_on(_unused_ void **state)
{
	struct handover *h = handover_open("/nowhere/connections", "boot");

	assert_non_null(handover_add(h, 1));
	handover_close(h);
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(what_lives_is_handed_over_once),
		UNIT(what_nobody_takes_waits_until_swept),
		UNIT(a_new_one_is_not_taken_for_the_old),
		UNIT(another_boot_inherits_nothing),
		UNIT(it_is_full_and_has_room_again),
		UNIT(a_killed_agent_hands_over_too),
		UNIT(without_a_file_it_works_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
