/* SPDX-License-Identifier: GPL-2.0-or-later */
/* original.c - what the kernel's sets tell of where packets were addressed to.
 *
 * In a network namespace of its own. Needs root and nft(8).
 */
#include "flow/original.h"

#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

static struct {
	struct loop *loop;
	struct flow_originals *originals;
} t;

static void run(const char *command)
{
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static int setup(_unused_ void **state)
{
	return unshare(CLONE_NEWNET);
}

static int open_originals(_unused_ void **state)
{
	return loop_new(&t.loop) || flow_originals_open(t.loop, &t.originals);
}

static int close_originals(_unused_ void **state)
{
	flow_originals_close(t.originals);
	loop_free(t.loop);
	run("nft flush ruleset");
	return 0;
}

static void add_sets(void)
{
	run("nft -f - <<'EOF'\n"
	    "table inet bulkhead {\n"
	    "set original4_tcp {\n"
	    "type ipv4_addr . ipv4_addr . inet_service . ipv4_addr . inet_service\n"
	    "flags dynamic,timeout\n"
	    "elements = {\n"
	    "192.0.2.1 . 10.0.0.2 . 80 . 198.51.100.1 . 8080,\n"
	    "192.0.2.1 . 10.0.0.2 . 81 . 198.51.100.1 . 8081,\n"
	    "192.0.2.2 . 10.0.0.2 . 80 . 198.51.100.2 . 443 }\n"
	    "}\n"
	    "set original6_udp {\n"
	    "type ipv6_addr . ipv6_addr . inet_service . ipv6_addr . inet_service\n"
	    "flags dynamic,timeout\n"
	    "elements = { 2001:db8::1 . fd00::2 . 53 . 2001:db8::ff . 5353 }\n"
	    "}\n"
	    "}\n"
	    "EOF");
}

static struct addr addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(slice_of(text), &a), 0);
	return a;
}

/* "ADDRESS PORT" of where a packet from @src was addressed to; "": nowhere
 * else. */
static const char *original_at(uint64_t time, uint8_t proto, const char *src,
			       const char *dst, uint16_t dport)
{
	static char text[ADDR_STRLEN + 8];
	char ip[ADDR_STRLEN];
	struct flow_record r = {
		.time = time,
		.packet = { .has_ports = proto != IPPROTO_ICMP,
			    .proto = proto,
			    .src = addr(src),
			    .dst = addr(dst),
			    .dport = dport },
	};

	flow_originals_fill(t.originals, &r);
	text[0] = '\0';
	if (addr_is_set(&r.published))
		snprintf(text, sizeof(text), "%s %u",
			 addr_format(&r.published, ip), r.published_port);
	return text;
}

static const char *original(uint8_t proto, const char *src, const char *dst,
			    uint16_t dport)
{
	return original_at(clock_realtime(), proto, src, dst, dport);
}

static void each_flow_has_its_own(_unused_ void **state)
{
	add_sets();
	assert_string_equal(original(IPPROTO_TCP, "192.0.2.1", "10.0.0.2", 80),
			    "198.51.100.1 8080");
	assert_string_equal(original(IPPROTO_TCP, "192.0.2.1", "10.0.0.2", 81),
			    "198.51.100.1 8081");
	assert_string_equal(original(IPPROTO_TCP, "192.0.2.2", "10.0.0.2", 80),
			    "198.51.100.2 443");
	assert_string_equal(original(IPPROTO_UDP, "2001:db8::1", "fd00::2", 53),
			    "2001:db8::ff 5353");
}

static void what_came_by_no_port_has_none(_unused_ void **state)
{
	add_sets();
	assert_string_equal(original(IPPROTO_TCP, "192.0.2.3", "10.0.0.2", 80),
			    "");
	assert_string_equal(original(IPPROTO_TCP, "192.0.2.1", "10.0.0.3", 80),
			    "");
	assert_string_equal(original(IPPROTO_TCP, "192.0.2.1", "10.0.0.2", 82),
			    "");
	/* Another protocol's, whose set is not there. */
	assert_string_equal(original(IPPROTO_UDP, "192.0.2.1", "10.0.0.2", 80),
			    "");
	assert_string_equal(original(IPPROTO_ICMP, "192.0.2.1", "10.0.0.2", 80),
			    "");
}

static void without_a_table_nothing_is_known(_unused_ void **state)
{
	struct flow_record r = { .time = 1 };

	assert_string_equal(original(IPPROTO_TCP, "192.0.2.1", "10.0.0.2", 80),
			    "");
	flow_originals_fill(NULL, &r);
	flow_originals_close(NULL);
}

/* A set is read for packets that were logged since, and for no others. */
static void is_read_again_for_what_came_since(_unused_ void **state)
{
	uint64_t before = clock_realtime();

	add_sets();
	/* Behind the clock's grain. */
	assert_string_equal(original_at(before + 1000000000, IPPROTO_TCP,
					"192.0.2.4", "10.0.0.2", 80),
			    "");
	run("nft add element inet bulkhead original4_tcp "
	    "'{ 192.0.2.4 . 10.0.0.2 . 80 . 198.51.100.1 . 8080 }'");
	assert_string_equal(
		original_at(before, IPPROTO_TCP, "192.0.2.4", "10.0.0.2", 80),
		"");
	assert_string_equal(original(IPPROTO_TCP, "192.0.2.4", "10.0.0.2", 80),
			    "198.51.100.1 8080");
	run("nft flush set inet bulkhead original4_tcp");
	assert_string_equal(original(IPPROTO_TCP, "192.0.2.4", "10.0.0.2", 80),
			    "");
}

#define WITH_ORIGINALS(f) \
	cmocka_unit_test_setup_teardown(f, open_originals, close_originals)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ORIGINALS(each_flow_has_its_own),
		WITH_ORIGINALS(what_came_by_no_port_has_none),
		WITH_ORIGINALS(without_a_table_nothing_is_known),
		WITH_ORIGINALS(is_read_again_for_what_came_since),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
