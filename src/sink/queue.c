/* SPDX-License-Identifier: GPL-2.0-or-later */
/* queue.c - lines that wait, in order and within a bound.
 *
 * What was removed from the front stays in memory until it is half of all:
 * each byte is moved at most once on the average.
 */
#include "sink/queue.h"

#include <assert.h>
#include <string.h>

/* An empty queue that has grown beyond this gives its memory back. */
#define KEPT_BYTES 65536

void sink_queue_init(struct sink_queue *q, size_t max)
{
	*q = (struct sink_queue){ .bytes = BUF_INIT(BUF_UNBOUNDED),
				  .max = max };
}

void sink_queue_fini(struct sink_queue *q)
{
	buf_fini(&q->bytes);
	q->head = q->lines = 0;
}

bool sink_queue_add(struct sink_queue *q, const struct sink_head *head,
		    struct slice content)
{
	size_t used = q->bytes.len - q->head;

	assert(head->len == content.len);
	if (sizeof(*head) + content.len > q->max - MIN(used, q->max))
		return false;
	buf_add(&q->bytes, head, sizeof(*head));
	buf_add(&q->bytes, content.ptr, content.len);
	q->lines++;
	return true;
}

bool sink_queue_at(const struct sink_queue *q, size_t offset,
		   struct sink_entry *ret)
{
	const char *at = buf_str(&q->bytes) + q->head + offset;

	if (q->head + offset == q->bytes.len)
		return false;
	memcpy(&ret->head, at, sizeof(ret->head));
	ret->content = (struct slice){ at + sizeof(ret->head), ret->head.len };
	return true;
}

void sink_queue_pop(struct sink_queue *q)
{
	struct sink_entry first;

	if (!sink_queue_at(q, 0, &first))
		return;
	q->head += sink_queue_next(0, &first);
	q->lines--;
	if (q->head == q->bytes.len && q->bytes.cap > KEPT_BYTES) {
		buf_fini(&q->bytes);
		q->head = 0;
	} else if (q->head >= q->bytes.len / 2) {
		buf_consume(&q->bytes, q->head);
		q->head = 0;
	}
}
