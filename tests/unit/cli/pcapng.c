/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pcapng.c - the bytes of a capture file; tests/cli/flows.py has tshark read
 * one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macro.h"
#include "cli/pcapng.h"

static uint32_t word(const struct buf *b, size_t at)
{
	uint32_t n;

	assert_true(at + 4 <= b->len);
	memcpy(&n, b->data + at, sizeof(n));
	return n;
}

/* Lengths at both ends of each block agree, and blocks fill the file. */
static size_t blocks(const struct buf *b)
{
	size_t n = 0, at = 0;

	for (; at < b->len; n++) {
		uint32_t len = word(b, at + 4);

		assert_int_equal(len % 4, 0);
		assert_int_equal(word(b, at + len - 4), len);
		at += len;
	}
	assert_int_equal(at, b->len);
	return n;
}

static void test_blocks(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf out = BUF_INIT(BUF_UNBOUNDED);
	size_t head;

	pcapng_begin(&out);
	assert_int_equal(word(&out, 0), 0x0a0d0d0a);
	assert_int_equal(word(&out, 8), 0x1a2b3c4d);
	assert_int_equal(blocks(&out), 3);
	head = out.len;
	pcapng_packet(&out, PCAPNG_ETHERNET, 0x0123456789abcdefULL,
		      SLICE("abcde"), 1500, SLICE("who"));
	assert_int_equal(blocks(&out), 4);
	assert_int_equal(word(&out, head), 6);
	assert_int_equal(word(&out, head + 8), 1);
	assert_int_equal(word(&out, head + 12), 0x01234567);
	assert_int_equal(word(&out, head + 16), 0x89abcdef);
	assert_int_equal(word(&out, head + 20), 5);
	assert_int_equal(word(&out, head + 24), 1500);
	assert_memory_equal(out.data + head + 28, "abcde\0\0\0\1\0\3\0who\0",
			    16);
	/* No shorter than what is there of it. */
	head = out.len;
	pcapng_packet(&out, PCAPNG_IP, 0, SLICE("abcde"), 2, SLICE(""));
	assert_int_equal(blocks(&out), 5);
	assert_int_equal(word(&out, head + 24), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
