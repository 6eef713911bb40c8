/* SPDX-License-Identifier: GPL-2.0-or-later */
/* diff.c - what differs between the ruleset in force and the one wanted. */
#include "firewall/diff.h"

#include <string.h>

#include "firewall/element.h"

/* Entries compared at once while two lists of them are the same. */
#define ENTRY_BLOCK 256

/* ---- sets -------------------------------------------------------------- */

/* The packet path fills a dynamic set, so its elements are none of ours. */
static bool same_elements(const struct ruleset_set *a,
			  const struct ruleset_set *b)
{
	if (a == b || a->flags & SET_DYNAMIC)
		return true;
	if (a->n != b->n ||
	    (a->n && memcmp(a->keys, b->keys, a->n * fw_entry_len(a))))
		return false;
	for (size_t i = 0; a->flags & SET_VMAP && i < a->n; i++) {
		if (!fw_verdict_equal(&a->verdicts[i], &b->verdicts[i]))
			return false;
	}
	return true;
}

static void diff_set(const struct ruleset_set *have,
		     const struct ruleset_set *want, struct fw_diff *diff)
{
	if (have == want)
		return;
	if (!ruleset_set_same_type(have, want)) {
		vec_push(&diff->sets_gone, have);
		vec_push(&diff->sets_added, want);
	} else if (!same_elements(have, want)) {
		vec_push(&diff->sets_changed,
			 (struct fw_set_change){ have, want });
	}
}

/* How two names sort; without a look at them when the object is the same. */
static int compare_sets(const struct ruleset_set *a,
			const struct ruleset_set *b)
{
	return a == b ? 0 : strcmp(a->name, b->name);
}

static void diff_sets(const struct ruleset_part *have,
		      const struct ruleset_part *want, struct fw_diff *diff)
{
	size_t i = 0, j = 0;

	while (i < have->nsets || j < want->nsets) {
		int order = i == have->nsets   ? 1
			    : j == want->nsets ? -1
					       : compare_sets(have->sets[i],
							      want->sets[j]);

		if (order < 0)
			vec_push(&diff->sets_gone, have->sets[i++]);
		else if (order > 0)
			vec_push(&diff->sets_added, want->sets[j++]);
		else
			diff_set(have->sets[i++], want->sets[j++], diff);
	}
}

/* ---- chains ------------------------------------------------------------ */

static const char *set_of(const struct stmt *stmt)
{
	switch (stmt->kind) {
	case STMT_LOOKUP:
		return stmt->lookup.set;
	case STMT_VMAP:
		return stmt->vmap.map;
	case STMT_UPDATE:
		return stmt->update.set;
	case STMT_MATCH:
	case STMT_COUNTER:
	case STMT_LOG:
	case STMT_REJECT:
	case STMT_VERDICT:
		break;
	}
	return NULL;
}

static bool is_gone(const struct fw_diff *diff, const char *set)
{
	vec_foreach(gone, &diff->sets_gone) {
		if (!strcmp((*gone)->name, set))
			return true;
	}
	return false;
}

/* A rule holds on to its set: when that is declared anew, the rule must go
 * first and come back after. */
static bool uses_gone_set(const struct fw_diff *diff,
			  const struct ruleset_chain *chain)
{
	for (size_t i = 0; i < chain->n; i++) {
		const struct ruleset_rule *rule = &chain->rules[i];

		for (size_t j = 0; j < rule->n; j++) {
			const char *set = set_of(&rule->stmts[j]);

			if (set && is_gone(diff, set))
				return true;
		}
	}
	return false;
}

static void diff_chain(const struct ruleset_chain *have,
		       const struct ruleset_chain *want, bool redeclared,
		       struct fw_diff *diff)
{
	if (have == want && !redeclared)
		return;
	if (have->hook != want->hook || have->priority != want->priority)
		diff->rebuild = true;
	if (!ruleset_chain_equal(have, want) ||
	    (redeclared && uses_gone_set(diff, want)))
		vec_push(&diff->chains_changed, want);
}

/* True if a set goes and comes back under the same name. */
static bool any_redeclared(const struct fw_diff *diff)
{
	vec_foreach(added, &diff->sets_added) {
		if (is_gone(diff, (*added)->name))
			return true;
	}
	return false;
}

static int compare_chains(const struct ruleset_chain *a,
			  const struct ruleset_chain *b)
{
	return a == b ? 0 : strcmp(a->name, b->name);
}

static void diff_chains(const struct ruleset_part *have,
			const struct ruleset_part *want, struct fw_diff *diff)
{
	bool redeclared = diff->sets_gone.len && any_redeclared(diff);
	size_t i = 0, j = 0;

	while (i < have->nchains || j < want->nchains) {
		int order = i == have->nchains ? 1
			    : j == want->nchains
				    ? -1
				    : compare_chains(have->chains[i],
						     want->chains[j]);

		if (order < 0)
			vec_push(&diff->chains_gone, have->chains[i++]);
		else if (order > 0)
			vec_push(&diff->chains_added, want->chains[j++]);
		else
			diff_chain(have->chains[i++], want->chains[j++],
				   redeclared, diff);
	}
}

/* ---- counters ---------------------------------------------------------- */

static void diff_counters(const struct ruleset_part *have,
			  const struct ruleset_part *want, struct fw_diff *diff)
{
	size_t i = 0, j = 0;

	while (i < have->ncounters || j < want->ncounters) {
		int order = i == have->ncounters   ? 1
			    : j == want->ncounters ? -1
						   : strcmp(have->counters[i],
							    want->counters[j]);

		if (order < 0) {
			vec_push(&diff->counters_gone, have->counters[i++]);
		} else if (order > 0) {
			vec_push(&diff->counters_added, want->counters[j++]);
		} else {
			i++;
			j++;
		}
	}
}

/* ---- the whole --------------------------------------------------------- */

void fw_diff_make(const struct ruleset_part *have,
		  const struct ruleset_part *want, struct fw_diff *diff)
{
	diff_sets(have, want, diff);
	diff_chains(have, want, diff);
	diff_counters(have, want, diff);
}

void fw_diff_fini(struct fw_diff *diff)
{
	vec_fini(&diff->chains_added);
	vec_fini(&diff->chains_gone);
	vec_fini(&diff->chains_changed);
	vec_fini(&diff->sets_added);
	vec_fini(&diff->sets_gone);
	vec_fini(&diff->sets_changed);
	vec_fini(&diff->counters_added);
	vec_fini(&diff->counters_gone);
	*diff = (struct fw_diff){ 0 };
}

/* Entries of the longest common beginning that a few comparisons of blocks
 * find: a change is of one entry as a rule, in a list of many. */
static size_t common_blocks(const struct ruleset_set *a,
			    const struct ruleset_set *b)
{
	size_t len = fw_entry_len(a), n = 0;

	if (a->flags & SET_VMAP)
		return 0;
	while (n + ENTRY_BLOCK <= a->n && n + ENTRY_BLOCK <= b->n &&
	       !memcmp(a->keys + n * len, b->keys + n * len, ENTRY_BLOCK * len))
		n += ENTRY_BLOCK;
	return n;
}

void fw_diff_elements(const struct fw_set_change *change, fw_entry_fn gone,
		      fw_entry_fn added, void *arg)
{
	const struct ruleset_set *have = change->have, *want = change->want;
	size_t len = fw_entry_len(want);
	size_t i = common_blocks(have, want), j = i;

	while (i < have->n || j < want->n) {
		int order = i == have->n   ? 1
			    : j == want->n ? -1
					   : memcmp(have->keys + i * len,
						    want->keys + j * len, len);
		bool same = order == 0 &&
			    (!(want->flags & SET_VMAP) ||
			     fw_verdict_equal(&have->verdicts[i],
					      &want->verdicts[j]));

		if (order <= 0 && !same && gone)
			gone(i, arg);
		if (order >= 0 && !same && added)
			added(j, arg);
		i += order <= 0;
		j += order >= 0;
	}
}
