/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source.h - the flow log as its readers see it: a store or files of lines.
 *
 * Both give the same answers. A flow is what its latest record says, without
 * what is one record's alone (row_summary()). Every call blocks on the disk.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/macro.h"
#include "base/slice.h"
#include "store/fold.h"
#include "store/question.h"

struct json_object;
struct source;

/** Told of what could not be read: @line counts from 1. */
typedef void (*source_complain_fn)(void *arg, const char *file, uint64_t line,
				   const char *what);

/**
 * Open the store at @path, read only; its writer may go on.
 *
 * Returns 0; -EBADMSG when it is corrupt; -EEXIST when it is another program's
 * database; -EPROTO when a newer version of bulkhead made it; -ENODATA when
 * nothing was written to it yet; or -errno.
 */
int source_open_store(const char *path, struct source **ret);

/**
 * Take the file of lines at @path, and those that it was rotated to: @path with
 * "." or "-" and a number or date behind it, and perhaps ".gz".
 *
 * Returns 0 or -errno. @complain is called while answers are given.
 */
int source_open_files(const char *path, source_complain_fn complain, void *arg,
		      struct source **ret);

void source_close(struct source *s);
DEFINE_FREEP(struct source, source_close)

/** What SQLite or the system said of the last failure; "" when nothing. */
const char *source_error(const struct source *s);

/** @record is borrowed. Returns false to end. */
typedef bool (*source_fn)(void *arg, struct json_object *record);

/** Flows by the time of their first packet, events between them by theirs. */
int source_list(struct source *s, const struct question *q, source_fn fn,
		void *arg);

/**
 * What source_list() tells, at first; in each later call the flows that have
 * begun or have another record since, each as its latest record says, and the
 * events that came, by their time. Of a store only: who follows files reads
 * their lines as they come (cli/tail.h).
 */
int source_news(struct source *s, const struct question *q, source_fn fn,
		void *arg);

/** Flows that @q is about. */
int source_count(struct source *s, const struct question *q, uint64_t *ret);

/** Flows that @q is about, into @fold. */
int source_fold(struct source *s, const struct question *q, struct fold *fold);

struct source_record {
	uint64_t time;
	int64_t seq, packets, bytes; /* of this record alone */
	const char *state;	     /* "" when not known */
};

/** The records of one flow, in their order. */
int source_records(struct source *s, int64_t flow_id,
		   void (*fn)(void *arg, const struct source_record *r),
		   void *arg);

struct source_packet {
	uint64_t time;
	const char *link; /* "ip" or "ethernet" */
	struct slice head;
	int64_t bytes;		    /* of the whole packet's IP; 0: not known */
	struct json_object *record; /* its flow, borrowed */
};

/** Packet heads that were logged in the time that @q asks for, of flows that it
 *  asks for. In the order of their time from a store, of their lines from
 *  files. */
int source_packets(struct source *s, const struct question *q,
		   bool (*fn)(void *arg, const struct source_packet *p),
		   void *arg);
