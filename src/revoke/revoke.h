/* SPDX-License-Identifier: GPL-2.0-or-later */
/* revoke.h - ends connections that the policies do not allow any more.
 *
 * **I5** The ruleset judges a connection when it begins; conntrack lets it
 * live. So after each change by which one may have lost its right, all of
 * conntrack's entries are judged again, and the denied ones are deleted, which
 * the flow log tells. What a client sends afterwards is judged as a new
 * connection. So that its server does not begin one either: TCP of governed
 * endpoints has to open a connection, in both directions; and answers to what
 * was revoked are denied for a while.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "compile/compile.h"
#include "firewall/firewall.h"
#include "flow/flow.h"
#include "loop/loop.h"
#include "revoke/judge.h"

struct revoke;

struct revoke_stats {
	uint64_t sweeps;      /* through */
	uint64_t entries;     /* of the last one: read, … */
	uint64_t revoked;     /* connections ended so far */
	uint64_t unrecorded;  /* of them: too many at once for the flow log */
	uint64_t duration_ns; /* of the last sweep, from the change on */
	const char *problem;  /* why the last one failed; "" when it did not */
};

/** @flow and @firewall outlive it. Returns 0 or -errno. */
int revoke_open(struct loop *loop, struct flow_log *flow,
		struct firewall *firewall, struct revoke **ret);
void revoke_close(struct revoke *r);

/** @in is in force in the kernel: end on the loop what it does not allow. In
 *  audit mode nothing is ended. */
void revoke_committed(struct revoke *r, const struct compile_input *in);

/** What is in force was not for a while: judge every connection again. */
void revoke_review(struct revoke *r);

/** False while connections are being judged, or have yet to be. */
bool revoke_is_idle(const struct revoke *r);

/** Who has a connection, and what admits it, by what is in force; see judge.h.
 *  Before the first commit nobody governs it. */
void revoke_admission(struct revoke *r, const struct conntrack_entry *entry,
		      void (*fn)(void *arg, const struct policy *policy),
		      void *arg, struct admission *ret);

/** Since the start, and of the last sweep. */
void revoke_stats(const struct revoke *r, struct revoke_stats *ret);
