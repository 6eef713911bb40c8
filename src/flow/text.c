/* SPDX-License-Identifier: GPL-2.0-or-later */
/* text.c - text from outside, made fit for JSON. */
#include "flow/text.h"

#include <stdbool.h>

static bool is_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* Length of the well-formed UTF-8 character at @s (Unicode, table 3-7: no
 * overlong form, no surrogate, nothing past U+10FFFF); 0: there is none.
 * The string's NUL ends every look ahead. */
static size_t character(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4 || !is_tail(s[1]))
		return 0;
	if (s[0] < 0xe0)
		return 2;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	if (!is_tail(s[2]))
		return 0;
	if (s[0] < 0xf0)
		return 3;
	return is_tail(s[3]) ? 4 : 0;
}

/* Bytes of well-formed text at @s, at most @max. */
static size_t well_formed(const char *s, size_t max)
{
	size_t len = 0, n;

	while (s[len] && (n = character(s + len)) && n <= max - len)
		len += n;
	return len;
}

void flow_text_add(struct buf *b, const char *s, size_t max)
{
	size_t n;

	while (*s && max) {
		n = well_formed(s, max);
		buf_add(b, s, n);
		if (!n && character(s))
			return; /* it fits no more */
		if (!n) {
			buf_adds(b, "\xef\xbf\xbd");
			n = 1;
		}
		s += n;
		max -= n;
	}
}
