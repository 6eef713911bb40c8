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
static_assert(ARRAY_SIZE(reasons) == DENY_POLICY_REVOKED + 1,
	      "a reason has no name");

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
		 directions[direction], reasons[reason],
		 audit ? " audit" : "");
	return text;
}

bool deny_prefix_parse(struct slice text, enum deny_direction *ret_direction,
		       enum deny_reason *ret_reason, bool *ret_audit)
{
	char prefix[DENY_PREFIX_MAX];

	/* A dozen combinations: comparing each is the whole parser. */
	for (unsigned d = 0; d < ARRAY_SIZE(directions); d++)
		for (unsigned r = 0; r < ARRAY_SIZE(reasons); r++)
			for (int audit = 0; audit < 2; audit++) {
				deny_prefix_format(d, r, audit, prefix);
				if (!slice_eq_str(text, prefix))
					continue;
				*ret_direction = d;
				*ret_reason = r;
				*ret_audit = audit;
				return true;
			}
	return false;
}
