/* SPDX-License-Identifier: GPL-2.0-or-later */
/* write.h - JSON (RFC 8259) that is written as it is told, without a tree.
 *
 * Members stand in the order of the calls; the caller sees to it that brackets
 * match and that an object has no name twice. Names are literals in which
 * nothing is to be escaped; NULL for an array's items and for the outermost
 * value. An append that the buffer refuses is remembered by it: buf_error().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct json_writer {
	struct buf *out;
	bool more; /* a member stands before the next one */
};

/** @bracket is '{' or '['. */
void json_open(struct json_writer *w, const char *name, char bracket);
/** @bracket is '}' or ']'. */
void json_close(struct json_writer *w, char bracket);

/** The name of the next member, when it comes from outside; the value follows
 *  with a NULL for its name. */
void json_put_name(struct json_writer *w, const char *name);

/**
 * A string, at most @max bytes of @text (cut between characters), with U+FFFD
 * for each byte that is no UTF-8.
 */
void json_put_text(struct json_writer *w, const char *name, const char *text,
		   size_t max);
/** Likewise, for printable ASCII of our own without '"' and '\'. */
void json_put_plain(struct json_writer *w, const char *name, struct slice text);
void json_put_number(struct json_writer *w, const char *name, uint64_t n);
void json_put_flag(struct json_writer *w, const char *name, bool flag);

/** True if @text is UTF-8. */
bool json_is_text(const char *text);
