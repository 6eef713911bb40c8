/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pcapng.c - packets as Wireshark reads them, each with a comment.
 *
 * draft-ietf-opsawg-pcapng: blocks of a type, a length, a body that ends on 32
 * bits, and the length again; in the byte order of who writes, which the
 * section header tells.
 */
#include "cli/pcapng.h"

#include "base/macro.h"

enum {
	SECTION = 0x0a0d0d0a,
	INTERFACE = 1,
	PACKET = 6,
};
enum {
	OPTION_END = 0,
	OPTION_COMMENT = 1,
	OPTION_USER = 4,
	OPTION_TSRESOL = 9
};
enum { LINKTYPE_ETHERNET = 1, LINKTYPE_RAW = 101 };

#define BYTE_ORDER_MAGIC 0x1a2b3c4dU
#define OPTION_MAX	 65535U
#define NANOSECONDS	 9

static void add16(struct buf *out, uint16_t n)
{
	buf_add(out, &n, sizeof(n));
}

static void add32(struct buf *out, uint32_t n)
{
	buf_add(out, &n, sizeof(n));
}

static void add_padded(struct buf *out, struct slice bytes)
{
	static const char zeros[3];

	buf_add(out, bytes.ptr, bytes.len);
	buf_add(out, zeros, -bytes.len & 3);
}

static void add_option(struct buf *out, uint16_t code, struct slice value)
{
	value.len = MIN(value.len, OPTION_MAX);
	add16(out, code);
	add16(out, (uint16_t)value.len);
	add_padded(out, value);
}

static void add_block(struct buf *out, uint32_t type, const struct buf *body)
{
	uint32_t len = (uint32_t)body->len + 12;

	add32(out, type);
	add32(out, len);
	buf_add(out, buf_str(body), body->len);
	add32(out, len);
}

static void add_interface(struct buf *out, uint16_t link)
{
	_cleanup_(buf_fini) struct buf body = BUF_INIT(BUF_UNBOUNDED);
	char resolution = NANOSECONDS;

	add16(&body, link);
	add16(&body, 0);
	add32(&body, 0); /* no bound of what is captured */
	add_option(&body, OPTION_TSRESOL, (struct slice){ &resolution, 1 });
	add_option(&body, OPTION_END, SLICE(""));
	add_block(out, INTERFACE, &body);
}

void pcapng_begin(struct buf *out)
{
	_cleanup_(buf_fini) struct buf body = BUF_INIT(BUF_UNBOUNDED);

	add32(&body, BYTE_ORDER_MAGIC);
	add16(&body, 1); /* version 1.0 */
	add16(&body, 0);
	add32(&body, UINT32_MAX); /* the section's length is not known */
	add32(&body, UINT32_MAX);
	add_option(&body, OPTION_USER, SLICE("bulkhead flows export"));
	add_option(&body, OPTION_END, SLICE(""));
	add_block(out, SECTION, &body);
	add_interface(out, LINKTYPE_RAW);
	add_interface(out, LINKTYPE_ETHERNET);
}

void pcapng_packet(struct buf *out, enum pcapng_link link, uint64_t time,
		   struct slice head, uint64_t original, struct slice comment)
{
	_cleanup_(buf_fini) struct buf body = BUF_INIT(BUF_UNBOUNDED);

	original = MAX(original, (uint64_t)head.len);
	add32(&body, link == PCAPNG_ETHERNET);
	add32(&body, (uint32_t)(time >> 32));
	add32(&body, (uint32_t)time);
	add32(&body, (uint32_t)head.len);
	add32(&body, (uint32_t)MIN(original, (uint64_t)UINT32_MAX));
	add_padded(&body, head);
	if (comment.len) {
		add_option(&body, OPTION_COMMENT, comment);
		add_option(&body, OPTION_END, SLICE(""));
	}
	add_block(out, PACKET, &body);
}
