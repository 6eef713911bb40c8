/* SPDX-License-Identifier: GPL-2.0-or-later */
/* feed.h - the agent's end of its flow writer.
 *
 * Lines are handed over without waiting, whatever becomes of the writer: they
 * wait in a bounded queue until every sink has answered for them, so that a
 * writer that dies is replaced by another one that goes on where it was. What
 * is lost is counted, line by line.
 *
 * A line may be written twice when a writer is killed: what it wrote in its
 * last moments and could not report is written again. Its "seq" is the same.
 */
#pragma once

#include <sys/types.h>

#include "base/slice.h"
#include "loop/loop.h"
#include "sink/config.h"

struct sink_feed;

/** Called on the loop, and never from within a call to the feed but for
 *  sink_feed_close(). May call sink_feed_write(). */
struct sink_feed_observer {
	/* So many more lines are lost; @where is "writer" or a sink's name. */
	void (*loss)(void *arg, const char *where, uint64_t lines);
	/* Another problem than before; "" when it is over. */
	void (*trouble)(void *arg, const char *where, const char *problem);
	/* A writer has all lines so far, or was told of those that it has not.
	 * From within any call to the feed; must not call back. May be NULL. */
	void (*handed_over)(void *arg);
	void *arg;
};

struct sink_feed_options {
	/* Executes this program as a keeper, see keeper.h. */
	char *const *keeper;
	struct slice config;	       /* copied, for the writer */
	const sink_config_list *sinks; /* borrowed, outlives the feed */
	size_t queue_max;	       /* bytes of lines */
	struct sink_feed_observer observer;
};

/** Returns 0 or -errno: then no writer can ever be started. */
int sink_feed_open(struct loop *loop, const struct sink_feed_options *options,
		   struct sink_feed **ret);
/** Wait, but not for long, until what was handed over is written. Accepts
 *  NULL. */
void sink_feed_close(struct sink_feed *f);

/** @line ends with its newline. */
void sink_feed_write(struct sink_feed *f, struct slice line);
/** Have files opened anew by their names (SIGHUP, after a rotation). */
void sink_feed_reopen(struct sink_feed *f);

/** lines handed over = written + waiting + lost, for each sink (but for lines
 *  written again or found in a spool). */
struct sink_feed_sink {
	uint64_t written, waiting, lost;
	uint64_t lag_ns;     /* at its last report */
	const char *problem; /* "" when all is well; until the next event */
};
void sink_feed_sink(const struct sink_feed *f, size_t i,
		    struct sink_feed_sink *ret);

struct sink_feed_writer {
	pid_t pid; /* 0: none runs */
	uint64_t restarts;
	uint64_t waiting; /* lines not handed over yet */
	uint64_t lost;	  /* lines that had no room, for every sink */
	const char *problem;
};
void sink_feed_writer(const struct sink_feed *f, struct sink_feed_writer *ret);
