/* SPDX-License-Identifier: GPL-2.0-or-later */
/* target.h - DST[:PORT[/PROTO]], as `bulkhead explain` takes it. */
#pragma once

#include <stdint.h>

struct target {
	char *host;    /* a name or an address, without brackets */
	uint16_t port; /* 0: none given, protocol is "icmp" */
	const char *protocol;
};

void target_fini(struct target *t);

/**
 * Split @text. An IPv6 address with a port stands in brackets.
 *
 * @ret_error on failure, what is wrong, a literal.
 * Returns 0 or -EINVAL.
 */
int target_parse(const char *text, struct target *ret, const char **ret_error);

/** @text without brackets around an IPv6 address; the caller frees it. */
char *target_host(const char *text);
