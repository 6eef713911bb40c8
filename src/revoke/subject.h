/* SPDX-License-Identifier: GPL-2.0-or-later */
/* subject.h - endpoints, and the policies that select each. */
#pragma once

#include "base/reason.h"
#include "base/table.h"
#include "compile/compile.h"

/** An endpoint, and what selects it. */
struct subject {
	struct endpoint *endpoint; /* a reference */
	/* private */
	uint64_t epoch;
	bool asked[2]; /* by deny_direction: @own is made */
	/* Policies and namespaces are borrowed from the set in force. */
	struct policy_set own[2];
	UT_hash_handle hh; /* by id */
};

/** Zero-initialise it. */
struct subjects {
	struct subject *table;
	size_t quarantined; /* subjects that are */
	uint64_t epoch;
};

typedef void (*subject_fn)(void *arg, struct subject *s);

/**
 * Take in the endpoints that hold addresses now. @lost is called for each that
 * is gone, or is not what it was: before it is forgotten.
 *
 * Returns true when what an endpoint may do, or where, is not as it was.
 */
bool subjects_update(struct subjects *all, const struct compile_input *in,
		     subject_fn lost, void *arg);
void subjects_fini(struct subjects *all);

/** The set of policies in force is another one: forget what was borrowed. */
void subjects_forget_policies(struct subjects *all);

/** The few of @policies that isolate @s in @direction, as a set for the
 *  evaluator; lives until subjects_forget_policies(). */
const struct policy_set *subject_policies(struct subject *s,
					  const struct policy_set *policies,
					  enum deny_direction direction);
