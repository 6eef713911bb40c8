/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source.c - a question goes to the kind of source that is asked. */
#include "store/source.h"

#include <errno.h>

#include "store/source_ops.h"

void source_close(struct source *s)
{
	if (s)
		s->ops->close(s);
}

const char *source_error(const struct source *s)
{
	return s->error ?: "";
}

int source_list(struct source *s, const struct question *q, source_fn fn,
		void *arg)
{
	return s->ops->list(s, q, fn, arg);
}

int source_news(struct source *s, const struct question *q, source_fn fn,
		void *arg)
{
	return s->ops->news ? s->ops->news(s, q, fn, arg) : -EOPNOTSUPP;
}

int source_count(struct source *s, const struct question *q, uint64_t *ret)
{
	return s->ops->count(s, q, ret);
}

int source_fold(struct source *s, const struct question *q, struct fold *fold)
{
	return s->ops->fold(s, q, fold);
}

int source_records(struct source *s, int64_t flow_id,
		   void (*fn)(void *arg, const struct source_record *r),
		   void *arg)
{
	return s->ops->records(s, flow_id, fn, arg);
}

int source_packets(struct source *s, const struct question *q,
		   bool (*fn)(void *arg, const struct source_packet *p),
		   void *arg)
{
	return s->ops->packets(s, q, fn, arg);
}
