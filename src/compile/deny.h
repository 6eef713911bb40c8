/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deny.h - the end of a denied packet: chains, and the sets of what was denied.
 *
 * compile_denied_sets() and compile_counters() of compile.h are told from here.
 */
#pragma once

#include "base/reason.h"
#include "compile/compile.h"

/** Name of the chain that ends a denied packet. */
const char *deny_chain_name(enum deny_direction direction,
			    enum deny_reason reason);

/** The chains, appended; the caller owns the references. */
void deny_chains(const struct compile_options *options,
		 void (*add)(void *arg, struct ruleset_chain *chain),
		 void *arg);

/** The dynamic sets that they fill. */
void deny_sets(void (*add)(void *arg, struct ruleset_set *set), void *arg);
