/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan.h - what policies mean, prepared before any endpoint is known.
 *
 * Every distinct "which endpoints" question of all policies (a subject, or a
 * peer with selectors) becomes one *matcher*, so that an endpoint is matched
 * against each question once, and found through an index from labels to
 * matchers rather than by asking all of them.
 */
#pragma once

#include "base/table.h"
#include "compile/ranges.h"
#include "policy/policy.h"

struct group;
struct named_group;

/** "Endpoints of these namespaces with these labels". */
struct matcher {
	unsigned id;
	char *text;	       /* canonical: equal questions have equal text */
	const char *namespace; /* one by name; NULL: by @namespaces */
	const struct selector *namespaces; /* NULL with @namespace */
	const struct selector *pods;	   /* NULL: all */
	VEC(unsigned) subject_of;	   /* policies, ascending */
	/* Live groups that count its endpoints as members. */
	VEC(struct group *) groups;
	UT_hash_handle hh;
};

/** Peers of a rule, or the union of several rules' peers. */
struct peers {
	bool any;		/* everybody: the rest is moot */
	VEC(unsigned) matchers; /* ids; ascending and unique once normalised */
	struct block_ranges blocks;
};

void peers_add(struct peers *to, const struct peers *from);
void peers_normalise(struct peers *p);
void peers_fini(struct peers *p);

struct plan_rule {
	const struct policy_rule *rule;
	struct peers peers;
};

struct plan_policy {
	const struct policy *policy;
	/* [0] egress, [1] ingress: as enum deny_direction. */
	VEC(struct plan_rule) rules[2];
};

struct plan {
	struct policy_set *set;
	VEC(struct plan_policy) policies; /* same order as in @set */
	VEC(struct matcher *) matchers;	  /* by id */
	struct matcher *by_text;
	struct plan_bucket *buckets;
	VEC(unsigned) unindexed; /* matchers that no label leads to */
	VEC(struct named_group *) named_groups; /* live ones */
};

struct plan *plan_new(struct policy_set *set);
void plan_free(struct plan *p);
DEFINE_FREEP(struct plan, plan_free)

typedef VEC(unsigned) id_list;

/** Ids of the matchers that hold for an endpoint with @labels in @namespace,
 *  ascending, appended to @ret. */
void plan_match(struct plan *p, const char *namespace,
		const struct label_set *labels, id_list *ret);

/** True when two ascending lists share an id. */
bool ids_intersect(const unsigned *a, size_t na, const unsigned *b, size_t nb);
/** Sort and drop duplicates; returns the new length. */
size_t ids_normalise(unsigned *ids, size_t n);
