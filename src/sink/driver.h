/* SPDX-License-Identifier: GPL-2.0-or-later */
/* driver.h - what each kind of sink does with lines.
 *
 * A driver is plain blocking code: deliver() runs in a thread of the pool, one
 * call at a time for a sink, so that a disk or a peer that hangs holds up no
 * other sink. What it waits for it waits for with a limit.
 */
#pragma once

#include "base/buf.h"
#include "loop/loop.h"
#include "sink/config.h"
#include "sink/frame.h"

/** Lines in order, each with its newline; borrowed. */
struct sink_lines {
	const struct slice *lines;
	size_t n;
};

/** What became of them. */
struct sink_result {
	size_t written; /* so many of the first are */
	/* … and so many behind them never will be: @problem says why. The
	 * sink is not stuck for it. */
	size_t refused;
	/* Why the rest was not written, "" when there is no rest. */
	char problem[SINK_PROBLEM_MAX];
};

/** How the driver stands besides; for those that keep lines themselves. */
struct sink_backlog {
	uint64_t written;    /* delivered, of what deliver() took */
	uint64_t lost;	     /* given up, of what deliver() took */
	uint64_t waiting;    /* neither */
	uint64_t lag_ns;     /* age of the oldest that waits */
	const char *problem; /* "" when all is well */
};

struct sink_driver {
	/* On the loop, without I/O: a sink that does not work is no failure.
	 * @changed(@arg) is to be called on the loop when backlog() has news. */
	void *(*open)(struct loop *loop, const struct sink_config *config,
		      loop_fn changed, void *arg);
	/* In a thread. */
	void (*deliver)(void *state, const struct sink_lines *lines,
			struct sink_result *result);
	/* On the loop, while no deliver() is under way; may be NULL. */
	void (*reopen)(void *state);
	/* The same, after each deliver(); may be NULL. */
	void (*delivered)(void *state);
	/* No line comes any more: begin nothing new. May be NULL. */
	void (*finish)(void *state);
	/* False while something besides deliver() is under way, whose end
	 * @changed tells. May be NULL: always true. */
	bool (*idle)(const void *state);
	/* What deliver() took is only on its way; may be NULL. */
	void (*backlog)(const void *state, struct sink_backlog *ret);
	void (*close)(void *state);
};

extern const struct sink_driver sink_file_driver, sink_stdout_driver,
	sink_journal_driver, sink_syslog_driver, sink_sqlite_driver,
	sink_push_driver;

void sink_fail(struct sink_result *result, const char *fmt, ...) _printf_(2, 3);
