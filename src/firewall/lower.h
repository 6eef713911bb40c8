/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lower.h - the ruleset IR as libnftnl objects. */
#pragma once

#include <libnftnl/chain.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>

#include "base/macro.h"
#include "compile/ruleset.h"

/* libnftnl's free functions take const pointers; these are cleanups. */
static inline void fw_rule_freep(struct nftnl_rule **p)
{
	if (*p)
		nftnl_rule_free(*p);
}
static inline void fw_chain_freep(struct nftnl_chain **p)
{
	if (*p)
		nftnl_chain_free(*p);
}
static inline void fw_set_freep(struct nftnl_set **p)
{
	if (*p)
		nftnl_set_free(*p);
}
static inline void fw_obj_freep(struct nftnl_obj **p)
{
	if (*p)
		nftnl_obj_free(*p);
}
static inline void fw_table_freep(struct nftnl_table **p)
{
	if (*p)
		nftnl_table_free(*p);
}

/**
 * A rule of @chain. @ruleset has the sets that it names.
 *
 * Returns 0; -E2BIG for more than the kernel's 128 expressions; -EINVAL for
 * fields that do not fit the registers or a set that is not there.
 */
int fw_lower_rule(const struct ruleset *ruleset, enum ruleset_table table,
		  const char *chain, const struct ruleset_rule *rule,
		  struct nftnl_rule **ret);

/** A chain without its rules. */
struct nftnl_chain *fw_lower_chain(const struct ruleset_chain *chain);

/** A set's declaration; @id tells it from others of the transaction.
 *  Returns 0, or -EINVAL for a declaration that no kernel has. */
int fw_lower_set(const struct ruleset_set *set, uint32_t id,
		 struct nftnl_set **ret);

/** A named counter at zero. */
struct nftnl_obj *fw_lower_counter(const char *name);
