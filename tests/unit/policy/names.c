/* SPDX-License-Identifier: GPL-2.0-or-later */
/* names.c - syntax of names, keys, values and port names. */
#include "text.h"

#include "policy/names.h"

typedef const char *(*check_fn)(struct slice text);

/* Ends with a NULL. */
static void all(check_fn fn, bool fine, const char *const *texts)
{
	for (; *texts; texts++)
		if (!fn(slice_of(*texts)) != fine)
			fail_msg("%s", *texts);
}

static char *repeat(char c, size_t n)
{
	char *text = xcalloc(n + 1, 1);

	memset(text, c, n);
	return text;
}

static void longest(check_fn fn, size_t max)
{
	_cleanup_(freep) char *fits = repeat('a', max);
	_cleanup_(freep) char *over = repeat('a', max + 1);

	assert_null(fn(slice_of(fits)));
	assert_non_null(fn(slice_of(over)));
}

static void subdomain(_unused_ void **state)
{
	all(name_check_subdomain, true,
	    (const char *[]){ "a", "a.b", "a-b.c-d", "0.1", "a--b", NULL });
	all(name_check_subdomain, false,
	    (const char *[]){ "", "A", "a_b", ".a", "a.", "a..b", "-a", "a-",
			      "a.-b", "a b", "a/b", "\xc3\xa9", NULL });
	longest(name_check_subdomain, 253);
}

static void label(_unused_ void **state)
{
	all(name_check_label, true,
	    (const char *[]){ "a", "0", "a-b", "my-project", "a--b", NULL });
	all(name_check_label, false,
	    (const char *[]){ "", "a.b", "a_b", "A", "-a", "a-", NULL });
	longest(name_check_label, 63);
}

static void key(_unused_ void **state)
{
	all(name_check_key, true,
	    (const char *[]){ "a", "A", "a.b_c-d", "x.io/a", "a/B",
			      "kubernetes.io/metadata.name", "1", NULL });
	all(name_check_key, false,
	    (const char *[]){ "", "/", "/a", "a/", "a/b/c", "-a", "a-", "X/a",
			      "a b", "a..b/c", "_a", NULL });
	longest(name_check_key, 63);
	all(name_check_annotation, true, (const char *[]){ "X.io/A", NULL });
	all(name_check_annotation, false, (const char *[]){ "X_/A", NULL });
}

static void key_lengths(_unused_ void **state)
{
	_cleanup_(freep) char *prefix = repeat('a', 253);
	_cleanup_(freep) char *name = repeat('b', 63);
	_cleanup_(freep) char *fits = xasprintf("%s/%s", prefix, name);
	_cleanup_(freep) char *over = xasprintf("a%s/%s", prefix, name);
	_cleanup_(freep) char *name_over = xasprintf("%s/b%s", prefix, name);

	assert_null(name_check_key(slice_of(fits)));
	assert_non_null(name_check_key(slice_of(over)));
	assert_non_null(name_check_key(slice_of(name_over)));
	assert_null(name_check_annotation(slice_of(fits)));
	assert_non_null(name_check_annotation(slice_of(over)));
}

static void value(_unused_ void **state)
{
	all(name_check_value, true,
	    (const char *[]){ "", "a", "A.b_c-d", "1.2.3", NULL });
	all(name_check_value, false,
	    (const char *[]){ "-a", "a-", "a b", "a/b", "nginx:1", ".", NULL });
	longest(name_check_value, 63);
}

static void port(_unused_ void **state)
{
	all(name_check_port, true,
	    (const char *[]){ "http", "a", "8a", "a-b-c", "p2p", NULL });
	all(name_check_port, false,
	    (const char *[]){ "", "80", "a--b", "-a", "a-", "Http", "a_b",
			      "1-2", NULL });
	longest(name_check_port, 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subdomain), cmocka_unit_test(label),
		cmocka_unit_test(key),	     cmocka_unit_test(key_lengths),
		cmocka_unit_test(value),     cmocka_unit_test(port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
