/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exposition.h - the agent's metrics in Prometheus' text format, 0.0.4. */
#pragma once

#include "base/buf.h"

struct json_object;

/** What a page of it is served as. */
#define EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8"

/**
 * Append the families of an answer to CONTROL_METRICS.
 *
 * Names are checked, and so is what a reader would refuse the whole page for:
 * a family that comes twice, a bucket that does not count up. Text is made
 * valid UTF-8, with what would steer a terminal shown as text_safe() shows it.
 * Returns 0; -EPROTO when @metrics is no such answer; or -ENOBUFS when @out is
 * full. @out is then to be thrown away.
 */
int exposition_add(struct buf *out, struct json_object *metrics);

/** Append a gauge without labels. @name and @help are ours. */
void exposition_gauge(struct buf *out, const char *name, const char *help,
		      double value);
