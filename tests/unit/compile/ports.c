/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ports.c - port rules cut into segments with one answer each. */
#include "compile/ports.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "random.h"

/* Peers that are told apart by one matcher id. */
static struct peers peers_of(unsigned id)
{
	struct peers p = { 0 };

	vec_push(&p.matchers, id);
	return p;
}

static char *segments_text(const struct port_segments *s)
{
	struct buf text = BUF_INIT(4096);

	vec_foreach(segment, &s->list) {
		buf_addf(&text, "%u-%u:", segment->first, segment->last);
		buf_adds(&text, segment->peers.any ? "any" : "");
		vec_foreach(id, &segment->peers.matchers)
			buf_addf(&text, "%c", 'a' + (int)*id);
		buf_adds(&text, " ");
	}
	buf_addf(&text, "%s", s->ranges ? "ranges" : "single");
	return buf_take(&text);
}

static void segments(_unused_ void **state)
{
	struct peers a = peers_of(0), b = peers_of(1), any = { .any = true };
	struct port_rules rules = { 0 };
	struct port_segments s = { 0 };
	_cleanup_(freep) char *text = NULL;

	port_rules_add(&rules, 90, 110, &b);
	port_rules_add(&rules, 80, 100, &a);
	port_rules_add(&rules, 100, 100, &a);
	port_rules_add(&rules, 65535, 65535, &b);
	port_rules_add(&rules, 200, 300, &any);
	port_rules_add(&rules, 250, 250, &a);
	port_rules_segments(&rules, &s);
	text = segments_text(&s);
	assert_string_equal(text, "80-89:a 90-99:ab 100-100:ab 101-110:b "
				  "200-249:any 250-250:anya 251-300:any "
				  "65535-65535:b ranges");
	port_segments_fini(&s);
	port_rules_fini(&rules);
	peers_fini(&a);
	peers_fini(&b);
}

static void single_ports(_unused_ void **state)
{
	struct peers a = peers_of(0), b = peers_of(1);
	struct port_rules rules = { 0 };
	struct port_segments s = { 0 };
	_cleanup_(freep) char *text = NULL;

	port_rules_add(&rules, 443, 443, &a);
	port_rules_add(&rules, 80, 80, &a);
	port_rules_add(&rules, 81, 81, &b);
	port_rules_add(&rules, 80, 80, &b);
	port_rules_segments(&rules, &s);
	text = segments_text(&s);
	assert_string_equal(text, "80-80:ab 81-81:b 443-443:a single");
	port_segments_fini(&s);
	port_rules_fini(&rules);
	peers_fini(&a);
	peers_fini(&b);
}

static void every_port(_unused_ void **state)
{
	struct peers a = peers_of(0);
	struct port_rules rules = { 0 };
	struct port_segments s = { 0 };
	_cleanup_(freep) char *text = NULL;

	port_rules_segments(&rules, &s);
	assert_int_equal(s.list.len, 0);
	port_rules_add(&rules, 0, 65535, &a);
	port_rules_segments(&rules, &s);
	text = segments_text(&s);
	assert_string_equal(text, "0-65535:a ranges");
	port_segments_fini(&s);
	port_rules_fini(&rules);
	peers_fini(&a);
}

/* Ascending, disjoint, and at each port the peers of all rules there. */
static void same_as_naive(_unused_ void **state)
{
	struct rng rng = { 3 };
	struct peers peers[6];

	for (unsigned i = 0; i < 6; i++)
		peers[i] = peers_of(i);
	for (unsigned round = 0; round < 200; round++) {
		struct port_rules rules = { 0 };
		struct port_segments s = { 0 };
		unsigned next = 0;

		for (unsigned n = rng_below(&rng, 8); n; n--) {
			unsigned first = rng_below(&rng, 64);
			unsigned last = first + rng_below(&rng, 64 - first);

			port_rules_add(&rules, (uint16_t)first, (uint16_t)last,
				       &peers[rng_below(&rng, 6)]);
		}
		port_rules_segments(&rules, &s);
		for (unsigned port = 0; port < 64; port++) {
			struct peers expected = { 0 };

			port_rules_at(&rules, (uint16_t)port, &expected);
			peers_normalise(&expected);
			if (next < s.list.len && s.list.data[next].last < port)
				next++;
			if (next < s.list.len &&
			    s.list.data[next].first <= port) {
				struct peers *got = &s.list.data[next].peers;

				assert_int_equal(got->matchers.len,
						 expected.matchers.len);
				assert_memory_equal(got->matchers.data,
						    expected.matchers.data,
						    got->matchers.len *
							    sizeof(unsigned));
			} else {
				assert_int_equal(expected.matchers.len, 0);
			}
			peers_fini(&expected);
		}
		port_segments_fini(&s);
		port_rules_fini(&rules);
	}
	for (unsigned i = 0; i < 6; i++)
		peers_fini(&peers[i]);
}

static void protocols(_unused_ void **state)
{
	assert_int_equal(port_protocols[port_protocol_index(IPPROTO_TCP)],
			 IPPROTO_TCP);
	assert_int_equal(port_protocols[port_protocol_index(IPPROTO_UDP)],
			 IPPROTO_UDP);
	assert_int_equal(port_protocols[port_protocol_index(IPPROTO_SCTP)],
			 IPPROTO_SCTP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments),   cmocka_unit_test(single_ports),
		cmocka_unit_test(every_port), cmocka_unit_test(same_as_naive),
		cmocka_unit_test(protocols),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
