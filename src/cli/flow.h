/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow.h - a record of the flow log, as `bulkhead flows` filters and shows it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "cli/table.h"

struct json_object;

struct flow_filter {
	bool denied;
	uint64_t since, until; /* ns since 1970, both included */
};

/** True for an object that has a time and a verdict, or an event in place of
 *  it: a loss of records. No filter but the time's hides an event. */
bool flow_valid(struct json_object *record);
bool flow_matches(const struct flow_filter *f, struct json_object *record);

/** Append one line for people; every field but the last two is padded, so that
 *  lines align although none waits for the others. */
void flow_format(struct json_object *record, bool colour, struct buf *out);

/** Print the line above them. */
void flow_heading(bool colour);
