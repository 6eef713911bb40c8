/* SPDX-License-Identifier: GPL-2.0-or-later */
/* peers.c - NetworkPolicyPeer: selectors, or an ipBlock.
 *
 * CIDRs are read as the API server reads them: leading zeros are dropped and
 * bits behind the prefix are masked, each with a warning, as both are more
 * often slips than meant. IPv4 in IPv6 clothes is refused: plugins disagree on
 * which family it governs.
 */
#include <errno.h>

#include "policy/read.h"

#define CIDR_TEXT_MAX 64

struct raw_peer {
	struct policy_peer peer;
	bool block;
	const struct yaml_node *cidr_node, *except_node;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* @text without zeros before a digit, in the octets of IPv4 and in the prefix
 * length. Returns the length written to @plain. */
static size_t strip_zeros(struct slice text, char plain[static CIDR_TEXT_MAX])
{
	bool v4 = !memchr(text.ptr, ':', text.len), start = v4;
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (start && c == '0' && i + 1 < text.len &&
		    is_digit(text.ptr[i + 1]))
			continue;
		start = c == '/' || (v4 && c == '.');
		plain[n++] = c;
	}
	return n;
}

static bool is_mapped(const struct prefix *p)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return p->addr.family == AF_INET6 && p->len >= 96 &&
	       !memcmp(p->addr.bytes, mapped, sizeof(mapped));
}

static void report_no_cidr(struct reader *r, const struct yaml_node *node)
{
	char quoted[YAML_QUOTE_LEN];
	struct addr a;

	yaml_quote(node->text, quoted);
	if (addr_parse(node->text, &a) == 0)
		reader_error(
			r, node,
			"%s has no prefix length; write %s/%u for this address alone",
			quoted, node->text.ptr, a.family == AF_INET ? 32 : 128);
	else
		reader_error(
			r, node,
			"%s is no CIDR; write it as 10.0.0.0/8 or fd00::/8",
			quoted);
}

static bool parse_cidr(struct reader *r, const struct yaml_node *node,
		       struct prefix *ret)
{
	char plain[CIDR_TEXT_MAX], text[PREFIX_STRLEN], quoted[YAML_QUOTE_LEN];
	size_t n = node->text.len < sizeof(plain)
			   ? strip_zeros(node->text, plain)
			   : 0;
	int error = prefix_parse((struct slice){ plain, n }, ret);

	if (error < 0 && error != -EDOM) {
		report_no_cidr(r, node);
		return false;
	}
	yaml_quote(node->text, quoted);
	prefix_format(ret, text);
	if (is_mapped(ret)) {
		reader_error(r, node,
			     "%s is IPv4 written as IPv6; write the IPv4 CIDR",
			     quoted);
		return false;
	}
	if (error == -EDOM)
		reader_warning(r, node,
			       "%s has bits behind its prefix; read as %s",
			       quoted, text);
	else if (n != node->text.len)
		reader_warning(r, node, "%s has leading zeros; read as %s",
			       quoted, text);
	return true;
}

static void read_cidr(struct reader *r, const struct yaml_node *node, void *out)
{
	struct raw_peer *raw = out;
	struct slice text;

	raw->cidr_node = node;
	if (reader_string(r, node, &text))
		parse_cidr(r, node, &raw->peer.cidr);
}

/* Judged after the cidr, wherever that stands. */
static void note_except(_unused_ struct reader *r, const struct yaml_node *node,
			void *out)
{
	struct raw_peer *raw = out;

	raw->except_node = node;
}

static void read_except(struct reader *r, const struct yaml_node *node,
			void *out)
{
	struct policy_peer *peer = out;
	char cidr[PREFIX_STRLEN], quoted[YAML_QUOTE_LEN];
	struct prefix p;
	struct slice text;

	if (!reader_string(r, node, &text) || !parse_cidr(r, node, &p))
		return;
	if (!addr_is_set(&peer->cidr.addr))
		return;
	if (p.len <= peer->cidr.len || !prefix_covers(&peer->cidr, &p))
		reader_error(r, node,
			     "%s must lie within cidr %s and be smaller",
			     yaml_quote(text, quoted),
			     prefix_format(&peer->cidr, cidr));
	vec_push(&peer->except, p);
}

static void read_block(struct reader *r, const struct yaml_node *node,
		       void *out)
{
	static const struct reader_field fields[] = {
		{ "cidr", read_cidr },
		{ "except", note_except },
	};
	struct raw_peer *raw = out;
	size_t mark;

	raw->block = true;
	if (!reader_object(r, node, fields, ARRAY_SIZE(fields), raw))
		return;
	if (!raw->cidr_node) {
		mark = reader_enter(r, "cidr");
		reader_error(r, node, "required");
		reader_leave(r, mark);
	}
	if (raw->except_node) {
		mark = reader_enter(r, "except");
		reader_list(r, raw->except_node, read_except, &raw->peer);
		reader_leave(r, mark);
	}
}

static void read_pods(struct reader *r, const struct yaml_node *node, void *out)
{
	struct raw_peer *raw = out;

	read_selector(r, node, &raw->peer.pods);
}

static void read_namespaces(struct reader *r, const struct yaml_node *node,
			    void *out)
{
	struct raw_peer *raw = out;

	read_selector(r, node, &raw->peer.namespaces);
}

void read_peer(struct reader *r, const struct yaml_node *node, void *out)
{
	static const struct reader_field fields[] = {
		{ "podSelector", read_pods },
		{ "namespaceSelector", read_namespaces },
		{ "ipBlock", read_block },
	};
	struct policy_rule *rule = out;
	struct raw_peer raw = { 0 };
	bool selects;

	if (reader_object(r, node, fields, ARRAY_SIZE(fields), &raw)) {
		selects = raw.peer.pods || raw.peer.namespaces;
		if (!selects && !raw.block)
			reader_error(
				r, node,
				"must have a podSelector, a namespaceSelector or an ipBlock");
		if (selects && raw.block)
			reader_error(
				r, node,
				"must not have an ipBlock beside a selector; make two items of them");
	}
	vec_push(&rule->peers, raw.peer);
}
