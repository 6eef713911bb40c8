/* SPDX-License-Identifier: GPL-2.0-or-later */
/* write.c - JSON that is written as it is told, without a tree. */
#include "json/write.h"

#include <string.h>

/* ---- characters -------------------------------------------------------- */

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

bool json_is_text(const char *text)
{
	size_t n;

	for (; *text; text += n) {
		n = character(text);
		if (!n)
			return false;
	}
	return true;
}

/* ASCII that stands for itself. */
static bool is_plain(char c)
{
	return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

static void add_escaped(struct buf *out, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";
	static const char letters[] = {
		['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r',
		['\t'] = 't', ['"'] = '"',  ['\\'] = '\\'
	};
	char text[6] = { '\\',		'u', '0', '0', digits[c >> 4 & 15],
			 digits[c & 15] };

	if (c < sizeof(letters) && letters[c])
		text[1] = letters[c];
	buf_add(out, text, text[1] == 'u' ? 6 : 2);
}

/* What the next of @text is made of: a run that stands for itself, or one
 * character. Returns its bytes, and appends it if it fits within @max. */
static size_t add_some(struct buf *out, const char *text, size_t max)
{
	size_t n = 0;

	while (n < max && is_plain(text[n]))
		n++;
	if (n) {
		buf_add(out, text, n);
		return n;
	}
	n = character(text);
	if (!n)
		buf_adds(out, "\xef\xbf\xbd");
	else if (n == 1 && (unsigned char)*text < 0x7f)
		add_escaped(out, (unsigned char)*text);
	else if (n <= max)
		buf_add(out, text, n);
	return n ? n : 1;
}

static void add_text(struct buf *out, const char *text, size_t max)
{
	size_t n;

	buf_add(out, "\"", 1);
	for (; *text && max; text += n, max -= MIN(n, max))
		n = add_some(out, text, max);
	buf_add(out, "\"", 1);
}

/* ---- members ----------------------------------------------------------- */

static void add_comma(struct json_writer *w)
{
	if (w->more)
		buf_add(w->out, ",", 1);
	w->more = true;
}

static void begin(struct json_writer *w, const char *name)
{
	add_comma(w);
	if (!name)
		return;
	buf_add(w->out, "\"", 1);
	buf_adds(w->out, name);
	buf_add(w->out, "\":", 2);
}

void json_open(struct json_writer *w, const char *name, char bracket)
{
	begin(w, name);
	buf_add(w->out, &bracket, 1);
	w->more = false;
}

void json_close(struct json_writer *w, char bracket)
{
	buf_add(w->out, &bracket, 1);
	w->more = true;
}

void json_put_name(struct json_writer *w, const char *name)
{
	add_comma(w);
	add_text(w->out, name, SIZE_MAX);
	buf_add(w->out, ":", 1);
	w->more = false;
}

void json_put_text(struct json_writer *w, const char *name, const char *text,
		   size_t max)
{
	begin(w, name);
	add_text(w->out, text, max);
}

void json_put_plain(struct json_writer *w, const char *name, struct slice text)
{
	begin(w, name);
	buf_add(w->out, "\"", 1);
	buf_add(w->out, text.ptr, text.len);
	buf_add(w->out, "\"", 1);
}

void json_put_number(struct json_writer *w, const char *name, uint64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);

	begin(w, name);
	do
		digits[--at] = (char)('0' + n % 10);
	while (n /= 10);
	buf_add(w->out, digits + at, sizeof(digits) - at);
}

void json_put_flag(struct json_writer *w, const char *name, bool flag)
{
	begin(w, name);
	buf_adds(w->out, flag ? "true" : "false");
}
