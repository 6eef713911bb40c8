/* SPDX-License-Identifier: GPL-2.0-or-later */
/* repeat.c - one attempt is one record. */
#include "flow/repeat.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/macro.h"

#define SECOND UINT64_C(1000000000)

static struct flow_record syn(uint16_t sport)
{
	return (struct flow_record){
		.direction = DENY_INGRESS,
		.reason = DENY_NO_POLICY_ALLOWS,
		.packet = {
			.ethertype = 0x0800,
			.has_proto = true,
			.has_ports = true,
			.proto = IPPROTO_TCP,
			.src = { AF_INET, { 10, 0, 0, 1 } },
			.dst = { AF_INET, { 10, 0, 0, 2 } },
			.sport = sport,
			.dport = 80,
		},
	};
}

static bool seen(struct flow_repeats *r, const struct flow_record *record,
		 uint64_t second)
{
	return flow_repeats_seen(r, record, second * SECOND);
}

static void an_attempt_is_new_once_a_window(_unused_ void **state)
{
	struct flow_repeats *r = flow_repeats_new(8);
	struct flow_record p = syn(1);

	assert_false(seen(r, &p, 100));
	assert_true(seen(r, &p, 101));
	assert_true(seen(r, &p, 129));
	/* From the record, not from the last repeat. */
	assert_false(seen(r, &p, 130));
	assert_true(seen(r, &p, 159));
	flow_repeats_free(r);
}

static void whatever_differs_is_another_attempt(_unused_ void **state)
{
	struct flow_repeats *r = flow_repeats_new(16);
	struct flow_record p = syn(1), other = syn(2);

	assert_false(seen(r, &p, 100));
	assert_false(seen(r, &other, 100));
	other = p;
	other.packet.dport++;
	assert_false(seen(r, &other, 100));
	other = p;
	other.packet.src.bytes[3]++;
	assert_false(seen(r, &other, 100));
	other = p;
	other.packet.dst.bytes[3]++;
	assert_false(seen(r, &other, 100));
	other = p;
	other.packet.proto = IPPROTO_UDP;
	assert_false(seen(r, &other, 100));
	other = p;
	other.direction = DENY_EGRESS;
	assert_false(seen(r, &other, 100));
	other = p;
	other.reason = DENY_INVALID;
	assert_false(seen(r, &other, 100));
	other = p;
	other.audit = true;
	assert_false(seen(r, &other, 100));
	assert_true(seen(r, &p, 100));
	flow_repeats_free(r);
}

static void pings_differ_by_their_id(_unused_ void **state)
{
	struct flow_repeats *r = flow_repeats_new(8);
	struct flow_record p = syn(0);

	p.packet.has_ports = false;
	p.packet.has_icmp = true;
	p.packet.proto = IPPROTO_ICMP;
	p.packet.icmp_type = 8;
	p.packet.echo_id = 1;
	assert_false(seen(r, &p, 100));
	assert_true(seen(r, &p, 101));
	p.packet.echo_id = 2;
	assert_false(seen(r, &p, 101));
	flow_repeats_free(r);
}

/* The next container may get the address, and try the same. */
static void a_new_owner_is_another_attempt(_unused_ void **state)
{
	struct flow_repeats *r = flow_repeats_new(8);
	_cleanup_(endpoint_unrefp) struct endpoint *a =
		endpoint_new("static", "a");
	_cleanup_(endpoint_unrefp) struct endpoint *b =
		endpoint_new("static", "b");
	struct flow_record p = syn(1);

	assert_false(seen(r, &p, 100));
	p.src.owner = a;
	assert_false(seen(r, &p, 101));
	assert_true(seen(r, &p, 102));
	p.src.owner = b;
	assert_false(seen(r, &p, 103));
	p.dst.owner = a;
	assert_false(seen(r, &p, 104));
	flow_repeats_free(r);
}

static void the_oldest_makes_room(_unused_ void **state)
{
	struct flow_repeats *r = flow_repeats_new(2);
	struct flow_record a = syn(1), b = syn(2), c = syn(3);

	assert_false(seen(r, &a, 100));
	assert_false(seen(r, &b, 101));
	assert_false(seen(r, &c, 102));
	assert_true(seen(r, &c, 103));
	assert_true(seen(r, &b, 103));
	assert_false(seen(r, &a, 103));
	flow_repeats_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_attempt_is_new_once_a_window),
		cmocka_unit_test(whatever_differs_is_another_attempt),
		cmocka_unit_test(pings_differ_by_their_id),
		cmocka_unit_test(a_new_owner_is_another_attempt),
		cmocka_unit_test(the_oldest_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
