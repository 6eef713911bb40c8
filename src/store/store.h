/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store.h - the flow log as an SQLite database, as its writer sees it.
 *
 * There is one writer; others read meanwhile (store/read.h, or sqlite3(1)). A
 * batch is one transaction: after a crash it is there as a whole or not at
 * all. A flow has one row, which its later records bring up to date.
 *
 * Every call blocks on the disk: call from a worker thread. A store may be
 * used from any thread, by one at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/macro.h"
#include "base/slice.h"

struct store;

struct store_options {
	uint64_t max_age; /* ns that a flow stays after its end; 0: for ever */
	uint64_t max_bytes; /* of the database; 0: no bound */
	bool durable;	    /* a batch survives a power cut once written; else
			     * the last ones may be missing, none is torn */
};

/** What opening found, or writing met. */
enum store_state {
	STORE_AS_IT_WAS,
	STORE_NEW,	/* there was no file */
	STORE_MIGRATED, /* an older version's schema, brought up to date */
	STORE_REPLACED, /* the file was corrupt and is moved aside */
};

/**
 * Open the store at @path, for writing; make it if it is not there.
 *
 * A corrupt file is moved aside, to "PATH.corrupt-TIME", and a new one made:
 * @ret_state then is STORE_REPLACED, and store_aside() names it.
 *
 * Returns 0; -EEXIST when the file is another program's database; -EPROTO when
 * a newer version of bulkhead made it; -EBUSY when somebody else writes to it;
 * or another -errno. @ret_state may be NULL.
 */
int store_open(const char *path, const struct store_options *options,
	       struct store **ret, enum store_state *ret_state);

/** Accepts NULL. */
void store_close(struct store *s);
DEFINE_FREEP(struct store, store_close)

/** Longest line that is taken. */
#define STORE_LINE_MAX (1U << 20)

struct store_written {
	uint64_t records; /* of flows and events, now in the store */
	uint64_t known;	  /* were in it already: a batch may be given twice */
	uint64_t refused; /* lines that are no record, or too long */
	bool replaced;	  /* the file was found corrupt: it was moved aside, and
			   * all of the batch is in a new one */
};

/**
 * Write @n native lines, with or without their newlines, in one transaction.
 *
 * Returns 0; -ENOSPC, -EROFS, -EIO, -EBUSY or another -errno, and then nothing
 * of the batch is in the store: it may be given again. @ret may be NULL.
 */
int store_write(struct store *s, const struct slice *lines, size_t n,
		struct store_written *ret);

struct store_trimmed {
	uint64_t flows, events; /* removed */
	bool more;		/* there is more to do: call again soon */
};

/**
 * Remove what is too old or too much, the oldest first, as many rows as were
 * written since the last call and some hundreds more, and give free pages back
 * to the file system. Once a second is often enough, and at once again, after
 * the next batch, while @ret tells of more.
 *
 * @now is clock_realtime(). Returns 0 or -errno. @ret may be NULL.
 */
int store_trim(struct store *s, uint64_t now, struct store_trimmed *ret);

struct store_size {
	uint64_t bytes;	     /* of pages in use */
	uint64_t file_bytes; /* of the file, without its write-ahead log */
};

int store_size(struct store *s, struct store_size *ret);

/** Where the last corrupt file was moved to; "" when none was. Lives until the
 *  next call. */
const char *store_aside(const struct store *s);

/** What SQLite said of the last failure; "" when there was none. Lives until
 *  the next call. */
const char *store_error(const struct store *s);
