/* SPDX-License-Identifier: GPL-2.0-or-later */
/* seen.h - what a dump says of our tables, message by message. */
#pragma once

#include <libmnl/libmnl.h>

#include "base/table.h"
#include "base/vec.h"
#include "firewall/lower.h"
#include "firewall/state.h"

/** A rule in the form that is compared: its netlink attributes, rebuilt by
 *  libnftnl, without handle, position and counter values. */
struct fw_blob {
	void *data;
	size_t len; /* 0: a rule that libnftnl cannot read */
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
	struct nftnl_set *declaration;
	uint8_t key_len;   /* in the kernel */
	bool odd;	   /* an element is none that we write */
	size_t n;	   /* elements */
	VEC(uint8_t) keys; /* @key_len bytes each */
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
	/* Rules are rebuilt here: FW_MESSAGE_ROOM bytes, zero between uses. */
	char *scratch;
};

void fw_seen_init(struct fw_seen *seen);
void fw_seen_fini(struct fw_seen *seen);

/** Take in a message of a dump; those of other tables are passed over.
 *  Returns 0, or -EBADMSG for what no kernel sends. A fw_message_fn. */
int fw_seen_message(const struct nlmsghdr *nlh, void *seen);

/** The comparable form of @rule, which is changed by it. The caller frees its
 *  data. */
struct fw_blob fw_rule_blob(struct nftnl_rule *rule, char *scratch);
