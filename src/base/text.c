/* SPDX-License-Identifier: GPL-2.0-or-later */
/* text.c - untrusted text made fit to print. */
#include "base/text.h"

#include <stdint.h>
#include <wchar.h>

/* Bytes of the code point at the start of @s, or 0 when it is no UTF-8. */
static size_t decode(struct slice s, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)s.ptr;
	size_t n = p[0] < 0x80		   ? 1
		   : (p[0] & 0xe0) == 0xc0 ? 2
		   : (p[0] & 0xf0) == 0xe0 ? 3
		   : (p[0] & 0xf8) == 0xf0 ? 4
					   : 0;
	uint32_t c;

	if (!n || n > s.len)
		return 0;
	c = n == 1 ? p[0] : p[0] & (0x7fU >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return n;
}

/* Controls, what is not seen, and what turns the direction of writing. */
static bool is_unsafe(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x00, 0x1f },	       { 0x7f, 0x9f },	   { 0xad, 0xad },
		{ 0x34f, 0x34f },      { 0x61c, 0x61c },   { 0x115f, 0x1160 },
		{ 0x17b4, 0x17b5 },    { 0x180b, 0x180f }, { 0x200b, 0x200f },
		{ 0x2028, 0x202e },    { 0x2060, 0x206f }, { 0x3164, 0x3164 },
		{ 0xd800, 0xf8ff },    { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff },
		{ 0xffa0, 0xffa0 },    { 0xfff0, 0xfffb }, { 0xfffe, 0xffff },
		{ 0xe0000, 0x10ffff },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

void text_safe(struct buf *out, struct slice s)
{
	while (s.len) {
		uint32_t c;
		size_t n = decode(s, &c);

		if (!n) {
			buf_addf(out, "\\x%02x", (unsigned char)s.ptr[0]);
			n = 1;
		} else if (is_unsafe(c)) {
			buf_addf(out, c < 0x80 ? "\\x%02x" : "\\u{%x}", c);
		} else {
			buf_add(out, s.ptr, n);
		}
		s.ptr += n;
		s.len -= n;
	}
}

static void add_escape(struct buf *out, uint32_t c, enum text_quoting quoting)
{
	if (c < 0x10000)
		buf_addf(out, "\\u%04x", c);
	else if (quoting == TEXT_YAML)
		buf_addf(out, "\\U%08x", c);
	else
		buf_addf(out, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10),
			 0xdc00 + (c & 0x3ff));
}

void text_quote(struct buf *out, struct slice s, enum text_quoting quoting)
{
	buf_adds(out, "\"");
	while (s.len) {
		uint32_t c;
		size_t n = decode(s, &c);

		if (!n)
			add_escape(out, 0xfffd, quoting);
		else if (c == '"' || c == '\\')
			buf_addf(out, "\\%c", (int)c);
		else if (c == '\n')
			buf_adds(out, "\\n");
		else if (c == '\t')
			buf_adds(out, "\\t");
		else if (is_unsafe(c))
			add_escape(out, c, quoting);
		else
			buf_add(out, s.ptr, n);
		n = n ?: 1;
		s.ptr += n;
		s.len -= n;
	}
	buf_adds(out, "\"");
}

size_t text_width(struct slice s)
{
	size_t width = 0;

	while (s.len) {
		uint32_t c;
		size_t n = decode(s, &c);
		int columns = n ? wcwidth((wchar_t)c) : 1;

		width += columns < 0 ? 1 : (size_t)columns;
		n = n ?: 1;
		s.ptr += n;
		s.len -= n;
	}
	return width;
}
