/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse.c - documents, aliases, bounds, and what is no YAML. */
#include "dump.h"

static void documents(_unused_ void **state)
{
	check("", "");
	check("# nothing\n", "");
	check("---\n", "null");
	check("a: 1\n---\n---\nb: 2\n...\n", "{a: 1} --- null --- {b: 2}");
	check("\xef\xbb\xbf"
	      "a: 1\nb: 2\n",
	      "{a: 1, b: 2}");
	check("a: 1\r\nb: 2\r\n", "{a: 1, b: 2}");
}

static void json(_unused_ void **state)
{
	check("{\"a\":[1,true,null,\"x\\/\\u00e9\"],\"b\":{}}\n",
	      "{a: [1, true, null, 'x/\xc3\xa9'], b: {}}");
	check("{\n\t\"a\": {\n\t\t\"b\": 1\n\t}\n}\n", "{a: {b: 1}}");
}

static void aliases(_unused_ void **state)
{
	check("a: &x [1]\nb: *x\nc: {d: *x}\n",
	      "{a: [1], b: [1], c: {d: [1]}}");
	check("- &x 1\n- *x\n- &x 2\n- *x\n", "[1, 1, 2, 2]");
	check("- *x\n",
	      "f:1:3: error: alias of \"x\", an anchor that is not defined "
	      "before it");
	/* An anchor ends with its document. */
	check("&x a\n---\n*x\n",
	      "f:3:1: error: alias of \"x\", an anchor that is not defined "
	      "before it");
	check("&x [1, *x]\n",
	      "f:1:8: error: alias of \"x\" inside of that anchor itself");
	check("&x {a: {b: *x}}\n",
	      "f:1:12: error: alias of \"x\" inside of that anchor itself");
}

static void billion_laughs(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);

	buf_adds(&text, "- &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 20; i++) {
		buf_addf(&text, "- &a%d [", i);
		for (int j = 0; j < 10; j++)
			buf_addf(&text, "%s*a%d", j ? ", " : "", i - 1);
		buf_adds(&text, "]\n");
	}
	check_text(buf_slice(&text),
		   "f:7:8: error: too many values: with aliases expanded, more "
		   "than 2000000");
}

static void merge_bomb(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);
	_cleanup_(freep) char *got = NULL;

	/* Each level merges the one before and adds a key. */
	buf_adds(&text, "- &a0 {k: v}\n");
	for (int i = 1; i < 5000; i++)
		buf_addf(&text, "- &a%d {<<: *a%d, k%d: v}\n", i, i - 1, i);
	got = dump_text(buf_slice(&text));
	assert_non_null(strstr(got, "too many values"));
}

static void depth(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);

	for (int i = 0; i < 64; i++)
		buf_adds(&text, "[");
	for (int i = 0; i < 64; i++)
		buf_adds(&text, "]");
	check(buf_str(&text), buf_str(&text));
	buf_clear(&text);
	for (int i = 0; i < 100000; i++)
		buf_adds(&text, "[");
	check(buf_str(&text), "f:1:65: error: nested deeper than 64 levels");
	/* Through aliases: 40 levels inside of 40 levels. */
	buf_clear(&text);
	for (int level = 0; level < 2; level++) {
		buf_adds(&text, level ? "- " : "- &a ");
		for (int i = 0; i < 40; i++)
			buf_adds(&text, "[");
		buf_adds(&text, level ? "*a" : "");
		for (int i = 0; i < 40; i++)
			buf_adds(&text, "]");
		buf_adds(&text, "\n");
	}
	check(buf_str(&text), "f:2:43: error: nested deeper than 64 levels");
}

static void too_many(_unused_ void **state)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);

	for (unsigned i = 0; i <= YAML_DOCUMENTS_MAX; i++)
		buf_adds(&text, "---\n");
	check(buf_str(&text), "f:10001:1: error: more than 10000 documents");
	buf_clear(&text);
	buf_adds(&text, "#");
	while (text.len <= YAML_BYTES_MAX)
		buf_adds(&text, "################################");
	check(buf_str(&text), "f: error: larger than 16 MiB");
}

static void no_text(_unused_ void **state)
{
	check_text(SLICE("a: b\nc: \xff\n"),
		   "f:2:4: error: invalid leading UTF-8 octet; the file must "
		   "be UTF-8 text");
	check_text(SLICE("a: \xc3\x28\n"),
		   "f:1:5: error: invalid trailing UTF-8 octet; the file must "
		   "be UTF-8 text");
	check_text(SLICE("a: \0b\n"),
		   "f:1:4: error: control characters are not allowed; the file "
		   "must be UTF-8 text");
	check_text(SLICE("a: \"x\\0y\"\n"),
		   "f:1:4: error: a NUL character in a string");
	check_text(SLICE("\xff\xfe"
			 "a\0"),
		   "f: error: UTF-16 text; save the file as UTF-8");
}

static void syntax(_unused_ void **state)
{
	check("a:\n\tb: 1\n",
	      "f:2:1: error: a tab cannot indent YAML; use spaces");
	check("a: [1\nb: 2\n",
	      "f:2:2: error: did not find expected ',' or ']' while parsing a "
	      "flow sequence that starts at line 1");
	check("a: b: c\n",
	      "f:1:5: error: mapping values are not allowed in this context");
	check("\xc3\xa9: [\n",
	      "f:2:1: error: did not find expected node content while parsing "
	      "a flow node");
	check("{\"a\": 1}\n{\"b\": 2}\n",
	      "f:2:1: error: the document should have ended before this; "
	      "documents are separated by a line of ---");
	check("{\"a\": 1",
	      "f:2:1: error: did not find expected ',' or '}' while parsing a "
	      "flow mapping that starts at line 1");
}

static void quote(_unused_ void **state)
{
	char quoted[YAML_QUOTE_LEN], text[400];

	assert_string_equal(yaml_quote(SLICE("a\"\\\x1b\n"), quoted),
			    "\"a\\\"\\\\\\x1b\\x0a\"");
	for (size_t i = 0; i + 1 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	yaml_quote((struct slice){ text, sizeof(text) }, quoted);
	assert_true(strlen(quoted) < YAML_QUOTE_LEN);
	/* Cut between characters. */
	assert_string_equal(quoted + strlen(quoted) - 6, "\xc3\xa9...\"");
	/* No text at all: still bounded. */
	memset(text, 0x80, sizeof(text));
	yaml_quote((struct slice){ text, sizeof(text) }, quoted);
	assert_true(strlen(quoted) < YAML_QUOTE_LEN);
	memset(text, '\n', sizeof(text));
	yaml_quote((struct slice){ text, sizeof(text) }, quoted);
	assert_true(strlen(quoted) < YAML_QUOTE_LEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents),  cmocka_unit_test(json),
		cmocka_unit_test(aliases),    cmocka_unit_test(billion_laughs),
		cmocka_unit_test(merge_bomb), cmocka_unit_test(depth),
		cmocka_unit_test(too_many),   cmocka_unit_test(no_text),
		cmocka_unit_test(syntax),     cmocka_unit_test(quote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
