/* SPDX-License-Identifier: GPL-2.0-or-later */
/* page.h - what a scrape gets: the agent is asked, the answer is text. */
#pragma once

#include "base/buf.h"

/** Longest page. The agent's own bounds keep it far below. */
#define PAGE_MAX (16U << 20)

/**
 * Ask the agent at @socket for its metrics and append them, with bulkhead_up
 * and how long it took; when it does not answer, bulkhead_up alone.
 *
 * @ret_error on failure, what is wrong, for people; the caller frees it. Not
 *            fit for a terminal as it is.
 * Returns 0, or what control_request() does.
 */
int page_make(const char *socket, int timeout_ms, struct buf *out,
	      char **ret_error);

/** Append bulkhead_up as of an agent that does not answer. */
void page_down(struct buf *out);

/** Ask the agent how it stands: append "in-step", "degraded" or "starting",
 *  and a newline. Returns as page_make() does. */
int page_health(const char *socket, int timeout_ms, struct buf *out,
		char **ret_error);
