/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tally.c - what is told of denied flows, from packets and harvests.
 *
 * Times are realtime seconds from START. An account is kept beside: what all
 * records tell is what the elements count.
 */
#include "flow/tally.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <linux/netfilter.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"

#define NS	UINT64_C(1000000000)
#define START	UINT64_C(1700000000)
#define TIMEOUT (COMPILE_DENIED_TIMEOUT_MS / 1000)

static struct {
	struct tally *tally;
	struct flow_account *account;
	struct endpoint *web, *next; /* the source, and who has it later */
	const struct endpoint *source;
	const char *policy;
	struct buf told;	  /* lines of text, emptied by assert_told() */
	uint64_t ids[8], packets; /* of the records told */
	size_t n;
} t;

static uint64_t at(uint64_t seconds)
{
	return (START + seconds) * NS;
}

/* ---- who is told ------------------------------------------------------- */

/* "STATE TOTAL+NEW OWNER POLICY" */
static void on_record(_unused_ void *arg, struct flow_record *r)
{
	static const char *const states[] = { "new", "update", "end" };

	buf_addf(&t.told, "%s %llu+%llu", states[r->state],
		 (unsigned long long)r->packets,
		 (unsigned long long)r->new_packets);
	if (r->src.owner)
		buf_addf(&t.told, " %s", r->src.owner->id);
	if (r->policies.len)
		buf_addf(&t.told, " %s", r->policies.data[0]);
	buf_adds(&t.told, "\n");
	assert_int_equal(r->bytes, 100 * r->packets);
	assert_int_equal(r->new_bytes, 100 * r->new_packets);
	assert_true(r->first <= r->last);
	t.packets += r->new_packets;
	t.ids[t.n++ % ARRAY_SIZE(t.ids)] = r->id;
}

static void on_suppressed(_unused_ void *arg, const struct flow_suppressed *s)
{
	char ip[ADDR_STRLEN];

	buf_addf(&t.told, "suppressed %llu packets of %llu %s%s\n",
		 (unsigned long long)s->packets, (unsigned long long)s->tuples,
		 s->table_full ? "tuples" : "of ",
		 addr_format(&s->address, ip));
	assert_int_equal(s->bytes, 100 * s->packets);
	t.packets += s->packets;
}

static void on_identify(_unused_ void *arg, struct flow_record *r)
{
	r->src.owner = t.source;
	if (t.policy)
		vec_push(&r->policies, xstrdup(t.policy));
}

static int setup(_unused_ void **state)
{
	struct flow_denied_listener listener = { .record = on_record,
						 .suppressed = on_suppressed,
						 .identify = on_identify };

	memset(&t, 0, sizeof(t));
	t.told = BUF_INIT(BUF_UNBOUNDED);
	t.account = flow_account_open(NULL, "");
	flow_account_begin(t.account, 0);
	t.tally = tally_new(t.account, listener);
	t.web = endpoint_new("static", "web");
	t.next = endpoint_new("static", "next");
	t.source = t.web;
	return 0;
}

static int teardown(_unused_ void **state)
{
	/* Nothing is told that the account does not have. */
	assert_int_equal(flow_account_sum(t.account), t.packets);
	tally_free(t.tally);
	flow_account_close(t.account);
	endpoint_unref(t.web);
	endpoint_unref(t.next);
	buf_fini(&t.told);
	return 0;
}

static void assert_told(const char *text)
{
	assert_string_equal(buf_str(&t.told), text);
	buf_clear(&t.told);
}

/* ---- what happens ------------------------------------------------------ */

static struct flow_record record_of(uint16_t port, uint64_t seconds)
{
	struct flow_record r = {
		.time = at(seconds),
		.first = at(seconds),
		.last = at(seconds),
		.packets = 1,
		.bytes = 100,
		.src = { .owner = t.source },
		.packet = { .has_proto = true,
			    .proto = IPPROTO_TCP,
			    .has_ports = true,
			    .dport = port },
	};

	assert_int_equal(addr_parse(SLICE("10.0.0.2"), &r.packet.src), 0);
	assert_int_equal(addr_parse(SLICE("192.0.2.7"), &r.packet.dst), 0);
	return r;
}

static struct flow_key key_of(uint16_t port)
{
	struct flow_nflog_packet packet = { .family = NFPROTO_IPV4 };
	struct flow_record r = record_of(port, 0);
	struct flow_key key;

	assert_true(flow_key_of(&packet, &r, "", &key));
	return key;
}

/* A logged packet; true when it begins a flow. */
static bool packet(uint16_t port, uint64_t seconds)
{
	_cleanup_(flow_record_fini) struct flow_record r =
		record_of(port, seconds);
	struct flow_key key = key_of(port);

	return tally_packet(t.tally, &key, &r);
}

static void element(uint16_t port, uint64_t packets, uint64_t last)
{
	struct flow_key key = key_of(port);

	tally_element(t.tally, &key,
		      (struct tally_counts){ packets, 100 * packets },
		      at(last));
}

static void begin(void)
{
	tally_begin(t.tally, false);
}

static void tell(uint64_t seconds)
{
	tally_rewind(t.tally);
	while (tally_tell_next(t.tally, at(seconds)))
		;
	tally_tell_overflow(t.tally);
}

/* A harvest that finds one element. */
static void harvest(uint16_t port, uint64_t packets, uint64_t seconds)
{
	begin();
	element(port, packets, seconds);
	tell(seconds);
}

/* ---- tests ------------------------------------------------------------- */

static void the_first_packet_is_told_at_once(_unused_ void **state)
{
	assert_true(packet(80, 0));
	assert_told("new 1+1 web\n");
	assert_false(packet(80, 1));
	assert_told("");
	assert_true(packet(81, 1));
	assert_told("new 1+1 web\n");
	assert_true(t.ids[0] && t.ids[0] != t.ids[1]);
	assert_int_equal(tally_len(t.tally), 2);
	assert_int_equal(tally_len_of(t.tally, key_of(80).set), 2);
}

static void what_is_new_is_told(_unused_ void **state)
{
	packet(80, 0);
	harvest(80, 5, 1);
	harvest(80, 5, 2);
	harvest(80, 7, 3);
	assert_told("new 1+1 web\nupdate 5+4 web\nupdate 7+2 web\n");
	assert_true(t.ids[0] == t.ids[1] && t.ids[1] == t.ids[2]);
}

/* Its element timed out between two packets, and began again at one. */
static void an_element_that_comes_again_counts_on(_unused_ void **state)
{
	packet(80, 0);
	harvest(80, 5, 1);
	harvest(80, 2, 50);
	assert_told("new 1+1 web\nupdate 5+4 web\nupdate 7+2 web\n");
}

/* A dump may miss an element: not before two have, and its time is up. */
static void a_silent_flow_ends_once(_unused_ void **state)
{
	packet(80, 0);
	harvest(80, 2, 0);
	assert_told("new 1+1 web\nupdate 2+1 web\n");
	begin();
	tell(TIMEOUT + 1);
	begin();
	tell(TIMEOUT);
	assert_told("");
	assert_int_equal(tally_len(t.tally), 1);
	begin();
	tell(TIMEOUT + 2);
	assert_told("end 2+0 web\n");
	assert_true(t.ids[0] == t.ids[2]);
	assert_int_equal(tally_len(t.tally), 0);
	assert_int_equal(tally_len_of(t.tally, key_of(80).set), 0);
	begin();
	tell(TIMEOUT + 3);
	assert_told("");
}

static void a_missed_element_is_not_over(_unused_ void **state)
{
	packet(80, 0);
	begin();
	tell(1);
	harvest(80, 3, 2);
	begin();
	tell(TIMEOUT + 3);
	assert_told("new 1+1 web\nupdate 3+2 web\n");
}

/* Logged although its flow is known: the element was gone. */
static void a_packet_after_the_timeout_begins_anew(_unused_ void **state)
{
	packet(80, 0);
	assert_true(packet(80, TIMEOUT + 1));
	assert_told("new 1+1 web\nend 1+0 web\nnew 1+1 web\n");
	assert_true(t.ids[0] == t.ids[1] && t.ids[1] != t.ids[2]);
}

/* Its logged packet was lost: only the element tells. */
static void an_orphan_is_told_by_its_key(_unused_ void **state)
{
	harvest(80, 3, 1);
	assert_told("new 3+3 web\n");
	/* The packet was only late. */
	assert_false(packet(80, 1));
	harvest(80, 4, 2);
	assert_told("update 4+1 web\n");
}

/* Of an element that an earlier agent told, only what came since. */
static void what_was_there_is_no_news(_unused_ void **state)
{
	tally_begin(t.tally, true);
	element(80, 1000, 0);
	tell(1);
	assert_told("");
	harvest(80, 1003, 2);
	assert_told("new 3+3 web\n");
	harvest(80, 1004, 3);
	assert_told("update 4+1 web\n");
}

static void an_address_that_changes_hands_is_another_flow(_unused_ void **state)
{
	packet(80, 0);
	t.source = t.next;
	harvest(80, 4, 1);
	harvest(80, 5, 2);
	assert_told("new 1+1 web\nnew 3+3 next\nupdate 4+1 next\n");
	assert_true(t.ids[0] != t.ids[1] && t.ids[1] == t.ids[2]);
	t.source = NULL;
	harvest(80, 6, 3);
	assert_told("new 1+1\n");
}

/* The owner's own object changes with its labels; it is still the same. */
static void an_owner_is_known_by_its_id(_unused_ void **state)
{
	struct endpoint *copy = endpoint_copy(t.web);

	packet(80, 0);
	t.source = copy;
	harvest(80, 2, 1);
	assert_told("new 1+1 web\nupdate 2+1 web\n");
	endpoint_unref(copy);
}

static void an_update_has_the_policies_of_its_time(_unused_ void **state)
{
	packet(80, 0);
	t.policy = "shop/later";
	harvest(80, 2, 1);
	assert_told("new 1+1 web\nupdate 2+1 web shop/later\n");
}

/* The number of the first set of @kind for IPv4. */
static uint8_t set_of(enum compile_denied_kind kind)
{
	for (size_t i = 0; i < flow_key_sets(); i++)
		if (flow_key_set(i)->kind == kind &&
		    flow_key_set(i)->family == AF_INET)
			return (uint8_t)i;
	fail();
	return 0;
}

static void a_budget_is_told_in_sum(_unused_ void **state)
{
	static const uint8_t address[] = { 10, 0, 0, 2 };
	struct flow_key key;

	assert_true(flow_key_from_element(set_of(DENIED_SENDER), address,
					  sizeof(address), &key));
	begin();
	tally_element(t.tally, &key, (struct tally_counts){ 7, 700 }, at(0));
	tell(1);
	begin();
	tally_element(t.tally, &key, (struct tally_counts){ 9, 900 }, at(1));
	tell(2);
	assert_told("suppressed 7 packets of 7 of 10.0.0.2\n"
		    "suppressed 2 packets of 2 of 10.0.0.2\n");
	begin();
	tell(TIMEOUT + 2);
	begin();
	tell(TIMEOUT + 3);
	assert_told("");
	assert_int_equal(tally_len(t.tally), 0);
}

/* What has no room is counted in one, and each of its tuples once. */
static void too_many_are_counted(_unused_ void **state)
{
	for (uint16_t port = 1; port <= TALLY_MAX; port++)
		packet(port, 0);
	buf_clear(&t.told);
	assert_true(packet(TALLY_MAX + 1, 0));
	assert_false(packet(TALLY_MAX + 1, 0));
	begin();
	element(TALLY_MAX + 1, 4, 1);
	element(TALLY_MAX + 2, 3, 1);
	tell(1);
	assert_told("suppressed 7 packets of 2 tuples\n");
	begin();
	element(TALLY_MAX + 1, 5, 2);
	element(7, 2, 2);
	tell(2);
	assert_told("update 2+1 web\nsuppressed 1 packets of 0 tuples\n");
}

/* Flows that end while they are told, by their own or by a packet. */
static void telling_survives_who_goes(_unused_ void **state)
{
	packet(80, 0);
	packet(81, 0);
	packet(82, 0);
	buf_clear(&t.told);
	begin();
	tell(1);
	begin();
	element(80, 2, 1);
	tally_rewind(t.tally);
	assert_true(tally_tell_next(t.tally, at(TIMEOUT + 2)));
	/* The next one to be told begins anew. */
	assert_true(packet(81, TIMEOUT + 2));
	assert_told("update 2+1 web\nend 1+0 web\nnew 1+1 web\n");
	while (tally_tell_next(t.tally, at(TIMEOUT + 2)))
		;
	assert_told("end 1+0 web\n");
	assert_int_equal(tally_len(t.tally), 2);
}

#define tally_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		tally_test(the_first_packet_is_told_at_once),
		tally_test(what_is_new_is_told),
		tally_test(an_element_that_comes_again_counts_on),
		tally_test(a_silent_flow_ends_once),
		tally_test(a_missed_element_is_not_over),
		tally_test(a_packet_after_the_timeout_begins_anew),
		tally_test(an_orphan_is_told_by_its_key),
		tally_test(what_was_there_is_no_news),
		tally_test(an_address_that_changes_hands_is_another_flow),
		tally_test(an_owner_is_known_by_its_id),
		tally_test(an_update_has_the_policies_of_its_time),
		tally_test(a_budget_is_told_in_sum),
		tally_test(too_many_are_counted),
		tally_test(telling_survives_who_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
