/* SPDX-License-Identifier: GPL-2.0-or-later */
/* firewall.c - changes are exactly the difference, whole or not at all. */
#include "host.h"

#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#define assert_change(result, n, e)                   \
	do {                                          \
		struct firewall_result _r = (result); \
                                                      \
		assert_true(_r.changed);              \
		assert_int_equal(_r.objects, n);      \
		assert_int_equal(_r.elements, e);     \
		assert_true(_r.generation > 0);       \
		assert_true(_r.duration_ns > 0);      \
	} while (0)

static void test_fresh_then_nothing(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = small_ruleset();
	_cleanup_(firewall_closep) struct firewall *fw = open_firewall(false);

	(void)state;
	assert_change(apply(fw, r), SMALL_OBJECTS, SMALL_ELEMENTS);
	assert_false(apply(fw, r).changed);
	assert_in_force(r);
}

/* The same objects in a new ruleset, and equal objects that are not shared. */
static void test_equal_content(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = small_ruleset();
	_cleanup_(ruleset_unrefp) struct ruleset *shared = copy_ruleset(r);
	_cleanup_(ruleset_unrefp) struct ruleset *equal = small_ruleset();
	_cleanup_(firewall_closep) struct firewall *fw = open_firewall(false);

	(void)state;
	apply(fw, r);
	assert_false(apply(fw, shared).changed);
	assert_false(apply(fw, equal).changed);
}

/* ---- elements ---------------------------------------------------------- */

static void test_element_comes_and_goes(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = small_ruleset();
	_cleanup_(ruleset_unrefp) struct ruleset *next = copy_ruleset(r);
	_cleanup_(firewall_closep) struct firewall *fw = open_firewall(false);

	(void)state;
	replace_set(next, TABLE_INET,
		    ipv4_set("peers", 0, 3,
			     "\x0a\0\0\x03\x0a\0\0\x04\x0a\0\0\x09", NULL));
	apply(fw, r);
	assert_change(apply(fw, next), 1, 1);
	assert_in_force(next);
	assert_change(apply(fw, r), 1, 1);
	assert_in_force(r);
}

static void test_verdict_changes(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = small_ruleset();
	_cleanup_(ruleset_unrefp) struct ruleset *next = copy_ruleset(r);
	_cleanup_(firewall_closep) struct firewall *fw = open_firewall(false);

	(void)state;
	replace_set(next, TABLE_INET,
		    ipv4_set("dispatch", SET_VMAP, 2,
			     "\x0a\0\0\x02\x0a\0\0\x05",
			     (struct verdict[]){ build_goto("leaf"),
						 VERDICT(VERDICT_ACCEPT) }));
	apply(fw, r);
	assert_change(apply(fw, next), 2, 2);
	assert_in_force(next);
	assert_non_null(strstr(run_kept("nft list map inet bulkhead dispatch"),
			       "10.0.0.2 : goto leaf"));
}

/* Ranges that touch, grow, split and reach the ends of the address space. */
static void test_ranges_change(void **state)
{
	static const struct {
		size_t n;
		const char *keys;
	} steps[] = {
		{ 1, "\x0a\x01\0\0\x0a\x02\xff\xff" },
		{ 2,
		  "\x0a\x01\0\0\x0a\x01\xff\xff\x0a\x02\0\0\x0a\x02\xff\xff" },
		{ 1, "\0\0\0\0\xff\xff\xff\xff" },
		{ 2, "\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff" },
		{ 3, "\0\0\0\0\0\0\0\0\0\0\0\x01\x7f\xff\xff\xff"
		     "\x80\0\0\0\xff\xff\xff\xff" },
		{ 0, "" },
		{ 1, "\0\0\0\0\0\0\0\x01" },
		{ 1, "\xff\xff\xff\xfe\xff\xff\xff\xff" },
		{ 1, "\xff\xff\xff\xfe\xff\xff\xff\xfe" },
	};
	_cleanup_(ruleset_unrefp) struct ruleset *r = small_ruleset();
	_cleanup_(firewall_closep) struct firewall *fw = open_firewall(false);

	(void)state;
	apply(fw, r);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		_cleanup_(ruleset_unrefp) struct ruleset *next =
			copy_ruleset(r);

		replace_set(next, TABLE_INET,
			    ipv4_set("cidrs", SET_INTERVAL, steps[i].n,
				     steps[i].keys, NULL));
		assert_true(apply(fw, next).changed);
		assert_in_force(next);
	}
}

static void test_one_range_of_many(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = small_ruleset();
	_cleanup_(ruleset_unrefp) struct ruleset *next = copy_ruleset(r);
	_cleanup_(firewall_closep) struct firewall *fw = open_firewall(false);

	(void)state;
	replace_set(next, TABLE_INET,
		    ipv4_set("cidrs", SET_INTERVAL, 2,
			     "\x0a\x01\0\0\x0a\x01\xff\xff"
			     "\x0a\x02\0\0\x0a\x02\x7f\xff",
			     NULL));
	apply(fw, r);
	assert_change(apply(fw, next), 2, 2);
	assert_in_force(next);
}

/* ---- chains, sets, counters, tables ------------------------------------ */

static struct ruleset_chain *short_leaf(void)
{
	_cleanup_(builder_fini) struct builder b = { 0 };

	build_lookup(&b, "peers", false, FIELDS(FIELD_IP_SADDR));
	build_rule_verdict(&b, VERDICT_DROP, NULL);
	return build_chain(&b, "leaf", NULL);
}

static void test_chain_changes(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = small_ruleset();
	_cleanup_(ruleset_unrefp) struct ruleset *next = copy_ruleset(r);
	_cleanup_(firewall_closep) struct firewall *fw = open_firewall(false);

	(void)state;
	replace_chain(next, TABLE_INET, short_leaf());
	apply(fw, r);
	/* The old rules at once, the new one. */
	assert_change(apply(fw, next), 2, 0);
	assert_in_force(next);
}

/* A chain goes with the element and the rule that jump to it. */
static void test_chain_goes(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = small_ruleset();
	_cleanup_(ruleset_unrefp) struct ruleset *next = new_ruleset();
	_cleanup_(firewall_closep) struct firewall *fw = open_firewall(false);

	(void)state;
	add_chain(next, TABLE_INET, forward_chain());
	add_set(next, TABLE_INET,
		ipv4_set("dispatch", SET_VMAP, 1, "\x0a\0\0\x05",
			 (struct verdict[]){ VERDICT(VERDICT_ACCEPT) }));
	apply(fw, r);
	/* 2 chains flushed, 1 element, 3 sets, 2 chains, 1 counter. */
	assert_change(apply(fw, next), 9, 1);
	assert_in_force(next);
	/* And all of it comes back. */
	assert_true(apply(fw, r).changed);
	assert_in_force(r);
}

/* The forward chain is the same object, but must let go of its map. */
static void test_set_redeclared(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = small_ruleset();
	_cleanup_(ruleset_unrefp) struct ruleset *next = copy_ruleset(r);
	_cleanup_(firewall_closep) struct firewall *fw = open_firewall(false);
	struct ruleset_set *set;

	(void)state;
	set = build_set("dispatch", "now with a comment", SET_VMAP,
			TYPES(TYPE_IPV4));
	build_set_fill(set, 1, "\x0a\0\0\x02",
		       (struct verdict[]){ build_goto("class") }, false);
	replace_set(next, TABLE_INET, set);
	apply(fw, r);
	/* Base chain, its flush, set out, set in, elements, 2 rules. */
	assert_change(apply(fw, next), 7, 1);
	assert_in_force(next);
}

static void test_hook_moves(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = small_ruleset();
	_cleanup_(ruleset_unrefp) struct ruleset *next = copy_ruleset(r);
	_cleanup_(firewall_closep) struct firewall *fw = open_firewall(false);
	struct ruleset_chain *chain = forward_chain();

	(void)state;
	chain->priority = -20;
	replace_chain(next, TABLE_INET, chain);
	apply(fw, r);
	assert_change(apply(fw, next), SMALL_OBJECTS + 1, SMALL_ELEMENTS);
	assert_in_force(next);
}

static void test_policy_changes(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = small_ruleset();
	_cleanup_(ruleset_unrefp) struct ruleset *next = copy_ruleset(r);
	_cleanup_(firewall_closep) struct firewall *fw = open_firewall(false);
	struct ruleset_chain *chain = forward_chain();

	(void)state;
	chain->policy_drop = true;
	replace_chain(next, TABLE_INET, chain);
	apply(fw, r);
	assert_change(apply(fw, next), 4, 0);
	assert_in_force(next);
	assert_change(apply(fw, r), 4, 0);
	assert_in_force(r);
}

static void test_table_empties(void **state)
{
	_cleanup_(builder_fini) struct builder b = { 0 };
	_cleanup_(ruleset_unrefp) struct ruleset *r = small_ruleset();
	_cleanup_(ruleset_unrefp) struct ruleset *both = copy_ruleset(r);
	_cleanup_(ruleset_unrefp) struct ruleset *nothing = new_ruleset();
	_cleanup_(firewall_closep) struct firewall *fw = open_firewall(false);

	(void)state;
	build_match(&b, FIELD_ETHER_TYPE, "\x86\xdd");
	build_rule_verdict(&b, VERDICT_ACCEPT, NULL);
	add_chain(both, TABLE_BRIDGE,
		  build_base_chain(&b, "prerouting", HOOK_PREROUTING, -300));
	assert_false(apply(fw, nothing).changed);
	apply(fw, r);
	assert_change(apply(fw, both), 3, 0);
	assert_in_force(both);
	assert_change(apply(fw, nothing), 2, 0);
	assert_string_equal(run_kept("nft list tables"), "");
}

/* ---- failure ----------------------------------------------------------- */

static void assert_refused(struct firewall *fw, struct ruleset *bad,
			   const char *name)
{
	_cleanup_(freep) char *before = run("nft list ruleset");
	struct firewall_result result;

	assert_true(firewall_apply(fw, bad, &result) < 0);
	assert_false(result.changed);
	if (!strstr(result.error, name))
		fail_msg("'%s' does not name '%s'", result.error, name);
	assert_string_equal(run_kept("nft list ruleset"), before);
}

static void test_refused_element(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = small_ruleset();
	_cleanup_(ruleset_unrefp) struct ruleset *bad = copy_ruleset(r);
	_cleanup_(firewall_closep) struct firewall *fw = open_firewall(false);

	(void)state;
	replace_chain(bad, TABLE_INET, short_leaf());
	replace_set(bad, TABLE_INET,
		    ipv4_set("dispatch", SET_VMAP, 1, "\x0a\0\0\x02",
			     (struct verdict[]){ build_goto("nowhere") }));
	apply(fw, r);
	assert_refused(fw, bad,
		       "elements of set dispatch in table inet bulkhead: "
		       "No such file or directory");
	assert_false(apply(fw, r).changed);
	assert_in_force(r);
}

static void test_refused_rule(void **state)
{
	_cleanup_(builder_fini) struct builder b = { 0 };
	_cleanup_(ruleset_unrefp) struct ruleset *r = small_ruleset();
	_cleanup_(ruleset_unrefp) struct ruleset *bad = copy_ruleset(r);
	_cleanup_(firewall_closep) struct firewall *fw = open_firewall(false);

	(void)state;
	build_rule_verdict(&b, VERDICT_ACCEPT, NULL);
	build_lookup(&b, "nosuchset", false, FIELDS(FIELD_IP_SADDR));
	build_rule(&b);
	replace_chain(bad, TABLE_INET, build_chain(&b, "leaf", NULL));
	apply(fw, r);
	assert_refused(fw, bad,
		       "rule 2 of chain leaf in table inet bulkhead: "
		       "No such file or directory");
	for (int i = 0; i < 129; i++)
		build_match_u8(&b, FIELD_L4PROTO, IPPROTO_TCP);
	build_rule(&b);
	replace_chain(bad, TABLE_INET, build_chain(&b, "leaf", NULL));
	assert_refused(fw, bad,
		       "rule 1 of chain leaf in table inet bulkhead: more than "
		       "the kernel's 128 expressions");
}

/* A loop is found at the commit, which has no message of its own. */
static void test_refused_commit(void **state)
{
	_cleanup_(builder_fini) struct builder b = { 0 };
	_cleanup_(ruleset_unrefp) struct ruleset *r = small_ruleset();
	_cleanup_(ruleset_unrefp) struct ruleset *bad = copy_ruleset(r);
	_cleanup_(firewall_closep) struct firewall *fw = open_firewall(false);

	(void)state;
	build_rule_verdict(&b, VERDICT_JUMP, "class");
	replace_chain(bad, TABLE_INET, build_chain(&b, "leaf", NULL));
	apply(fw, r);
	assert_refused(fw, bad, "Too many links");
	assert_in_force(r);
}

static void test_refused_set(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = small_ruleset();
	_cleanup_(ruleset_unrefp) struct ruleset *bad = copy_ruleset(r);
	_cleanup_(firewall_closep) struct firewall *fw = open_firewall(false);

	(void)state;
	/* Ranges of host-order integers do not compare as bytes do. */
	add_set(bad, TABLE_INET,
		build_set("states", NULL, SET_INTERVAL, TYPES(TYPE_CT_STATE)));
	apply(fw, r);
	assert_refused(fw, bad, "set states in table inet bulkhead: not a");
}

/* Without the capability: open says so. Run in a child that gives it up. */
static void test_without_capability(void **state)
{
	struct firewall_options options = { .own_tables = true };
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0) {
		struct firewall *fw = NULL;

		if (setuid(65534) != 0)
			_exit(99);
		_exit(-firewall_open(&options, &fw));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EPERM);
}

/* ---- ownership --------------------------------------------------------- */

/* NFT_TABLE_F_PERSIST came with Linux 6.9. */
static bool kernel_has_persist(void)
{
	struct utsname name;
	int major = 0, minor = 0;

	assert_int_equal(uname(&name), 0);
	assert_int_equal(sscanf(name.release, "%d.%d", &major, &minor), 2);
	return major > 6 || (major == 6 && minor >= 9);
}

static void test_owned_tables_are_safe(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = small_ruleset();
	_cleanup_(firewall_closep) struct firewall *fw = NULL;

	(void)state;
	if (!kernel_has_persist())
		skip();
	fw = open_firewall(true);
	apply(fw, r);
	assert_non_null(strstr(run_kept("nft flush chain inet bulkhead leaf"),
			       "Operation not permitted"));
	run_ok("nft add table inet other");
	run_ok("nft flush ruleset");
	assert_false(apply(fw, r).changed);
	firewall_forget(fw);
	assert_false(apply(fw, r).changed);
}

/* Without what nft says of the owner: its flag and its name. */
#define LIST                                 \
	"nft -a list table inet bulkhead | " \
	"sed 's/ progname .*//; /^\tflags /d; /^$/d'"

/* The tables outlive their owner, whole; the next one adopts them. */
static void test_adoption(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = small_ruleset();
	_cleanup_(freep) char *before = NULL;
	struct firewall *fw;

	(void)state;
	if (!kernel_has_persist())
		skip();
	fw = open_firewall(true);
	apply(fw, r);
	firewall_close(fw);
	before = run(LIST);

	fw = open_firewall(true);
	/* The adoption is one message, and nothing else. */
	assert_change(apply(fw, r), 1, 0);
	assert_string_equal(run_kept(LIST), before);
	assert_non_null(strstr(run_kept("nft delete table inet bulkhead"),
			       "Operation not permitted"));
	assert_false(apply(fw, r).changed);
	firewall_close(fw);
	/* Without an owner anybody may delete them: so can a teardown. */
	fw = open_firewall(false);
	assert_int_equal(firewall_teardown(fw), 1);
	assert_string_equal(run_kept("nft list tables"), "");
	firewall_close(fw);
}

static void test_second_agent(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = small_ruleset();
	_cleanup_(firewall_closep) struct firewall *first = NULL;
	_cleanup_(firewall_closep) struct firewall *second = NULL;
	struct firewall_result result;

	(void)state;
	if (!kernel_has_persist())
		skip();
	first = open_firewall(true);
	apply(first, r);
	second = open_firewall(true);
	assert_int_equal(firewall_apply(second, r, &result), -EPERM);
	assert_non_null(strstr(result.error, "owned by another process"));
	assert_int_equal(firewall_teardown(second), -EPERM);
	assert_false(apply(first, r).changed);
}

/* An agent that owns takes over plain tables in one transaction. */
static void test_plain_becomes_owned(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = small_ruleset();
	_cleanup_(firewall_closep) struct firewall *fw = NULL;

	(void)state;
	if (!kernel_has_persist())
		skip();
	fw = open_firewall(false);
	apply(fw, r);
	firewall_close(fw);
	fw = open_firewall(true);
	assert_change(apply(fw, r), SMALL_OBJECTS + 1, SMALL_ELEMENTS);
	firewall_close(fw);
	/* And one that does not own leaves adopted tables as they are. */
	fw = open_firewall(false);
	assert_false(apply(fw, r).changed);
}

/* ---- teardown, counters, dynamic sets ---------------------------------- */

static void test_teardown(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = small_ruleset();
	_cleanup_(firewall_closep) struct firewall *fw = open_firewall(true);

	(void)state;
	assert_int_equal(firewall_teardown(fw), 0);
	run_ok("nft add table inet docker; nft add table ip bulkhead");
	apply(fw, r);
	assert_int_equal(firewall_teardown(fw), 1);
	assert_string_equal(run_kept("nft list tables"),
			    "table inet docker\ntable ip bulkhead\n");
	/* And it is in force again when asked for. */
	assert_true(apply(fw, r).changed);
}

static void send_packets(int n)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(9),
				  .sin_addr = { htonl(0x7f000001) } };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_true(fd >= 0);
	while (n-- > 0)
		sendto(fd, "12345678", 8, 0, (void *)&to, sizeof(to));
	close(fd);
}

static struct ruleset *counting_ruleset(void)
{
	_cleanup_(builder_fini) struct builder b = { 0 };
	struct ruleset *r = new_ruleset();
	struct ruleset_set *set =
		build_set("seen", NULL, SET_DYNAMIC,
			  TYPES(TYPE_IPV4, TYPE_PROTO, TYPE_SERVICE));

	set->size = 100;
	set->timeout_ms = 60000;
	set->counter = true;
	add_set(r, TABLE_INET, set);
	build_family(&b, AF_INET);
	build_match_u8(&b, FIELD_L4PROTO, IPPROTO_UDP);
	build_update(&b, "seen", true,
		     FIELDS(FIELD_IP_DADDR, FIELD_L4PROTO, FIELD_TH_DPORT));
	build_counter(&b, "denied");
	build_counter(&b, NULL);
	build_rule_verdict(&b, VERDICT_DROP, NULL);
	add_chain(r, TABLE_INET,
		  build_base_chain(&b, "output", HOOK_OUTPUT, -10));
	add_counter(r, TABLE_INET, "denied");
	return r;
}

static void keep_element(const struct firewall_element *element, void *arg)
{
	static const uint8_t key[] = { 127, 0, 0, 1, 17, 0, 0, 0, 0, 9, 0, 0 };
	unsigned *n = arg;

	++*n;
	assert_int_equal(element->key_len, sizeof(key));
	assert_memory_equal(element->key, key, sizeof(key));
	assert_int_equal(element->packets, 5);
	assert_int_equal(element->bytes, 5 * (20 + 8 + 8));
	assert_in_range(element->expires_ms, 50000, 60000);
}

/* What was counted is read, and survives a restart and a repair. */
static void test_counters(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = counting_ruleset();
	struct firewall *fw = open_firewall(false);
	uint64_t packets = 77, bytes = 77;
	unsigned n = 0;

	(void)state;
	run_ok("ip link set lo up");
	assert_int_equal(
		firewall_counter(fw, TABLE_INET, "denied", &packets, &bytes),
		-ENOENT);
	assert_int_equal(packets, 77);
	apply(fw, r);
	send_packets(5);
	assert_false(apply(fw, r).changed);
	firewall_close(fw);

	fw = open_firewall(false);
	run_ok("nft add counter inet bulkhead another; "
	       "nft add chain inet bulkhead another");
	assert_change(apply(fw, r), 3, 0);
	assert_int_equal(
		firewall_counter(fw, TABLE_INET, "denied", &packets, &bytes),
		0);
	assert_int_equal(packets, 5);
	assert_int_equal(bytes, 5 * (20 + 8 + 8));
	assert_int_equal(
		firewall_counter(fw, TABLE_BRIDGE, "denied", &packets, &bytes),
		-ENOENT);
	assert_non_null(strstr(run_kept("nft list chain inet bulkhead output"),
			       "counter packets 5 bytes 180 drop"));
	assert_int_equal(
		firewall_read_set(fw, TABLE_INET, "seen", keep_element, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(
		firewall_read_set(fw, TABLE_INET, "nosuch", keep_element, &n),
		-ENOENT);
	firewall_close(fw);
}

/* Others change their own tables while we read and write ours. */
static void test_busy_neighbour(void **state)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = small_ruleset();
	_cleanup_(ruleset_unrefp) struct ruleset *next = copy_ruleset(r);
	_cleanup_(firewall_closep) struct firewall *fw = open_firewall(false);
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		execlp("sh", "sh", "-c",
		       "while :; do nft add table inet other; "
		       "nft delete table inet other; done",
		       NULL);
		_exit(99);
	}
	replace_chain(next, TABLE_INET, short_leaf());
	for (int i = 0; i < 200; i++) {
		assert_true(apply(fw, i % 2 ? r : next).changed);
		if (i % 3 == 0)
			firewall_forget(fw);
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	firewall_forget(fw);
	assert_false(apply(fw, r).changed);
}

#define TEST(f) cmocka_unit_test_setup(f, enter_namespace)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_fresh_then_nothing),
		TEST(test_equal_content),
		TEST(test_element_comes_and_goes),
		TEST(test_verdict_changes),
		TEST(test_ranges_change),
		TEST(test_one_range_of_many),
		TEST(test_chain_changes),
		TEST(test_chain_goes),
		TEST(test_set_redeclared),
		TEST(test_hook_moves),
		TEST(test_policy_changes),
		TEST(test_table_empties),
		TEST(test_refused_element),
		TEST(test_refused_rule),
		TEST(test_refused_commit),
		TEST(test_refused_set),
		TEST(test_without_capability),
		TEST(test_owned_tables_are_safe),
		TEST(test_adoption),
		TEST(test_second_agent),
		TEST(test_plain_becomes_owned),
		TEST(test_teardown),
		TEST(test_counters),
		TEST(test_busy_neighbour),
	};

	return cmocka_run_group_tests_name("firewall", tests, NULL, NULL);
}
