/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reader.h - what read.c, read_list.c and read_flow.c share. */
#pragma once

#include <sqlite3.h>

#include "store/names.h"
#include "store/plan.h"
#include "store/source_ops.h"

struct reader {
	struct source source;
	sqlite3 *db;
	struct names *names;
};

static inline struct reader *reader_of(struct source *s)
{
	return container_of(s, struct reader, source);
}

/** Remember what SQLite says. Returns 0 or -errno for @code. */
int read_fail(struct reader *r, int code);

/** @fn on a plan, within one transaction: all of it sees the same rows. */
int read_with_plan(struct reader *r, const struct question *q,
		   int (*fn)(struct reader *r, struct plan *p, void *arg),
		   void *arg);

int read_list(struct source *s, const struct question *q, source_fn fn,
	      void *arg);
int read_records(struct source *s, int64_t flow_id,
		 void (*fn)(void *arg, const struct source_record *r),
		 void *arg);
int read_packets(struct source *s, const struct question *q,
		 bool (*fn)(void *arg, const struct source_packet *p),
		 void *arg);
