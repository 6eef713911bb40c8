/* SPDX-License-Identifier: GPL-2.0-or-later */
/* addr.c - IP addresses, prefixes and MAC addresses. */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/macro.h"

bool addr_eq(const struct addr *a, const struct addr *b)
{
	return addr_compare(a, b) == 0;
}

bool addr_is_unspecified(const struct addr *a)
{
	static const uint8_t zero[sizeof(a->bytes)];

	return !memcmp(a->bytes, zero, sizeof(zero));
}

int addr_compare(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

struct addr addr_from_bytes(uint8_t family, const void *bytes)
{
	struct addr a = { .family = family };

	memcpy(a.bytes, bytes, addr_size(family));
	return a;
}

int addr_parse(struct slice text, struct addr *ret)
{
	char copy[ADDR_STRLEN];
	struct addr a = { 0 };

	if (!text.len || text.len >= sizeof(copy) ||
	    memchr(text.ptr, '\0', text.len))
		return -EINVAL;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	a.family = strchr(copy, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(a.family, copy, a.bytes) != 1)
		return -EINVAL;
	*ret = a;
	return 0;
}

/* inet_ntop(3) goes through printf(3), and each line has several. */
static void format_v4(const uint8_t bytes[static 4], char *to)
{
	for (int i = 0; i < 4; i++) {
		uint8_t n = bytes[i];

		if (i)
			*to++ = '.';
		if (n >= 100)
			*to++ = (char)('0' + n / 100);
		if (n >= 10)
			*to++ = (char)('0' + n / 10 % 10);
		*to++ = (char)('0' + n % 10);
	}
	*to = '\0';
}

const char *addr_format(const struct addr *a, char text[static ADDR_STRLEN])
{
	if (a->family == AF_INET)
		format_v4(a->bytes, text);
	else if (!a->family ||
		 !inet_ntop(a->family, a->bytes, text, ADDR_STRLEN))
		text[0] = '\0';
	return text;
}

/* Clear the bits of @a behind @len; true if any was set. */
static bool mask_host_bits(struct addr *a, unsigned len)
{
	bool any = false;

	for (unsigned i = 0; i < addr_size(a->family); i++) {
		unsigned keep = len > 8 * i ? MIN(len - 8 * i, 8U) : 0;
		uint8_t mask = (uint8_t)(0xff00 >> keep);

		any |= a->bytes[i] & (uint8_t)~mask;
		a->bytes[i] &= mask;
	}
	return any;
}

static int parse_length(struct slice text, unsigned max, uint8_t *ret)
{
	unsigned n = 0;

	if (!text.len || text.len > 3 || (text.len > 1 && text.ptr[0] == '0'))
		return -EINVAL;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return -EINVAL;
		n = 10 * n + (unsigned)(text.ptr[i] - '0');
	}
	if (n > max)
		return -EINVAL;
	*ret = (uint8_t)n;
	return 0;
}

int prefix_parse(struct slice text, struct prefix *ret)
{
	const char *slash = text.len ? memchr(text.ptr, '/', text.len) : NULL;
	struct prefix p = { 0 };
	bool host_bits;
	int r;

	if (!slash)
		return -EINVAL;
	r = addr_parse((struct slice){ text.ptr, (size_t)(slash - text.ptr) },
		       &p.addr);
	if (r < 0)
		return r;
	r = parse_length(
		(struct slice){ slash + 1,
				text.len - (size_t)(slash + 1 - text.ptr) },
		8 * addr_size(p.addr.family), &p.len);
	if (r < 0)
		return r;
	host_bits = mask_host_bits(&p.addr, p.len);
	*ret = p;
	return host_bits ? -EDOM : 0;
}

bool prefix_contains(const struct prefix *p, const struct addr *a)
{
	struct addr masked = *a;

	if (a->family != p->addr.family)
		return false;
	mask_host_bits(&masked, p->len);
	return addr_eq(&masked, &p->addr);
}

bool prefix_covers(const struct prefix *outer, const struct prefix *inner)
{
	return outer->len <= inner->len && prefix_contains(outer, &inner->addr);
}

int prefix_compare(const struct prefix *a, const struct prefix *b)
{
	int c = addr_compare(&a->addr, &b->addr);

	return c ? c : (int)a->len - (int)b->len;
}

void prefix_range(const struct prefix *p, struct addr *ret_first,
		  struct addr *ret_last)
{
	struct addr last = p->addr;

	for (unsigned i = 0; i < addr_size(last.family); i++) {
		unsigned keep = p->len > 8 * i ? MIN(p->len - 8 * i, 8U) : 0;

		last.bytes[i] |= (uint8_t) ~(0xff00 >> keep);
	}
	*ret_first = p->addr;
	*ret_last = last;
}

const char *prefix_format(const struct prefix *p,
			  char text[static PREFIX_STRLEN])
{
	char a[ADDR_STRLEN];

	snprintf(text, PREFIX_STRLEN, "%s/%u", addr_format(&p->addr, a),
		 p->len);
	return text;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int mac_parse(struct slice text, struct mac *ret)
{
	struct mac m;

	if (text.len != MAC_STRLEN - 1)
		return -EINVAL;
	for (int i = 0; i < 6; i++) {
		int high = hex_digit(text.ptr[3 * i]);
		int low = hex_digit(text.ptr[3 * i + 1]);

		if (high < 0 || low < 0 ||
		    (i < 5 && text.ptr[3 * i + 2] != ':'))
			return -EINVAL;
		m.bytes[i] = (uint8_t)(16 * high + low);
	}
	*ret = m;
	return 0;
}

const char *mac_format(const struct mac *m, char text[static MAC_STRLEN])
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < 6; i++) {
		text[3 * i] = digits[m->bytes[i] >> 4];
		text[3 * i + 1] = digits[m->bytes[i] & 15];
		text[3 * i + 2] = i < 5 ? ':' : '\0';
	}
	return text;
}

bool mac_is_set(const struct mac *m)
{
	static const struct mac none;

	return memcmp(m, &none, sizeof(none)) != 0;
}
