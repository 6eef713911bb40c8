/* SPDX-License-Identifier: GPL-2.0-or-later */
/* answer.c - addresses in a name server's answer.
 *
 * The work that a message can cause is bounded by its length: a pointer of a
 * compressed name leads only to before the run of labels that it ends, and
 * there are no more of them than a name has labels; the records are walked at
 * most PASSES_MAX times.
 */
#include "dns/answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/macro.h"

#define HEADER_LEN 12
/* Bytes of a name (RFC 1035, 2.3.4), its labels' lengths included. */
#define NAME_MAX_ 255
/* No name has more labels, so none needs more pointers. */
#define POINTERS_MAX 127
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
};

struct record {
	char owner[DNS_NAME_STRLEN];
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

/* DNS_NAME_STRLEN has room for it, for the name's length is bounded. */
static char *put_byte(char *to, uint8_t byte)
{
	if (byte == '.' || byte == '\\')
		*to++ = '\\';
	if (byte > ' ' && byte < 0x7f) {
		*to = (char)(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
		return to + 1;
	}
	return to + snprintf(to, 5, "\\%03u", byte);
}

static char *put_label(char *to, const char *begin, const uint8_t *label,
		       size_t n)
{
	if (to != begin)
		*to++ = '.';
	for (size_t i = 0; i < n; i++)
		to = put_byte(to, label[i]);
	return to;
}

/* Follow the pointer at @r, whose run of labels began at @run. */
static bool follow(struct reader *r, size_t *run)
{
	uint16_t target;

	if (!get_u16(r, &target))
		return false;
	target &= 0x3fff;
	if (target >= *run)
		return false;
	*run = r->at = target;
	return true;
}

static bool get_name(struct reader *r, char ret[static DNS_NAME_STRLEN])
{
	struct reader in = *r;
	size_t run = in.at, behind = 0, n = 1;
	unsigned pointers = 0;
	char *to = ret;

	while (in.at < in.len && in.bytes[in.at]) {
		uint8_t len = in.bytes[in.at];

		if ((len & 0xc0) == 0xc0) {
			if (!behind)
				behind = in.at + 2;
			if (++pointers > POINTERS_MAX || !follow(&in, &run))
				return false;
			continue;
		}
		n += len + 1U;
		if (len & 0xc0 || n > NAME_MAX_ || !skip(&in, len + 1U))
			return false;
		to = put_label(to, ret, &in.bytes[in.at - len], len);
	}
	if (in.at == in.len)
		return false;
	*to = '\0';
	r->at = behind ? behind : in.at + 1;
	return true;
}

/* ---- records ----------------------------------------------------------- */

static bool get_record(struct reader *r, struct record *ret)
{
	uint16_t data_len;

	if (!get_name(r, ret->owner) || !get_u16(r, &ret->type) ||
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
	char asked[DNS_NAME_STRLEN];
	char name[DNS_NAME_STRLEN]; /* to which CNAME records have led */
	bool led;		    /* by this pass */
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
	char target[DNS_NAME_STRLEN];

	if (record->class != CLASS_IN || strcmp(record->owner, a->name) != 0)
		return;
	data.at = record->data;
	if (record->type == TYPE_A && record->data_len == 4) {
		tell(a, AF_INET, record);
	} else if (record->type == TYPE_AAAA && record->data_len == 16) {
		tell(a, AF_INET6, record);
	} else if (record->type == TYPE_CNAME && get_name(&data, target)) {
		memcpy(a->name, target, sizeof(a->name));
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
	struct reader r = { (const uint8_t *)message.ptr, message.len, 0 };
	uint16_t flags, questions, type, class;

	if (message.len < HEADER_LEN || !skip(&r, 2) || !get_u16(&r, &flags) ||
	    !get_u16(&r, &questions) || !get_u16(&r, &a->n))
		return false;
	r.at = HEADER_LEN;
	if (!(flags & FLAG_RESPONSE) || flags & MASK_OPCODE || questions != 1 ||
	    !get_name(&r, a->asked) || !get_u16(&r, &type) ||
	    !get_u16(&r, &class))
		return false;
	/* Where it failed, no record answers the question. */
	if (flags & MASK_RCODE || class != CLASS_IN)
		a->n = 0;
	a->records = r;
	return true;
}

int dns_answer_read(struct slice message, dns_address_fn fn, void *arg)
{
	struct answer a;

	a.fn = fn;
	a.arg = arg;
	a.told = false;
	if (!begin(&a, message))
		return -EBADMSG;
	memcpy(a.name, a.asked, sizeof(a.name));
	for (int pass = 0; pass < PASSES_MAX && !a.told; pass++) {
		walk(&a);
		if (!a.led)
			break;
	}
	return 0;
}
