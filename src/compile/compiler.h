/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compiler.h - what a compiler remembers between its runs; inside this stage
 * only.
 */
#pragma once

#include "compile/class.h"
#include "compile/compile.h"

typedef VEC(struct ruleset_set *) set_list;

struct owned_addr {
	struct addr addr;
	const struct member *member;
	const struct class *classes[2]; /* the member's, close at hand */
};

typedef VEC(struct owned_addr) addr_list;

struct compiler {
	struct plan *plan;
	struct pool pool;
	struct class *classes;
	struct member *members; /* by endpoint pointer */
	struct member *by_id;
	uint64_t epoch;
	/* Every member's addresses, sorted by address and endpoint id: the
	 * dispatch maps' order. */
	addr_list addrs;
	addr_list entered; /* this run's new ones */
	/* What the last run wrote down anew, in its order. */
	set_list made;
	struct compile_options options;
	/* The skeleton, made once per options. */
	VEC(struct ruleset_chain *) fixed_chains;
	VEC(struct ruleset_set *) fixed_sets;
	/* The pool's objects by name, sorted anew when one came or went. */
	VEC(struct object *) chains;
	VEC(struct object *) sets;
	struct compile_stats stats;
};
