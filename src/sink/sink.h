/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sink.h - one sink: a queue of its own, tries and pauses, and exact counts.
 *
 * Every line that is offered is in the end written or lost, in order. While
 * the sink is stuck its queue fills up to a bound; what comes then is lost,
 * which the numbers of the lines around it show.
 */
#pragma once

#include "loop/loop.h"
#include "sink/config.h"
#include "sink/frame.h"

struct sink;

/** Called on the loop when its report has changed; @urgent: its problem. */
typedef void (*sink_changed_fn)(void *arg, bool urgent);

/**
 * @config is borrowed and must outlive it. @first is the number of the first
 * line that it is to take; those below are somebody else's.
 */
struct sink *sink_open(struct loop *loop, const struct sink_config *config,
		       uint64_t first, size_t queue_max,
		       sink_changed_fn changed, void *arg);
/** Asserts that nothing is under way: see sink_idle(). Accepts NULL. */
void sink_close(struct sink *s);

void sink_offer(struct sink *s, const struct sink_entry *line);
/** Open files anew, and try at once if it is stuck. */
void sink_reopen(struct sink *s);
/** No line comes any more: try once what waits. */
void sink_finish(struct sink *s);
/** True when no try is under way, and after sink_finish() none will be. */
bool sink_idle(const struct sink *s);

/** True while it waits for its next try. */
bool sink_is_stuck(const struct sink *s);
/** True when half of its queue's room is used up. */
bool sink_is_behind(const struct sink *s);

/** @ret_problem lives until the next event. */
void sink_report(const struct sink *s, struct sink_report *ret,
		 const char **ret_problem);
