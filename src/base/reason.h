/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reason.h - why a packet was denied, as the kernel's log prefix carries it.
 *
 * The compiler writes the prefix into the ruleset's log statements, the flow
 * log reads it back: "bulkhead ingress no-policy-allows".
 */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

enum deny_reason {
	DENY_NO_POLICY_ALLOWS, /* isolated, and no policy admits it */
	DENY_UNKNOWN_ENDPOINT, /* a managed bridge's address nobody owns */
	DENY_SPOOFED,	       /* not the sender's own address */
	DENY_INVALID,	       /* no flow begins like that */
	DENY_PROTOCOL,	       /* no protocol that a managed bridge carries */
	DENY_QUARANTINE,
	DENY_POLICY_REVOKED,
};
#define DENY_REASONS (DENY_POLICY_REVOKED + 1)

/** Whose policy decided: the source's egress, the destination's ingress. */
enum deny_direction { DENY_EGRESS, DENY_INGRESS };

/** "no-policy-allows" and so on. */
const char *deny_reason_name(enum deny_reason reason);
/** "egress" or "ingress". */
const char *deny_direction_name(enum deny_direction direction);

/** Bytes of the longest prefix, with its NUL. */
#define DENY_PREFIX_MAX 64

const char *deny_prefix_format(enum deny_direction direction,
			       enum deny_reason reason, bool audit,
			       char text[static DENY_PREFIX_MAX]);
/** False when @text is not one of ours. */
bool deny_prefix_parse(struct slice text, enum deny_direction *ret_direction,
		       enum deny_reason *ret_reason, bool *ret_audit);
