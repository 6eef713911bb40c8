/* SPDX-License-Identifier: GPL-2.0-or-later */
/* resolve.c - what a scalar's text means in YAML 1.1.
 *
 * The rules are those of the Go library below kubectl: its booleans, integers
 * with base prefixes and underscores, no base-60 numbers, and timestamps that
 * stay strings.
 */
#include "yaml/tree.h"

#include <errno.h>
#include <string.h>

#define TAG_PREFIX "tag:yaml.org,2002:"

static const struct word {
	const char *text;
	enum yaml_kind kind;
	bool boolean;
} words[] = {
	{ "", YAML_NULL, false },      { "~", YAML_NULL, false },
	{ "null", YAML_NULL, false },  { "Null", YAML_NULL, false },
	{ "NULL", YAML_NULL, false },  { "y", YAML_BOOL, true },
	{ "Y", YAML_BOOL, true },      { "yes", YAML_BOOL, true },
	{ "Yes", YAML_BOOL, true },    { "YES", YAML_BOOL, true },
	{ "true", YAML_BOOL, true },   { "True", YAML_BOOL, true },
	{ "TRUE", YAML_BOOL, true },   { "on", YAML_BOOL, true },
	{ "On", YAML_BOOL, true },     { "ON", YAML_BOOL, true },
	{ "n", YAML_BOOL, false },     { "N", YAML_BOOL, false },
	{ "no", YAML_BOOL, false },    { "No", YAML_BOOL, false },
	{ "NO", YAML_BOOL, false },    { "false", YAML_BOOL, false },
	{ "False", YAML_BOOL, false }, { "FALSE", YAML_BOOL, false },
	{ "off", YAML_BOOL, false },   { "Off", YAML_BOOL, false },
	{ "OFF", YAML_BOOL, false },   { ".nan", YAML_FLOAT, false },
	{ ".NaN", YAML_FLOAT, false }, { ".NAN", YAML_FLOAT, false },
	{ ".inf", YAML_FLOAT, false }, { ".Inf", YAML_FLOAT, false },
	{ ".INF", YAML_FLOAT, false },
};

/* Text of a number without its sign and underscores. */
struct number {
	char digits[128];
	size_t len;
	bool negative;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A number starts with a digit, a sign or a dot; longer text is a string. */
static bool number_strip(struct slice text, struct number *ret)
{
	size_t i = 0;

	ret->len = 0;
	ret->negative = text.len && text.ptr[0] == '-';
	if (!text.len || text.len >= sizeof(ret->digits) ||
	    !(is_digit(text.ptr[0]) || strchr("+-.", text.ptr[0])))
		return false;
	if (text.ptr[0] == '-' || text.ptr[0] == '+')
		i++;
	for (; i < text.len; i++)
		if (text.ptr[i] != '_')
			ret->digits[ret->len++] = text.ptr[i];
	ret->digits[ret->len] = '\0';
	return ret->len > 0;
}

/* 0x, 0o or plain 0, 0b; otherwise ten. Steps over the prefix. */
static unsigned number_base(const char **at)
{
	const char *s = *at;
	unsigned base;

	if (s[0] != '0' || !s[1])
		return 10;
	switch (s[1] | 0x20) {
	case 'x':
		base = 16;
		break;
	case 'o':
		base = 8;
		break;
	case 'b':
		base = 2;
		break;
	default:
		*at = s + 1;
		return 8;
	}
	*at = s + 2;
	return base;
}

static unsigned digit_value(char c)
{
	if (is_digit(c))
		return (unsigned)(c - '0');
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 255;
}

enum number_fit { NUMBER_NONE, NUMBER_FITS, NUMBER_TOO_LARGE };

static enum number_fit parse_integer(const struct number *n, int64_t *ret)
{
	const char *at = n->digits;
	unsigned base = number_base(&at);
	uint64_t limit = (uint64_t)INT64_MAX + (n->negative ? 1 : 0);
	uint64_t value = 0;
	bool large = false;

	if (!*at)
		return NUMBER_NONE;
	for (; *at; at++) {
		unsigned digit = digit_value(*at);

		if (digit >= base)
			return NUMBER_NONE;
		if (large || value > (limit - digit) / base)
			large = true;
		else
			value = value * base + digit;
	}
	if (large)
		return NUMBER_TOO_LARGE;
	*ret = (int64_t)(n->negative ? -value : value);
	return NUMBER_FITS;
}

static size_t skip_digits(const char **at)
{
	const char *start = *at;

	while (is_digit(**at))
		(*at)++;
	return (size_t)(*at - start);
}

/* [0-9]*.?[0-9]* with a digit somewhere, then an exponent. */
static bool is_float(const struct number *n)
{
	const char *at = n->digits;
	size_t digits = skip_digits(&at);

	if (*at == '.') {
		at++;
		digits += skip_digits(&at);
	}
	if (!digits)
		return false;
	if ((*at | 0x20) == 'e') {
		at++;
		if (*at == '+' || *at == '-')
			at++;
		if (!skip_digits(&at))
			return false;
	}
	return !*at;
}

static void resolve_number(struct yaml_node *node)
{
	struct number n;

	if (!number_strip(node->text, &n))
		return;
	switch (parse_integer(&n, &node->integer)) {
	case NUMBER_FITS:
		node->kind = YAML_INT;
		return;
	case NUMBER_TOO_LARGE:
		node->kind = YAML_FLOAT;
		return;
	case NUMBER_NONE:
		break;
	}
	if (is_float(&n) || !strcasecmp(n.digits, ".inf"))
		node->kind = YAML_FLOAT;
}

static void resolve_plain(struct yaml_node *node)
{
	/* No word is longer than "false". */
	for (size_t i = 0; node->text.len <= 5 && i < ARRAY_SIZE(words); i++) {
		if (!slice_eq_str(node->text, words[i].text))
			continue;
		node->kind = words[i].kind;
		node->boolean = words[i].boolean;
		return;
	}
	resolve_number(node);
}

int resolve_scalar(struct yaml_node *node, const char *tag, bool plain)
{
	static const struct {
		const char *tag;
		enum yaml_kind kind;
	} tags[] = {
		{ TAG_PREFIX "null", YAML_NULL },
		{ TAG_PREFIX "bool", YAML_BOOL },
		{ TAG_PREFIX "int", YAML_INT },
		{ TAG_PREFIX "float", YAML_FLOAT },
	};

	node->kind = YAML_STRING;
	if (!tag) {
		if (plain)
			resolve_plain(node);
		return 0;
	}
	if (!strcmp(tag, TAG_PREFIX "str"))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		if (strcmp(tag, tags[i].tag))
			continue;
		resolve_plain(node);
		if (node->kind == YAML_INT && tags[i].kind == YAML_FLOAT)
			node->kind = YAML_FLOAT;
		return node->kind == tags[i].kind ? 0 : -EINVAL;
	}
	return -ENOTSUP;
}
