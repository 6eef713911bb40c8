/* SPDX-License-Identifier: GPL-2.0-or-later */
/* push.h - what an HTTP sink says, and how its answers are to be taken. */
#pragma once

#include "http/http.h"
#include "sink/driver.h"

/** Append the request's body for @lines (native). For any thread. */
void otlp_encode(const struct sink_config *c, const struct sink_lines *lines,
		 struct buf *out);
void loki_encode(const struct sink_config *c, const struct sink_lines *lines,
		 struct buf *out);

/** Records that an OTLP answer of status 200 says it has rejected. @ret_why,
 *  which the caller frees, may stay NULL. */
uint64_t otlp_rejected(struct slice body, char **ret_why);

enum push_verdict {
	PUSH_TAKEN,
	PUSH_LATER,   /* the same again may succeed */
	PUSH_REFUSED, /* it never will */
};
enum push_verdict push_judge(const struct http_result *result);

/** Milliseconds that a Retry-After asks for, as seconds or as a date; 0: none.
 *  @now realtime ns. */
uint64_t push_retry_after(struct slice head, uint64_t now);
