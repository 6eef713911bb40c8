/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base64.c - RFC 4648, with padding, as records have packet heads. */
#include "base/base64.h"

#include <errno.h>

static const char digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Three bytes of four digits; 64 is padding. Returns the number of bytes, or 0
 * when bits are set that stand for none. */
static size_t join(const unsigned char d[static 4], bool last,
		   unsigned char ret[static 3])
{
	uint32_t bits = (uint32_t)d[0] << 18 | (uint32_t)d[1] << 12 |
			(d[2] == 64 ? 0 : (uint32_t)d[2] << 6) |
			(d[3] == 64 ? 0 : d[3]);
	size_t n = d[2] == 64 ? 1 : d[3] == 64 ? 2 : 3;

	if (d[0] == 64 || d[1] == 64 || (d[2] == 64 && d[3] != 64) ||
	    (n < 3 && !last) || (n < 3 && (bits & ((1U << (8 * (3 - n))) - 1))))
		return 0;
	ret[0] = (unsigned char)(bits >> 16);
	ret[1] = (unsigned char)(bits >> 8);
	ret[2] = (unsigned char)bits;
	return n;
}

static bool value_of(char c, unsigned char *ret)
{
	const char *digit = c == '=' ? digits + 64 : strchr(digits, c);

	if (!c || !digit)
		return false;
	*ret = (unsigned char)(digit - digits);
	return true;
}

int base64_decode(const char *text, struct buf *out)
{
	_cleanup_(buf_fini) struct buf bytes = BUF_INIT(out->max);
	size_t len = strlen(text), n;

	if (len % 4)
		return -EBADMSG;
	for (size_t i = 0; i < len; i += 4) {
		unsigned char d[4], joined[3];

		for (size_t k = 0; k < 4; k++)
			if (!value_of(text[i + k], &d[k]))
				return -EBADMSG;
		n = join(d, i + 4 == len, joined);
		if (!n)
			return -EBADMSG;
		buf_add(&bytes, joined, n);
	}
	return buf_error(&bytes) ?: buf_add(out, buf_str(&bytes), bytes.len);
}

void base64_encode(struct slice bytes, struct buf *out)
{
	for (size_t i = 0; i < bytes.len; i += 3) {
		uint32_t bits = 0;
		char four[4];

		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 |
			       (i + k < bytes.len
					? (unsigned char)bytes.ptr[i + k]
					: 0);
		for (size_t k = 0; k < 4; k++)
			four[k] = i + k > bytes.len
					  ? '='
					  : digits[bits >> (18 - 6 * k) & 63];
		buf_add(out, four, 4);
	}
}
