/* SPDX-License-Identifier: GPL-2.0-or-later */
/* answer.c - messages of name servers, written out by hand as RFC 1035 has
 * them, and what they tell. */
#include "dns/answer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"

/* Text of what @message tells: "NAME ADDRESS" for each, with commas between. */
struct told {
	int result;
	struct buf text;
};

static void add(void *arg, const char *name, const struct addr *a)
{
	struct told *told = arg;
	char ip[ADDR_STRLEN];

	buf_addf(&told->text, "%s%s %s", told->text.len ? ", " : "", name,
		 addr_format(a, ip));
}

/* In memory of exactly that size: one byte more is a fault. */
static int read_bytes(const void *bytes, size_t n, struct told *ret)
{
	_cleanup_(freep) char *copy = xmemdup(bytes, n);

	*ret = (struct told){ .text = BUF_INIT(BUF_UNBOUNDED) };
	ret->result = dns_answer_read((struct slice){ copy, n }, add, ret);
	return ret->result;
}

static void assert_bytes(const void *bytes, size_t n, const char *text)
{
	struct told told;

	assert_int_equal(read_bytes(bytes, n, &told), 0);
	assert_string_equal(buf_str(&told.text), text);
	buf_fini(&told.text);
}

static void assert_no_answer(const void *bytes, size_t n)
{
	struct told told;

	assert_int_equal(read_bytes(bytes, n, &told), -EBADMSG);
	assert_int_equal(told.text.len, 0);
	buf_fini(&told.text);
}

#define assert_told(message, text) \
	assert_bytes(message, sizeof(message) - 1, text)
#define assert_refused(message) assert_no_answer(message, sizeof(message) - 1)

/* A message's parts. Flags: a response, recursion desired and available. */
#define HEADER_OF(flags, questions, answers) \
	"\x12\x34" flags questions answers "\0\0\0\0"
#define HEADER(answers) HEADER_OF("\x81\x80", "\0\1", answers)
#define IN		"\0\1"
#define A		"\0\1"
#define CNAME		"\0\5"
#define AAAA		"\0\x1c"
#define TTL		"\0\0\1\x2c"
#define NAME		"\3www\7example\3com\0"
/* Where the question's name is. */
#define ASKED		       "\xc0\x0c"
#define RECORD_A(owner, bytes) owner A IN TTL "\0\4" bytes

static const char one[] = HEADER("\0\1")
	NAME A IN RECORD_A(ASKED, "\xc0\0\2\1");

static void test_addresses(void **state)
{
	(void)state;
	assert_told(one, "www.example.com 192.0.2.1");
	assert_told(HEADER("\0\2") NAME A IN RECORD_A(ASKED, "\xc0\0\2\1")
			    RECORD_A(NAME, "\xc0\0\2\2"),
		    "www.example.com 192.0.2.1, www.example.com 192.0.2.2");
	/* RFC 3596. */
	assert_told(HEADER("\0\1") NAME AAAA IN ASKED AAAA IN TTL
		    "\0\x10\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\5",
		    "www.example.com 2001:db8::5");
	/* An address of the wrong length, and one of another class. */
	assert_told(HEADER("\0\3") NAME A IN ASKED A IN TTL
		    "\0\3\xc0\0\2" ASKED A "\0\3" TTL
		    "\0\4\xc0\0\2\x09" RECORD_A(ASKED, "\xc0\0\2\1"),
		    "www.example.com 192.0.2.1");
}

/* 4.1.4: F.ISI.ARPA at offset 20, FOO and a pointer to it, ARPA by another. */
static void test_compression(void **state)
{
	(void)state;
	assert_told(HEADER("\0\1") "\1F\3ISI\4ARPA\0" A IN "\xc0\x0c" A IN TTL
				   "\0\4\x0a\0\0\1",
		    "f.isi.arpa 10.0.0.1");
	/* The question FOO.F.ISI.ARPA; its owner is FOO and a pointer to the
	 * rest of the question. */
	assert_told(HEADER("\0\1") "\3FOO\1F\3ISI\4ARPA\0" A IN
				   "\3foo\xc0\x10" A IN TTL "\0\4\x0a\0\0\1",
		    "foo.f.isi.arpa 10.0.0.1");
	/* A pointer to a pointer. */
	assert_told(HEADER("\0\2") NAME A IN RECORD_A(ASKED, "\x0a\0\0\1")
			    RECORD_A("\xc0\x21", "\x0a\0\0\2"),
		    "www.example.com 10.0.0.1, www.example.com 10.0.0.2");
}

#define CHAIN_LINK1 ASKED CNAME IN TTL "\0\6\3cdn\xc0\x10"
/* "cdn.example.com", in the data of the first link. */
#define CDN "\xc0\x2d"

static void test_cname(void **state)
{
	(void)state;
	/* The name is the one that was asked for. */
	assert_told(HEADER("\0\2")
			    NAME A IN CHAIN_LINK1 RECORD_A(CDN, "\xc0\0\2\7"),
		    "www.example.com 192.0.2.7");
	assert_told(HEADER("\0\3") NAME A IN CHAIN_LINK1 CDN CNAME IN TTL
		    "\0\5\2n1" CDN RECORD_A("\2n1" CDN, "\xc0\0\2\7"),
		    "www.example.com 192.0.2.7");
	/* Shuffled: the address comes first, and is found all the same. */
	assert_told(HEADER("\0\2") NAME A IN RECORD_A("\3cdn\7example\3com\0",
						      "\xc0\0\2\7")
			    ASKED CNAME IN TTL "\0\6\3cdn\xc0\x10",
		    "www.example.com 192.0.2.7");
	/* An address of a name that was neither asked for nor led to. */
	assert_told(HEADER("\0\1")
			    NAME A IN RECORD_A("\4evil\xc0\x10", "\xc0\0\2\7"),
		    "");
	/* Round in circles. */
	assert_told(HEADER("\0\2") NAME A IN CHAIN_LINK1 CDN CNAME IN TTL
		    "\0\2" ASKED,
		    "");
}

static void test_names(void **state)
{
	(void)state;
	/* Case is folded, in the owner too. */
	assert_told(HEADER("\0\1") "\3WwW\7eXample\3COM\0" A IN RECORD_A(
			    NAME, "\xc0\0\2\1"),
		    "www.example.com 192.0.2.1");
	/* Punycode is as it was sent; other bytes are written out. */
	assert_told(HEADER("\0\1") "\x0axn--bcher-\0" A IN "\xc0\x0c" A IN TTL
				   "\0\4\xc0\0\2\1",
		    "xn--bcher- 192.0.2.1");
	assert_told(HEADER("\0\1") "\7"
				   "a.b\\c \x1b\3com\0" A IN RECORD_A(
					   ASKED, "\xc0\0\2\1"),
		    "a\\.b\\\\c\\032\\027.com 192.0.2.1");
	/* The root. */
	assert_told(HEADER("\0\1") "\0" A IN RECORD_A(ASKED, "\xc0\0\2\1"),
		    " 192.0.2.1");
}

static void test_other_messages(void **state)
{
	(void)state;
	/* A query, another opcode, no question, two of them. */
	assert_refused(HEADER_OF("\1\0", "\0\1", "\0\0") NAME A IN);
	assert_refused(HEADER_OF("\xa9\x80", "\0\1", "\0\1")
			       NAME A IN RECORD_A(ASKED, "\xc0\0\2\1"));
	assert_refused(HEADER_OF("\x81\x80", "\0\0", "\0\1")
			       RECORD_A(NAME, "\xc0\0\2\1"));
	assert_refused(
		HEADER_OF("\x81\x80", "\0\2", "\0\1")
			NAME A IN NAME A IN RECORD_A(ASKED, "\xc0\0\2\1"));
	/* NXDOMAIN and SERVFAIL tell nothing, whatever they hold. */
	assert_told(HEADER_OF("\x81\x83", "\0\1", "\0\1")
			    NAME A IN RECORD_A(ASKED, "\xc0\0\2\1"),
		    "");
	assert_told(HEADER_OF("\x81\x82", "\0\1", "\0\0") NAME A IN, "");
	/* One that is marked as cut off still tells what it has. */
	assert_told(HEADER_OF("\x83\x80", "\0\1", "\0\1")
			    NAME A IN RECORD_A(ASKED, "\xc0\0\2\1"),
		    "www.example.com 192.0.2.1");
	/* Authority and additional records are none of the answer. */
	assert_told("\x12\x34\x81\x80\0\1\0\0\0\0\0\1" NAME A IN RECORD_A(
			    ASKED, "\xc0\0\2\1"),
		    "");
}

/* ---- hostile ones ------------------------------------------------------ */

static void test_cut_off(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(one) - 1; n++) {
		struct told told;

		read_bytes(one, n, &told);
		/* With its header and question it is an answer. */
		assert_int_equal(told.result, n < 12 + 17 + 4 ? -EBADMSG : 0);
		assert_int_equal(told.text.len, 0);
		buf_fini(&told.text);
	}
	/* More answers are announced than there are: 65,535. */
	assert_told(HEADER("\xff\xff") NAME A IN RECORD_A(ASKED, "\xc0\0\2\1"),
		    "www.example.com 192.0.2.1");
	/* Data that ends behind the message. */
	assert_told(HEADER("\0\1") NAME A IN ASKED A IN TTL
		    "\xff\xff\xc0\0\2\1",
		    "");
}

static void test_pointers(void **state)
{
	(void)state;
	/* To itself, to each other, forward, behind the end, cut in two. */
	assert_refused(HEADER("\0\1") "\xc0\x0c" A IN);
	assert_refused(HEADER("\0\1") "\xc0\x0e\xc0\x0c" A IN);
	assert_refused(HEADER("\0\1") "\1a\xc0\x0c" A IN);
	assert_refused(HEADER("\0\1") "\xc0\x10\1a\0\0" A IN);
	assert_refused(HEADER("\0\1") "\xff\xff" A IN);
	assert_refused(HEADER("\0\1") "\xc0");
	/* Reserved kinds of label. */
	assert_refused(HEADER("\0\1") "\x41"
				      "a\0" A IN);
	assert_refused(HEADER("\0\1") "\x81"
				      "a\0" A IN);
	/* In an answer it ends the message; what stood before counts. */
	assert_told(HEADER("\0\2") NAME A IN RECORD_A(ASKED, "\xc0\0\2\1")
			    RECORD_A("\xc0\x31", "\xc0\0\2\2"),
		    "www.example.com 192.0.2.1");
}

/* A question of labels of @sizes bytes each, and an address of it. */
static struct buf message_of(const uint8_t *sizes)
{
	struct buf m = BUF_INIT(BUF_UNBOUNDED);

	buf_add(&m, HEADER("\0\1"), 12);
	for (; *sizes; sizes++) {
		buf_add(&m, sizes, 1);
		for (int i = 0; i < *sizes; i++)
			buf_add(&m, "\x01", 1);
	}
	buf_add(&m, "\0" A IN ASKED A IN TTL "\0\4\xc0\0\2\1",
		1 + 4 + 2 + 8 + 2 + 4);
	return m;
}

static void test_longest_name(void **state)
{
	/* With each label's length and the root, 255 and 256 bytes. */
	static const uint8_t fits[] = { 63, 63, 63, 61, 0 };
	static const uint8_t too_long[] = { 63, 63, 63, 62, 0 };
	struct buf m = message_of(fits);
	struct told told;

	(void)state;
	assert_int_equal(read_bytes(m.data, m.len, &told), 0);
	/* \001 each, and the dots. */
	assert_int_equal(strcspn(buf_str(&told.text), " "), 4 * 250 + 3);
	assert_true(4 * 250 + 3 < DNS_NAME_STRLEN);
	buf_fini(&told.text);
	buf_fini(&m);
	m = message_of(too_long);
	assert_no_answer(m.data, m.len);
	buf_fini(&m);
}

/* Names that are all pointers to pointers: 65,535 bytes of them are read
 * quickly, or this test takes for ever. */
static void test_pointer_chains(void **state)
{
	struct buf m = BUF_INIT(BUF_UNBOUNDED);

	(void)state;
	buf_add(&m, HEADER("\xff\xff"), 12);
	buf_add(&m, NAME A IN, 17 + 4);
	for (size_t at = 12; m.len < 65000; at = m.len - 12) {
		uint8_t pointer[2] = { (uint8_t)(0xc0 | (at >> 8 & 0x3f)),
				       (uint8_t)at };

		buf_add(&m, pointer, 2);
		buf_add(&m, A IN TTL "\0\0", 10);
	}
	assert_bytes(m.data, m.len, "");
	buf_fini(&m);
}

static void count(void *arg, _unused_ const char *name,
		  _unused_ const struct addr *a)
{
	(*(unsigned *)arg)++;
}

/* A long name in each of thousands of records: what is read of them has an
 * end, and what was read counts. */
static void test_work(void **state)
{
	static const uint8_t sizes[] = { 63, 63, 63, 61, 0 };
	struct buf m = message_of(sizes);
	unsigned addresses = 0;

	(void)state;
	memset(m.data + 6, 0xff, 2);
	while (m.len < 65000)
		buf_add(&m, ASKED A IN TTL "\0\4\xc0\0\2\1", 16);
	assert_int_equal(dns_answer_read(buf_slice(&m), count, &addresses), 0);
	assert_in_range(addresses, 25, 32);
	buf_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_compression),
		cmocka_unit_test(test_cname),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_other_messages),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_pointers),
		cmocka_unit_test(test_longest_name),
		cmocka_unit_test(test_pointer_chains),
		cmocka_unit_test(test_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
