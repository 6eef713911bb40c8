/* SPDX-License-Identifier: GPL-2.0-or-later */
/* load.c - files on disk, and the ones that are none. */
#include "text.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/bulkhead-load-XXXXXX";

static int make_dir(_unused_ void **state)
{
	return mkdtemp(dir) ? chdir(dir) : -1;
}

static int remove_dir(_unused_ void **state)
{
	return chdir("/") || rmdir(dir);
}

static void check_file(const char *path, const char *expected)
{
	_cleanup_(policy_set_unrefp) struct policy_set *set = NULL;
	_cleanup_(diag_fini) struct diag_list diag = { 0 };
	char line[256];

	assert_int_equal(policy_load_file(path, &diag, &set), -22);
	assert_null(set);
	assert_int_equal(diag.errors, 1);
	assert_string_equal(
		diag_format(&diag.entries.data[0], line, sizeof(line)),
		expected);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void no_files(_unused_ void **state)
{
	check_file("gone.yaml",
		   "gone.yaml: error: cannot read: No such file or directory");
	check_file(".", ".: error: not a regular file");
	assert_int_equal(mkfifo("fifo", 0600), 0);
	check_file("fifo", "fifo: error: not a regular file");
	unlink("fifo");
	write_file("large", "");
	assert_int_equal(truncate("large", (16 << 20) + 1), 0);
	check_file("large", "large: error: larger than 16 MiB");
	unlink("large");
}

static void good_file(_unused_ void **state)
{
	_cleanup_(policy_set_unrefp) struct policy_set *set = NULL;
	_cleanup_(diag_fini) struct diag_list diag = { 0 };

	write_file("a.yaml", "apiVersion: networking.k8s.io/v1\n"
			     "kind: NetworkPolicy\n"
			     "metadata: {name: a}\n"
			     "spec: {}\n");
	assert_int_equal(policy_load_file("a.yaml", &diag, &set), 0);
	assert_string_equal(set->policies.data[0]->file, "a.yaml");
	unlink("a.yaml");
}

/* A list of 100,000 CIDRs is within the bounds. */
static void large_list(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);
	_cleanup_(policy_set_unrefp) struct policy_set *set = NULL;
	_cleanup_(diag_fini) struct diag_list diag = { 0 };

	buf_adds(&text, "apiVersion: networking.k8s.io/v1\n"
			"kind: NetworkPolicy\n"
			"metadata: {name: a}\n"
			"spec:\n"
			"  egress:\n"
			"  - to:\n");
	for (int i = 0; i < 100000; i++)
		buf_addf(&text,
			 "    - ipBlock:\n        cidr: 10.%d.%d.%d/32\n",
			 i >> 16, i >> 8 & 255, i & 255);
	assert_int_equal(policy_parse(buf_slice(&text), "f", &diag, &set), 0);
	assert_int_equal(set->policies.data[0]->egress.data[0].peers.len,
			 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_files),
		cmocka_unit_test(good_file),
		cmocka_unit_test(large_list),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
