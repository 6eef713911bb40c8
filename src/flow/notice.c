/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notice.c - what the flow log tells of itself: sums, losses, balances. */
#include "flow/notice.h"

#include <string.h>

#include "base/alloc.h"

struct flow_event notice_loss(const char *where, uint64_t records,
			      const char *message)
{
	return (struct flow_event){
		.name = "loss",
		.level = "warning",
		.message = message,
		.values = { { .key = "where", .text = where },
			    { .key = "records", .number = records } },
	};
}

void notice_lost(struct flow_log *f, const char *where, uint64_t n,
		 const char *what)
{
	_cleanup_(freep) char *message =
		xasprintf("%llu %s", (unsigned long long)n, what);
	struct flow_event e = notice_loss(where, n, message);

	flow_tell(f, &e);
}

void notice_lost_packets(struct flow_log *f, const char *where,
			 uint64_t packets)
{
	if (!strcmp(where, "agent-down"))
		notice_lost(f, where, packets,
			    "denied packets were counted while no agent ran");
	else if (!strcmp(where, "counters-reset"))
		notice_lost(
			f, where, packets,
			"denied packets or more: somebody reset the kernel's counters");
	else
		notice_lost(
			f, where, packets,
			"denied packets are in no flow: their counts expired unread");
}

void notice_clock(struct flow_log *f, int64_t step)
{
	uint64_t ms = (uint64_t)(step < 0 ? -step : step) / 1000000;
	const char *way = step < 0 ? "back" : "forward";
	_cleanup_(freep) char *message = xasprintf(
		"The clock was set %s by %llu.%03llu s: records before this one have the old time.",
		way, (unsigned long long)ms / 1000,
		(unsigned long long)ms % 1000);
	struct flow_event e = {
		.name = "clock",
		.level = "warning",
		.message = message,
		.values = { { .key = "set", .text = way },
			    { .key = "ms", .number = ms } },
	};

	flow_tell(f, &e);
}

void notice_suppressed(struct flow_log *f, const struct flow_suppressed *s,
		       const struct endpoint *owner)
{
	char ip[ADDR_STRLEN];
	_cleanup_(freep) char *message = xasprintf(
		"%llu denied packets were counted and not recorded one by one: %s%s",
		(unsigned long long)s->packets,
		s->table_full ? "too many flows at once"
			      : "a budget was used up, that of ",
		s->table_full ? ""
		: owner	      ? owner->name
		: s->port[0]  ? s->port
			      : addr_format(&s->address, ip));
	struct flow_event e = {
		.name = "suppressed",
		.level = "warning",
		.message = message,
		.container = owner,
		.values = { { .key = "tuples", .number = s->tuples },
			    { .key = "packets", .number = s->packets },
			    { .key = "bytes", .number = s->bytes },
			    { .key = s->table_full ? "where"
				     : s->port[0]  ? "port"
						   : "ip",
			      .text = s->table_full ? "kernel-table"
				      : s->port[0]  ? s->port
						    : addr_format(&s->address,
								  ip) } },
	};

	flow_tell(f, &e);
}

void notice_balance(struct flow_log *f, uint64_t interval_ns,
		    const struct flow_balance *b)
{
	_cleanup_(freep) char *message = xasprintf(
		"%llu packets denied: %llu recorded, %llu suppressed, %llu lost",
		(unsigned long long)b->dropped, (unsigned long long)b->recorded,
		(unsigned long long)b->suppressed, (unsigned long long)b->lost);
	struct flow_event e = {
		.name = "accounting",
		.level = b->exact && !b->lost ? "info" : "warning",
		.message = message,
		.values = { { .key = "interval_s",
			      .number =
				      (interval_ns + 500000000) / 1000000000 },
			    { .key = "dropped_packets", .number = b->dropped },
			    { .key = "recorded_packets",
			      .number = b->recorded },
			    { .key = "suppressed_packets",
			      .number = b->suppressed },
			    { .key = "lost_packets", .number = b->lost },
			    { .key = "exact",
			      .number = b->exact,
			      .is_bool = true } },
	};

	flow_tell(f, &e);
}
