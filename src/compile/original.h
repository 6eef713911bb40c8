/* SPDX-License-Identifier: GPL-2.0-or-later */
/* original.h - where denied packets were addressed to before DNAT. */
#pragma once

#include "compile/build.h"
#include "compile/compile.h"

/** The chain that remembers it, and its sets; nothing unless @options ask for
 *  it. */
void original_chains(const struct compile_options *options,
		     void (*add)(void *arg, struct ruleset_chain *chain),
		     void *arg);
void original_sets(const struct compile_options *options,
		   void (*add)(void *arg, struct ruleset_set *set), void *arg);

/** A rule that has a packet looked at by that chain, before it is logged. */
void original_jump(struct builder *b, const struct compile_options *options);
