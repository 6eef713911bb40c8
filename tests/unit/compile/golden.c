/* SPDX-License-Identifier: GPL-2.0-or-later */
/* golden.c - what the compiler makes of each case in golden/, as nft text.
 *
 * golden/CASE/{policies,endpoints}.yaml -> golden/CASE/expected.nft.
 * UPDATE_GOLDEN=1 rewrites the expectations; read the difference before it is
 * committed. As root, nft itself is asked to accept each of them.
 */
#include "compile/compile.h"

#include <dirent.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "world.h"

#define EXPECTED_MAX (1U << 20)

static void write_expected(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void golden(void **state)
{
	const char *dir = *state;
	_cleanup_(freep) char *path = xasprintf("%s/expected.nft", dir);
	_cleanup_(compiler_freep) struct compiler *c = compiler_new();
	_cleanup_(buf_fini) struct buf expected = BUF_INIT(EXPECTED_MAX);
	_cleanup_(freep) char *text = NULL;
	struct world w;

	world_load(dir, &w);
	text = world_print(c, &w);
	world_fini(&w);
	if (getenv("UPDATE_GOLDEN"))
		write_expected(path, text);
	assert_int_equal(buf_read_file(&expected, path), 0);
	if (strcmp(text, buf_str(&expected)))
		fail_msg("differs from %s; UPDATE_GOLDEN=1 rewrites it:\n%s",
			 path, text);
}

static void accepted(void **state)
{
	const char *dir = *state;
	_cleanup_(freep) char *command =
		xasprintf("nft -c -f '%s/expected.nft'", dir);

	if (geteuid() != 0)
		skip();
	assert_int_equal(system(command), 0);
}

typedef VEC(struct CMUnitTest) test_list;

static void add_test(test_list *tests, CMUnitTestFunction function,
		     const char *what, char *dir)
{
	vec_push(tests,
		 (struct CMUnitTest){ .name = xasprintf("%s %s", what,
							strrchr(dir, '/') + 1),
				      .test_func = function,
				      .initial_state = dir });
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(void)
{
	struct dirent **entries = NULL;
	int n = scandir(TEST_DATA "/golden", &entries, visible, alphasort);
	VEC(char *) dirs = { 0 };
	test_list tests = { 0 };
	int failed;

	/* nft asks the kernel even to check: not the machine's own tables. */
	if (geteuid() == 0 && unshare(CLONE_NEWNET) < 0)
		return 1;
	for (int i = 0; i < n; i++) {
		vec_push(&dirs, xasprintf("%s/golden/%s", TEST_DATA,
					  entries[i]->d_name));
		free(entries[i]);
	}
	free(entries);
	vec_foreach(dir, &dirs) {
		add_test(&tests, golden, "golden", *dir);
		add_test(&tests, accepted, "nft accepts", *dir);
	}
	failed = tests.len ? _cmocka_run_group_tests("golden", tests.data,
						     tests.len, NULL, NULL)
			   : 1;
	vec_foreach(test, &tests)
		free((char *)test->name);
	vec_foreach(dir, &dirs)
		free(*dir);
	vec_fini(&tests);
	vec_fini(&dirs);
	return failed;
}
