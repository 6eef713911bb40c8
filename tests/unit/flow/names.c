/* SPDX-License-Identifier: GPL-2.0-or-later */
/* names.c - answers on a real wire, copied by real rules, become names.
 *
 * A network namespace whose loopback has them all: port 53 answers. Needs root,
 * ip(8) and nft(8).
 */
#include "flow/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"

#define GROUP 2749
/* Whose answers are whose. */
#define WEB   "127.0.0.1"
#define WEB6  "::1"
#define OTHER "127.0.0.2"
#define PORT  40000

#define QUESTION "\3www\7example\0\0\1\0\1"
#define MESSAGE(a, b, c, d)                         \
	"\x12\x34\x81\x80\0\1\0\1\0\0\0\0" QUESTION \
	"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4" a b c d

/* www.example is 192.0.2.7. */
static const char message[] = MESSAGE("\xc0", "\0", "\2", "\7");
#define MESSAGE_LEN (sizeof(message) - 1)

static struct {
	struct loop *loop;
	struct endpoint *web, *other;
	struct flow_resolver resolver;
	struct flow_names *names;
} t;

static void run(const char *command)
{
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static struct endpoint *owner(_unused_ void *arg, const struct addr *a,
			      _unused_ uint64_t realtime)
{
	char text[ADDR_STRLEN];

	addr_format(a, text);
	if (!strcmp(text, WEB) || !strcmp(text, WEB6))
		return t.web;
	return strcmp(text, OTHER) == 0 ? t.other : NULL;
}

static int setup(_unused_ void **state)
{
	if (unshare(CLONE_NEWNET) < 0)
		return -1;
	run("ip link set lo up");
	run("nft -f - <<'EOF'\n"
	    "table inet t { chain c { type filter hook input priority 0;\n"
	    "udp sport 54 log group 2749 prefix \"somebody else's\" snaplen 2048\n"
	    "udp sport 55 log group 2749 prefix \"bulkhead answer\" snaplen 60\n"
	    "udp sport 53 log group 2749 prefix \"bulkhead answer\" snaplen 2048\n"
	    "tcp sport 53 tcp flags & psh == psh log group 2749 prefix \"bulkhead answer\" snaplen 2048\n"
	    "}\n}\n"
	    "EOF");
	t.web = endpoint_new("static", "web");
	t.other = endpoint_new("static", "other");
	t.resolver = (struct flow_resolver){ .owner = owner };
	return 0;
}

static int teardown(_unused_ void **state)
{
	endpoint_unref(t.web);
	endpoint_unref(t.other);
	return 0;
}

static int open_names(_unused_ void **state)
{
	return loop_new(&t.loop) ||
	       flow_names_open(t.loop, GROUP, &t.resolver, &t.names);
}

static int close_names(_unused_ void **state)
{
	flow_names_close(t.names);
	loop_free(t.loop);
	return 0;
}

/* ---- what is sent ------------------------------------------------------ */

static struct sockaddr_in6 place(const char *ip, uint16_t port, socklen_t *len)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
				    .sin6_port = htons(port) };
	struct sockaddr_in four = { .sin_family = AF_INET,
				    .sin_port = htons(port) };

	*len = sizeof(six);
	if (inet_pton(AF_INET6, ip, &six.sin6_addr) == 1)
		return six;
	assert_int_equal(inet_pton(AF_INET, ip, &four.sin_addr), 1);
	*len = sizeof(four);
	memcpy(&six, &four, sizeof(four));
	return six;
}

static int bound(const char *ip, int type, uint16_t port)
{
	socklen_t len;
	struct sockaddr_in6 sa = place(ip, port, &len);
	int fd = socket(sa.sin6_family, type | SOCK_CLOEXEC, 0), yes = 1;

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
	return fd;
}

/* A datagram from @sport to @ip. */
static void answer(const char *ip, uint16_t sport, const void *bytes, size_t n)
{
	socklen_t len;
	struct sockaddr_in6 sa = place(ip, PORT, &len);
	_cleanup_(closep) int to = bound(ip, SOCK_DGRAM, PORT);
	_cleanup_(closep) int from = bound(ip, SOCK_DGRAM, sport);
	char got[2048];

	assert_int_equal(sendto(from, bytes, n, 0, (struct sockaddr *)&sa, len),
			 n);
	/* The rules have seen it. */
	assert_int_equal(recv(to, got, sizeof(got), 0), n);
}

/* A connection from WEB to port 53, on which @bytes come back. */
static void answer_tcp(const void *bytes, size_t n)
{
	socklen_t len;
	struct sockaddr_in6 sa = place(WEB, 53, &len);
	_cleanup_(closep) int listening = bound(WEB, SOCK_STREAM, 53);
	_cleanup_(closep) int asking = bound(WEB, SOCK_STREAM, 0);
	_cleanup_(closep) int answering = -1;
	char got[2048];

	assert_int_equal(listen(listening, 1), 0);
	assert_int_equal(connect(asking, (struct sockaddr *)&sa, len), 0);
	answering = accept(listening, NULL, NULL);
	assert_int_equal(send(answering, bytes, n, 0), n);
	assert_int_equal(recv(asking, got, n, MSG_WAITALL), n);
}

/* ---- what is known ----------------------------------------------------- */

static struct flow_record record_of(const struct endpoint *source,
				    const struct endpoint *destination)
{
	struct flow_record r = { .last = clock_realtime(),
				 .src = { .owner = source },
				 .dst = { .owner = destination } };

	assert_int_equal(addr_parse(SLICE("192.0.2.7"), &r.packet.dst), 0);
	assert_int_equal(addr_parse(SLICE("192.0.2.7"), &r.packet.src), 0);
	return r;
}

/* The name of 192.0.2.7 as @e was told it, or "". */
static void assert_name(const struct endpoint *e, const char *name)
{
	struct flow_record r = record_of(e, NULL);

	flow_names_fill(t.names, &r);
	assert_string_equal(r.dst_name ?: "", name);
	assert_null(r.src_name);
	flow_record_fini(&r);
	/* Likewise from the other end. */
	r = record_of(NULL, e);
	flow_names_fill(t.names, &r);
	assert_string_equal(r.src_name ?: "", name);
	assert_null(r.dst_name);
	flow_record_fini(&r);
}

static void over_udp(_unused_ void **state)
{
	assert_name(t.web, "");
	answer(WEB, 53, message, MESSAGE_LEN);
	assert_name(t.web, "www.example");
	assert_name(t.other, "");
	assert_name(NULL, "");
}

static void over_ipv6(_unused_ void **state)
{
	answer(WEB6, 53, message, MESSAGE_LEN);
	assert_name(t.web, "www.example");
}

static void over_tcp(_unused_ void **state)
{
	char bytes[2 + MESSAGE_LEN + 20] = { 0, MESSAGE_LEN };

	memcpy(bytes + 2, message, MESSAGE_LEN);
	/* A second message begins behind it. */
	answer_tcp(bytes, sizeof(bytes));
	assert_name(t.web, "www.example");
}

static void over_tcp_cut_short(_unused_ void **state)
{
	char bytes[2 + MESSAGE_LEN] = { 0, 20 };
	struct flow_names_stats stats;

	/* Its length says that it ends before the record does. */
	memcpy(bytes + 2, message, MESSAGE_LEN);
	answer_tcp(bytes, sizeof(bytes));
	answer_tcp("x", 1);
	assert_name(t.web, "");
	flow_names_stats(t.names, &stats);
	assert_int_equal(stats.answers, 2);
	assert_int_equal(stats.malformed, 2);
}

static void not_ours(_unused_ void **state)
{
	struct flow_names_stats stats;

	answer(WEB, 54, message, MESSAGE_LEN);	       /* another prefix */
	answer("127.0.0.3", 53, message, MESSAGE_LEN); /* nobody's address */
	answer(WEB, 55, message, MESSAGE_LEN);	       /* copied in part */
	answer(WEB, 53, "no message at all", 17);
	assert_name(t.web, "");
	flow_names_stats(t.names, &stats);
	assert_int_equal(stats.answers, 3);
	assert_int_equal(stats.malformed, 1);
	assert_int_equal(stats.lost, 0);
	assert_int_equal(stats.addresses, 0);
}

static void the_first_name_stays(_unused_ void **state)
{
	struct flow_record r = record_of(t.web, NULL);

	answer(WEB, 53, message, MESSAGE_LEN);
	r.dst_name = xstrdup("first.example");
	flow_names_fill(t.names, &r);
	assert_string_equal(r.dst_name, "first.example");
	flow_record_fini(&r);
}

/* Answers are read before a later packet's name is asked for; an earlier
 * packet's needs no look at the socket. */
static void read_as_far_as_needed(_unused_ void **state)
{
	struct flow_record r = record_of(t.web, NULL);
	uint64_t before = r.last;

	flow_names_fill(t.names, &r);
	answer(WEB, 53, message, MESSAGE_LEN);
	r.last = before - 1000000;
	flow_names_fill(t.names, &r);
	assert_null(r.dst_name);
	r.last = clock_realtime();
	flow_names_fill(t.names, &r);
	assert_string_equal(r.dst_name, "www.example");
	flow_record_fini(&r);
}

static void who_is_gone_is_known_for_a_while(_unused_ void **state)
{
	answer(WEB, 53, message, MESSAGE_LEN);
	assert_name(t.web, "www.example");
	flow_names_retire(t.names, "web");
	flow_names_retire(t.names, "nobody");
	assert_name(t.web, "www.example");
}

static void one_reader(_unused_ void **state)
{
	struct flow_names *second = NULL;

	assert_int_equal(flow_names_open(t.loop, GROUP, &t.resolver, &second),
			 -EBUSY);
	assert_null(second);
}

static void off(_unused_ void **state)
{
	struct flow_record r = record_of(t.web, NULL);
	struct flow_names_stats stats = { .on = true };

	flow_names_fill(NULL, &r);
	assert_null(r.dst_name);
	flow_names_retire(NULL, "web");
	flow_names_stats(NULL, &stats);
	assert_false(stats.on);
	flow_names_close(NULL);
}

#define names_test(f) \
	cmocka_unit_test_setup_teardown(f, open_names, close_names)

int main(void)
{
	const struct CMUnitTest tests[] = {
		names_test(over_udp),
		names_test(over_ipv6),
		names_test(over_tcp),
		names_test(over_tcp_cut_short),
		names_test(not_ours),
		names_test(the_first_name_stays),
		names_test(read_as_far_as_needed),
		names_test(who_is_gone_is_known_for_a_while),
		names_test(one_reader),
		cmocka_unit_test(off),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
