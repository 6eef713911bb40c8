/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frame.c - gRPC frames, whole, in pieces, and broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "base/macro.h"
#include "grpc/frame.h"

/* "abc", "", "defgh" */
static const char three[] = "\0\0\0\0\3abc\0\0\0\0\0\0\0\0\0\5defgh";
#define THREE ((struct slice){ three, sizeof(three) - 1 })

/* All messages of @bytes, fed @step at a time, each followed by '|'. */
static int join(struct slice bytes, size_t step, size_t max, struct buf *out)
{
	struct frames f = FRAMES_INIT(max);
	int r = 0;

	while (bytes.len && r >= 0) {
		struct slice piece = { bytes.ptr, MIN(step, bytes.len) };
		struct slice message;

		bytes = (struct slice){ bytes.ptr + piece.len,
					bytes.len - piece.len };
		while ((r = frames_next(&f, &piece, &message)) > 0) {
			buf_add(out, message.ptr, message.len);
			buf_adds(out, "|");
		}
	}
	if (r == 0 && frames_pending(&f))
		r = -EAGAIN;
	frames_fini(&f);
	return r;
}

static void however_they_are_cut(_unused_ void **state)
{
	for (size_t step = 1; step <= THREE.len; step++) {
		struct buf out = BUF_INIT(BUF_UNBOUNDED);

		assert_int_equal(join(THREE, step, 100, &out), 0);
		assert_string_equal(buf_str(&out), "abc||defgh|");
		buf_fini(&out);
	}
}

static void an_end_within_a_message_is_seen(_unused_ void **state)
{
	for (size_t n = 1; n < THREE.len; n++) {
		struct buf out = BUF_INIT(BUF_UNBOUNDED);
		bool at_end = n == 8 || n == 13;

		assert_int_equal(join((struct slice){ three, n }, 4, 100, &out),
				 at_end ? 0 : -EAGAIN);
		buf_fini(&out);
	}
}

static void what_is_too_long_or_compressed(_unused_ void **state)
{
	static const struct {
		struct slice bytes;
		int error;
	} cases[] = {
		{ SLICE("\0\0\0\0\4abcd"), -EMSGSIZE },
		{ SLICE("\0\xff\xff\xff\xff"), -EMSGSIZE },
		{ SLICE("\1\0\0\0\1a"), -EBADMSG },
		{ SLICE("HTTP/1.1 200 OK"), -EBADMSG },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t step = 1; step < 16; step += 7) {
			struct buf out = BUF_INIT(BUF_UNBOUNDED);

			assert_int_equal(join(cases[i].bytes, step, 3, &out),
					 cases[i].error);
			assert_int_equal(out.len, 0);
			buf_fini(&out);
		}
}

static void a_frame_is_made(_unused_ void **state)
{
	struct buf out = BUF_INIT(BUF_UNBOUNDED);

	frame_add(&out, SLICE("abc"));
	frame_add(&out, SLICE(""));
	frame_add(&out, SLICE("defgh"));
	assert_int_equal(out.len, THREE.len);
	assert_memory_equal(out.data, three, out.len);
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(however_they_are_cut),
		cmocka_unit_test(an_end_within_a_message_is_seen),
		cmocka_unit_test(what_is_too_long_or_compressed),
		cmocka_unit_test(a_frame_is_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
