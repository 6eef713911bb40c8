/* SPDX-License-Identifier: GPL-2.0-or-later */
/* answers.h - copies of name servers' answers, for the flow log's names. */
#pragma once

#include "compile/build.h"
#include "compile/compile.h"

/** The chain that copies, and its sets; nothing unless @options ask for it. */
void answers_chains(const struct compile_options *options,
		    void (*add)(void *arg, struct ruleset_chain *chain),
		    void *arg);
void answers_sets(const struct compile_options *options,
		  void (*add)(void *arg, struct ruleset_set *set), void *arg);

/** Rules that have the connections to name servers looked at by that chain;
 *  before whatever ends an established packet's way. */
void answers_jump(struct builder *b, const struct compile_options *options);
