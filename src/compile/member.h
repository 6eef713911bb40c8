/* SPDX-License-Identifier: GPL-2.0-or-later */
/* member.h - an endpoint inside the compiler: its addresses, and what it
 * matches.
 */
#pragma once

#include "compile/plan.h"
#include "endpoint/endpoint.h"

struct class;
struct object;

struct member {
	struct endpoint *endpoint;
	uint64_t epoch; /* of the run that saw it last */
	/* IPv4, IPv6 and the link-local address that its MAC makes. */
	VEC(struct addr) addrs;
	id_list matchers; /* those that hold, ascending */
	/* Whose policies isolate it; NULL: not isolated. By deny_direction. */
	struct class *classes[2];
	/* Chains that judge who comes through its published ports. */
	VEC(struct object *) proxies; /* one per @endpoint->published */
	UT_hash_handle hh;	      /* by endpoint pointer */
	UT_hash_handle by_id; /* while one is replaced, both are there */
};

struct member *member_new(struct plan *plan, struct endpoint *e);
void member_free(struct member *m);

/** The interface identifier of RFC 4291, appendix A, under fe80::/64. */
struct addr member_link_local(const struct mac *mac);
