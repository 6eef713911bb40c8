/* SPDX-License-Identifier: GPL-2.0-or-later */
/* evaluate.h - what policies say about one flow, asked of them directly.
 *
 * Small and obviously right rather than fast: `bulkhead explain` answers from
 * it, and the compiled ruleset is tested against it with real packets. It
 * shares no code with the compiler.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/reason.h"
#include "base/vec.h"
#include "endpoint/endpoint.h"
#include "policy/policy.h"

/** One end of a flow. */
struct evaluate_end {
	struct addr addr;
	const struct endpoint *endpoint; /* NULL: nobody's that we know */
	bool host;			 /* a process of this host itself */
};

struct evaluate_flow {
	struct evaluate_end source, destination;
	uint8_t proto;
	uint16_t port; /* destination's; 0 where @proto has none */
};

/** What one direction says. */
struct evaluate_side {
	bool isolated;
	bool allowed;
	enum deny_reason reason; /* when it is not */
	VEC(const struct policy *) isolating;
	/* Policies that admit the flow, each with its rule's index. */
	VEC(const struct policy *) admitting;
	VEC(size_t) rules;
};

struct evaluate_verdict {
	bool allowed;
	bool self; /* a container to itself: nothing else was asked */
	struct evaluate_side egress, ingress;
};

/** Ask every policy of @set; fini the verdict. */
void evaluate(const struct policy_set *set, const struct evaluate_flow *flow,
	      struct evaluate_verdict *ret);
void evaluate_verdict_fini(struct evaluate_verdict *v);
