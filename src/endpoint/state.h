/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state.h - what the store is made of, for store.c, network.c and find.c only. */
#pragma once

#include "base/table.h"
#include "endpoint/store.h"

struct item {
	struct endpoint *endpoint;
	bool stale; /* a resync runs and has not put it yet */
	UT_hash_handle hh;
};

struct network_item {
	struct network *network;
	bool stale;
	UT_hash_handle hh;
};

struct claim {
	struct endpoint *endpoint; /* borrowed from its item */
	uint64_t since;
};

/* Exists while somebody claims the address. */
struct holder {
	struct addr addr;
	VEC(struct claim) claims; /* oldest first; the last one owns it */
	UT_hash_handle hh;
};

/* An id whose endpoint is quarantined, whether or not there is one. */
struct sealed {
	char *id;
	UT_hash_handle hh;
};

struct endpoint_store {
	struct item *items;
	struct sealed *sealed;
	struct network_item *networks;
	struct holder *holders;
	struct endpoint_history *history;
	struct endpoint_observer observer;
	uint64_t generation;
	/* Sorted arrays for the callers, rebuilt when asked after a change. */
	VEC(struct endpoint *) all;
	VEC(const struct network *) all_networks;
	bool all_valid, all_networks_valid;
};

/** By id; NULL: none. */
struct item *endpoint_store_find_item(const struct endpoint_store *s,
				      const char *id);
/** Who claims @a; NULL: nobody. */
struct holder *endpoint_store_find_holder(const struct endpoint_store *s,
					  const struct addr *a);
