/* SPDX-License-Identifier: GPL-2.0-or-later */
/* community.c - the published vectors of Community ID v1, seed 0. */
#include "flow/community.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/macro.h"

enum { ICMP = 1, TCP = 6, UDP = 17, RSVP = 46, ICMPV6 = 58, SCTP = 132 };

/* From the baseline of the specification and the tests of its reference
 * implementation. Of ICMP the "ports" are type and code. */
static const struct {
	uint8_t proto;
	const char *src, *dst;
	uint16_t sport, dport;
	const char *id;
} vectors[] = {
	{ TCP, "128.232.110.120", "66.35.250.204", 34855, 80,
	  "1:LQU9qZlK+B5F3KDmev6m5PMibrg=" },
	{ TCP, "66.35.250.204", "128.232.110.120", 80, 34855,
	  "1:LQU9qZlK+B5F3KDmev6m5PMibrg=" },
	{ TCP, "10.0.0.1", "10.0.0.2", 10, 11569,
	  "1:SXBGMX1lBOwhhoDrZynfROxnhnM=" },
	{ TCP, "2001:470:e5bf:dead:4957:2174:e82c:4887",
	  "2607:f8b0:400c:c03::1a", 63943, 25,
	  "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=" },
	{ TCP, "2607:f8b0:400c:c03::1a",
	  "2001:470:e5bf:dead:4957:2174:e82c:4887", 25, 63943,
	  "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=" },
	{ UDP, "192.168.1.52", "8.8.8.8", 54585, 53,
	  "1:d/FP5EW3wiY1vCndhwleRRKHowQ=" },
	{ UDP, "8.8.8.8", "192.168.1.52", 53, 54585,
	  "1:d/FP5EW3wiY1vCndhwleRRKHowQ=" },
	{ SCTP, "192.168.170.8", "192.168.170.56", 7, 7,
	  "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs=" },
	{ SCTP, "192.168.170.56", "192.168.170.8", 7, 7,
	  "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs=" },
	{ SCTP, "192.168.170.8", "192.168.170.56", 7, 80,
	  "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ=" },
	{ SCTP, "192.168.170.56", "192.168.170.8", 80, 7,
	  "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ=" },
	{ ICMP, "192.168.0.89", "192.168.0.1", 8, 0,
	  "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=" },
	{ ICMP, "192.168.0.1", "192.168.0.89", 0, 0,
	  "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=" },
	{ ICMP, "192.168.0.89", "192.168.0.1", 20, 0,
	  "1:3o2RFccXzUgjl7zDpqmY7yJi8rI=" },
	{ ICMP, "192.168.0.89", "192.168.0.1", 20, 1,
	  "1:tz/fHIDUHs19NkixVVoOZywde+I=" },
	{ ICMP, "10.0.0.1", "10.0.0.2", 11, 0,
	  "1:YHxtAirCG//0OzkcVAukqKQN9xM=" },
	{ ICMPV6, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 135,
	  0, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=" },
	{ ICMPV6, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 136,
	  0, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=" },
	{ ICMPV6, "3ffe:507:0:1:200:86ff:fe05:80da", "3ffe:501:0:1001::2", 128,
	  0, "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg=" },
	{ ICMPV6, "3ffe:501:0:1001::2", "3ffe:507:0:1:200:86ff:fe05:80da", 129,
	  0, "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg=" },
	{ ICMPV6, "fe80::200:86ff:fe05:80da", "ff02::2", 133, 0,
	  "1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0=" },
	{ ICMPV6, "fe80::260:97ff:fe07:69ea", "ff02::1", 134, 0,
	  "1:pkvHqCL88/tg1k4cPigmZXUtL00=" },
	{ ICMPV6, "3ffe:501:1800:2345::2", "3ffe:507:0:1:200:86ff:fe05:80da", 3,
	  0, "1:2ObVBgIn28oZvibYZhZMBgh7WdQ=" },
	{ ICMPV6, "3ffe:501:410:0:2c0:dfff:fe47:33e",
	  "3ffe:507:0:1:200:86ff:fe05:80da", 1, 4,
	  "1:hLZd0XGWojozrvxqE0dWB1iM6R0=" },
	{ ICMPV6, "3ffe:507:0:1:260:97ff:fe07:69ea",
	  "3ffe:507:0:1:200:86ff:fe05:80da", 3, 0,
	  "1:NdobDX8PQNJbAyfkWxhtL2Pqp5w=" },
	{ ICMPV6, "3ffe:507:0:1:200:86ff:fe05:80da",
	  "3ffe:507:0:1:260:97ff:fe07:69ea", 3, 0,
	  "1:/OGBt9BN1ofenrmSPWYicpij2Vc=" },
	{ RSVP, "10.1.12.1", "10.1.12.2", 0, 0,
	  "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw=" },
	{ RSVP, "10.1.12.2", "10.1.12.1", 0, 0,
	  "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw=" },
	{ RSVP, "10.1.24.4", "10.1.12.1", 0, 0,
	  "1:/nQI4Rh/TtY3mf0R2gJFBkVlgS4=" },
};

static struct flow_packet packet(uint8_t proto, const char *src,
				 const char *dst, uint16_t sport,
				 uint16_t dport)
{
	struct flow_packet p = { .has_proto = true, .proto = proto };

	assert_int_equal(addr_parse(slice_of(src), &p.src), 0);
	assert_int_equal(addr_parse(slice_of(dst), &p.dst), 0);
	if (proto == ICMP || proto == ICMPV6) {
		p.has_icmp = true;
		p.icmp_type = (uint8_t)sport;
		p.icmp_code = (uint8_t)dport;
	} else if (proto != RSVP) {
		p.has_ports = true;
		p.sport = sport;
		p.dport = dport;
	}
	return p;
}

static void published_vectors_agree(_unused_ void **state)
{
	char id[FLOW_COMMUNITY_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		struct flow_packet p = packet(vectors[i].proto, vectors[i].src,
					      vectors[i].dst, vectors[i].sport,
					      vectors[i].dport);

		assert_true(flow_community_id(&p, id));
		assert_string_equal(id, vectors[i].id);
	}
}

/* An ID made of half a flow would be another flow's. */
static void what_is_not_known_has_no_id(_unused_ void **state)
{
	struct flow_packet p = packet(TCP, "10.0.0.1", "10.0.0.2", 1, 2);
	char id[FLOW_COMMUNITY_MAX];

	p.has_ports = false;
	assert_false(flow_community_id(&p, id));
	assert_string_equal(id, "");
	p = packet(ICMP, "10.0.0.1", "10.0.0.2", 8, 0);
	p.has_icmp = false;
	assert_false(flow_community_id(&p, id));
	p = packet(RSVP, "10.0.0.1", "10.0.0.2", 0, 0);
	p.has_proto = false;
	assert_false(flow_community_id(&p, id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors_agree),
		cmocka_unit_test(what_is_not_known_has_no_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
