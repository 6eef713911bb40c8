/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base64.h - RFC 4648, with padding, as records have packet heads. */
#pragma once

#include "base/buf.h"

/** Append what @text stands for. Returns 0; -EBADMSG when it is no canonical
 *  base64, and then nothing was appended; or -ENOBUFS. */
int base64_decode(const char *text, struct buf *out);

/** Append @bytes in base64. */
void base64_encode(struct slice bytes, struct buf *out);
