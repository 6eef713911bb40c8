/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntrack.c - entries of the real kernel, read and deleted. */
#include "firewall/conntrack.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "base/clock.h"
#include "firewall/conntrack_watch.h"
#include "host.h"

#define MANY 50000

/* ---- entries made by hand ---------------------------------------------- */

static void put_tuple(struct nlmsghdr *nlh, uint16_t type, uint8_t proto,
		      const struct conntrack_tuple *t)
{
	bool v6 = t->src.family == AF_INET6;
	struct nlattr *tuple = mnl_attr_nest_start(nlh, type), *nest;

	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);
	mnl_attr_put(nlh, v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC,
		     addr_size(t->src.family), t->src.bytes);
	mnl_attr_put(nlh, v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST,
		     addr_size(t->src.family), t->dst.bytes);
	mnl_attr_nest_end(nlh, nest);
	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, proto);
	if (proto == IPPROTO_ICMP) {
		mnl_attr_put_u16(nlh, CTA_PROTO_ICMP_ID, htons(7));
		mnl_attr_put_u8(nlh, CTA_PROTO_ICMP_TYPE,
				(type & NLA_TYPE_MASK) == CTA_TUPLE_ORIG ? 8
									 : 0);
		mnl_attr_put_u8(nlh, CTA_PROTO_ICMP_CODE, 0);
	} else {
		mnl_attr_put_u16(nlh, CTA_PROTO_SRC_PORT, htons(t->sport));
		mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, htons(t->dport));
	}
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_nest_end(nlh, tuple);
}

static void put_protoinfo(struct nlmsghdr *nlh, bool picked_up)
{
	struct nf_ct_tcp_flags flags = {
		.flags = picked_up ? IP_CT_TCP_FLAG_BE_LIBERAL : 0,
		.mask = IP_CT_TCP_FLAG_BE_LIBERAL,
	};
	struct nlattr *info = mnl_attr_nest_start(nlh, CTA_PROTOINFO);
	struct nlattr *tcp = mnl_attr_nest_start(nlh, CTA_PROTOINFO_TCP);

	mnl_attr_put_u8(nlh, CTA_PROTOINFO_TCP_STATE,
			TCP_CONNTRACK_ESTABLISHED);
	mnl_attr_put(nlh, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, sizeof(flags),
		     &flags);
	mnl_attr_put(nlh, CTA_PROTOINFO_TCP_FLAGS_REPLY, sizeof(flags), &flags);
	mnl_attr_nest_end(nlh, tcp);
	mnl_attr_nest_end(nlh, info);
}

static void put_entry(char *buffer, uint8_t proto, uint16_t zone,
		      bool picked_up, const struct conntrack_tuple *original,
		      const struct conntrack_tuple *reply)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *header;

	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL;
	header = mnl_nlmsg_put_extra_header(nlh, sizeof(*header));
	header->nfgen_family = original->src.family;
	put_tuple(nlh, CTA_TUPLE_ORIG | NLA_F_NESTED, proto, original);
	put_tuple(nlh, CTA_TUPLE_REPLY | NLA_F_NESTED, proto, reply);
	mnl_attr_put_u32(nlh, CTA_TIMEOUT, htonl(600));
	mnl_attr_put_u32(nlh, CTA_STATUS,
			 htonl(IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED));
	if (proto == IPPROTO_TCP)
		put_protoinfo(nlh, picked_up);
	if (zone)
		mnl_attr_put_u16(nlh, CTA_ZONE, htons(zone));
}

static struct mnl_socket *maker(void)
{
	static struct mnl_socket *socket;

	if (!socket) {
		socket = mnl_socket_open(NETLINK_NETFILTER);
		assert_non_null(socket);
		assert_int_equal(mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID),
				 0);
	}
	return socket;
}

static void make(uint8_t proto, uint16_t zone, bool picked_up,
		 const struct conntrack_tuple *original,
		 const struct conntrack_tuple *reply)
{
	_Alignas(struct nlmsghdr) char buffer[512] = { 0 };
	struct nlmsghdr *nlh = (void *)buffer;

	put_entry(buffer, proto, zone, picked_up, original, reply);
	nlh->nlmsg_flags |= NLM_F_ACK;
	assert_true(mnl_socket_sendto(maker(), nlh, nlh->nlmsg_len) > 0);
	assert_true(mnl_socket_recvfrom(maker(), buffer, sizeof(buffer)) > 0);
	assert_int_equal(mnl_cb_run(buffer, nlh->nlmsg_len, 0, 0, NULL, NULL),
			 MNL_CB_STOP);
}

static struct conntrack_tuple tuple(const char *src, uint16_t sport,
				    const char *dst, uint16_t dport)
{
	struct conntrack_tuple t = { .sport = sport, .dport = dport };

	assert_int_equal(addr_parse(slice_of(src), &t.src), 0);
	assert_int_equal(addr_parse(slice_of(dst), &t.dst), 0);
	return t;
}

static void make_plain(uint8_t proto, uint16_t zone, const char *src,
		       uint16_t sport, const char *dst, uint16_t dport)
{
	struct conntrack_tuple original = tuple(src, sport, dst, dport);
	struct conntrack_tuple reply = tuple(dst, dport, src, sport);

	make(proto, zone, false, &original, &reply);
}

static void make_many(void)
{
	static _Alignas(struct nlmsghdr) char buffer[32 * 512];

	for (unsigned i = 0; i < MANY;) {
		size_t len = 0;

		for (int k = 0; k < 32 && i < MANY; k++, i++) {
			struct conntrack_tuple t = tuple("10.0.0.2",
							 (uint16_t)(i + 1000),
							 "192.0.2.1", 53);
			struct conntrack_tuple reply = { t.dst, t.src, t.dport,
							 t.sport };

			put_entry(buffer + len, IPPROTO_UDP, 0, false, &t,
				  &reply);
			len += ((struct nlmsghdr *)(void *)(buffer + len))
				       ->nlmsg_len;
		}
		assert_int_equal(mnl_socket_sendto(maker(), buffer, len), len);
	}
}

static unsigned count(void)
{
	return (unsigned)atoi(
		run_kept("cat /proc/sys/net/netfilter/nf_conntrack_count"));
}

/* ---- a listener -------------------------------------------------------- */

struct listening {
	struct loop *loop;
	struct conntrack *conntrack;
	unsigned entries, slices;
	bool done, twice;
	unsigned behind; /* how often it says so */
	int error;
	uint64_t slice_begin, longest_slice;
	struct conntrack_entry seen[8];
	bool (*doomed)(const struct conntrack_entry *e);
};

static void on_entry(void *arg, const struct conntrack_entry *e)
{
	struct listening *l = arg;

	if (l->entries < ARRAY_SIZE(l->seen))
		l->seen[l->entries] = *e;
	l->entries++;
	if (l->doomed && l->doomed(e))
		conntrack_delete(l->conntrack, e);
	if (l->twice)
		conntrack_delete(l->conntrack, e);
}

static bool on_behind(void *arg)
{
	struct listening *l = arg;

	return l->behind && l->behind--;
}

static void on_slice(void *arg)
{
	struct listening *l = arg;

	l->slices++;
}

static void on_done(void *arg, int error)
{
	struct listening *l = arg;

	l->done = true;
	l->error = error;
}

static void listen_start(struct listening *l)
{
	struct conntrack_listener listener = { .entry = on_entry,
					       .behind = on_behind,
					       .slice = on_slice,
					       .done = on_done,
					       .arg = l };

	assert_int_equal(loop_new(&l->loop), 0);
	assert_int_equal(conntrack_open(l->loop, listener, &l->conntrack), 0);
}

static void dump(struct listening *l)
{
	l->entries = l->slices = 0;
	l->done = false;
	assert_int_equal(conntrack_dump(l->conntrack), 0);
	while (!l->done) {
		uint64_t begin = clock_monotonic();

		loop_run_once(l->loop);
		l->longest_slice =
			MAX(l->longest_slice, clock_monotonic() - begin);
	}
	assert_int_equal(l->error, 0);
}

static void listen_end(struct listening *l)
{
	assert_int_equal(conntrack_refused(l->conntrack), 0);
	conntrack_close(l->conntrack);
	loop_free(l->loop);
}

static bool everything(_unused_ const struct conntrack_entry *e)
{
	return true;
}

/* ---- tests ------------------------------------------------------------- */

static void assert_tuple(const struct conntrack_tuple *t, const char *src,
			 uint16_t sport, const char *dst, uint16_t dport)
{
	char text[ADDR_STRLEN];

	assert_string_equal(addr_format(&t->src, text), src);
	assert_string_equal(addr_format(&t->dst, text), dst);
	assert_int_equal(t->sport, sport);
	assert_int_equal(t->dport, dport);
}

static void nothing(_unused_ void **state)
{
	struct listening l = { 0 };

	listen_start(&l);
	dump(&l);
	assert_int_equal(l.entries, 0);
	listen_end(&l);
}

/* A published port, and the container's way out: DNAT and SNAT. */
static void both_tuples(_unused_ void **state)
{
	struct conntrack_tuple original =
		tuple("203.0.113.9", 40000, "198.51.100.1", 8080);
	struct conntrack_tuple reply =
		tuple("172.17.0.2", 80, "172.17.0.1", 50000);
	struct listening l = { .doomed = everything };

	make(IPPROTO_TCP, 0, false, &original, &reply);
	listen_start(&l);
	dump(&l);
	assert_int_equal(l.entries, 1);
	assert_int_equal(l.seen[0].proto, IPPROTO_TCP);
	assert_true(l.seen[0].has_ports);
	assert_false(l.seen[0].picked_up);
	assert_tuple(&l.seen[0].original, "203.0.113.9", 40000, "198.51.100.1",
		     8080);
	assert_tuple(&l.seen[0].reply, "172.17.0.2", 80, "172.17.0.1", 50000);
	assert_int_equal(count(), 0);
	listen_end(&l);
}

static void in_its_midst(_unused_ void **state)
{
	struct conntrack_tuple original =
		tuple("172.17.0.2", 80, "172.17.0.3", 40000);
	struct conntrack_tuple reply =
		tuple("172.17.0.3", 40000, "172.17.0.2", 80);
	struct listening l = { .doomed = everything };

	make(IPPROTO_TCP, 0, true, &original, &reply);
	listen_start(&l);
	dump(&l);
	assert_int_equal(l.entries, 1);
	assert_true(l.seen[0].picked_up);
	listen_end(&l);
}

static void every_kind_deleted(_unused_ void **state)
{
	struct listening l = { .doomed = everything };

	make_plain(IPPROTO_TCP, 0, "10.0.0.2", 1, "10.0.0.3", 2);
	make_plain(IPPROTO_UDP, 0, "fd00::2", 3, "fd00::3", 4);
	make_plain(IPPROTO_ICMP, 0, "10.0.0.2", 0, "10.0.0.3", 0);
	make_plain(IPPROTO_UDP, 77, "10.0.0.2", 5, "10.0.0.3", 6);
	assert_int_equal(count(), 4);
	listen_start(&l);
	dump(&l);
	assert_int_equal(l.entries, 4);
	assert_int_equal(count(), 0);
	listen_end(&l);
}

static bool of_port_53(const struct conntrack_entry *e)
{
	return e->reply.sport == 53;
}

static void only_what_is_told(_unused_ void **state)
{
	struct listening l = { .doomed = of_port_53 };

	make_plain(IPPROTO_UDP, 0, "10.0.0.2", 1000, "10.0.0.3", 53);
	make_plain(IPPROTO_TCP, 0, "10.0.0.2", 1000, "10.0.0.3", 53);
	make_plain(IPPROTO_UDP, 0, "10.0.0.2", 1000, "10.0.0.3", 54);
	make_plain(IPPROTO_UDP, 9, "10.0.0.2", 1000, "10.0.0.3", 54);
	listen_start(&l);
	dump(&l);
	assert_int_equal(count(), 2);
	l.doomed = everything;
	dump(&l);
	assert_int_equal(l.entries, 2);
	assert_int_equal(count(), 0);
	listen_end(&l);
}

/* The second delete finds nothing, which is no refusal. */
static void gone_meanwhile(_unused_ void **state)
{
	struct listening l = { .doomed = everything };

	make_plain(IPPROTO_UDP, 0, "10.0.0.2", 1000, "10.0.0.3", 53);
	listen_start(&l);
	l.twice = true;
	dump(&l);
	assert_int_equal(count(), 0);
	listen_end(&l);
}

static void fifty_thousand(_unused_ void **state)
{
	struct listening l = { 0 };
	uint64_t begin;

	make_many();
	assert_int_equal(count(), MANY);
	listen_start(&l);
	begin = clock_monotonic();
	dump(&l);
	print_message("%u entries in %llu us, %u slices, the longest %llu us\n",
		      l.entries,
		      (unsigned long long)(clock_monotonic() - begin) / 1000,
		      l.slices, (unsigned long long)l.longest_slice / 1000);
	assert_int_equal(l.entries, MANY);
	l.doomed = everything;
	begin = clock_monotonic();
	dump(&l);
	print_message("deleted in %llu us, the longest slice %llu us\n",
		      (unsigned long long)(clock_monotonic() - begin) / 1000,
		      (unsigned long long)l.longest_slice / 1000);
	assert_int_equal(count(), 0);
	listen_end(&l);
}

static bool found;

static void look(_unused_ void *arg, const struct addr *a)
{
	char text[ADDR_STRLEN];

	found = found || !strcmp(addr_format(a, text), "192.0.2.77");
}

static void local_addresses(_unused_ void **state)
{
	assert_int_equal(conntrack_local_addresses(look, NULL), 0);
	assert_false(found);
	run_ok("ip addr add 192.0.2.77 peer 192.0.2.78 dev lo");
	assert_int_equal(conntrack_local_addresses(look, NULL), 0);
	assert_true(found);
}

/* ---- begins and ends --------------------------------------------------- */

struct watching {
	unsigned begun, ended;
	uint64_t lost;
	struct conntrack_entry first, last;
};

static void on_event(void *arg, const struct conntrack_entry *e, bool end)
{
	struct watching *w = arg;

	*(end ? &w->last : &w->first) = *e;
	w->begun += !end;
	w->ended += end;
}

static void on_lost(void *arg, uint64_t events)
{
	struct watching *w = arg;

	w->lost += events;
}

static struct conntrack_watch *watch(struct watching *w)
{
	struct conntrack_watcher watcher = { on_event, on_lost, w };
	struct conntrack_watch *ret = NULL;

	assert_int_equal(conntrack_watch_open(watcher, &ret), 0);
	return ret;
}

static void delete_all(void)
{
	struct listening l = { .doomed = everything };

	listen_start(&l);
	dump(&l);
	listen_end(&l);
}

static void begin_and_end(_unused_ void **state)
{
	struct conntrack_tuple original =
		tuple("203.0.113.9", 40000, "198.51.100.1", 8080);
	struct conntrack_tuple reply =
		tuple("172.17.0.2", 80, "172.17.0.1", 50000);
	struct watching w = { 0 };
	struct conntrack_watch *c = watch(&w);
	uint64_t before = clock_realtime(), after;

	run_kept("echo 1 >/proc/sys/net/netfilter/nf_conntrack_acct;"
		 "echo 1 >/proc/sys/net/netfilter/nf_conntrack_timestamp");
	make(IPPROTO_TCP, 0, false, &original, &reply);
	assert_true(conntrack_watch_read(c));
	assert_int_equal(w.begun, 1);
	assert_tuple(&w.first.original, "203.0.113.9", 40000, "198.51.100.1",
		     8080);
	assert_tuple(&w.first.reply, "172.17.0.2", 80, "172.17.0.1", 50000);
	delete_all();
	after = clock_realtime();
	assert_true(conntrack_watch_read(c));
	assert_int_equal(w.ended, 1);
	assert_int_equal(w.last.id, w.first.id);
	assert_true(w.last.has_counts);
	assert_int_equal(w.last.sent.packets, 0);
	assert_true(before <= w.last.start && w.last.start <= w.last.stop &&
		    w.last.stop <= after);
	run_kept("echo 0 >/proc/sys/net/netfilter/nf_conntrack_acct;"
		 "echo 0 >/proc/sys/net/netfilter/nf_conntrack_timestamp");
	make_plain(IPPROTO_ICMP, 0, "10.0.0.2", 0, "10.0.0.3", 0);
	delete_all();
	conntrack_watch_read(c);
	assert_int_equal(w.ended, 2);
	assert_true(w.last.has_icmp && !w.last.has_ports);
	assert_int_equal(w.last.icmp_type, 8);
	assert_int_equal(w.last.icmp_id, 7);
	assert_false(w.last.has_counts);
	assert_true(w.last.start == 0 && w.lost == 0);
	conntrack_watch_close(c);
	conntrack_watch_close(NULL);
}

/* Every event is told or counted as lost. */
static void more_than_the_socket_holds(_unused_ void **state)
{
	struct watching w = { 0 };
	struct conntrack_watch *c = watch(&w);

	make_many();
	delete_all();
	while (!conntrack_watch_read(c))
		;
	assert_true(w.lost > 0);
	assert_int_equal(w.begun + w.ended + w.lost, 2 * MANY);
	conntrack_watch_close(c);
}

static struct slice original_of(const struct nlmsghdr *nlh)
{
	return (struct slice){
		mnl_nlmsg_get_payload_offset(nlh, sizeof(struct nfgenmsg)),
		mnl_nlmsg_get_payload_len(nlh) - sizeof(struct nfgenmsg)
	};
}

/* As NFULA_CT has an entry: its attributes and no header. */
static void inside_another_message(_unused_ void **state)
{
	struct conntrack_tuple original =
		tuple("2001:db8::9", 40000, "2001:db8::1", 8080);
	struct conntrack_tuple reply = tuple("fd00::2", 80, "fd00::1", 50000);
	_Alignas(struct nlmsghdr) char buffer[512] = { 0 };
	struct conntrack_tuple got = { .sport = 7 };
	struct slice whole;

	put_entry(buffer, IPPROTO_TCP, 0, false, &original, &reply);
	whole = original_of((void *)buffer);
	assert_true(conntrack_parse_original(whole, &got));
	assert_tuple(&got, "2001:db8::9", 40000, "2001:db8::1", 8080);
	for (size_t n = 0; n < 32; n++)
		assert_false(conntrack_parse_original(
			(struct slice){ whole.ptr, n }, &got));
}

/* News is taken in first, and nothing is told twice. */
static void news_first(_unused_ void **state)
{
	struct listening l = { .behind = 3 };

	make_plain(IPPROTO_UDP, 0, "10.0.0.2", 1000, "10.0.0.3", 53);
	listen_start(&l);
	l.doomed = everything;
	dump(&l);
	assert_int_equal(l.behind, 0);
	assert_int_equal(l.entries, 1);
	assert_int_equal(count(), 0);
	listen_end(&l);
}

/* A thread reads a dump: it is let go whenever its owner is. */
static void closed_while_dumping(_unused_ void **state)
{
	make_many();
	for (unsigned turns = 0; turns < 4; turns++) {
		struct listening l = { 0 };

		listen_start(&l);
		assert_int_equal(conntrack_dump(l.conntrack), 0);
		while (l.slices < turns)
			loop_run_once(l.loop);
		listen_end(&l);
		assert_false(l.done);
	}
	assert_int_equal(count(), MANY);
}

static void opened_and_closed(_unused_ void **state)
{
	struct conntrack_listener listener = { .entry = on_entry,
					       .slice = on_slice,
					       .done = on_done };
	struct loop *loop = NULL;
	struct conntrack *c = NULL;

	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(conntrack_open(loop, listener, &c), 0);
	conntrack_close(c);
	conntrack_close(NULL);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing),
		cmocka_unit_test(both_tuples),
		cmocka_unit_test(in_its_midst),
		cmocka_unit_test(every_kind_deleted),
		cmocka_unit_test(only_what_is_told),
		cmocka_unit_test(gone_meanwhile),
		cmocka_unit_test(fifty_thousand),
		cmocka_unit_test(local_addresses),
		cmocka_unit_test(begin_and_end),
		cmocka_unit_test(more_than_the_socket_holds),
		cmocka_unit_test(inside_another_message),
		cmocka_unit_test(news_first),
		cmocka_unit_test(closed_while_dumping),
		cmocka_unit_test(opened_and_closed),
	};

	return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
