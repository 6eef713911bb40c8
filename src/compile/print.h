/* SPDX-License-Identifier: GPL-2.0-or-later */
/* print.h - the ruleset IR as text that nft reads. */
#pragma once

#include "base/buf.h"
#include "compile/ruleset.h"

/** One rule, a line. */
void print_rule(const struct ruleset_rule *rule, struct buf *to);

/** Both tables, as `nft -f` takes them. */
void print_ruleset(const struct ruleset *r, struct buf *to);
