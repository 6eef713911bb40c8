/* SPDX-License-Identifier: GPL-2.0-or-later */
/* firewall.h - puts a ruleset into force: one netlink transaction per change.
 *
 * **I1** every change is one nfnetlink batch: the kernel takes all or nothing.
 * **I6** nothing outside our two tables is ever written.
 * The firewall remembers what is in force. At its first apply it reads the
 * kernel's tables instead, so that a restarted agent changes only what differs
 * and no packet sees a moment without rules.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "compile/ruleset.h"

struct firewall;

struct firewall_options {
	/* Forget (false) or use (true) NFT_TABLE_F_OWNER|PERSIST where the
	 * kernel has them (>= 6.9). */
	bool own_tables;
};

/** Open the netlink socket. Returns 0; -EPERM without CAP_NET_ADMIN;
 *  -EPROTONOSUPPORT without nf_tables; or -errno. */
int firewall_open(const struct firewall_options *options,
		  struct firewall **ret);

/** Close the socket. What is in force stays in force. */
void firewall_close(struct firewall *fw);
DEFINE_FREEP(struct firewall, firewall_close)

/** What an apply did, or why it did not. */
struct firewall_result {
	bool changed;	      /* a transaction was committed */
	unsigned objects;     /* messages of the transaction */
	unsigned elements;    /* set elements added and deleted */
	uint64_t duration_ns; /* from diff to the kernel's answer */
	uint32_t generation;  /* of the ruleset, afterwards */
	/* On failure: the object that the kernel refused ("set p4_… in table
	 * inet bulkhead") and its text (extended ACK), or our own. */
	char error[512];
};

/**
 * Make the kernel's tables equal to @want (keeps a reference).
 *
 * Blocks for the kernel's answer. On failure nothing has changed, and the next
 * apply reads the kernel first.
 * Returns 0 or -errno; @ret_result is always filled.
 */
int firewall_apply(struct firewall *fw, struct ruleset *want,
		   struct firewall_result *ret_result);

/** Forget what we believe is in force: the next apply reads the kernel. */
void firewall_forget(struct firewall *fw);

/** A named counter's value in the kernel. Returns 0, -ENOENT or -errno. */
int firewall_counter(struct firewall *fw, enum ruleset_table table,
		     const char *name, uint64_t *ret_packets,
		     uint64_t *ret_bytes);

/** An element of a dynamic set: its key in the set's layout (fields padded to
 *  four bytes where there are several), and its counter. */
struct firewall_element {
	const uint8_t *key;
	size_t key_len;
	uint64_t packets, bytes;
	uint64_t expires_ms;
};

typedef void (*firewall_element_fn)(const struct firewall_element *element,
				    void *arg);

/** Each element of a set as the kernel has it now. Returns 0, -ENOENT, -EINTR
 *  when the set changed meanwhile (elements may have come twice), or -errno. */
int firewall_read_set(struct firewall *fw, enum ruleset_table table,
		      const char *name, firewall_element_fn fn, void *arg);

/** True when nobody else can change our tables, because we own them. */
bool firewall_owned(const struct firewall *fw);

/** The netlink port that our transactions come from. */
uint32_t firewall_port(const struct firewall *fw);

/**
 * Add @n keys, in the set's layout, to a dynamic set of what is in force; each
 * expires after the set's timeout. Those it holds already are no error.
 * Returns 0; -ENOENT without such a set in force; -ENFILE when it is full
 * (then none was added); or -errno.
 */
int firewall_add(struct firewall *fw, enum ruleset_table table,
		 const char *name, const void *keys, size_t n);

/** True when the kernel has our inet table: an agent ran here before. */
bool firewall_present(struct firewall *fw);

/** What others' rules do to packets before ours are asked. */
enum firewall_foreign_act {
	FOREIGN_ACCEPTS, /* in the hooks that ours are at: it decides nothing */
	FOREIGN_UNTRACKS,  /* takes packets out of connection tracking */
	FOREIGN_REDIRECTS, /* sends packets on past all hooks */
	FOREIGN_ACTS
};

/** A base chain of somebody else's; all borrowed. */
struct firewall_foreign {
	const char *family, *table, *chain, *hook;
	int priority;
	enum firewall_foreign_act act;
};

typedef void (*firewall_foreign_fn)(void *arg,
				    const struct firewall_foreign *f);

/** Look for base chains that come before ours and do one of these. What a
 *  verdict map decides is not looked into. Returns 0; -EINTR when rules changed
 *  meanwhile; or -errno. */
int firewall_foreign(struct firewall *fw, firewall_foreign_fn fn, void *arg);

/** The generation of the namespace's ruleset: others' changes move it too.
 *  Returns 0 or -errno. */
int firewall_generation(struct firewall *fw, uint32_t *ret);

/** Delete our tables, and nothing else. Returns the number deleted, or
 *  -errno. */
int firewall_teardown(struct firewall *fw);
