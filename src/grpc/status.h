/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status.h - what the trailers of a call say; inside this stage only. */
#pragma once

#include "base/slice.h"

/** The code in the trailers; -1 when they have none. */
int status_code(struct slice head);

/** Its name, as in the specification; "code N" is beyond it. */
const char *status_name(int code);

/** 0 or the negative errno for @code. */
int status_error(int code);

/** The server's own words, decoded, printable and bounded; the caller frees
 *  them. "" when it gave none. */
char *status_words(struct slice head);
