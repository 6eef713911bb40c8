/* SPDX-License-Identifier: GPL-2.0-or-later */
/* batch.h - the messages of one transaction, and whose fault an error is.
 *
 * A batch is sent by one sendmsg(), for that is what the kernel takes as a
 * transaction. Each message's sequence number leads back to its object.
 */
#pragma once

#include <libmnl/libmnl.h>

#include "base/vec.h"
#include "firewall/netlink.h"

/** Room behind a message's header that a caller may fill. */
#define FW_MESSAGE_ROOM (192 * 1024)

/** What the error text says of a message. */
enum fw_object_kind {
	FW_TRANSACTION,
	FW_TABLE,
	FW_CHAIN,
	FW_RULES, /* all of a chain */
	FW_RULE,
	FW_SET,
	FW_ELEMENTS, /* of a set */
	FW_COUNTER,
};

struct fw_object {
	enum fw_object_kind kind;
	enum ruleset_table table;
	const char *name; /* the chain of a rule; the set of elements */
	size_t index;	  /* of a rule, from 0 */
};

#define FW_ERROR_TEXT 512

struct fw_batch {
	char *data;
	size_t len, cap;
	uint32_t seq;		       /* of the first message */
	VEC(struct fw_object) objects; /* names are borrowed */
	unsigned elements;	       /* for the result */
};

/** Begin. The kernel refuses the batch with -ERESTART if its ruleset is not of
 *  @generation; 0: any. */
void fw_batch_init(struct fw_batch *batch, struct fw_netlink *nl,
		   uint32_t generation);
void fw_batch_fini(struct fw_batch *batch);

/** A message's header. Fill at most FW_MESSAGE_ROOM, then fw_batch_put(). */
struct nlmsghdr *fw_batch_message(struct fw_batch *batch, uint16_t type,
				  uint16_t flags,
				  const struct fw_object *object);
void fw_batch_put(struct fw_batch *batch, const struct nlmsghdr *nlh);

/** Messages so far, begin and end left out. */
unsigned fw_batch_count(const struct fw_batch *batch);

/**
 * Send, as a transaction or (@dry_run) only to have it judged.
 *
 * @error of FW_ERROR_TEXT bytes is written on failure.
 * Returns 0 when the kernel has taken it, or its first -errno.
 */
int fw_batch_send(struct fw_batch *batch, struct fw_netlink *nl, bool dry_run,
		  char *error);

/** "set x in table inet bulkhead". */
void fw_object_print(const struct fw_object *object, char *text, size_t size);
