/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reader.h - what read.c, read_list.c and read_flow.c share. */
#pragma once

#include <sqlite3.h>

#include "store/names.h"
#include "store/plan.h"
#include "store/source_ops.h"

struct reader {
	struct source source;
	char *path;
	sqlite3 *db;
	struct names *names;
	bool immutable;		 /* taken for a file that nobody writes */
	struct read_marks marks; /* up to where read_news() has shown */
	int64_t version;	 /* "PRAGMA data_version" then */
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

/** Open again what somebody writes after all. Returns 0 or -errno. */
int read_refresh(struct reader *r);

int read_list(struct source *s, const struct question *q, source_fn fn,
	      void *arg);
int read_news(struct source *s, const struct question *q, source_fn fn,
	      void *arg);
int read_records(struct source *s, int64_t flow_id,
		 void (*fn)(void *arg, const struct source_record *r),
		 void *arg);
int read_packets(struct source *s, const struct question *q,
		 bool (*fn)(void *arg, const struct source_packet *p),
		 void *arg);
