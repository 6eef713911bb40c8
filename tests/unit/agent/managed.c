/* SPDX-License-Identifier: GPL-2.0-or-later */
/* managed.c - governed bridges survive the agent, for the next boot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "agent/managed.h"
#include "base/buf.h"

static struct network *make(const char *name, const char *bridge)
{
	struct network *n = network_new("docker", name, name);

	snprintf(n->bridge, sizeof(n->bridge), "%s", bridge);
	return n;
}

struct fixture {
	char dir[32];
	struct network *a, *b, *host;
	const struct network *all[3];
};

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	snprintf(f->dir, sizeof(f->dir), "/tmp/managed.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->all[0] = f->a = make("a", "br-a");
	f->all[1] = f->b = make("b", "br-b");
	f->all[2] = f->host = make("host", "");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char path[64];

	snprintf(path, sizeof(path), "%s/bridges", f->dir);
	unlink(path);
	rmdir(f->dir);
	network_free(f->a);
	network_free(f->b);
	network_free(f->host);
	free(f);
	return 0;
}

/* "br-a br-b", as managed. */
static void expect(const struct managed *m, const char *bridges)
{
	struct buf got = BUF_INIT(BUF_UNBOUNDED);

	vec_foreach(n, &m->all)
		buf_addf(&got, "%s%s", got.len ? " " : "", (*n)->bridge);
	assert_string_equal(buf_str(&got), bridges);
	buf_fini(&got);
}

static void a_bridge_and_no_wish_to_be_ignored(void **state)
{
	struct fixture *f = *state;
	char *ignored[] = { (char *)"b" };
	struct managed m = { 0 };

	managed_init(&m, f->dir);
	managed_update(&m, f->all, 3, NULL, 0, false);
	expect(&m, "br-a br-b");
	managed_update(&m, f->all, 3, ignored, 1, false);
	expect(&m, "br-a");
	managed_fini(&m);
}

static void the_next_start_remembers(void **state)
{
	struct fixture *f = *state;
	struct managed m = { 0 }, next = { 0 };

	managed_init(&m, f->dir);
	managed_update(&m, f->all, 3, NULL, 0, true);
	expect(&m, "br-a br-b");
	assert_int_equal(managed_save(&m), 0);
	managed_fini(&m);

	managed_init(&next, f->dir);
	managed_update(&next, NULL, 0, NULL, 0, true);
	expect(&next, "br-a br-b");
	/* A live one is there once; and once all is told, memory ends. */
	managed_update(&next, f->all, 1, NULL, 0, true);
	expect(&next, "br-a br-b");
	managed_update(&next, f->all, 1, NULL, 0, false);
	expect(&next, "br-a");
	managed_fini(&next);
}

static void an_ignored_one_is_not_remembered_back(void **state)
{
	struct fixture *f = *state;
	char *ignored[] = { (char *)"b" };
	struct managed m = { 0 }, next = { 0 };

	managed_init(&m, f->dir);
	managed_update(&m, f->all, 3, NULL, 0, true);
	assert_int_equal(managed_save(&m), 0);
	managed_fini(&m);

	managed_init(&next, f->dir);
	managed_update(&next, f->all, 3, ignored, 1, true);
	expect(&next, "br-a");
	managed_fini(&next);
}

static void no_directory_is_told(void **state)
{
	struct fixture *f = *state;
	struct managed m = { 0 };

	managed_init(&m, "/nonexistent/state");
	managed_update(&m, f->all, 3, NULL, 0, true);
	assert_int_equal(managed_save(&m), -2);
	managed_fini(&m);
}

static void junk_names_no_bridge(void **state)
{
	struct fixture *f = *state;
	struct managed m = { 0 };
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/bridges", f->dir);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("\n../x\na-name-longer-than-the-kernel-takes\nbr-c", file);
	fclose(file);
	managed_init(&m, f->dir);
	managed_update(&m, NULL, 0, NULL, 0, true);
	expect(&m, "br-c");
	managed_fini(&m);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_bridge_and_no_wish_to_be_ignored),
		TEST(the_next_start_remembers),
		TEST(an_ignored_one_is_not_remembered_back),
		TEST(no_directory_is_told),
		TEST(junk_names_no_bridge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
