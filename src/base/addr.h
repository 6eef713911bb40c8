/* SPDX-License-Identifier: GPL-2.0-or-later */
/* addr.h - IP addresses, prefixes and MAC addresses. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/slice.h"

/** An IPv4 or IPv6 address; @bytes in network order, zero behind the end. */
struct addr {
	uint8_t family; /* AF_INET, AF_INET6, or 0: no address */
	uint8_t bytes[16];
};

struct prefix {
	struct addr addr; /* host bits are zero */
	uint8_t len;
};

struct mac {
	uint8_t bytes[6];
};

#define ADDR_STRLEN   46
#define PREFIX_STRLEN (ADDR_STRLEN + 4)
#define MAC_STRLEN    18

/** Length of an address of @family in bytes: 4, 16, or 0. */
static inline unsigned addr_size(uint8_t family)
{
	return family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
}

static inline bool addr_is_set(const struct addr *a)
{
	return a->family != 0;
}

/** Same family and bytes. */
bool addr_eq(const struct addr *a, const struct addr *b);

/** 0.0.0.0, :: or none at all: as what is published, every address of the host. */
bool addr_is_unspecified(const struct addr *a);

/** Total order: family, then bytes. */
int addr_compare(const struct addr *a, const struct addr *b);

/** From @bytes of addr_size(@family). */
struct addr addr_from_bytes(uint8_t family, const void *bytes);

/**
 * Parse as Go's netip does: dotted quad without leading zeros, or RFC 4291
 * text without a zone. Returns 0 or -EINVAL.
 */
int addr_parse(struct slice text, struct addr *ret);

/** RFC 5952 text into @text; "" for no address. Returns @text. */
const char *addr_format(const struct addr *a, char text[static ADDR_STRLEN]);

/**
 * Parse ADDRESS/LENGTH. Returns 0; -EINVAL when it is no prefix; -EDOM when
 * bits behind the prefix are set (@ret then holds the masked one).
 */
int prefix_parse(struct slice text, struct prefix *ret);
bool prefix_contains(const struct prefix *p, const struct addr *a);
/** True when every address of @inner is in @outer. */
bool prefix_covers(const struct prefix *outer, const struct prefix *inner);
int prefix_compare(const struct prefix *a, const struct prefix *b);
/** First and last address of @p. */
void prefix_range(const struct prefix *p, struct addr *ret_first,
		  struct addr *ret_last);
const char *prefix_format(const struct prefix *p,
			  char text[static PREFIX_STRLEN]);

/** Parse six hex pairs with colons. Returns 0 or -EINVAL. */
int mac_parse(struct slice text, struct mac *ret);
const char *mac_format(const struct mac *m, char text[static MAC_STRLEN]);
bool mac_is_set(const struct mac *m);
