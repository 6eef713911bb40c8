/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch.c - bridges of a network namespace of our own, watched for real. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "link/link.h"

/* Long enough for any kernel; only a failing test waits for it. */
#define PATIENCE_MS 5000
#define TICK_MS	    10

struct event {
	enum link_event event;
	char bridge[IFNAMSIZ];
	char detail[256];
};

struct host {
	struct loop *loop;
	struct loop_timer *ticker;
	struct link_watch *watch;
	VEC(struct event) events;
	int ticks, port_changes, address_changes;
};

static void run(const char *command)
{
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static void on_event(void *arg, enum link_event event, const char *bridge,
		     const char *detail)
{
	struct host *h = arg;
	struct event e = { .event = event };

	assert_non_null(h->watch);
	h->port_changes += event == LINK_PORTS;
	h->address_changes += event == LINK_ADDRESSES;
	if (event == LINK_PORTS || event == LINK_ADDRESSES)
		return;
	snprintf(e.bridge, sizeof(e.bridge), "%s", bridge);
	snprintf(e.detail, sizeof(e.detail), "%s", detail);
	vec_push(&h->events, e);
}

static void on_tick(void *arg)
{
	((struct host *)arg)->ticks++;
}

static void start_watch(struct host *h)
{
	assert_int_equal(link_open(h->loop,
				   (struct link_observer){ on_event, h },
				   &h->watch),
			 0);
}

static int set_up(void **state)
{
	struct host *h = xnew(struct host);

	if (unshare(CLONE_NEWNET) < 0) {
		print_error("a network namespace of one's own needs root\n");
		return -1;
	}
	/* The switch of the whole namespace would hide the bridges' own. */
	run("for f in iptables ip6tables arptables; do"
	    " echo 0 >/proc/sys/net/bridge/bridge-nf-call-$f; done");
	assert_int_equal(loop_new(&h->loop), 0);
	h->ticker = loop_timer_new(h->loop, on_tick, h);
	*state = h;
	return 0;
}

static int tear_down(void **state)
{
	struct host *h = *state;

	link_close(h->watch);
	loop_timer_close(h->ticker);
	loop_free(h->loop);
	vec_fini(&h->events);
	free(h);
	return 0;
}

static size_t count(const struct host *h, enum link_event event,
		    const char *bridge)
{
	size_t n = 0;

	vec_foreach(e, &h->events)
		n += e->event == event && !strcmp(e->bridge, bridge);
	return n;
}

static void wait_for(struct host *h, enum link_event event, const char *bridge)
{
	h->ticks = 0;
	loop_timer_start(h->ticker, TICK_MS, TICK_MS);
	while (!count(h, event, bridge)) {
		loop_run_once(h->loop);
		if (h->ticks > PATIENCE_MS / TICK_MS)
			fail_msg("no event %d of %s", event, bridge);
	}
	loop_timer_stop(h->ticker);
}

/* Everything the kernel has to say until now has been handled: a bridge made
 * last is told last. */
static void settle(struct host *h)
{
	run("ip link add settled type bridge");
	wait_for(h, LINK_BRIDGE_UP, "settled");
	run("ip link del settled");
	wait_for(h, LINK_BRIDGE_GONE, "settled");
	for (size_t i = h->events.len; i > 0; i--)
		if (!strcmp(h->events.data[i - 1].bridge, "settled"))
			vec_remove(&h->events, i - 1);
}

static void manage(struct host *h, const char *bridge)
{
	char names[1][IFNAMSIZ] = { "" };

	snprintf(names[0], IFNAMSIZ, "%s", bridge);
	link_manage(h->watch, (const char(*)[IFNAMSIZ])names, 1);
}

/* True when stock iproute2 shows @word for @bridge. */
static bool shows(const char *bridge, const char *word)
{
	char command[128];

	snprintf(command, sizeof(command), "ip -d link show %s | grep -qw '%s'",
		 bridge, word);
	return system(command) == 0;
}

static void assert_switches(const char *bridge, bool on)
{
	assert_true(shows(bridge,
			  on ? "nf_call_iptables 1" : "nf_call_iptables 0"));
	assert_true(shows(bridge,
			  on ? "nf_call_ip6tables 1" : "nf_call_ip6tables 0"));
	assert_true(shows(bridge, on ? "no_linklocal_learn 1"
				     : "no_linklocal_learn 0"));
	assert_true(shows(bridge, "nf_call_arptables 0"));
}

static void bridge_there_at_start(void **state)
{
	struct host *h = *state;

	run("ip link add br0 type bridge; ip link add veth0 type veth peer name veth1");
	start_watch(h);
	assert_int_equal(h->events.len, 0);
	wait_for(h, LINK_BRIDGE_UP, "br0");
	assert_int_equal(h->events.len, 1);
	assert_string_equal(h->events.data[0].detail, "");
	assert_false(link_filtered(h->watch, "br0"));
	assert_switches("br0", false);
	assert_false(link_filtered(h->watch, "veth0"));
}

static void managing_switches_on(void **state)
{
	struct host *h = *state;

	run("ip link add br0 type bridge; ip link add br1 type bridge");
	start_watch(h);
	manage(h, "br0");
	assert_true(link_filtered(h->watch, "br0"));
	assert_switches("br0", true);
	assert_switches("br1", false);
	settle(h);
	/* Setting it the first time is nobody's tampering. */
	assert_int_equal(count(h, LINK_FILTER_RESTORED, "br0"), 0);
}

static void bridge_that_appears_is_switched_on(void **state)
{
	struct host *h = *state;

	start_watch(h);
	manage(h, "br0");
	/* Many messages, all but the first older than our own setting. */
	run("ip link add br0 type bridge; ip link set br0 up;"
	    "ip link set br0 mtu 1400; ip link set br0 mtu 1450;"
	    "ip link add veth0 type veth peer name veth1;"
	    "ip link set veth0 master br0 up; ip link set veth1 up;"
	    "ip link set veth0 nomaster");
	wait_for(h, LINK_BRIDGE_UP, "br0");
	settle(h);
	assert_true(link_filtered(h->watch, "br0"));
	assert_switches("br0", true);
	assert_int_equal(h->events.len, 1);
}

static void bridge_that_goes_is_told(void **state)
{
	struct host *h = *state;

	run("ip link add br0 type bridge");
	start_watch(h);
	manage(h, "br0");
	run("ip link del br0");
	wait_for(h, LINK_BRIDGE_GONE, "br0");
	assert_false(link_filtered(h->watch, "br0"));
	settle(h);
	assert_int_equal(h->events.len, 2);

	/* The next one of that name is managed like the first. */
	h->events.len = 0;
	run("ip link add br0 type bridge");
	wait_for(h, LINK_BRIDGE_UP, "br0");
	assert_switches("br0", true);
	settle(h);
	assert_int_equal(h->events.len, 1);
}

static void rename_is_one_less_and_one_more(void **state)
{
	struct host *h = *state;

	run("ip link add old type bridge");
	start_watch(h);
	manage(h, "new");
	run("ip link set old name new; ip link set new up");
	wait_for(h, LINK_BRIDGE_GONE, "old");
	wait_for(h, LINK_BRIDGE_UP, "new");
	assert_false(link_filtered(h->watch, "old"));
	assert_true(link_filtered(h->watch, "new"));
	assert_switches("new", true);
}

static void switched_off(struct host *h, const char *option)
{
	char command[128];

	snprintf(command, sizeof(command), "ip link set br0 type bridge %s 0",
		 option);
	h->events.len = 0;
	run(command);
	wait_for(h, LINK_FILTER_RESTORED, "br0");
	assert_switches("br0", true);
	settle(h);
	assert_int_equal(h->events.len, 1);
}

static void switched_off_by_hand_is_restored(void **state)
{
	struct host *h = *state;

	run("ip link add br0 up type bridge");
	start_watch(h);
	manage(h, "br0");
	settle(h);
	switched_off(h, "nf_call_iptables");
	switched_off(h, "nf_call_ip6tables");
	switched_off(h, "no_linklocal_learn");
}

static void no_longer_managed_is_left_alone(void **state)
{
	struct host *h = *state;

	run("ip link add br0 up type bridge");
	start_watch(h);
	manage(h, "br0");
	manage(h, "other");
	run("ip link set br0 type bridge nf_call_iptables 0");
	settle(h);
	assert_true(shows("br0", "nf_call_iptables 0"));
	assert_false(link_filtered(h->watch, "br0"));
	assert_int_equal(count(h, LINK_FILTER_RESTORED, "br0"), 0);
}

/* Far more messages than a receive buffer holds, nobody reading. */
static void flood(void)
{
	run("(echo link add d0 type veth peer name d1; for i in $(seq 1500); do"
	    " echo link set d0 mtu $((1000 + i)); done; echo link del d0)"
	    " | ip -batch -");
}

static void lost_messages_lead_to_a_dump(void **state)
{
	struct host *h = *state;

	run("ip link add br0 up type bridge; ip link add br1 type bridge");
	start_watch(h);
	manage(h, "br0");
	settle(h);
	/* The first change is kept, those behind the flood are lost. */
	run("ip link add early type bridge");
	flood();
	run("ip link del br1; ip link del early; ip link add br2 type bridge;"
	    "ip link set br0 type bridge nf_call_iptables 0");
	wait_for(h, LINK_BRIDGE_UP, "br2");
	wait_for(h, LINK_BRIDGE_GONE, "br1");
	wait_for(h, LINK_FILTER_RESTORED, "br0");
	assert_switches("br0", true);
	settle(h);
	assert_int_equal(count(h, LINK_BRIDGE_UP, "early"),
			 count(h, LINK_BRIDGE_GONE, "early"));
	assert_false(link_filtered(h->watch, "early"));
	assert_int_equal(count(h, LINK_BRIDGE_GONE, "br0"), 0);
}

static void set_net_admin(bool on)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct caps[2];

	assert_int_equal(syscall(SYS_capget, &head, caps), 0);
	if (on)
		caps[0].effective |= 1U << CAP_NET_ADMIN;
	else
		caps[0].effective &= ~(1U << CAP_NET_ADMIN);
	assert_int_equal(syscall(SYS_capset, &head, caps), 0);
}

static void refusal_is_told_once_with_the_way_out(void **state)
{
	struct host *h = *state;

	run("ip link add br0 up type bridge");
	start_watch(h);
	set_net_admin(false);
	manage(h, "br0");
	assert_false(link_filtered(h->watch, "br0"));
	wait_for(h, LINK_FILTER_MISSING, "br0");
	/* Another message about it is no news. */
	manage(h, "br0");
	set_net_admin(true);
	assert_int_equal(count(h, LINK_FILTER_MISSING, "br0"), 1);
	assert_non_null(strstr(h->events.data[h->events.len - 1].detail,
			       "CAP_NET_ADMIN"));
	run("ip link set br0 mtu 1400");
	wait_for(h, LINK_FILTER_RESTORED, "br0");
	assert_switches("br0", true);
	assert_int_equal(count(h, LINK_FILTER_MISSING, "br0"), 1);
}

static void netfilter_is_found(_unused_ void **state)
{
	assert_true(link_netfilter_present());
}

#define IN_NAMESPACE(test) \
	cmocka_unit_test_setup_teardown(test, set_up, tear_down)

/* ---- another namespace -------------------------------------------------- */

/* A process that waits in a network namespace of its own. */
static pid_t start_inside(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void run_for(const char *text, pid_t pid)
{
	_cleanup_(freep) char *command = NULL;

	command = xasprintf("pid=%d; %s", (int)pid, text);
	run(command);
}

/* The port whose other end is in the namespace of @pid; 0: none yet. */
static unsigned port_of(struct host *h, pid_t pid)
{
	const struct link_port *ports;
	size_t n;
	int netns;

	if (link_netns_of(h->watch, (unsigned)pid, &netns) < 0)
		return 0;
	ports = link_ports(h->watch, &n);
	for (size_t i = 0; i < n; i++)
		if (ports[i].netns == netns)
			return ports[i].index;
	return 0;
}

static void wait_for_address(struct host *h, unsigned port, const char *v4,
			     const char *v6)
{
	struct link_address a4, a6;
	char text4[ADDR_STRLEN], text6[ADDR_STRLEN];

	h->ticks = 0;
	loop_timer_start(h->ticker, TICK_MS, TICK_MS);
	for (;;) {
		assert_int_equal(link_addresses(h->watch, port, &a4, &a6), 0);
		addr_format(&a4.addr, text4);
		addr_format(&a6.addr, text6);
		if (!strcmp(text4, v4) && !strcmp(text6, v6))
			break;
		if (h->ticks > PATIENCE_MS / TICK_MS)
			fail_msg("%s, %s", text4, text6);
		loop_run_once(h->loop);
	}
	loop_timer_stop(h->ticker);
}

static const struct link_port *find_port(struct host *h, const char *name)
{
	size_t n;
	const struct link_port *ports = link_ports(h->watch, &n);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(ports[i].name, name))
			return &ports[i];
	return NULL;
}

/* A port is one whatever its kind, and told apart by it. */
static void ports_of_any_kind(void **state)
{
	struct host *h = *state;
	const struct link_port *port;
	unsigned index;

	run("ip link add br0 type bridge; ip link add br1 type bridge;"
	    "ip tuntap add tap0 mode tap; ip link set tap0 master br0;"
	    "ip link add v0 type veth peer name e0 address 02:00:00:00:00:07;"
	    "ip link set v0 master br1");
	start_watch(h);
	port = find_port(h, "tap0");
	assert_non_null(port);
	assert_false(port->veth);
	assert_string_equal(port->bridge, "br0");
	assert_false(mac_is_set(&port->peer_mac));
	assert_int_equal(port->netns, -1);
	index = port->index;
	port = find_port(h, "v0");
	assert_non_null(port);
	assert_true(port->veth);
	assert_int_equal(port->peer_mac.bytes[5], 7);
	assert_null(find_port(h, "e0"));
	/* Another device of the same name; renamed; moved; taken out. */
	h->port_changes = 0;
	run("ip tuntap del tap0 mode tap; ip tuntap add tap0 mode tap;"
	    "ip link set tap0 master br0");
	settle(h);
	assert_true(h->port_changes > 0);
	port = find_port(h, "tap0");
	assert_non_null(port);
	assert_int_not_equal(port->index, index);
	run("ip link set tap0 name tap1; ip link set tap1 master br1");
	settle(h);
	assert_null(find_port(h, "tap0"));
	port = find_port(h, "tap1");
	assert_non_null(port);
	assert_string_equal(port->bridge, "br1");
	run("ip link set tap1 nomaster");
	settle(h);
	assert_null(find_port(h, "tap1"));
}

static void addresses_in_another_namespace(void **state)
{
	struct host *h = *state;
	struct link_address v4, v6;
	unsigned port;
	pid_t pid;

	start_watch(h);
	assert_int_equal(link_watch_addresses(h->watch), 0);
	assert_int_equal(link_watch_addresses(h->watch), 0);
	assert_int_equal(link_addresses(h->watch, 77, &v4, &v6), -ENOENT);
	pid = start_inside();
	run("ip link add br0 type bridge && ip link set br0 up");
	run_for("ip link add v0 type veth peer name e0 &&"
		" ip link set v0 master br0 up && ip link set e0 netns $pid",
		pid);
	wait_for(h, LINK_BRIDGE_UP, "br0");
	assert_true(link_has_bridge(h->watch, "br0"));
	assert_false(link_has_bridge(h->watch, "br1"));
	/* With the carrier comes the news of where the other end is now. */
	run_for("nsenter -t $pid -n ip link set e0 up", pid);
	while (!(port = port_of(h, pid)))
		loop_run_once(h->loop);
	wait_for_address(h, port, "", "");
	h->address_changes = 0;
	run_for("nsenter -t $pid -n ip addr add 10.9.0.2/24 dev e0", pid);
	while (h->address_changes == 0)
		loop_run_once(h->loop);
	wait_for_address(h, port, "10.9.0.2", "");
	run_for("nsenter -t $pid -n ip addr add 10.9.0.3/24 dev e0 &&"
		" nsenter -t $pid -n ip addr add fd00::2/64 dev e0 nodad",
		pid);
	wait_for_address(h, port, "10.9.0.2", "fd00::2");
	assert_int_equal(link_addresses(h->watch, port, &v4, &v6), 0);
	assert_int_equal(v4.len, 24);
	assert_int_equal(v6.len, 64);
	/* Ours, of the same index, are not taken for theirs. */
	run("ip addr add 192.0.2.1/24 dev v0");
	wait_for_address(h, port, "10.9.0.2", "fd00::2");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_NAMESPACE(bridge_there_at_start),
		IN_NAMESPACE(managing_switches_on),
		IN_NAMESPACE(bridge_that_appears_is_switched_on),
		IN_NAMESPACE(bridge_that_goes_is_told),
		IN_NAMESPACE(rename_is_one_less_and_one_more),
		IN_NAMESPACE(switched_off_by_hand_is_restored),
		IN_NAMESPACE(no_longer_managed_is_left_alone),
		IN_NAMESPACE(lost_messages_lead_to_a_dump),
		IN_NAMESPACE(refusal_is_told_once_with_the_way_out),
		IN_NAMESPACE(netfilter_is_found),
		IN_NAMESPACE(ports_of_any_kind),
		IN_NAMESPACE(addresses_in_another_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
