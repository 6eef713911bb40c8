/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cache.h - the name that an address was last resolved from, by whom.
 *
 * Whoever asks chooses the name server, and so what it answers. Hence a name
 * is known to its asker only: it is nobody else's name of that address. And
 * each asker has room of its own: one that is told of many addresses makes only
 * its own names be forgotten.
 *
 * An answer's time to live does not count: a connection outlives it, and the
 * question is what the address was last resolved from.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/macro.h"

struct dns_cache;

/** Addresses that are known of one asker, those that were told or asked about
 *  last. */
#define DNS_CACHE_PER_ASKER 256
/** Addresses of all askers; beyond them, those give way who have most. */
#define DNS_CACHE_MAX 65536
/** How long a retired asker's names are known. */
#define DNS_CACHE_RETIRED_NS UINT64_C(600000000000)

struct dns_cache *dns_cache_new(void);
void dns_cache_free(struct dns_cache *c);
DEFINE_FREEP(struct dns_cache, dns_cache_free)

/** @asker was told at @now (monotonic ns) that @name has address @a. */
void dns_cache_learn(struct dns_cache *c, const char *asker,
		     const struct addr *a, const char *name, uint64_t now);

/** The name of @a as @asker was told last; NULL: none is known. Lives until
 *  the next call. */
const char *dns_cache_name(struct dns_cache *c, const char *asker,
			   const struct addr *a);

/** @asker is no more; its last records may still be to come. If it asks again,
 *  it is back. */
void dns_cache_retire(struct dns_cache *c, const char *asker, uint64_t now);

/** Addresses that are known, of all askers. */
size_t dns_cache_len(const struct dns_cache *c);
