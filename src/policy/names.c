/* SPDX-License-Identifier: GPL-2.0-or-later */
/* names.c - syntax of the names that Kubernetes objects carry. */
#include "policy/names.h"

#define LABEL_MAX     63
#define SUBDOMAIN_MAX 253
#define PORT_NAME_MAX 15

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_lower_alnum(char c)
{
	return is_lower(c) || is_digit(c);
}

static bool is_alnum(char c)
{
	return is_lower_alnum(c) || is_upper(c);
}

/* [a-z0-9]([-a-z0-9]*[a-z0-9])? */
static bool is_dns_label(struct slice text)
{
	if (!text.len || !is_lower_alnum(text.ptr[0]) ||
	    !is_lower_alnum(text.ptr[text.len - 1]))
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (!is_lower_alnum(text.ptr[i]) && text.ptr[i] != '-')
			return false;
	return true;
}

/* Labels with dots between them. A single one may be longer than 63. */
static bool is_dns_subdomain(struct slice text)
{
	size_t start = 0;

	for (size_t i = 0; i <= text.len; i++) {
		if (i < text.len && text.ptr[i] != '.')
			continue;
		if (!is_dns_label(
			    (struct slice){ text.ptr + start, i - start }))
			return false;
		start = i + 1;
	}
	return true;
}

/* [A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])? */
static bool is_label_text(struct slice text)
{
	if (!text.len || !is_alnum(text.ptr[0]) ||
	    !is_alnum(text.ptr[text.len - 1]))
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (!is_alnum(text.ptr[i]) && !strchr("-_.", text.ptr[i]))
			return false;
	return true;
}

const char *name_check_subdomain(struct slice text)
{
	if (text.len > SUBDOMAIN_MAX)
		return "must have at most 253 characters";
	if (!is_dns_subdomain(text))
		return "must be lower-case letters, digits, '-' or '.', with a letter or digit at both ends and around each '.'";
	return NULL;
}

const char *name_check_label(struct slice text)
{
	if (text.len > LABEL_MAX)
		return "must have at most 63 characters";
	if (!is_dns_label(text))
		return "must be lower-case letters, digits or '-', with a letter or digit at both ends";
	return NULL;
}

static const char *check_key_name(struct slice name)
{
	if (!name.len)
		return "must have a name";
	if (name.len > LABEL_MAX)
		return "must have a name of at most 63 characters";
	if (!is_label_text(name))
		return "must have a name of letters, digits, '-', '_' or '.', with a letter or digit at both ends";
	return NULL;
}

static const char *check_key_prefix(struct slice prefix)
{
	if (prefix.len > SUBDOMAIN_MAX)
		return "must have a prefix of at most 253 characters";
	if (!is_dns_subdomain(prefix))
		return "must have a DNS name as its prefix before '/'";
	return NULL;
}

const char *name_check_key(struct slice text)
{
	const char *slash = text.len ? memchr(text.ptr, '/', text.len) : NULL;
	struct slice prefix = { text.ptr, 0 };
	struct slice name = text;
	const char *wrong;

	if (!slash)
		return check_key_name(name);
	prefix.len = (size_t)(slash - text.ptr);
	name.ptr = slash + 1;
	name.len = text.len - prefix.len - 1;
	if (memchr(name.ptr, '/', name.len))
		return "must have at most one '/'";
	wrong = check_key_prefix(prefix);
	return wrong ? wrong : check_key_name(name);
}

const char *name_check_annotation(struct slice text)
{
	char lower[SUBDOMAIN_MAX + LABEL_MAX + 2];

	if (text.len >= sizeof(lower))
		return "must have a prefix of at most 253 and a name of at most 63 characters";
	for (size_t i = 0; i < text.len; i++)
		lower[i] = (char)(is_upper(text.ptr[i]) ? text.ptr[i] | 0x20
							: text.ptr[i]);
	return name_check_key((struct slice){ lower, text.len });
}

const char *name_check_value(struct slice text)
{
	if (text.len > LABEL_MAX)
		return "must have at most 63 characters";
	if (text.len && !is_label_text(text))
		return "must be letters, digits, '-', '_' or '.', with a letter or digit at both ends, or empty";
	return NULL;
}

const char *name_check_port(struct slice text)
{
	bool letter = false, doubled = false;

	if (text.len > PORT_NAME_MAX)
		return "must have at most 15 characters";
	if (!is_dns_label(text))
		return "must be lower-case letters, digits or '-', with a letter or digit at both ends";
	for (size_t i = 0; i < text.len; i++) {
		letter |= is_lower(text.ptr[i]);
		doubled |= i && text.ptr[i] == '-' && text.ptr[i - 1] == '-';
	}
	if (doubled)
		return "must not have two '-' in a row";
	if (!letter)
		return "must have a letter; a port number is written without quotes";
	return NULL;
}
