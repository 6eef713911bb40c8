/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ledger.h - what became of each line, sink by sink, over all writers.
 *
 * A writer tells how its sinks stand since its own start. When it dies, each
 * sink goes on at the first line that it had not settled; those of them that
 * nobody has any more are lost for it.
 */
#pragma once

#include "sink/feed.h"
#include "sink/frame.h"

struct ledger_sink {
	struct sink_report report; /* of the present writer */
	uint64_t written, lost;	   /* by those before */
	uint64_t told;		   /* of the lost ones */
	char problem[SINK_PROBLEM_MAX];
};

struct ledger {
	struct ledger_sink *sinks;
	size_t n;
	uint64_t lost, told; /* lines that there was no room for */
};

void ledger_init(struct ledger *l, size_t sinks);
void ledger_fini(struct ledger *l);

/** A report as it came from the writer, which is not trusted. */
struct ledger_news {
	size_t sink;
	bool tried; /* @problem is what the sink has found; "": none */
	char problem[SINK_PROBLEM_MAX];
};

/** @next as of the backlog. Returns 0, or -EBADMSG: no report can say that. */
int ledger_take(struct ledger *l, const struct sink_entry *frame, uint64_t next,
		struct ledger_news *ret);
/** True when it is another problem than before. */
bool ledger_set_problem(struct ledger *l, size_t sink, const char *problem);
/** The writer is gone, and nobody has lines below @oldest. */
void ledger_end_writer(struct ledger *l, uint64_t oldest);

/** Every sink has settled the lines below this number. */
uint64_t ledger_settled(const struct ledger *l, uint64_t next);
/** Lines that are lost for @sink by now. */
uint64_t ledger_lost(const struct ledger *l, size_t sink);

/** True while losses were not asked for by these two, which return what is new
 *  since the last time: for every sink, and for one. */
bool ledger_has_untold(const struct ledger *l);
uint64_t ledger_tell(struct ledger *l);
uint64_t ledger_tell_sink(struct ledger *l, size_t sink);
/** The same at the end: what @sink has not settled by now is lost, too. */
uint64_t ledger_tell_end(const struct ledger *l, size_t sink, uint64_t next);

void ledger_stand(const struct ledger *l, size_t sink, uint64_t next,
		  struct sink_feed_sink *ret);
