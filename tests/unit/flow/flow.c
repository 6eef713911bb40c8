/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow.c - real packets, denied by real rules, become lines.
 *
 * Two network namespaces with a veth pair: "outside" sends, "inside" has the
 * rules and the log. Needs root, ip(8) and nft(8).
 */
#include "flow/flow.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "endpoint/store.h"

#define GROUP	     2748
#define SENDER	     "10.99.0.1"
#define RECEIVER     "10.99.0.2"
#define SENDER6	     "fd99::1"
#define RECEIVER6    "fd99::2"
#define NS_PER_MS    UINT64_C(1000000)
#define LATENCY_RUNS 200
#define FLOOD	     50000

static struct {
	int outside, inside; /* network namespaces */
	char dir[64];
	struct buf lines; /* of the test so far */
	struct endpoint_store *store;
	struct loop *loop;
	struct loop_timer *deadline;
	struct flow_log *log;
	bool late;
} t;

static void run(const char *command)
{
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static void enter(int ns)
{
	assert_int_equal(setns(ns, CLONE_NEWNET), 0);
}

/* ---- the two namespaces ------------------------------------------------ */

static int new_netns(void)
{
	int fd;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void make_link(void)
{
	_cleanup_(freep) char *move =
		xasprintf("ip link set outside netns /proc/%d/fd/%d", getpid(),
			  t.outside);

	run("ip link add inside type veth peer name outside");
	run(move);
	run("ip link set lo up && ip link set inside address 02:00:00:00:00:02 up && ip addr add " RECEIVER
	    "/24 dev inside && ip addr add " RECEIVER6 "/64 dev inside nodad");
	enter(t.outside);
	run("ip link set outside address 02:00:00:00:00:01 up && ip addr add " SENDER
	    "/24 dev outside && ip addr add " SENDER6 "/64 dev outside nodad");
	enter(t.inside);
}

/* A bridge of ours with two ports, whose far ends are outside. */
static void make_bridge(void)
{
	_cleanup_(freep) char *move = xasprintf(
		"for i in 1 2; do ip link add port$i type veth peer name far$i && ip link set port$i master br0 up && ip link set far$i netns /proc/%d/fd/%d || exit; done",
		getpid(), t.outside);

	run("ip link add br0 type bridge nf_call_iptables 1 && ip link set br0 up");
	run(move);
	enter(t.outside);
	run("sysctl -qw net.ipv6.conf.far1.disable_ipv6=1 net.ipv6.conf.far2.disable_ipv6=1 && ip link set far1 up && ip link set far2 up");
	enter(t.inside);
}

static void add_bridge_rules(void)
{
	run("nft -f - <<'EOF'\n"
	    "table bridge t { chain c { type filter hook prerouting priority 0;\n"
	    "iifname port1 ether type arp log group 2748 prefix \"bulkhead egress unknown-endpoint\" snaplen 128 drop\n"
	    "iifname port1 ether type vlan log group 2748 prefix \"bulkhead egress protocol\" snaplen 128 drop\n"
	    "}\n"
	    "}\n"
	    "table inet f { chain c { type filter hook forward priority 0;\n"
	    "iifname br0 udp dport 53 log group 2748 prefix \"bulkhead egress no-policy-allows\" snaplen 128 drop\n"
	    "}\n"
	    "}\n"
	    "EOF");
}

static void add_rules(void)
{
	run("nft -f - <<'EOF'\n"
	    "table inet t { counter denied {}\n"
	    "chain c { type filter hook input priority 0;\n"
	    "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, mld2-listener-report } accept\n"
	    "udp dport 9 drop\n"
	    "udp dport 7 log group 2748 prefix \"somebody else's\" drop\n"
	    "udp dport 6 log group 2748 prefix \"bulkhead egress spoofed\" snaplen 128 drop\n"
	    "udp dport 5 log group 2748 prefix \"bulkhead ingress no-policy-allows audit\" snaplen 128 drop\n"
	    "iifname inside log group 2748 prefix \"bulkhead ingress no-policy-allows\" snaplen 128 counter name denied drop\n"
	    "}\n}\n"
	    "EOF");
}

static void add_endpoint(const char *id, const char *name, const char *v4,
			 const char *v6)
{
	struct endpoint *e = endpoint_new("static", id);
	struct label labels[] = { { "app", name } };
	char *problem = NULL;
	struct attachment *a;

	free(e->name);
	free(e->image);
	e->name = xstrdup(name);
	e->image = xstrdup("busybox:1.36");
	e->state = ENDPOINT_RUNNING;
	a = endpoint_attach(e, "net", "net");
	assert_int_equal(addr_parse(slice_of(v4), &a->v4), 0);
	assert_int_equal(addr_parse(slice_of(v6), &a->v6), 0);
	endpoint_set_labels(e, labels, ARRAY_SIZE(labels), "shop", &problem);
	assert_null(problem);
	endpoint_store_put(t.store, e);
}

static int make_hosts(_unused_ void **state)
{
	if (geteuid() != 0) {
		print_message("needs root for network namespaces\n");
		return -1;
	}
	snprintf(t.dir, sizeof(t.dir), "/tmp/bulkhead-flow-XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	t.outside = new_netns();
	t.inside = new_netns();
	make_link();
	add_rules();
	make_bridge();
	add_bridge_rules();
	t.store = endpoint_store_new();
	add_endpoint("aaaa1111", "web", SENDER, SENDER6);
	add_endpoint("bbbb2222", "db", RECEIVER, RECEIVER6);
	return 0;
}

static int drop_hosts(_unused_ void **state)
{
	endpoint_store_free(t.store);
	rmdir(t.dir);
	close(t.outside);
	close(t.inside);
	return 0;
}

/* ---- the log ----------------------------------------------------------- */

static struct endpoint *owner(_unused_ void *arg, const struct addr *a,
			      uint64_t realtime)
{
	return endpoint_store_owner_at(t.store, a, realtime);
}

static void policies(_unused_ void *arg, const struct endpoint *e, bool ingress,
		     void (*add)(void *to, const char *policy), void *to)
{
	assert_string_equal(e->name, ingress ? "db" : "web");
	if (ingress)
		add(to, "shop/db-from-api");
	add(to, "shop/default-deny");
}

static void on_line(_unused_ void *arg, struct slice line)
{
	assert_int_equal(buf_add(&t.lines, line.ptr, line.len), 0);
}

static struct flow_options options(void)
{
	return (struct flow_options){
		.emit = on_line,
		.group = GROUP,
		.resolver = { .owner = owner, .policies = policies },
	};
}

static void on_deadline(_unused_ void *arg)
{
	t.late = true;
}

static int open_log(_unused_ void **state)
{
	struct flow_options o = options();

	t.lines = BUF_INIT(64 << 20);
	t.late = false;
	assert_int_equal(loop_new(&t.loop), 0);
	t.deadline = loop_timer_new(t.loop, on_deadline, NULL);
	assert_int_equal(flow_open(t.loop, &o, &t.log), 0);
	return 0;
}

static int close_log(_unused_ void **state)
{
	flow_close(t.log);
	buf_fini(&t.lines);
	loop_timer_close(t.deadline);
	loop_free(t.loop);
	return 0;
}

/* Until so many lines are written. */
static void await_records(uint64_t n)
{
	struct flow_stats stats;

	loop_timer_start(t.deadline, 5000, 0);
	for (;;) {
		flow_stats(t.log, &stats);
		if (stats.records >= n)
			break;
		assert_false(t.late);
		loop_run_once(t.loop);
	}
	loop_timer_stop(t.deadline);
	assert_int_equal(stats.records, n);
}

static char *read_log(void)
{
	return xstrdup(buf_str(&t.lines));
}

/* ---- traffic ----------------------------------------------------------- */

static struct sockaddr_in6 address(const char *ip, uint16_t port,
				   socklen_t *len)
{
	struct sockaddr_in6 sa = { 0 };
	struct addr a;

	assert_int_equal(addr_parse(slice_of(ip), &a), 0);
	sa.sin6_family = a.family;
	sa.sin6_port = htons(port);
	if (a.family == AF_INET)
		memcpy(&((struct sockaddr_in *)&sa)->sin_addr, a.bytes, 4);
	else
		memcpy(&sa.sin6_addr, a.bytes, 16);
	*len = a.family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(sa);
	return sa;
}

/* A socket outside, bound to @port of ours unless 0. */
static int outside_socket(const char *from, int type, int proto, uint16_t port)
{
	socklen_t len;
	struct sockaddr_in6 sa = address(from, port, &len);
	int fd, yes = 1;

	enter(t.outside);
	fd = socket(sa.sin6_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, proto);
	enter(t.inside);
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
	return fd;
}

static void send_udp(const char *from, const char *to, uint16_t sport,
		     uint16_t dport)
{
	_cleanup_(closep) int fd = outside_socket(from, SOCK_DGRAM, 0, sport);
	socklen_t len;
	struct sockaddr_in6 sa = address(to, dport, &len);

	assert_int_equal(sendto(fd, "hello", 5, 0, (struct sockaddr *)&sa, len),
			 5);
}

/* Nobody waits for an answer: the first SYN is on its way already. */
static void send_syn(const char *from, const char *to, uint16_t sport,
		     uint16_t dport)
{
	_cleanup_(closep) int fd = outside_socket(from, SOCK_STREAM, 0, sport);
	socklen_t len;
	struct sockaddr_in6 sa = address(to, dport, &len);

	assert_int_equal(connect(fd, (struct sockaddr *)&sa, len), -1);
	assert_int_equal(errno, EINPROGRESS);
}

static void send_ping(const char *from, const char *to, uint16_t id)
{
	bool v6 = strchr(to, ':');
	struct icmphdr echo = { .type = v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO,
				.un.echo.id = htons(id) };
	_cleanup_(closep) int fd = outside_socket(
		from, SOCK_RAW, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, 0);
	socklen_t len;
	struct sockaddr_in6 sa = address(to, 0, &len);

	/* Nobody checks its sum on the way to the rule. */
	assert_int_equal(
		sendto(fd, &echo, sizeof(echo), 0, (struct sockaddr *)&sa, len),
		sizeof(echo));
}

/* A frame from the bridge's first port to the second, from hex. */
static void send_frame(const char *hex)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	uint8_t frame[128];
	size_t n = 0;
	unsigned byte;
	int fd;

	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		frame[n++] = (uint8_t)byte;
	enter(t.outside);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	to.sll_ifindex = (int)if_nametoindex("far1");
	enter(t.inside);
	assert_int_equal(
		sendto(fd, frame, n, 0, (struct sockaddr *)&to, sizeof(to)), n);
	close(fd);
}

static void assert_has(const char *line, const char *part)
{
	if (!strstr(line, part))
		fail_msg("no %s in %s", part, line);
}

/* ---- tests ------------------------------------------------------------- */

#define WEB                                                              \
	"\"container\":{\"id\":\"aaaa1111\",\"name\":\"web\",\"image\":" \
	"\"busybox:1.36\",\"namespace\":\"shop\",\"labels\":{\"app\":\"web\""
#define DB                                                              \
	"\"container\":{\"id\":\"bbbb2222\",\"name\":\"db\",\"image\":" \
	"\"busybox:1.36\",\"namespace\":\"shop\",\"labels\":{\"app\":\"db\""

static void a_denied_connection_has_its_whole_story(_unused_ void **state)
{
	_cleanup_(freep) char *line = NULL;

	send_syn(SENDER, RECEIVER, 40001, 5432);
	await_records(1);
	line = read_log();
	assert_has(line, "\"verdict\":\"denied\",\"flow_id\":\"");
	assert_has(line, "\"state\":\"new\",\"direction\":\"ingress\","
			 "\"reason\":\"no-policy-allows\",\"policies\":"
			 "[\"shop/db-from-api\",\"shop/default-deny\"],"
			 "\"proto\":\"tcp\"");
	assert_has(line, "\"src\":{\"ip\":\"" SENDER "\",\"port\":40001,"
			 "\"mac\":\"02:00:00:00:00:01\"," WEB);
	assert_has(line, "\"dst\":{\"ip\":\"" RECEIVER "\",\"port\":5432," DB);
	assert_has(line, "\"runtime\":\"static\"");
	assert_has(line, "\"tcp_flags\":\"SYN\",\"iface_in\":\"inside\","
			 "\"packets\":1,\"bytes\":60,\"new_packets\":1,"
			 "\"new_bytes\":60,");
	assert_has(line, "\"community_id\":\"1:");
	assert_has(line, "\"seq\":1,");
	assert_null(strstr(line, "truncated"));
	assert_int_equal(line[strlen(line) - 1], '\n');
}

static void every_protocol_and_family_is_told(_unused_ void **state)
{
	_cleanup_(freep) char *lines = NULL;

	send_syn(SENDER6, RECEIVER6, 40002, 5432);
	await_records(1);
	send_udp(SENDER, RECEIVER, 40003, 53);
	send_udp(SENDER6, RECEIVER6, 40004, 53);
	send_ping(SENDER, RECEIVER, 1);
	send_ping(SENDER6, RECEIVER6, 2);
	await_records(5);
	lines = read_log();
	assert_has(lines, "\"proto\":\"tcp\",\"src\":{\"ip\":\"" SENDER6
			  "\",\"port\":40002,");
	assert_has(lines, "\"proto\":\"udp\",\"src\":{\"ip\":\"" SENDER
			  "\",\"port\":40003,");
	assert_has(lines, "\"proto\":\"udp\",\"src\":{\"ip\":\"" SENDER6
			  "\",\"port\":40004,");
	assert_has(lines, "\"proto\":\"icmp\",");
	assert_has(lines, "\"icmp\":{\"type\":8,\"code\":0}");
	assert_has(lines, "\"proto\":\"icmpv6\",");
	assert_has(lines, "\"icmp\":{\"type\":128,\"code\":0}");
}

static void repeats_are_counted_not_recorded(_unused_ void **state)
{
	struct flow_stats stats;

	for (int i = 0; i < 10; i++)
		send_udp(SENDER, RECEIVER, 40010, 4000);
	send_udp(SENDER, RECEIVER, 40011, 4000); /* tries again */
	send_udp(SENDER, RECEIVER, 40010, 4001);
	await_records(2);
	flow_stats(t.log, &stats);
	assert_int_equal(stats.packets, 12);
	assert_int_equal(stats.repeated, 10);
	assert_int_equal(stats.lost, 0);
}

static void other_prefixes_are_not_ours(_unused_ void **state)
{
	_cleanup_(freep) char *line = NULL;
	struct flow_stats stats;

	send_udp(SENDER, RECEIVER, 40020, 7);
	send_udp(SENDER, RECEIVER, 40020, 5);
	await_records(1);
	line = read_log();
	assert_has(line, "\"verdict\":\"audit\",");
	assert_has(line, "\"direction\":\"ingress\"");
	flow_stats(t.log, &stats);
	assert_int_equal(stats.packets, 1);
	assert_int_equal(stats.lost, 0);
}

static void a_spoofed_address_blames_nobody(_unused_ void **state)
{
	_cleanup_(freep) char *line = NULL;

	send_udp(SENDER, RECEIVER, 40030, 6);
	await_records(1);
	line = read_log();
	assert_has(line, "\"reason\":\"spoofed\",\"policies\":[],");
	assert_has(line, "\"port\":40030,\"mac\":\"02:00:00:00:00:01\"},");
	assert_has(line, DB);
}

#define FRAME_HEADER "ffffffffffff020000000011"
#define UDP_PACKET                                 \
	"4500001c00010000401166080a6300010a630002" \
	"9c41003500080000"

static void bridge_frames_are_told_by_port(_unused_ void **state)
{
	_cleanup_(freep) char *lines = NULL;

	send_frame(FRAME_HEADER "0806"
				"0001080006040001020000000011c0000201"
				"0000000000000a630002");
	await_records(1);
	send_frame(FRAME_HEADER "810000050800" UDP_PACKET);
	await_records(2);
	lines = read_log();
	assert_has(lines, "\"reason\":\"unknown-endpoint\",\"policies\":[],"
			  "\"proto\":\"arp\",\"src\":{\"ip\":\"192.0.2.1\","
			  "\"mac\":\"02:00:00:00:00:11\"},\"dst\":{\"ip\":"
			  "\"" RECEIVER "\",\"mac\":\"ff:ff:ff:ff:ff:ff\"," DB);
	assert_has(lines, "\"iface_in\":\"br0\",\"phys_in\":\"port1\",");
	assert_has(lines, "\"reason\":\"protocol\",");
	assert_has(lines, "\"vlan\":5,");
	assert_has(lines, "\"port\":53");
}

/* What br_netfilter shows to the inet hooks still knows its ports. */
static void a_bridged_packet_has_both_ports(_unused_ void **state)
{
	_cleanup_(freep) char *line = NULL;

	send_frame(FRAME_HEADER "0800" UDP_PACKET);
	await_records(1);
	line = read_log();
	assert_has(line, "\"iface_in\":\"br0\",\"iface_out\":\"br0\","
			 "\"phys_in\":\"port1\",\"phys_out\":\"port2\"");
	assert_has(line, "\"mac\":\"02:00:00:00:00:11\"," WEB);
	assert_has(line, "\"mac\":\"ff:ff:ff:ff:ff:ff\"," DB);
}

static void a_second_reader_is_told_busy(_unused_ void **state)
{
	struct flow_options o = options();
	struct flow_log *log = NULL;

	assert_int_equal(flow_open(t.loop, &o, &log), -EBUSY);
	assert_null(log);
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Ahead of everybody, so that not the machine's other work is measured. */
static void set_scheduler(int policy)
{
	struct sched_param param = { .sched_priority = policy == SCHED_FIFO };

	assert_int_equal(sched_setscheduler(0, policy, &param), 0);
}

static void a_line_comes_within_milliseconds(_unused_ void **state)
{
	uint64_t took[LATENCY_RUNS], start, p50, p99;

	set_scheduler(SCHED_FIFO);
	for (unsigned i = 0; i < LATENCY_RUNS; i++) {
		start = clock_monotonic();
		send_udp(SENDER, RECEIVER, 40100, (uint16_t)(10000 + i));
		await_records(i + 1);
		took[i] = clock_monotonic() - start;
	}
	set_scheduler(SCHED_OTHER);
	qsort(took, LATENCY_RUNS, sizeof(took[0]), compare_u64);
	p50 = took[LATENCY_RUNS / 2];
	p99 = took[LATENCY_RUNS * 99 / 100];
	print_message("packet to line: p50 %.3f ms, p99 %.3f ms\n",
		      (double)p50 / NS_PER_MS, (double)p99 / NS_PER_MS);
	assert_true(p50 < 10 * NS_PER_MS);
	assert_true(p99 < 100 * NS_PER_MS);
}

/* From a process of its own, so that reader and sender race as in life. */
static void flood(unsigned n, unsigned ports)
{
	socklen_t len;
	struct sockaddr_in6 sa;
	int fd = outside_socket(SENDER, SOCK_DGRAM, 0, 40200);

	for (unsigned i = 0; i < n; i++) {
		sa = address(RECEIVER, (uint16_t)(10 + i % ports), &len);
		while (sendto(fd, "x", 1, 0, (struct sockaddr *)&sa, len) < 0)
			;
	}
	close(fd);
}

static uint64_t count_lines(const char *text)
{
	uint64_t n = 0;

	for (; (text = strchr(text, '\n')); text++)
		n++;
	return n;
}

/* What the rule saw: a veth drops what its receiver is too slow for. */
static uint64_t count_denied(void)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(4096);
	_cleanup_(freep) char *command = NULL;
	unsigned long long n;
	char path[96];

	snprintf(path, sizeof(path), "%s/denied", t.dir);
	command = xasprintf("nft reset counter inet t denied > %s", path);
	run(command);
	assert_int_equal(buf_read_file(&text, path), 0);
	unlink(path);
	assert_int_equal(
		sscanf(strstr(buf_str(&text), "packets"), "packets %llu", &n),
		1);
	return n;
}

/* Until each packet that the rule saw is read, or known to be lost. */
static struct flow_stats await_accounted(uint64_t denied)
{
	uint64_t start = clock_monotonic();
	struct flow_stats stats;

	loop_timer_start(t.deadline, 1, 1);
	do {
		loop_run_once(t.loop);
		flow_stats(t.log, &stats);
		assert_true(clock_monotonic() - start < 60000 * NS_PER_MS);
	} while (stats.packets + stats.lost < denied);
	loop_timer_stop(t.deadline);
	t.late = false;
	assert_int_equal(stats.packets + stats.lost, denied);
	return stats;
}

static void a_flood_is_recorded_or_counted_as_lost(_unused_ void **state)
{
	_cleanup_(freep) char *text = NULL;
	struct flow_stats stats;
	uint64_t start, denied;
	pid_t child;

	count_denied();
	start = clock_monotonic();
	child = fork();
	if (child == 0) {
		flood(FLOOD, FLOOD / 5);
		_exit(0);
	}
	assert_true(child > 0);
	loop_timer_start(t.deadline, 1, 1);
	while (waitpid(child, NULL, WNOHANG) == 0)
		loop_run_once(t.loop);
	/* The last number tells of every gap before it. */
	send_udp(SENDER, RECEIVER, 40201, 4000);
	denied = count_denied();
	stats = await_accounted(denied);
	print_message(
		"flood: %llu denied, %llu read, %llu lost, %.0f packets/s\n",
		(unsigned long long)denied, (unsigned long long)stats.packets,
		(unsigned long long)stats.lost,
		(double)stats.packets * 1e9 /
			(double)(clock_monotonic() - start));
	assert_int_equal(stats.records + stats.repeated, stats.packets);
	text = read_log();
	assert_int_equal(count_lines(text), stats.records);
}

/* Nobody reads while the kernel's buffer fills up. */
static void an_overrun_is_counted_and_survived(_unused_ void **state)
{
	struct flow_stats stats;
	uint64_t denied, start;

	count_denied();
	flood(FLOOD, FLOOD / 20);
	denied = count_denied();
	start = clock_monotonic();
	stats = await_accounted(denied);
	print_message(
		"overrun: %llu of %llu fit the buffer, read at %.0f packets/s\n",
		(unsigned long long)stats.packets, (unsigned long long)denied,
		(double)stats.packets * 1e9 /
			(double)(clock_monotonic() - start));
	assert_true(stats.lost > 0);
	send_udp(SENDER, RECEIVER, 40300, 4000);
	await_records(stats.records + 1);
	flow_stats(t.log, &stats);
	assert_int_equal(stats.packets + stats.lost, denied + 1);
}

#define WITH_LOG(f) cmocka_unit_test_setup_teardown(f, open_log, close_log)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LOG(a_denied_connection_has_its_whole_story),
		WITH_LOG(every_protocol_and_family_is_told),
		WITH_LOG(repeats_are_counted_not_recorded),
		WITH_LOG(other_prefixes_are_not_ours),
		WITH_LOG(a_spoofed_address_blames_nobody),
		WITH_LOG(bridge_frames_are_told_by_port),
		WITH_LOG(a_bridged_packet_has_both_ports),
		WITH_LOG(a_second_reader_is_told_busy),
		WITH_LOG(a_line_comes_within_milliseconds),
		WITH_LOG(a_flood_is_recorded_or_counted_as_lost),
		WITH_LOG(an_overrun_is_counted_and_survived),
	};

	return cmocka_run_group_tests(tests, make_hosts, drop_hosts);
}
