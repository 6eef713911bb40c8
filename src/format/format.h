/* SPDX-License-Identifier: GPL-2.0-or-later */
/* format.h - what the flow log says, in the words of others.
 *
 * A native object (bulkhead-flows(5)) is given, a record of a flow or of an
 * event; it is not changed. Nothing here reads a clock, a file or the host:
 * the same object always gives the same answer. The object is of untrusted
 * origin: what is missing or of another type than ours is left out.
 */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

struct json_object;

enum format_kind {
	FORMAT_KIND_NATIVE,
	FORMAT_KIND_ECS,
	FORMAT_KIND_OCSF,
	FORMAT_KIND_CSV,
};

/** Of "native", "ecs", "ocsf" or "csv". Returns 0, or -EINVAL for another name. */
int format_kind_parse(struct slice name, enum format_kind *ret);

/** The line that stands before all others, with its newline; "" for a kind
 *  that has none. */
const char *format_heading(enum format_kind kind);

/** The Elastic Common Schema, version 9.4.0; owned by the caller. */
struct json_object *format_ecs(struct json_object *native);

/** The Open Cybersecurity Schema Framework, version 1.2.0; owned by the
 *  caller. A flow is Network Activity (4001). */
struct json_object *format_ocsf(struct json_object *native);

/** Append one row and a newline. RFC 4180 with a bare newline; a text that a
 *  spreadsheet would run as a formula gets an apostrophe in front, and
 *  characters that steer a terminal are shown as escapes. */
void format_csv(struct json_object *native, struct buf *out);

/** Append one cell of text, as format_csv() does. */
void format_csv_text(struct slice raw, struct buf *out);

/** Append @native as one line of @kind, with its newline. Returns 0, or
 *  -ENOBUFS (@out's bound). */
int format_object(enum format_kind kind, struct json_object *native,
		  struct buf *out);

/**
 * The same for a line of JSON text, with or without its newline.
 *
 * Returns 0; -EBADMSG for what is no JSON object, or holds neither a verdict
 * nor an event; or -ENOBUFS. Safe to call from any thread.
 */
int format_line(enum format_kind kind, struct slice line, struct buf *out);
