/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exposition.c - fuzz target: an answer's metrics, and the text of them. */
#include <assert.h>
#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "expose/exposition.h"
#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_name_char(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (!first && c >= '0' && c <= '9');
}

static const char *skip_name(const char *p)
{
	assert(is_name_char(*p, true));
	while (is_name_char(*p, false))
		p++;
	return p;
}

/* A quoted value: what the format calls an escape, and no control character. */
static const char *skip_value(const char *p)
{
	assert(*p == '"');
	for (p++; *p != '"'; p++) {
		if (*p == '\\') {
			p++;
			assert(*p == '\\' || *p == '"');
		}
		assert((unsigned char)*p >= ' ' && *p != 0x7f);
	}
	return p + 1;
}

/* NAME[{LABEL="VALUE",…}] NUMBER, as Prometheus' reader takes it. */
static void check_sample(const char *p)
{
	char *end;

	p = skip_name(p);
	if (*p == '{') {
		do {
			p = skip_name(p + 1);
			assert(*p == '=');
			p = skip_value(p + 1);
		} while (*p == ',');
		assert(*p == '}');
		p++;
	}
	assert(*p == ' ');
	strtod(p + 1, &end);
	assert(end > p + 1 && !*end);
}

static void check_utf8(struct slice text)
{
	_cleanup_(json_unrefp) struct json_object *parsed = NULL;
	_cleanup_(buf_fini) struct buf json = BUF_INIT(BUF_UNBOUNDED);

	/* The parser of JSON refuses what is none. */
	buf_adds(&json, "[\"");
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] != '"' && text.ptr[i] != '\\' &&
		    text.ptr[i] != '\n')
			buf_add(&json, text.ptr + i, 1);
	buf_adds(&json, "\"]");
	parsed = json_parse(buf_slice(&json));
	assert(parsed);
}

static void check_page(struct buf *page)
{
	char *line = page->data, *end;

	assert(!memchr(page->data, 0, page->len));
	check_utf8(buf_slice(page));
	for (; *line; line = end + 1) {
		end = strchr(line, '\n');
		assert(end);
		*end = '\0';
		if (*line == '#')
			assert(!strncmp(line, "# HELP ", 7) ||
			       !strncmp(line, "# TYPE ", 7));
		else
			check_sample(line);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(buf_fini) struct buf page = BUF_INIT(1U << 20);
	struct slice text = { (const char *)data, size };
	_cleanup_(json_unrefp) struct json_object *metrics = json_parse(text);

	if (metrics && exposition_add(&page, metrics) == 0 && page.len)
		check_page(&page);
	return 0;
}
