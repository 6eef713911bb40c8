/* SPDX-License-Identifier: GPL-2.0-or-later */
/* element.h - set elements as netlink attributes, both ways.
 *
 * A key is laid out as in the IR: the fields of a concatenation padded to four
 * bytes each, a lone field in its own length. A range is two elements, its first key and, flagged as an end, the key behind its last;
 * a range up to the last key of all has no end.
 */
#pragma once

#include <libmnl/libmnl.h>

#include "firewall/batch.h"

/** Longest key: sixteen registers of four bytes. */
#define FW_KEY_MAX 64

/** Bytes of an entry of @set->keys: a key, or a pair of an interval set. */
static inline size_t fw_entry_len(const struct ruleset_set *set)
{
	return set->flags & SET_INTERVAL ? 2U * set->key_len : set->key_len;
}

bool fw_verdict_equal(const struct verdict *a, const struct verdict *b);

/** Writes elements of a set into a batch, over as many messages as needed. */
struct fw_element_writer {
	struct fw_batch *batch;
	const struct ruleset_set *set;
	struct fw_object object;
	bool add; /* or delete */
	struct nlmsghdr *nlh;
	struct nlattr *list;
};

void fw_element_writer_init(struct fw_element_writer *w, struct fw_batch *batch,
			    enum ruleset_table table,
			    const struct ruleset_set *set, bool add);
/** Entry @i of the set. */
void fw_element_write(struct fw_element_writer *w, size_t i);
void fw_element_writer_fini(struct fw_element_writer *w);

/** An element as the kernel tells it. */
struct fw_element {
	const uint8_t *key; /* borrowed from the message */
	size_t key_len;
	bool end; /* of a range */
	bool has_verdict;
	struct verdict verdict;
	uint64_t packets, bytes; /* of a counting set */
	uint64_t expires_ms;
	/* It has what we never write: a comment, an expression, no key. */
	bool odd;
};

/** Each element of a NFT_MSG_NEWSETELEM message. @fn returns 0 or -errno.
 *  Returns 0, -EBADMSG, or what @fn returned. */
typedef int (*fw_element_fn)(const struct fw_element *element, void *arg);
int fw_elements_parse(const struct nlmsghdr *nlh, fw_element_fn fn, void *arg);
