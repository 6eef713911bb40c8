/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy_dir.c - the watched directory: real inotify, the real loop. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "policydir/policy_dir.h"
#include "policydir/policy_file.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

/* Each test has an empty directory of its own, and is in it. */
static char *home;
static struct loop *loop;
static struct loop_timer *tick;
static struct policy_dir *dir;
static unsigned changes;

static void on_tick(_unused_ void *arg)
{
}

static void on_change(_unused_ void *arg)
{
	changes++;
}

static int set_up(_unused_ void **state)
{
	char name[] = "/tmp/bulkhead-dir-XXXXXX";

	log_set_level(LOG_LEVEL_ERROR);
	home = xstrdup(mkdtemp(name));
	changes = 0;
	loop_new(&loop);
	tick = loop_timer_new(loop, on_tick, NULL);
	loop_timer_start(tick, 1, 1);
	return chdir(home);
}

static int tear_down(_unused_ void **state)
{
	_cleanup_(freep) char *command = xasprintf("rm -rf %s", home);

	policy_dir_close(TAKE_PTR(dir));
	loop_timer_close(tick);
	loop_free(loop);
	freep(&home);
	return chdir("/") || system(command);
}

static void run(const char *command)
{
	assert_int_equal(system(command), 0);
}

static void run_for(unsigned ms)
{
	uint64_t end = clock_monotonic() + ms * UINT64_C(1000000);

	while (clock_monotonic() < end)
		loop_run_once(loop);
}

static void open_dir(const char *path)
{
	_cleanup_(freep) char *whole = strcmp(path, ".")
					       ? xasprintf("%s/%s", home, path)
					       : xasprintf("%s//", home);

	assert_int_equal(policy_dir_open(loop, whole, on_change, NULL, &dir),
			 0);
}

#define POLICY(name)                                               \
	"{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, " \
	"metadata: {name: " name "}, spec: {}}\n"

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* Names of the policies in force: "a b". */
static void check_set(const char *expected)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);

	vec_foreach(p, &policy_dir_set(dir)->policies)
		buf_addf(&text, "%s%s", text.len ? " " : "", (*p)->name);
	assert_string_equal(buf_str(&text), expected);
}

static bool set_is(const char *expected)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);

	vec_foreach(p, &policy_dir_set(dir)->policies)
		buf_addf(&text, "%s%s", text.len ? " " : "", (*p)->name);
	return !strcmp(buf_str(&text), expected);
}

/* Until the set is this, but no longer than two seconds. */
static void wait_set(const char *expected)
{
	uint64_t end = clock_monotonic() + UINT64_C(2000000000);

	while (!set_is(expected) && clock_monotonic() < end)
		loop_run_once(loop);
	check_set(expected);
}

static void wait_problem(bool expected)
{
	uint64_t end = clock_monotonic() + UINT64_C(3000000000);

	while (!policy_dir_problem(dir) == expected && clock_monotonic() < end)
		loop_run_once(loop);
	assert_int_equal(policy_dir_problem(dir) != NULL, expected);
}

static void wait_changes(unsigned expected)
{
	uint64_t end = clock_monotonic() + UINT64_C(2000000000);

	while (changes < expected && clock_monotonic() < end)
		loop_run_once(loop);
	assert_int_equal(changes, expected);
}

static void wait_files(size_t expected)
{
	uint64_t end = clock_monotonic() + UINT64_C(2000000000);

	while (policy_dir_files(dir) != expected && clock_monotonic() < end)
		loop_run_once(loop);
	assert_int_equal(policy_dir_files(dir), expected);
}

static struct policy_dir_file status(const char *name)
{
	struct policy_dir_file f = { 0 };

	for (size_t i = 0; i < policy_dir_files(dir); i++) {
		policy_dir_file(dir, i, &f);
		if (!strcmp(strrchr(f.path, '/') + 1, name))
			return f;
	}
	fail_msg("no file %s", name);
	return f;
}

/* ---- the usual ----------------------------------------------------------- */

static void names(_unused_ void **state)
{
	static const char *const yes[] = { "a.yaml", "b.yml", "c.json",
					   "a.b.yaml" };
	static const char *const no[] = {
		".yaml",       ".a.yaml", "a.yaml~", "#a.yaml#",   "a.yaml.swp",
		".#a.yaml",    "4913",	  "a.YAML",  "a.yaml.bak", "yaml",
		".a.yaml.swp", "..data",  "#a.yaml"
	};

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		assert_true(policy_file_is_name(yes[i]));
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		assert_false(policy_file_is_name(no[i]));
}

static void first_read(_unused_ void **state)
{
	put("b.yaml", POLICY("b"));
	put("a.json", POLICY("a"));
	put(".hidden.yaml", POLICY("hidden"));
	put("c.yaml~", POLICY("backup"));
	run("mkdir sub.yaml && cp b.yaml sub.yaml");
	open_dir(".");
	check_set("a b");
	assert_true(policy_dir_ok(dir));
	assert_null(policy_dir_problem(dir));
	assert_int_equal(policy_dir_files(dir), 2);
	assert_int_equal(status("a.json").policies, 1);
	assert_true(status("a.json").loaded > 0);
	assert_int_equal(changes, 0);
}

static void add_change_delete(_unused_ void **state)
{
	open_dir(".");
	check_set("");
	assert_true(policy_dir_ok(dir));
	put("a.yaml", POLICY("a"));
	wait_set("a");
	assert_int_equal(changes, 1);
	put("a.yaml", POLICY("b"));
	wait_set("b");
	assert_int_equal(changes, 2);
	unlink("a.yaml");
	wait_set("");
	assert_int_equal(changes, 3);
	assert_int_equal(policy_dir_files(dir), 0);
}

static void atomic_rename(_unused_ void **state)
{
	put("a.yaml", POLICY("a"));
	open_dir(".");
	put(".a.tmp", POLICY("b"));
	assert_int_equal(rename(".a.tmp", "a.yaml"), 0);
	wait_set("b");
	assert_int_equal(changes, 1);
	/* Renamed within the directory: the policy stays all the time. */
	assert_int_equal(rename("a.yaml", "z.yaml"), 0);
	run_for(30);
	check_set("b");
	wait_files(1);
	check_set("b");
	assert_true(policy_dir_ok(dir));
}

static void same_content(_unused_ void **state)
{
	put("a.yaml", POLICY("a"));
	open_dir(".");
	put("a.yaml", POLICY("a"));
	run("touch a.yaml; cp a.yaml .x; mv .x a.yaml; chmod 600 a.yaml");
	put("note.txt", "x");
	run_for(50);
	assert_int_equal(changes, 0);
	check_set("a");
}

static void many_at_once(_unused_ void **state)
{
	open_dir(".");
	for (int i = 0; i < 300; i++) {
		_cleanup_(freep) char *name = xasprintf("%d.yaml", i);
		_cleanup_(freep) char *text = xasprintf(POLICY("p%d"), i);

		put(name, text);
	}
	wait_changes(1);
	assert_int_equal(policy_dir_set(dir)->policies.len, 300);
	assert_int_equal(changes, 1);
}

/* ---- broken files -------------------------------------------------------- */

static void broken_at_start(_unused_ void **state)
{
	put("a.yaml", POLICY("a"));
	put("b.yaml", "kind: [");
	open_dir(".");
	check_set("a");
	assert_false(policy_dir_ok(dir));
	assert_true(status("b.yaml").broken);
	assert_false(status("b.yaml").in_force);
	assert_true(status("b.yaml").diag->errors > 0);
	put("b.yaml", POLICY("b"));
	wait_set("a b");
	assert_true(policy_dir_ok(dir));
	assert_false(status("b.yaml").broken);
}

static void last_good_version(_unused_ void **state)
{
	char line[256];
	uint64_t loaded;

	put("a.yaml", POLICY("a"));
	open_dir(".");
	loaded = status("a.yaml").loaded;
	put("a.yaml", "apiVersion: v1\nkind: Nonsense\n");
	wait_changes(1);
	check_set("a");
	assert_int_equal(changes, 1);
	assert_true(policy_dir_ok(dir));
	assert_true(status("a.yaml").broken);
	assert_true(status("a.yaml").in_force);
	assert_int_equal(status("a.yaml").loaded, loaded);
	diag_format(&status("a.yaml").diag->entries.data[0], line,
		    sizeof(line));
	assert_non_null(strstr(line, "/a.yaml:2:7: error: kind \"Nonsense\""));
	/* Gone is gone, also when it was broken. */
	unlink("a.yaml");
	wait_set("");
}

static void unreadable(_unused_ void **state)
{
	put("a.yaml", POLICY("a"));
	open_dir(".");
	run("rm a.yaml; mkfifo a.yaml");
	wait_changes(1);
	run_for(100);
	check_set("a");
	assert_true(status("a.yaml").broken);
	run("rm a.yaml; ln -s nowhere a.yaml");
	wait_changes(2);
	run_for(100);
	check_set("a");
	assert_true(status("a.yaml").broken);
	put(".b", POLICY("b"));
	assert_int_equal(rename(".b", "nowhere"), 0);
	wait_set("b");
	assert_false(status("a.yaml").broken);
}

static void conflict(_unused_ void **state)
{
	put("b.yaml", POLICY("a"));
	open_dir(".");
	put("c.yaml", POLICY("a"));
	wait_changes(1);
	check_set("a");
	assert_false(policy_dir_ok(dir));
	assert_int_equal(status("c.yaml").conflicts->errors, 1);
	assert_int_equal(status("b.yaml").conflicts->errors, 0);
	unlink("b.yaml");
	wait_files(1);
	check_set("a");
	assert_true(policy_dir_ok(dir));
}

/* ---- half-written files --------------------------------------------------- */

static void slow_writer(_unused_ void **state)
{
	const char *text = POLICY("b");
	int fd;

	put("a.yaml", POLICY("a"));
	open_dir(".");
	fd = open("a.yaml", O_WRONLY | O_TRUNC);
	for (size_t i = 0; i < strlen(text); i += 10) {
		assert_true(write(fd, text + i, MIN(strlen(text) - i, 10U)) >
			    0);
		/* Another file calls for scans meanwhile. */
		put("z.yaml", POLICY("z"));
		run_for(15);
		put("z.yaml", POLICY("z2"));
		run_for(15);
		check_set("a z2");
		policy_dir_rescan(dir);
		check_set("a z2");
		assert_true(status("a.yaml").writing);
		assert_false(status("a.yaml").broken);
	}
	close(fd);
	wait_set("b z2");
	assert_false(status("a.yaml").writing);
}

static void new_file_slowly(_unused_ void **state)
{
	int fd;

	open_dir(".");
	fd = open("a.yaml", O_WRONLY | O_CREAT, 0644);
	wait_changes(1); /* it is there, being written */
	assert_false(policy_dir_ok(dir));
	assert_true(status("a.yaml").writing);
	dprintf(fd, POLICY("a"));
	run_for(50);
	check_set("");
	close(fd);
	wait_set("a");
	assert_true(policy_dir_ok(dir));
}

static void written_at_start(_unused_ void **state)
{
	int fd = open("a.yaml", O_WRONLY | O_CREAT, 0644);

	open_dir(".");
	assert_true(status("a.yaml").writing);
	assert_false(policy_dir_ok(dir));
	dprintf(fd, POLICY("a"));
	close(fd);
	wait_set("a");
	assert_true(policy_dir_ok(dir));
}

/* The writer's link is elsewhere: no event tells that it closed. */
static void writer_by_other_link(_unused_ void **state)
{
	int fd;

	run("mkdir d other");
	put("other/a", "");
	fd = open("other/a", O_WRONLY);
	assert_int_equal(link("other/a", "d/a.yaml"), 0);
	open_dir("d");
	assert_true(status("a.yaml").writing);
	dprintf(fd, POLICY("a"));
	close(fd);
	wait_set("a");
}

static void hard_link(_unused_ void **state)
{
	open_dir(".");
	put(".x", POLICY("a"));
	assert_int_equal(link(".x", "a.yaml"), 0);
	unlink(".x");
	wait_set("a");
}

static void replaced_by_unlink(_unused_ void **state)
{
	put("a.yaml", POLICY("a"));
	open_dir(".");
	for (int good = 0; good < 5;) {
		int before = changes;
		uint64_t begin = clock_monotonic();
		bool late;

		unlink("a.yaml");
		run_for(20); /* longer than the pause before a scan */
		/* Who did not run for so long has let the grace pass. */
		late = clock_monotonic() - begin >=
		       POLICY_DIR_GRACE_MS * UINT64_C(1000000);
		if (!late)
			check_set("a");
		put("a.yaml", POLICY("a"));
		wait_set("a");
		if (late)
			continue;
		run_for(20);
		assert_int_equal(changes, before);
		good++;
	}
}

/* Other people's files give no lease: then the events tell. */
static void foreign_file(_unused_ void **state)
{
	int fd;

	if (geteuid())
		skip();
	put("a.yaml", POLICY("a"));
	run("chown 12345 a.yaml; chmod 777 .");
	open_dir(".");
	if (seteuid(54321))
		fail();
	fd = open("/dev/null", O_RDONLY);
	close(fd);
	assert_int_equal(seteuid(0), 0);
	fd = open("a.yaml", O_WRONLY | O_TRUNC);
	dprintf(fd, "{apiVersion:");
	run_for(5); /* the event is in */
	assert_int_equal(seteuid(54321), 0);
	put("z.yaml", POLICY("z"));
	wait_set("a z");
	assert_true(status("a.yaml").writing);
	assert_int_equal(pwrite(fd, POLICY("b"), strlen(POLICY("b")), 0),
			 strlen(POLICY("b")));
	close(fd);
	wait_set("b z");
	assert_int_equal(seteuid(0), 0);
}

/* ---- links and directories ------------------------------------------------ */

static void config_map(_unused_ void **state)
{
	run("mkdir d d/..2024_1 d/..2024_2; cd d; ln -s ..2024_1 ..data; "
	    "ln -s ..data/a.yaml a.yaml; ln -s ..data/b.yaml b.yaml");
	put("d/..2024_1/a.yaml", POLICY("a1"));
	put("d/..2024_1/b.yaml", POLICY("b1"));
	put("d/..2024_2/a.yaml", POLICY("a2"));
	put("d/..2024_2/b.yaml", POLICY("b2"));
	open_dir("d");
	check_set("a1 b1");
	run("cd d; ln -s ..2024_2 ..data_tmp; mv -T ..data_tmp ..data; "
	    "rm -r ..2024_1");
	wait_set("a2 b2");
	assert_int_equal(changes, 1);
	/* The next one has no b, and a new c. */
	run("cd d; mkdir ..2024_3; cp ..2024_2/a.yaml ..2024_3; "
	    "sed s/a2/c3/ ..2024_2/a.yaml > ..2024_3/c.yaml; "
	    "ln -s ..2024_3 ..data_tmp; mv -T ..data_tmp ..data; "
	    "rm b.yaml; ln -s ..data/c.yaml c.yaml; rm -r ..2024_2");
	wait_set("a2 c3");
}

static void link_elsewhere(_unused_ void **state)
{
	run("mkdir d repo repo/policies; ln -s ../repo/policies/a.yaml d");
	put("repo/policies/a.yaml", POLICY("a"));
	open_dir("d");
	check_set("a");
	put("repo/policies/a.yaml", POLICY("b"));
	wait_set("b");
	run("mv repo/policies repo/old; mkdir repo/policies");
	wait_changes(2);
	check_set("b");
	assert_true(status("a.yaml").broken);
	put("repo/policies/a.yaml", POLICY("c"));
	wait_set("c");
}

static void directory_link_swapped(_unused_ void **state)
{
	run("mkdir v1 v2; ln -s v1 current; ln -s current policies");
	put("v1/a.yaml", POLICY("a"));
	put("v2/a.yaml", POLICY("a"));
	put("v2/b.yaml", POLICY("b"));
	open_dir("policies");
	check_set("a");
	run("ln -s v2 new; mv -T new current");
	wait_set("a b");
	assert_int_equal(changes, 1);
	/* Only the new one counts from here. */
	put("v1/z.yaml", POLICY("z"));
	put("v2/c.yaml", POLICY("c"));
	wait_set("a b c");
}

static void missing_directory(_unused_ void **state)
{
	open_dir("x/y/policies");
	check_set("");
	assert_false(policy_dir_ok(dir));
	assert_non_null(
		strstr(policy_dir_problem(dir), "No such file or directory"));
	run("mkdir x");
	run_for(20);
	run("mkdir x/y");
	run_for(20);
	run("mkdir x/y/policies");
	wait_problem(false);
	assert_true(policy_dir_ok(dir));
	put("x/y/policies/a.yaml", POLICY("a"));
	wait_set("a");
}

static void directory_vanishes(_unused_ void **state)
{
	run("mkdir d");
	for (int i = 0; i < 100; i++) {
		_cleanup_(freep) char *name = xasprintf("d/%d.yaml", i);
		_cleanup_(freep) char *text = xasprintf(POLICY("p%d"), i);

		put(name, text);
	}
	open_dir("d");
	run("rm -rf d");
	wait_problem(true);
	run_for(150);
	assert_int_equal(policy_dir_set(dir)->policies.len, 100);
	/* Back, and filled at once. */
	run("mkdir d");
	put("d/a.yaml", POLICY("a"));
	wait_set("a");
	wait_problem(false);
	/* Moved away, and back. */
	run("mv d e");
	wait_problem(true);
	check_set("a");
	run("mv e d");
	wait_problem(false);
	check_set("a");
}

static void file_instead(_unused_ void **state)
{
	put("d", "x");
	open_dir("d");
	assert_non_null(strstr(policy_dir_problem(dir), "Not a directory"));
	assert_false(policy_dir_ok(dir));
}

static void unmounted(_unused_ void **state)
{
	run("mkdir d");
	if (mount("tmpfs", "d", "tmpfs", 0, "size=1m"))
		skip();
	put("d/a.yaml", POLICY("a"));
	open_dir("d");
	check_set("a");
	assert_int_equal(umount("d"), 0);
	wait_problem(true);
	run_for(100);
	check_set("a");
	policy_dir_rescan(dir);
	check_set("a");
	assert_int_equal(mount("tmpfs", "d", "tmpfs", 0, "size=1m"), 0);
	put("d/a.yaml", POLICY("b"));
	wait_set("b");
	assert_null(policy_dir_problem(dir));
	policy_dir_close(TAKE_PTR(dir));
	assert_int_equal(umount("d"), 0);
}

static void rescan(_unused_ void **state)
{
	open_dir(".");
	put("a.yaml", POLICY("a"));
	policy_dir_rescan(dir);
	check_set("a");
	assert_int_equal(changes, 1);
	unlink("a.yaml");
	policy_dir_rescan(dir);
	check_set("");
	assert_int_equal(changes, 2);
	/* The events of both have nothing more to tell. */
	run_for(50);
	assert_int_equal(changes, 2);
}

static void too_many_files(_unused_ void **state)
{
	put("a.yaml", POLICY("a"));
	open_dir(".");
	for (unsigned i = 0; i < POLICY_DIR_FILES_MAX; i++) {
		_cleanup_(freep) char *name = xasprintf("x%u.yaml", i);

		put(name, "");
	}
	wait_problem(true);
	assert_non_null(strstr(policy_dir_problem(dir),
			       "more than 10000 policy files"));
	check_set("a");
	run("rm -f x*.yaml");
	wait_problem(false);
	check_set("a");
}

/* The kernel's queue holds 16,384 events by default. */
static void lost_events(_unused_ void **state)
{
	put("a.yaml", POLICY("a"));
	open_dir(".");
	for (int i = 0; i < 20000; i++) {
		_cleanup_(freep) char *name = xasprintf(".x%d", i % 2);

		put(name, "");
		unlink(name);
	}
	put("a.yaml", POLICY("b"));
	put("c.yaml", POLICY("c"));
	wait_set("b c");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		TEST(first_read),
		TEST(add_change_delete),
		TEST(atomic_rename),
		TEST(same_content),
		TEST(many_at_once),
		TEST(broken_at_start),
		TEST(last_good_version),
		TEST(unreadable),
		TEST(conflict),
		TEST(slow_writer),
		TEST(new_file_slowly),
		TEST(written_at_start),
		TEST(writer_by_other_link),
		TEST(hard_link),
		TEST(replaced_by_unlink),
		TEST(foreign_file),
		TEST(config_map),
		TEST(link_elsewhere),
		TEST(directory_link_swapped),
		TEST(missing_directory),
		TEST(directory_vanishes),
		TEST(file_instead),
		TEST(unmounted),
		TEST(rescan),
		TEST(too_many_files),
		TEST(lost_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
