/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ledger.c - what became of each line, sink by sink, over all writers. */
#include "sink/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

void ledger_init(struct ledger *l, size_t sinks)
{
	*l = (struct ledger){ .n = sinks };
	l->sinks = xcalloc(sinks + 1, sizeof(*l->sinks));
}

void ledger_fini(struct ledger *l)
{
	free(l->sinks);
	l->sinks = NULL;
}

/* ---- reports ----------------------------------------------------------- */

/* A new writer that has not tried yet knows of no problem: that is no
 * recovery. */
static bool is_untried(const struct sink_report *report, uint64_t next)
{
	return !report->written && (report->spooled || report->settled < next);
}

int ledger_take(struct ledger *l, const struct sink_entry *frame, uint64_t next,
		struct ledger_news *ret)
{
	struct sink_report report, *before;
	int r = sink_report_parse(frame, &report, ret->problem);

	if (r < 0)
		return r;
	if (frame->head.number >= l->n)
		return -EBADMSG;
	before = &l->sinks[frame->head.number].report;
	if (report.settled < before->settled || report.settled > next ||
	    report.lost < before->lost || report.written < before->written)
		return -EBADMSG;
	*before = report;
	ret->sink = frame->head.number;
	ret->tried = *ret->problem || !is_untried(&report, next);
	return 0;
}

bool ledger_set_problem(struct ledger *l, size_t sink, const char *problem)
{
	struct ledger_sink *s = &l->sinks[sink];

	if (!strcmp(s->problem, problem))
		return false;
	snprintf(s->problem, sizeof(s->problem), "%s", problem);
	return true;
}

void ledger_end_writer(struct ledger *l, uint64_t oldest)
{
	for (size_t i = 0; i < l->n; i++) {
		struct ledger_sink *s = &l->sinks[i];
		uint64_t begin = MAX(s->report.settled, oldest);

		s->written += s->report.written;
		s->lost += s->report.lost + (begin - s->report.settled);
		s->report = (struct sink_report){ .settled = begin };
	}
}

uint64_t ledger_settled(const struct ledger *l, uint64_t next)
{
	uint64_t settled = next;

	for (size_t i = 0; i < l->n; i++)
		settled = MIN(settled, l->sinks[i].report.settled);
	return settled;
}

/* ---- losses ------------------------------------------------------------ */

uint64_t ledger_lost(const struct ledger *l, size_t sink)
{
	return l->sinks[sink].lost + l->sinks[sink].report.lost;
}

bool ledger_has_untold(const struct ledger *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (ledger_lost(l, i) > l->sinks[i].told)
			return true;
	return l->lost > l->told;
}

uint64_t ledger_tell(struct ledger *l)
{
	uint64_t n = l->lost - l->told;

	l->told = l->lost;
	return n;
}

uint64_t ledger_tell_sink(struct ledger *l, size_t sink)
{
	struct ledger_sink *s = &l->sinks[sink];
	uint64_t lost = ledger_lost(l, sink), n = lost - MIN(s->told, lost);

	s->told += n;
	return n;
}

uint64_t ledger_tell_end(const struct ledger *l, size_t sink, uint64_t next)
{
	const struct ledger_sink *s = &l->sinks[sink];

	return ledger_lost(l, sink) + next - s->report.settled - s->told;
}

void ledger_stand(const struct ledger *l, size_t sink, uint64_t next,
		  struct sink_feed_sink *ret)
{
	const struct ledger_sink *s = &l->sinks[sink];

	*ret = (struct sink_feed_sink){
		.written = s->written + s->report.written,
		.waiting = next - s->report.settled - s->report.dropping +
			   s->report.spooled,
		.lost = ledger_lost(l, sink) + s->report.dropping,
		.lag_ns = s->report.lag_ns,
		.problem = s->problem,
	};
}
