/* SPDX-License-Identifier: GPL-2.0-or-later */
/* seen.h - what a dump says of our tables, message by message. */
#pragma once

#include <libmnl/libmnl.h>

#include "base/table.h"
#include "base/vec.h"
#include "firewall/state.h"

/** A rule in its canonical form. */
struct fw_blob {
	char *data; /* NULL: a rule that cannot be one of ours */
	size_t len;
};

/** A set's declaration, as far as it matters. */
struct fw_declaration {
	uint32_t flags, key_type, key_len, data_type, obj_type, policy, size;
	uint64_t timeout_ms;
	uint8_t userdata[256];
	size_t userdata_len;
	bool counter; /* its elements get one */
	bool odd;     /* it has what none of ours has */
};

struct fw_seen_chain {
	char name[RULESET_NAME];
	enum ruleset_hook hook;
	int priority;
	bool policy_drop;
	VEC(struct fw_blob) rules;
	UT_hash_handle hh;
};

struct fw_seen_set {
	char name[RULESET_NAME];
	struct fw_declaration declaration;
	bool odd;	   /* an element is none that we write */
	size_t n;	   /* elements */
	VEC(uint8_t) keys; /* of the declared length each */
	VEC(bool) ends;
	VEC(struct verdict) verdicts; /* of a map: one per element */
	UT_hash_handle hh;
};

struct fw_seen_counter {
	char name[RULESET_NAME];
};

struct fw_seen_table {
	struct fw_table_state state;
	struct fw_seen_chain *chains; /* hashed by name */
	struct fw_seen_set *sets;
	VEC(struct fw_seen_counter) counters;
};

struct fw_seen {
	struct fw_seen_table tables[TABLE_COUNT];
};

void fw_seen_fini(struct fw_seen *seen);

/** Take in a message of a dump; those of other tables are passed over.
 *  Returns 0, or -EBADMSG for what no kernel sends. A fw_message_fn. */
int fw_seen_message(const struct nlmsghdr *nlh, void *seen);

/** The canonical form of a NFT_MSG_NEWRULE message. The caller frees data. */
struct fw_blob fw_rule_blob(const struct nlmsghdr *nlh);

/** Read a NFT_MSG_NEWSET message. */
void fw_declaration_read(const struct nlmsghdr *nlh,
			 struct fw_declaration *ret);

/** Same in all that matters; timeouts as exact as the kernel's ticks. */
bool fw_declaration_equal(const struct fw_declaration *a,
			  const struct fw_declaration *b);
