/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netlink.h - a lasting NETLINK_NETFILTER socket, and asking the kernel. */
#pragma once

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/macro.h"
#include "compile/ruleset.h"

/* Linux 6.9; Debian 12's headers are older than the kernels we meet. */
#ifndef NFT_TABLE_F_PERSIST
#define NFT_TABLE_F_PERSIST 0x4
#endif

/** Receive buffer: a dump's datagrams are at most 32 KiB. */
#define FW_RECEIVE (64 * 1024)

struct fw_netlink {
	struct mnl_socket *socket;
	uint32_t portid; /* an owned table belongs to this */
	uint32_t seq;	 /* of the next message */
	size_t sndbuf;
	char *buffer; /* FW_RECEIVE bytes */
};

/** Returns 0 or -errno. */
int fw_netlink_open(struct fw_netlink **ret);
void fw_netlink_close(struct fw_netlink *nl);
DEFINE_FREEP(struct fw_netlink, fw_netlink_close)

/** The next message within *@bytes, which moves on; NULL at the end, with
 *  *@left > 0 for what is no message. (libmnl takes a length above INT_MAX.) */
const struct nlmsghdr *fw_next_message(const char **bytes, size_t *left);

/** A message of an answer. Returns 0, or -errno to end with that. */
typedef int (*fw_message_fn)(const struct nlmsghdr *nlh, void *arg);

/**
 * Hand each message of @bytes that answers @seq to @fn.
 *
 * Returns 1 when the answer is complete, 0 when more is to come, -EINTR when
 * the kernel says that the dump is torn, what the kernel or @fn returned, or
 * -EBADMSG for bytes that are no messages.
 */
int fw_messages(const void *bytes, size_t n, uint32_t seq, fw_message_fn fn,
		void *arg);

/** Begin a request in @buffer (MNL_SOCKET_BUFFER_SIZE), of an nf_tables
 *  message @type, to the table's family. */
struct nlmsghdr *fw_request(struct fw_netlink *nl, char *buffer, uint16_t type,
			    uint16_t flags, enum ruleset_table table);

/** Send a request and read its whole answer. Returns 0 or -errno. */
int fw_query(struct fw_netlink *nl, const struct nlmsghdr *request,
	     fw_message_fn fn, void *arg);

/** Read and drop what is left of an answer that was given up. */
void fw_drain(struct fw_netlink *nl);

/** The generation of the namespace's ruleset. Returns 0 or -errno. */
int fw_generation(struct fw_netlink *nl, uint32_t *ret);

/** NFPROTO_* of a table of ours. */
uint8_t fw_family(enum ruleset_table table);
/** "inet" or "bridge". */
const char *fw_family_name(enum ruleset_table table);
