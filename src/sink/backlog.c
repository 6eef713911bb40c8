/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backlog.c - lines that the agent has handed over, until every sink has
 * settled them.
 */
#include "sink/backlog.h"

#include "base/clock.h"

void backlog_init(struct backlog *b, size_t max)
{
	*b = (struct backlog){ 0 };
	sink_queue_init(&b->queue, max);
}

void backlog_fini(struct backlog *b)
{
	sink_queue_fini(&b->queue);
}

static void pop(struct backlog *b)
{
	struct sink_entry first;
	size_t size;

	if (!sink_queue_at(&b->queue, 0, &first))
		return;
	size = sink_queue_next(0, &first);
	b->sent -= MIN(b->sent, size);
	sink_queue_pop(&b->queue);
}

/* True while the first entry is wholly with the writer. */
static bool first_is_sent(const struct backlog *b)
{
	struct sink_entry first;

	return sink_queue_at(&b->queue, 0, &first) &&
	       sink_queue_next(0, &first) <= b->sent;
}

static bool add(struct backlog *b, enum sink_frame_type type,
		struct slice content)
{
	struct sink_head head = { .len = (uint32_t)content.len,
				  .type = type,
				  .number = b->next,
				  .time = clock_monotonic() };

	while (!sink_queue_add(&b->queue, &head, content)) {
		if (!first_is_sent(b))
			return false;
		pop(b);
	}
	return true;
}

bool backlog_add_line(struct backlog *b, struct slice line)
{
	if (line.len > SINK_LINE_MAX || !add(b, SINK_FRAME_LINE, line))
		return false;
	b->next++;
	return true;
}

bool backlog_add_reopen(struct backlog *b)
{
	return add(b, SINK_FRAME_REOPEN, SLICE(""));
}

uint64_t backlog_oldest(const struct backlog *b)
{
	struct sink_entry first;

	return sink_queue_at(&b->queue, 0, &first) ? first.head.number
						   : b->next;
}

bool backlog_is_tight(const struct backlog *b)
{
	return sink_queue_bytes(&b->queue).len > b->queue.max / 2 &&
	       !first_is_sent(b);
}

uint64_t backlog_lines_unsent(const struct backlog *b)
{
	struct sink_entry entry;
	size_t offset = 0;

	while (sink_queue_at(&b->queue, offset, &entry)) {
		offset = sink_queue_next(offset, &entry);
		if (offset > b->sent)
			return b->next - entry.head.number;
	}
	return 0;
}

struct slice backlog_unsent(const struct backlog *b)
{
	struct slice all = sink_queue_bytes(&b->queue);

	return (struct slice){ all.ptr + b->sent, all.len - b->sent };
}

void backlog_sent(struct backlog *b, size_t n)
{
	b->sent += n;
}

void backlog_rewind(struct backlog *b)
{
	b->sent = 0;
}

void backlog_forget(struct backlog *b, uint64_t settled)
{
	while (first_is_sent(b) && backlog_oldest(b) < settled)
		pop(b);
}
