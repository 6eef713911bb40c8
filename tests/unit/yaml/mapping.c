/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mapping.c - keys: names, duplicates, merges. */
#include "dump.h"

static void names(_unused_ void **state)
{
	check("{on: 1, n: 2, 0x10: 3, 'off': 4}",
	      "{true: 1, false: 2, 16: 3, off: 4}");
	check("~: 1",
	      "f:1:1: error: a null cannot be a key; quote it if text is meant");
	check("1.5: 1",
	      "f:1:1: error: a number cannot be a key; quote it if text is "
	      "meant");
	check("{[a]: 1}", "f:1:2: error: a list cannot be a key");
	check("? {a: b}\n: 1", "f:1:3: error: a mapping cannot be a key");
}

static void duplicates(_unused_ void **state)
{
	check("a: 1\nb: 2\na: 3\n",
	      "f:3:1: error: duplicate key \"a\", first at line 1, column 1");
	/* The same key to a JSON object, however it is written. */
	check("{yes: 1, 'true': 2}",
	      "f:1:10: error: duplicate key \"true\", first at line 1, "
	      "column 2");
	check("{8: 1, 010: 2}",
	      "f:1:8: error: duplicate key \"8\", first at line 1, column 2");
	/* All of them at once, those of inner mappings too. */
	check("a: {x: 1, x: 2}\nb:\n  k: 1\n  k: 2\n  k: 3\n",
	      "f:1:11: error: duplicate key \"x\", first at line 1, column 5\n"
	      "f:4:3: error: duplicate key \"k\", first at line 3, column 3\n"
	      "f:5:3: error: duplicate key \"k\", first at line 3, column 3");
	check("{\"a\\n\\e\": 1, \"a\\n\\e\": 2}",
	      "f:1:14: error: duplicate key \"a\\x0a\\x1b\", first at line 1, "
	      "column 2");
}

static void merges(_unused_ void **state)
{
	check("- &a {x: 1, y2: 2}\n- <<: *a\n  x: 3\n",
	      "[{x: 1, y2: 2}, {x: 3, y2: 2}]");
	/* A written key wins wherever it stands. */
	check("- &a {x: 1}\n- x: 3\n  <<: *a\n", "[{x: 1}, {x: 3}]");
	/* Of several, the first wins. */
	check("- &a {x: 1}\n- &b {x: 2, z: 3}\n- <<: [*a, *b]\n",
	      "[{x: 1}, {x: 2, z: 3}, {x: 1, z: 3}]");
	check("<<: {x: 1}", "{x: 1}");
	check("'<<': {x: 1}", "{<<: {x: 1}}");
	check("<<: 1",
	      "f:1:5: error: << merges a mapping or a list of mappings, found "
	      "integer");
	check("<<: [{}, a]",
	      "f:1:10: error: << merges a mapping or a list of mappings, found "
	      "string");
	check("<<: {a: 1}\n<<: {b: 1}\n",
	      "f:2:1: error: a second << in one mapping; merge several as "
	      "<<: [*a, *b]");
}

static void get(_unused_ void **state)
{
	_cleanup_(yaml_stream_freep) struct yaml_stream *s = NULL;
	_cleanup_(diag_fini) struct diag_list diag = { 0 };
	const struct yaml_node *root, *value;

	assert_int_equal(yaml_parse(SLICE("a: 1\nbc: [x]\n"), "f", &diag, &s),
			 0);
	root = yaml_document(s, 0);
	value = yaml_get(root, "bc");
	assert_non_null(value);
	assert_int_equal(yaml_place(value, "f").line, 2);
	assert_int_equal(yaml_place(value, "f").col, 5);
	assert_null(yaml_get(root, "b"));
	assert_null(yaml_get(value, "x"));
	assert_null(yaml_get(NULL, "x"));
}

static void many_keys(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);
	_cleanup_(yaml_stream_freep) struct yaml_stream *s = NULL;
	_cleanup_(diag_fini) struct diag_list diag = { 0 };

	for (int i = 0; i < 100000; i++)
		buf_addf(&text, "k%d: v\n", i * 7919 % 100000);
	assert_int_equal(yaml_parse(buf_slice(&text), "f", &diag, &s), 0);
	assert_int_equal(yaml_document(s, 0)->n, 100000);
	/* In the order of the file. */
	assert_string_equal(yaml_document(s, 0)->pairs[1].name.ptr, "k7919");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),     cmocka_unit_test(duplicates),
		cmocka_unit_test(merges),    cmocka_unit_test(get),
		cmocka_unit_test(many_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
