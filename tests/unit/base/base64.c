/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base64.c - RFC 4648's vectors, and what is no base64. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64.h"

static void test_vectors(_unused_ void **state)
{
	static const struct {
		const char *bytes, *text;
	} cases[] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(buf_fini) struct buf out = BUF_INIT(64);

		base64_encode(slice_of(cases[i].bytes), &out);
		assert_string_equal(buf_str(&out), cases[i].text);
		buf_clear(&out);
		assert_int_equal(base64_decode(cases[i].text, &out), 0);
		assert_string_equal(buf_str(&out), cases[i].bytes);
	}
}

static void test_wrong(_unused_ void **state)
{
	static const char *const wrong[] = { "Z",    "Zg",   "Zg=",  "Zh==",
					     "Zm9=", "====", "Z===", "Zg==Zg==",
					     "Zm 9", "Zg=a" };
	_cleanup_(buf_fini) struct buf out = BUF_INIT(64);

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(base64_decode(wrong[i], &out), -EBADMSG);
	assert_int_equal(out.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
