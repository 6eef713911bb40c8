/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quarantine.c - who is sealed off stays so over a restart. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/quarantine.h"
#include "base/buf.h"

struct fixture {
	char dir[32];
	struct endpoint_store *store;
	struct quarantine q;
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	snprintf(f->dir, sizeof(f->dir), "/tmp/bh-quarantine.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->store = endpoint_store_new();
	assert_int_equal(quarantine_init(&f->q, f->store, f->dir), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->q.path);
	rmdir(f->dir);
	quarantine_fini(&f->q);
	endpoint_store_free(f->store);
	free(f);
	return 0;
}

/* As after a restart of the agent: another store, the same directory. */
static void restart(struct fixture *f, int want)
{
	quarantine_fini(&f->q);
	endpoint_store_free(f->store);
	f->store = endpoint_store_new();
	f->q = (struct quarantine){ 0 };
	assert_int_equal(quarantine_init(&f->q, f->store, f->dir), want);
}

static const struct endpoint *put(struct fixture *f, const char *id)
{
	struct endpoint *e = endpoint_new("docker", id);

	endpoint_store_put(f->store, e);
	return endpoint_store_by_id(f->store, id);
}

static void test_holds_until_lifted(void **state)
{
	struct fixture *f = *state;
	const struct quarantined *q;

	put(f, "one");
	assert_int_equal(quarantine_add(&f->q, put(f, "two"), "why", 7), 0);
	assert_true(endpoint_store_by_id(f->store, "two")->quarantined);
	assert_false(endpoint_store_by_id(f->store, "one")->quarantined);
	/* Whatever the runtime tells later. */
	assert_true(put(f, "two")->quarantined);
	endpoint_store_remove(f->store, "two");
	assert_true(put(f, "two")->quarantined);
	restart(f, 0);
	assert_true(put(f, "two")->quarantined);
	assert_false(put(f, "one")->quarantined);
	q = quarantine_find(&f->q, "two");
	assert_string_equal(q->reason, "why");
	assert_int_equal(q->uid, 7);
	assert_true(q->since > 0);
	assert_int_equal(quarantine_lift(&f->q, "two"), 0);
	assert_false(endpoint_store_by_id(f->store, "two")->quarantined);
	restart(f, 0);
	assert_false(put(f, "two")->quarantined);
}

static void test_not_known(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(quarantine_lift(&f->q, "two"), -ENOENT);
	assert_null(quarantine_find(&f->q, "two"));
}

/* Where it cannot be kept it does not hold, and where it cannot be forgotten
 * it does. */
static void test_cannot_be_kept(void **state)
{
	struct fixture *f = *state;
	_cleanup_(freep) char *in_the_way = xasprintf("%s.new", f->q.path);

	put(f, "one");
	put(f, "two");
	assert_int_equal(quarantine_add(&f->q,
					endpoint_store_by_id(f->store, "one"),
					"", 0),
			 0);
	assert_int_equal(mkdir(in_the_way, 0700), 0);
	assert_int_equal(quarantine_add(&f->q,
					endpoint_store_by_id(f->store, "two"),
					"", 0),
			 -EISDIR);
	assert_false(endpoint_store_by_id(f->store, "two")->quarantined);
	assert_int_equal(quarantine_lift(&f->q, "one"), -EISDIR);
	assert_true(endpoint_store_by_id(f->store, "one")->quarantined);
	rmdir(in_the_way);
}

/* A file that is none of ours is not taken for an empty one. */
static void test_broken_file(void **state)
{
	static const char *const broken[] = { "", "{}", "[]", "{\"quar",
					      "{\"quarantined\": [{}]}" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		assert_int_equal(
			write_file_atomically(f->q.path, slice_of(broken[i])),
			0);
		restart(f, -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_holds_until_lifted, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_not_known, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_cannot_be_kept, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_broken_file, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
