/* SPDX-License-Identifier: GPL-2.0-or-later */
/* text.h - untrusted text made fit to print.
 *
 * Names and labels come from whoever makes a container. Nothing in them may
 * steer a terminal or hide what stands there: control characters, invisible
 * and direction-changing ones and bytes that are no UTF-8 are shown as escapes.
 */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

/** Append @s with escapes like \x1b and \u{202e}. */
void text_safe(struct buf *out, struct slice s);

enum text_quoting { TEXT_JSON, TEXT_YAML };

/** Append @s as a double-quoted string of that language; lossless but for
 *  bytes that are no UTF-8, which become U+FFFD. */
void text_quote(struct buf *out, struct slice s, enum text_quoting quoting);

/** Columns of a text that text_safe() made. Needs a UTF-8 locale. */
size_t text_width(struct slice s);
