/* SPDX-License-Identifier: GPL-2.0-or-later */
/* text.c - complaints. */
#include "cli/text.h"

#include <stdio.h>

void text_complain(const char *fmt, ...)
{
	_cleanup_(buf_fini) struct buf raw = BUF_INIT(BUF_UNBOUNDED);
	_cleanup_(buf_fini) struct buf safe = BUF_INIT(BUF_UNBOUNDED);
	va_list args;

	va_start(args, fmt);
	buf_addv(&raw, fmt, args);
	va_end(args);
	text_safe(&safe, buf_slice(&raw));
	fprintf(stderr, "bulkhead: %s\n", buf_str(&safe));
}
