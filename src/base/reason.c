/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reason.c - why a packet was denied, as the kernel's log prefix carries it. */
#include "base/reason.h"

#include <assert.h>
#include <stdio.h>

#include "base/macro.h"

static const char *const reasons[] = {
	[DENY_NO_POLICY_ALLOWS] = "no-policy-allows",
	[DENY_UNKNOWN_ENDPOINT] = "unknown-endpoint",
	[DENY_SPOOFED] = "spoofed",
	[DENY_INVALID] = "invalid",
	[DENY_PROTOCOL] = "protocol",
	[DENY_QUARANTINE] = "quarantine",
	[DENY_POLICY_REVOKED] = "policy-revoked",
};
static_assert(ARRAY_SIZE(reasons) == DENY_REASONS, "a reason has no name");

static const char *const directions[] = {
	[DENY_EGRESS] = "egress",
	[DENY_INGRESS] = "ingress",
};

const char *deny_reason_name(enum deny_reason reason)
{
	return reasons[reason];
}

const char *deny_direction_name(enum deny_direction direction)
{
	return directions[direction];
}

const char *deny_prefix_format(enum deny_direction direction,
			       enum deny_reason reason, bool audit,
			       char text[static DENY_PREFIX_MAX])
{
	snprintf(text, DENY_PREFIX_MAX, "bulkhead %s %s%s",
		 directions[direction], reasons[reason], audit ? " audit" : "");
	return text;
}

/* The next word of @text, which is shortened by it. */
static struct slice next_word(struct slice *text)
{
	const char *space = text->len ? memchr(text->ptr, ' ', text->len)
				      : NULL;
	size_t n = space ? (size_t)(space - text->ptr) : text->len;
	struct slice word = { text->ptr, n };

	n += space ? 1 : 0;
	text->ptr += n;
	text->len -= n;
	return word;
}

static int find_word(struct slice word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (slice_eq_str(word, words[i]))
			return (int)i;
	return -1;
}

bool deny_prefix_parse(struct slice text, enum deny_direction *ret_direction,
		       enum deny_reason *ret_reason, bool *ret_audit)
{
	struct slice left = text;
	char exact[DENY_PREFIX_MAX];
	int direction, reason;
	bool audit;

	next_word(&left);
	direction =
		find_word(next_word(&left), directions, ARRAY_SIZE(directions));
	reason = find_word(next_word(&left), reasons, ARRAY_SIZE(reasons));
	if (direction < 0 || reason < 0)
		return false;
	audit = left.len;
	/* The words are right; now the rest of it, to the byte. */
	deny_prefix_format(direction, reason, audit, exact);
	if (!slice_eq_str(text, exact))
		return false;
	*ret_direction = (enum deny_direction)direction;
	*ret_reason = (enum deny_reason)reason;
	*ret_audit = audit;
	return true;
}
