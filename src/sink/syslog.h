/* SPDX-License-Identifier: GPL-2.0-or-later */
/* syslog.h - a record as a message of RFC 5424. */
#pragma once

#include "base/buf.h"

struct json_object;

/**
 * Append the header and @text.
 *
 * @text is the message without a newline.
 */
void syslog_message(struct json_object *record, unsigned facility,
		    struct slice text, struct buf *out);
