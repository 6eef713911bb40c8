/* SPDX-License-Identifier: GPL-2.0-or-later */
/* format.c - formats by name, and lines of them. */
#include "schema.h"

#include <errno.h>

static void test_names(_unused_ void **state)
{
	static const char *const names[] = { "native", "ecs", "ocsf", "csv" };
	enum format_kind kind;

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(format_kind_parse(slice_of(names[i]), &kind),
				 0);
		assert_int_equal(kind, i);
	}
	assert_int_equal(format_kind_parse(SLICE("ec"), &kind), -EINVAL);
}

static void test_lines(_unused_ void **state)
{
	static const char *const wrong[] = { "",   "\n",  "{",
					     "{}", "[1]", "{\"verdict\":1}" };
	_cleanup_(buf_fini) struct buf out = BUF_INIT(BUF_UNBOUNDED);
	_cleanup_(buf_fini) struct buf small = BUF_INIT(16);

	assert_int_equal(format_line(FORMAT_KIND_NATIVE,
				     SLICE("{\"verdict\": \"denied\"}\n"),
				     &out),
			 0);
	assert_string_equal(buf_str(&out), "{\"verdict\":\"denied\"}\n");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(
			format_line(FORMAT_KIND_ECS, slice_of(wrong[i]), &out),
			-EBADMSG);
	for (unsigned i = FORMAT_KIND_NATIVE; i <= FORMAT_KIND_CSV; i++) {
		buf_clear(&out);
		buf_clear(&small);
		assert_int_equal(format_line(i, SLICE(DENIED), &out), 0);
		assert_ptr_equal(strchr(out.data, '\n'),
				 out.data + out.len - 1);
		assert_int_equal(format_line(i, SLICE(DENIED), &small),
				 -ENOBUFS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
