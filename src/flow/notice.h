/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notice.h - what the flow log tells of itself: sums, losses, balances. */
#pragma once

#include "flow/denied.h"
#include "flow/flow.h"

/** An event "loss"; the texts must live as long as it. */
struct flow_event notice_loss(const char *where, uint64_t records,
			      const char *message);

/** Tell that @n @what ("records were lost"). */
void notice_lost(struct flow_log *f, const char *where, uint64_t n,
		 const char *what);
/** @where as flow_denied_listener has it. */
void notice_lost_packets(struct flow_log *f, const char *where,
			 uint64_t packets);
/** @owner: whose budget it was; NULL: not known. */
void notice_suppressed(struct flow_log *f, const struct flow_suppressed *s,
		       const struct endpoint *owner);
/** The wall clock was set, by @step ns. */
void notice_clock(struct flow_log *f, int64_t step);
void notice_balance(struct flow_log *f, uint64_t interval_ns,
		    const struct flow_balance *b);
