/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store.h - what is on this host now: endpoints and networks, as the runtimes
 * tell, and who held an address before.
 *
 * Every change is told to the one observer, synchronously and after the store
 * has it; the observer may look things up, not change the store. @generation
 * counts changes.
 *
 * An address belongs to whoever claimed it last. When an endpoint gains an
 * address that another one still shows on the same network, the other is first
 * replaced by a copy without it (and that is told): no two endpoints ever show
 * one address on one network.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "endpoint/endpoint.h"

/** A container network of a runtime. Immutable once put. */
struct network {
	char *id, *name;
	const char *runtime;
	char *driver;	       /* "bridge", "host", "macvlan", … */
	char bridge[IFNAMSIZ]; /* host's bridge; "": none, not enforceable */
	VEC(struct prefix) subnets;
	VEC(struct addr) gateways;
	bool internal;
};

/** Without addresses yet; copies. */
struct network *network_new(const char *runtime, const char *id,
			    const char *name);
void network_free(struct network *n);
DEFINE_FREEP(struct network, network_free)

struct endpoint_store;

struct endpoint_observer {
	/* @old is NULL for a new endpoint, @now for one that is gone. */
	void (*endpoint)(void *arg, struct endpoint *old, struct endpoint *now);
	/* Likewise; the pointers are valid during the call only. */
	void (*network)(void *arg, const struct network *old,
			const struct network *now);
	void *arg;
};

struct endpoint_store *endpoint_store_new(void);
void endpoint_store_free(struct endpoint_store *s);
DEFINE_FREEP(struct endpoint_store, endpoint_store_free)

/** Call @observer after each change; one of them, and it may look things up, but
 *  not change the store. */
void endpoint_store_observe(struct endpoint_store *s,
			    struct endpoint_observer observer);

/** Add or replace by id; takes the caller's reference. An equal one changes
 *  nothing and is not told. */
void endpoint_store_put(struct endpoint_store *s, struct endpoint *e);
/** From now on the endpoint @id is quarantined, or is not: the one there now
 *  and whichever is put under this id later. Not told where nothing changes. */
void endpoint_store_quarantine(struct endpoint_store *s, const char *id,
			       bool on);
/** Forget @id, if it is there. */
void endpoint_store_remove(struct endpoint_store *s, const char *id);
void endpoint_store_put_network(struct endpoint_store *s, struct network *n);
void endpoint_store_remove_network(struct endpoint_store *s, const char *id);

/**
 * Full resync of one runtime: what was not put between begin and end is gone.
 * @end is not called when a listing failed: then nothing is forgotten.
 */
void endpoint_store_sync_begin(struct endpoint_store *s, const char *runtime);
void endpoint_store_sync_end(struct endpoint_store *s, const char *runtime);

/** Grows with each change that observers are told of; for tests. */
uint64_t endpoint_store_generation(const struct endpoint_store *s);

/** Look-ups return borrowed pointers, or NULL. */
struct endpoint *endpoint_store_by_id(const struct endpoint_store *s,
				      const char *id);
const struct network *endpoint_store_network(const struct endpoint_store *s,
					     const char *id);
/**
 * By name, "namespace/name", id, or a unique prefix of the id of at least
 * four characters. Sets @ret_ambiguous when several match (and returns NULL).
 */
struct endpoint *endpoint_store_find(const struct endpoint_store *s,
				     const char *text, bool *ret_ambiguous);
/** Whose address this is now. */
struct endpoint *endpoint_store_by_addr(const struct endpoint_store *s,
					const struct addr *a);
/**
 * Whose address this was at @realtime (ns): the present owner if it had it
 * then, else the owner that had given it up last before or after that moment.
 * Former owners are remembered for ENDPOINT_HISTORY changes.
 */
struct endpoint *endpoint_store_owner_at(const struct endpoint_store *s,
					 const struct addr *a,
					 uint64_t realtime);
#define ENDPOINT_HISTORY 4096

/**
 * Whose published port @port of @host is: one that is published on that very
 * address wins over one that is on every address of its family. NULL: nobody's.
 */
struct endpoint *endpoint_store_published(const struct endpoint_store *s,
					  const struct addr *host,
					  uint8_t proto, uint16_t port);

/** All, sorted by namespace and name; the array is the store's, valid until
 *  the next change. */
struct endpoint *const *endpoint_store_all(struct endpoint_store *s,
					   size_t *ret_n);
const struct network *const *endpoint_store_networks(struct endpoint_store *s,
						     size_t *ret_n);
