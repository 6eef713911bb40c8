/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow.h - a record of the flow log, for people. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

struct json_object;

/** Append one line for people; every field but the last two is padded, so that
 *  lines align although none waits for the others. @wide has more of them. */
void flow_format(struct json_object *record, bool wide, bool colour,
		 struct buf *out);

/** Append "shop/web 172.18.0.2:5432": name and address, as far as known. */
void flow_format_party(struct json_object *party, struct buf *out);

/** Print the line above them. */
void flow_heading(bool wide, bool colour);
