/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vec.c - growing arrays. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "base/macro.h"
#include "base/vec.h"

struct pair {
	int key, value;
};

static int by_key(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	return x->key - y->key;
}

static void push_remove_sort(_unused_ void **state)
{
	VEC(struct pair) v = { 0 };
	int sum = 0;

	vec_foreach(none, &v)
		fail();
	vec_sort(&v, by_key);
	for (int i = 0; i < 100; i++)
		vec_push(&v, (struct pair){ .key = i * 7 % 100, .value = i });
	assert_int_equal(v.len, 100);
	assert_true(v.cap >= 100);
	vec_sort(&v, by_key);
	for (int i = 0; i < 100; i++)
		assert_int_equal(v.data[i].key, i);
	vec_remove(&v, 99);
	vec_remove(&v, 0);
	vec_remove(&v, 49);
	assert_int_equal(v.len, 97);
	assert_int_equal(v.data[0].key, 1);
	assert_int_equal(v.data[48].key, 49);
	assert_int_equal(v.data[49].key, 51);
	assert_int_equal(v.data[96].key, 98);
	vec_foreach(p, &v)
		sum += p->key;
	assert_int_equal(sum, 99 * 100 / 2 - 99 - 50);
	vec_fini(&v);
	assert_null(v.data);
	vec_fini(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(push_remove_sort),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
