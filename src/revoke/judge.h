/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge.h - whether the policies in force would still let a connection begin.
 *
 * Asks the evaluator, as `bulkhead explain` does, of what conntrack knows:
 * addresses after DNAT and before SNAT. What it costs does not depend on how
 * many policies there are, only on those that select the two ends.
 */
#pragma once

#include <stdbool.h>

#include "base/reason.h"
#include "compile/compile.h"
#include "firewall/conntrack.h"

struct judge;

struct judge *judge_new(void);
void judge_free(struct judge *j);
DEFINE_FREEP(struct judge, judge_free)

/**
 * Take in what is in force now. Returns true when connections may have lost
 * their right by what changed: a policy, the labels, the namespace, the ports
 * or the addresses of an endpoint, the bridges that are governed.
 */
bool judge_update(struct judge *j, const struct compile_input *in);

/** Nobody is isolated, and nobody has left: no connection can be denied. */
bool judge_is_idle(const struct judge *j);

/** Addresses that were given up so far and have no new owner lose all their
 *  connections, until this is called after all have been judged. */
void judge_forget_released(struct judge *j);

/** The host's own addresses: forget them all; add one. Loopback is known. */
void judge_reset_local(struct judge *j);
void judge_add_local(struct judge *j, const struct addr *a);

struct judgement {
	bool allowed;
	enum deny_direction direction; /* which one denies */
	/* Borrowed until the next update; NULL: nobody's. */
	struct endpoint *source, *destination;
};

void judge_connection(struct judge *j, const struct conntrack_entry *entry,
		      struct judgement *ret);

/** Who has a connection, and who governs it. */
struct admission {
	bool governed; /* an end is at a bridge that is governed */
	/* Borrowed until the next update; NULL: nobody's. */
	struct endpoint *source, *destination;
};

/** Tell @fn each policy that admits a connection, by either end's. */
void judge_admission(struct judge *j, const struct conntrack_entry *entry,
		     void (*fn)(void *arg, const struct policy *policy),
		     void *arg, struct admission *ret);
