/* SPDX-License-Identifier: GPL-2.0-or-later */
/* text.h - text from outside, made fit for JSON. */
#pragma once

#include "base/buf.h"

/**
 * Append @s, at most @max bytes of it (cut between characters), with U+FFFD
 * for each byte that is no UTF-8.
 */
void flow_text_add(struct buf *b, const char *s, size_t max);
