/* SPDX-License-Identifier: GPL-2.0-or-later */
/* answer.c - addresses in a name server's answer.
 *
 * The work that a message can cause is bounded, whatever it holds: a pointer of
 * a compressed name leads only to before the run of labels that it ends, and
 * what names are followed, all together, are WORK_MAX bytes.
 *
 * Names are compared as they stand in messages, with their pointers followed
 * and their case folded; only the one that was asked becomes text.
 */
#include "dns/answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/macro.h"

#define HEADER_LEN 12
/* Bytes of a name (RFC 1035, 2.3.4), its labels' lengths included. */
#define NAME_MAX_ 255
/* Bytes of all names of a message that are looked at, a pointer counting as
 * its own two: more than a hundred records, each of a name of 60 bytes. */
#define WORK_MAX 8192
/* A CNAME stands before what it leads to; where servers shuffle records, a
 * further pass finds it. */
#define PASSES_MAX 4

#define FLAG_RESPONSE 0x8000
#define MASK_OPCODE   0x7800
#define MASK_RCODE    0x000f

enum { TYPE_A = 1, TYPE_CNAME = 5, TYPE_AAAA = 28 };
enum { CLASS_IN = 1 };

struct reader {
	const uint8_t *bytes;
	size_t len;
	size_t at;
	size_t *work; /* left, for all readers of the message */
};

/* Labels as in a message, each with its length, and a zero at the end. */
struct name {
	size_t len;
	uint8_t bytes[NAME_MAX_];
};

struct record {
	struct name owner;
	uint16_t type, class;
	size_t data, data_len;
};

static bool get_u16(struct reader *r, uint16_t *ret)
{
	if (r->len - r->at < 2)
		return false;
	*ret = (uint16_t)(r->bytes[r->at] << 8 | r->bytes[r->at + 1]);
	r->at += 2;
	return true;
}

static bool skip(struct reader *r, size_t n)
{
	if (r->len - r->at < n)
		return false;
	r->at += n;
	return true;
}

/* ---- names ------------------------------------------------------------- */

static bool name_eq(const struct name *a, const struct name *b)
{
	return a->len == b->len && !memcmp(a->bytes, b->bytes, a->len);
}

static bool spend(struct reader *r, size_t work)
{
	if (*r->work < work)
		return false;
	*r->work -= work;
	return true;
}

static void add_label(struct name *to, const uint8_t *label, uint8_t len)
{
	to->bytes[to->len++] = len;
	for (uint8_t i = 0; i < len; i++)
		to->bytes[to->len++] =
			(uint8_t)(label[i] >= 'A' && label[i] <= 'Z'
					  ? label[i] + ('a' - 'A')
					  : label[i]);
}

/* Follow the pointer at @r, whose run of labels began at @run. */
static bool follow(struct reader *r, size_t *run)
{
	uint16_t target;

	if (!get_u16(r, &target) || !spend(r, sizeof(target)))
		return false;
	target &= 0x3fff;
	if (target >= *run)
		return false;
	*run = r->at = target;
	return true;
}

static bool get_name(struct reader *r, struct name *ret)
{
	struct reader in = *r;
	size_t run = in.at, behind = 0;

	ret->len = 0;
	while (in.at < in.len && in.bytes[in.at]) {
		uint8_t len = in.bytes[in.at];

		if ((len & 0xc0) == 0xc0) {
			if (!behind)
				behind = in.at + 2;
			if (!follow(&in, &run))
				return false;
			continue;
		}
		/* With the zero at its end. */
		if (len & 0xc0 || ret->len + len + 2 > NAME_MAX_ ||
		    !skip(&in, len + 1U) || !spend(&in, len + 1U))
			return false;
		add_label(ret, &in.bytes[in.at - len], len);
	}
	if (in.at == in.len)
		return false;
	ret->bytes[ret->len++] = 0;
	r->at = behind ? behind : in.at + 1;
	return true;
}

static char *put_byte(char *to, uint8_t byte)
{
	if (byte == '.' || byte == '\\')
		*to++ = '\\';
	if (byte > ' ' && byte < 0x7f) {
		*to = (char)byte;
		return to + 1;
	}
	return to + snprintf(to, 5, "\\%03u", byte);
}

/* There is room, for the name's length is bounded. */
static void put_name(const struct name *name, char text[static DNS_NAME_STRLEN])
{
	const uint8_t *at = name->bytes;
	char *to = text;

	while (*at) {
		if (to != text)
			*to++ = '.';
		for (uint8_t n = *at++; n; n--)
			to = put_byte(to, *at++);
	}
	*to = '\0';
}

/* ---- records ----------------------------------------------------------- */

static bool get_record(struct reader *r, struct record *ret)
{
	uint16_t data_len;

	if (!get_name(r, &ret->owner) || !get_u16(r, &ret->type) ||
	    !get_u16(r, &ret->class) || !skip(r, 4) || !get_u16(r, &data_len))
		return false;
	ret->data = r->at;
	ret->data_len = data_len;
	return skip(r, data_len);
}

/* An answer under way: where the records begin, and what they are asked for. */
struct answer {
	struct reader records;
	uint16_t n;
	size_t work;
	char asked[DNS_NAME_STRLEN];
	struct name name; /* to which CNAME records have led */
	bool led;	  /* by this pass */
	bool told;
	dns_address_fn fn;
	void *arg;
};

static void tell(struct answer *a, uint8_t family, const struct record *record)
{
	struct addr addr =
		addr_from_bytes(family, &a->records.bytes[record->data]);

	a->told = true;
	a->fn(a->arg, a->asked, &addr);
}

static void take_record(struct answer *a, const struct record *record)
{
	struct reader data = a->records;
	struct name target;

	if (record->class != CLASS_IN || !name_eq(&record->owner, &a->name))
		return;
	data.at = record->data;
	if (record->type == TYPE_A && record->data_len == 4) {
		tell(a, AF_INET, record);
	} else if (record->type == TYPE_AAAA && record->data_len == 16) {
		tell(a, AF_INET6, record);
	} else if (record->type == TYPE_CNAME && get_name(&data, &target)) {
		a->name = target;
		a->led = true;
	}
}

static void walk(struct answer *a)
{
	struct reader r = a->records;
	struct record record;

	a->led = false;
	for (unsigned i = 0; i < a->n && get_record(&r, &record); i++)
		take_record(a, &record);
}

/* True when it is an answer to one question. */
static bool begin(struct answer *a, struct slice message)
{
	struct reader r = { .bytes = (const uint8_t *)message.ptr,
			    .len = message.len,
			    .work = &a->work };
	uint16_t flags, questions, type, class;

	if (message.len < HEADER_LEN || !skip(&r, 2) || !get_u16(&r, &flags) ||
	    !get_u16(&r, &questions) || !get_u16(&r, &a->n))
		return false;
	r.at = HEADER_LEN;
	if (!(flags & FLAG_RESPONSE) || flags & MASK_OPCODE || questions != 1 ||
	    !get_name(&r, &a->name) || !get_u16(&r, &type) ||
	    !get_u16(&r, &class))
		return false;
	/* Where it failed, no record answers the question. */
	if (flags & MASK_RCODE || class != CLASS_IN)
		a->n = 0;
	put_name(&a->name, a->asked);
	a->records = r;
	return true;
}

int dns_answer_read(struct slice message, dns_address_fn fn, void *arg)
{
	struct answer a;

	a.fn = fn;
	a.arg = arg;
	a.told = false;
	a.work = WORK_MAX;
	if (!begin(&a, message))
		return -EBADMSG;
	for (int pass = 0; pass < PASSES_MAX && !a.told; pass++) {
		walk(&a);
		if (!a.led)
			break;
	}
	return 0;
}
