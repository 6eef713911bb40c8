/* SPDX-License-Identifier: GPL-2.0-or-later */
/* canon.c - a rule's netlink attributes in a form that can be compared. */
#include "firewall/canon.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

/* Attribute types of an expression's data; above are none that we know. */
#define ATTR_MAX 15

/* What an attribute of an expression holds, other than plain bytes. */
enum shape {
	SHAPE_BYTES,
	SHAPE_TEXT,	  /* with or without its NUL */
	SHAPE_DATA,	  /* NFTA_DATA_VALUE, or a verdict */
	SHAPE_EXPRESSION, /* another one */
	SHAPE_OPTIONAL,	  /* zero means the same as its absence */
	SHAPE_IGNORED,	  /* padding, or a count */
};

struct shape_entry {
	const char *expression;
	uint16_t attr;
	enum shape shape;
};

static const struct shape_entry shapes[] = {
	{ "cmp", NFTA_CMP_DATA, SHAPE_DATA },
	{ "bitwise", NFTA_BITWISE_MASK, SHAPE_DATA },
	{ "bitwise", NFTA_BITWISE_XOR, SHAPE_DATA },
	{ "bitwise", NFTA_BITWISE_OP, SHAPE_OPTIONAL },
	{ "immediate", NFTA_IMMEDIATE_DATA, SHAPE_DATA },
	{ "lookup", NFTA_LOOKUP_SET, SHAPE_TEXT },
	{ "lookup", NFTA_LOOKUP_FLAGS, SHAPE_OPTIONAL },
	{ "objref", NFTA_OBJREF_IMM_NAME, SHAPE_TEXT },
	{ "dynset", NFTA_DYNSET_SET_NAME, SHAPE_TEXT },
	{ "dynset", NFTA_DYNSET_EXPR, SHAPE_EXPRESSION },
	{ "dynset", NFTA_DYNSET_TIMEOUT, SHAPE_OPTIONAL },
	{ "dynset", NFTA_DYNSET_FLAGS, SHAPE_OPTIONAL },
	{ "dynset", NFTA_DYNSET_PAD, SHAPE_IGNORED },
	{ "counter", NFTA_COUNTER_BYTES, SHAPE_IGNORED },
	{ "counter", NFTA_COUNTER_PACKETS, SHAPE_IGNORED },
	{ "counter", NFTA_COUNTER_PAD, SHAPE_IGNORED },
	{ "limit", NFTA_LIMIT_PAD, SHAPE_IGNORED },
	{ "log", NFTA_LOG_PREFIX, SHAPE_TEXT },
	{ "log", NFTA_LOG_QTHRESHOLD, SHAPE_OPTIONAL },
};

static enum shape shape_of(const char *expression, uint16_t attr)
{
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		if (shapes[i].attr == attr &&
		    !strcmp(shapes[i].expression, expression))
			return shapes[i].shape;
	}
	return SHAPE_BYTES;
}

static void put_head(uint16_t type, uint16_t len, struct buf *to)
{
	buf_add(to, &type, sizeof(type));
	buf_add(to, &len, sizeof(len));
}

static void put_bytes(const struct nlattr *attr, struct buf *to)
{
	uint16_t len = mnl_attr_get_payload_len(attr);

	put_head(mnl_attr_get_type(attr), len, to);
	buf_add(to, mnl_attr_get_payload(attr), len);
}

static void put_text(const struct nlattr *attr, struct buf *to)
{
	const char *text = mnl_attr_get_payload(attr);
	size_t len = strnlen(text, mnl_attr_get_payload_len(attr));

	put_head(mnl_attr_get_type(attr), (uint16_t)len, to);
	buf_add(to, text, len);
}

static bool is_zero(const struct nlattr *attr)
{
	const uint8_t *bytes = mnl_attr_get_payload(attr);

	for (uint16_t i = 0; i < mnl_attr_get_payload_len(attr); i++) {
		if (bytes[i])
			return false;
	}
	return true;
}

/* Collect the attributes of @nest by type. False when one of them comes twice
 * or is of a type that none of ours has. */
static bool collect(const struct nlattr *nest,
		    const struct nlattr *attrs[static ATTR_MAX + 1])
{
	const struct nlattr *attr;

	memset(attrs, 0, (ATTR_MAX + 1) * sizeof(*attrs));
	mnl_attr_for_each_nested(attr, nest)
	{
		uint16_t type = mnl_attr_get_type(attr);

		if (type > ATTR_MAX || attrs[type])
			return false;
		attrs[type] = attr;
	}
	return true;
}

/* NFTA_DATA_VALUE, or NFTA_DATA_VERDICT with its code and chain. */
static int canon_data(const struct nlattr *data, struct buf *to)
{
	const struct nlattr *attrs[ATTR_MAX + 1];
	const struct nlattr *parts[ATTR_MAX + 1];

	if (!collect(data, attrs))
		return -EINVAL;
	put_head(mnl_attr_get_type(data), 0, to);
	if (attrs[NFTA_DATA_VALUE])
		put_bytes(attrs[NFTA_DATA_VALUE], to);
	if (!attrs[NFTA_DATA_VERDICT])
		return 0;
	if (!collect(attrs[NFTA_DATA_VERDICT], parts))
		return -EINVAL;
	if (parts[NFTA_VERDICT_CODE])
		put_bytes(parts[NFTA_VERDICT_CODE], to);
	if (parts[NFTA_VERDICT_CHAIN])
		put_text(parts[NFTA_VERDICT_CHAIN], to);
	return 0;
}

static int canon(const struct nlattr *expression, bool nested, struct buf *to);

static int canon_attribute(const struct nlattr *attr, const char *expression,
			   bool nested, struct buf *to)
{
	switch (shape_of(expression, mnl_attr_get_type(attr))) {
	case SHAPE_IGNORED:
		return 0;
	case SHAPE_OPTIONAL:
		if (!is_zero(attr))
			put_bytes(attr, to);
		return 0;
	case SHAPE_TEXT:
		put_text(attr, to);
		return 0;
	case SHAPE_DATA:
		return canon_data(attr, to);
	case SHAPE_EXPRESSION:
		put_head(mnl_attr_get_type(attr), 0, to);
		return nested ? -EINVAL : canon(attr, true, to);
	case SHAPE_BYTES:
		put_bytes(attr, to);
		return 0;
	}
	return -EINVAL;
}

static int canon(const struct nlattr *expression, bool nested, struct buf *to)
{
	const struct nlattr *attrs[ATTR_MAX + 1];
	const struct nlattr *data;
	const char *name;
	int r = 0;

	if (!collect(expression, attrs) || !attrs[NFTA_EXPR_NAME] ||
	    mnl_attr_validate(attrs[NFTA_EXPR_NAME], MNL_TYPE_NUL_STRING) < 0)
		return -EINVAL;
	name = mnl_attr_get_str(attrs[NFTA_EXPR_NAME]);
	data = attrs[NFTA_EXPR_DATA];
	buf_add(to, name, strlen(name) + 1);
	if (!data)
		return 0;
	if (!collect(data, attrs))
		return -EINVAL;
	for (int i = 0; r == 0 && i <= ATTR_MAX; i++) {
		if (attrs[i])
			r = canon_attribute(attrs[i], name, nested, to);
	}
	/* The next one's name must not read as an attribute of this. */
	put_head(UINT16_MAX, 0, to);
	return r;
}

int fw_canon_rule(const struct nlmsghdr *nlh, struct buf *to)
{
	const struct nlattr *attr, *expression;
	const struct nlattr *expressions = NULL, *userdata = NULL;
	int r;

	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == NFTA_RULE_EXPRESSIONS)
			expressions = attr;
		else if (mnl_attr_get_type(attr) == NFTA_RULE_USERDATA)
			userdata = attr;
		else if (mnl_attr_get_type(attr) == NFTA_RULE_COMPAT)
			return -EINVAL;
	}
	if (userdata)
		put_bytes(userdata, to);
	put_head(UINT16_MAX, 0, to);
	if (!expressions)
		return 0;
	mnl_attr_for_each_nested(expression, expressions)
	{
		r = canon(expression, false, to);
		if (r < 0)
			return r;
	}
	return 0;
}
