/* SPDX-License-Identifier: GPL-2.0-or-later */
/* member.c - an endpoint inside the compiler. */
#include "compile/member.h"

#include <string.h>

struct addr member_link_local(const struct mac *mac)
{
	const uint8_t *m = mac->bytes;
	uint8_t bytes[16] = {
		0xfe,	  0x80, 0,    0,    0,	  0,	0,    0,
		m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5],
	};

	return addr_from_bytes(AF_INET6, bytes);
}

struct member *member_new(struct plan *plan, struct endpoint *e)
{
	struct member *m = xnew(struct member);

	m->endpoint = endpoint_ref(e);
	vec_foreach(a, &e->attachments) {
		if (addr_is_set(&a->v4))
			vec_push(&m->addrs, a->v4);
		if (addr_is_set(&a->v6))
			vec_push(&m->addrs, a->v6);
		if (mac_is_set(&a->mac))
			vec_push(&m->addrs, member_link_local(&a->mac));
	}
	plan_match(plan, e->namespace, e->labels, &m->matchers);
	return m;
}

void member_free(struct member *m)
{
	if (!m)
		return;
	endpoint_unref(m->endpoint);
	vec_fini(&m->addrs);
	vec_fini(&m->matchers);
	vec_fini(&m->proxies);
	free(m);
}
