/* SPDX-License-Identifier: GPL-2.0-or-later */
/* foreign.h - tells of others' rules that come before ours.
 *
 * They open nothing, but whoever wrote them should know, and so should who
 * reads a flow log in which their packets are missing. Looked for after a commit
 * before which somebody else changed nftables (every start of a container that
 * Docker publishes ports of does), and when the status is asked for: watching
 * all changes would make the kernel describe each of ours as well.
 */
#pragma once

#include "base/vec.h"
#include "firewall/firewall.h"
#include "loop/loop.h"

struct foreign_rules {
	char *subject; /* "table ip mangle" */
	char *message;
	bool seen; /* at the last look */
};

struct foreign {
	struct firewall *firewall;
	struct loop_timer *timer;
	uint32_t looked;    /* generation of the last look; 0: none yet */
	uint32_t committed; /* … and of our last commit */
	VEC(struct foreign_rules) rules;
};

void foreign_init(struct foreign *f, struct loop *loop,
		  struct firewall *firewall);
void foreign_fini(struct foreign *f);

/** We have committed, and the ruleset is of @generation now. */
void foreign_committed(struct foreign *f, uint32_t generation);

/** Look now, unless nothing has changed since the last time; what is new, and
 *  what is gone, goes to the log. */
void foreign_look(struct foreign *f);
